//! A service for tests: a store in memory with one site, its rows loaded into SQLite, and the
//! clock standing still at 09:30 on 28 November 2025 in Ho Chi Minh City.
//!
//! SQLite, since PostgreSQL would need a server: the SQL of both is held to one suite
//! (`db/conformance.rs`), and the service's own tests are about what is made of its answers.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use causeway_shared::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer,
};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use jiff::Timestamp;
use tower::ServiceExt as _;

use super::router;
use crate::auth::{Role, Token, Tokens};
use crate::config::{AuthMode, DatabaseConfig, HubConfig};
use crate::http::App;
use crate::http::callers::COOKIE;
use crate::sync::{Hub, LoadRequest};

const APPOINTMENTS: &str = "\
appointmentid,consultantid,customerid,date,time,duration,meetingurl,status,description,createdat,updatedat
1,,c1,2025-11-28,09:00:00,60,,pending,,2025-11-20T08:00:00,
2,,c1,2025-11-28,10:00:00,60,,cancelled,,2025-11-20T08:00:00,
";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_764_297_000).unwrap()
}

/// A service and a token of each role.
pub(crate) struct Testbed {
    pub(crate) viewer: Token,
    pub(crate) agent: Token,
    pub(crate) app: Arc<App>,
    router: Router,
    folder: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Testbed {
    pub(crate) async fn new() -> Self {
        Self::with_mode(AuthMode::Token).await
    }

    pub(crate) async fn with_mode(mode: AuthMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("hub").display());
        let mut config = HubConfig::default();
        config.auth.mode = mode;
        config.database.url.clone_from(&url);
        let store: Store = Arc::new(MemoryStore::new());
        let database = DatabaseConfig {
            url,
            ..DatabaseConfig::default()
        };
        let database = crate::db::open(&database).await.unwrap();
        let hub = Hub::with(config, Arc::clone(&store), database).unwrap();
        hub.init().await.unwrap();
        write_site(&store).await;
        let report = hub.load(&LoadRequest::at(now())).await.unwrap();
        assert_eq!(report.sites[0].error, None);
        let tokens = Tokens::new(&store);
        let (viewer, _) = tokens
            .create("eye", Role::Viewer, None, now())
            .await
            .unwrap();
        let (agent, _) = tokens
            .create("hcm-01", Role::Agent, SiteName::new("hcm-01").ok(), now())
            .await
            .unwrap();
        let app = Arc::new(App::new(hub, now));
        Self {
            router: router(Arc::clone(&app)),
            app,
            viewer,
            agent,
            folder,
        }
    }

    /// Takes the database away from under the service.
    pub(crate) fn lose_the_database(&self) {
        std::fs::remove_dir_all(self.folder.path()).unwrap();
    }

    /// A GET with the viewer's token.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.viewer.reveal());
        let request = Request::get(path).header(header::AUTHORIZATION, bearer);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The cookie of a browser that has signed in with the viewer's token.
    pub(crate) async fn cookie(&self) -> String {
        let authenticator = &self.app.authenticator;
        let caller = authenticator.by_token(&self.viewer, now()).await.unwrap();
        let begun = authenticator
            .begin_session(&caller.unwrap(), None, now())
            .await;
        format!("{COOKIE}={}", begun.unwrap().reveal())
    }

    /// A GET that shows a session's cookie.
    pub(crate) async fn visit(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

/// Writes a site with one commit: two appointments of today.
async fn write_site(store: &Store) {
    let site = SiteName::new("hcm-01").unwrap();
    let (table, part) = (
        Name::new("appointment").unwrap(),
        Part::new("dt=2025-11-28").unwrap(),
    );
    let dataset = Dataset::meetassist().unwrap();
    let log = SiteLog::new(Arc::clone(store), site.clone());
    log.write_dataset(&dataset).await.unwrap();
    let md5 = Md5::of(APPOINTMENTS.as_bytes());
    let compressed = zstd::bulk::compress(APPOINTMENTS.as_bytes(), 3).unwrap();
    let summary = r#"{"count_by":{"status":{"values":{"pending":1,"cancelled":1}}}}"#;
    let object = PartitionObject {
        md5,
        rows: 2,
        bytes: compressed.len() as u64,
        summary: serde_json::from_str(summary).unwrap(),
    };
    let key = LogKey::Object(table.clone(), part, md5).of(WhichLog::Agent, &site);
    store.put(&key, compressed.into()).await.unwrap();
    let commit = Commit {
        format: FORMAT,
        site,
        head: Head {
            seq: Seq(1),
            at: now(),
            epoch: 1,
            writer: Writer {
                id: "w".into(),
                host: "h".into(),
            },
            dataset: dataset.md5(),
        },
        changes: vec![Change {
            table,
            part,
            now: Now::Object(object),
        }],
        more: NoLookups::default(),
    };
    log.append(commit).await.unwrap();
}
