//! A store of a test's own: a folder, or a prefix of the testbed's bucket.

use std::path::Path;

use causeway_shared::runtime::chance;
use causeway_shared::store::{self, Store, StoreConfig};
use tempfile::TempDir;

use crate::servers;

/// The stores that both programs can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// `file://`
    Folder,
    /// `s3://`, on the testbed's SeaweedFS.
    S3,
}

/// An empty store. A folder is removed when it is dropped, a bucket at the end of the run.
#[derive(Debug)]
pub struct TestStore {
    config: StoreConfig,
    folder: Option<TempDir>,
}

impl TestStore {
    /// Makes an empty store.
    ///
    /// # Panics
    /// Where it cannot, for one because the testbed does not run.
    #[must_use]
    pub fn create(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Folder => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("file://{}", folder.path().display());
                Self {
                    config: config(url, String::new()),
                    folder: Some(folder),
                }
            }
            StoreKind::S3 => {
                let prefix = chance::random_id().unwrap();
                let url = format!("s3://{}/{prefix}", servers::BUCKET);
                Self {
                    config: config(url, servers::server(servers::S3)),
                    folder: None,
                }
            }
        }
    }

    /// The `[store]` table that names it; credentials are in the environment.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// The same store, reached through another endpoint: a [`Proxy`](crate::proxy::Proxy).
    #[must_use]
    pub fn config_via(&self, endpoint: String) -> StoreConfig {
        StoreConfig {
            endpoint,
            ..self.config.clone()
        }
    }

    /// The variables that point a program at it.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let StoreConfig {
            url,
            endpoint,
            path_style,
            ..
        } = &self.config;
        let values = [
            ("URL", url.clone()),
            ("ENDPOINT", endpoint.clone()),
            ("PATH_STYLE", path_style.to_string()),
        ];
        values
            .map(|(key, value)| (format!("CAUSEWAY_STORE__{key}"), value))
            .into()
    }

    /// A client of its own, so that its requests are counted apart from a program's.
    ///
    /// # Panics
    /// Where it cannot be opened.
    pub async fn open(&self) -> Store {
        store::open_existing(&self.config).await.unwrap()
    }

    /// The folder of a folder store, to look at or to damage.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

fn config(url: String, endpoint: String) -> StoreConfig {
    let path_style = !endpoint.is_empty();
    StoreConfig {
        url,
        endpoint,
        region: String::new(),
        path_style,
        checksums: true,
    }
}
