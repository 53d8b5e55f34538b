//! Importing files as the rows of a site that no agent writes: dumps and CSV.
//!
//! Files are taken to a folder of their own, so that what is read, what is kept as evidence and what is
//! committed is the same. Dumps are read into rows ([`dump`]); the agent's library judges and commits them.
//!
//! # Order of writes, and what each kill leaves
//! 1. Each file under `imports/<site>/`, named by its MD5. A kill leaves files of which nothing was committed.
//! 2. Objects, then the commit, as an agent writes them. Imported again, the same files go on from there.
//! 3. The lists of refused rows, which no commit names. Imported again, the same files write them.

pub(crate) mod dump;
mod files;
pub(crate) mod jobs;
pub(crate) mod queue;
pub(crate) mod upload;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use causeway_agent::{
    Agent, AgentConfig, AgentError, HeldTable, ImportReport, ImportRequest, ImportedFile, Progress,
    Reason, import,
};
use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::SiteName;
use causeway_shared::layout;
use causeway_shared::runtime::blocking;
use causeway_shared::runtime::program::Exit;
use causeway_shared::store::{Body, Store, StoreConfig, StoreError};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use crate::config::HubConfig;
use crate::error::HubError;
use crate::sync::{Hub, open_store, read_dataset};
use crate::temporary_folder::TemporaryFolder;
use dump::{Dialect, DumpError};
use files::{ReadFiles, TakenFile};

/// A file to import.
#[derive(Debug, Clone)]
pub(crate) struct GivenFile {
    pub(crate) path: PathBuf,
    /// As a person knows it: what it ends in tells what it is, and of CSV the rest which table.
    pub(crate) name: String,
    /// Whether it is only there to be imported: then it is moved, not copied.
    pub(crate) is_upload: bool,
}

/// How to import.
#[derive(Debug, Clone)]
pub(crate) struct ImportOptions {
    pub(crate) site: SiteName,
    /// Whether rows are added and updated by key; else each table of the files replaces the site's.
    pub(crate) add: bool,
    /// Whether only to say what would be committed.
    pub(crate) dry_run: bool,
    /// Whether to replace the agent that wrote the site.
    pub(crate) take_over: bool,
    /// Whether a table may lose a large part of its rows.
    pub(crate) allow_shrink: bool,
    /// The database that wrote a dump that does not say so.
    pub(crate) dialect: Option<Dialect>,
}

/// What a file's name says that the file is: `sql` or `csv`.
///
/// # Errors
/// [`ImportError::NoKind`]
pub(crate) fn extension_of(name: &str) -> Result<&'static str, ImportError> {
    files::split(name).map(|(_, kind)| kind.extension())
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Imported {
    #[serde(flatten)]
    pub(crate) report: ImportReport,
    /// Where the files are kept as evidence; a plan keeps none.
    pub(crate) kept: Vec<String>,
    /// Rows that dumps have, whatever became of them.
    pub(crate) dumped: u64,
    /// Statements of dumps that were passed over, by their first words.
    pub(crate) skipped: BTreeMap<String, u64>,
}

impl Imported {
    /// How the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        self.report.exit()
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ImportError {
    #[error("{name}: {source}")]
    File {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("a folder for temporary files cannot be made: {0}; TMPDIR says where")]
    Folder(#[source] io::Error),
    #[error(
        "{name} cannot be put into {folder}: {source}; it takes room for the file and for its rows as CSV: free \
         space there, or let TMPDIR name another folder",
        folder = folder.display()
    )]
    Room {
        name: String,
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the import stopped: {0}; this is a mistake in the program")]
    Stopped(#[source] JoinError),
    #[error("the import was cut off; import the same file again")]
    CutOff,
    #[error(
        "the import did not end in the function's time; give the function more time or memory, or use \
         `causeway-hub import`"
    )]
    NoTime,
    /// As another process has told it.
    #[error("{0}")]
    Told(String),
    #[error("{0}")]
    Upload(#[from] upload::UploadError),
    #[error(
        "{name} is neither SQL nor CSV by its name; call it .sql, or as its table is called and .csv"
    )]
    NoKind { name: String },
    #[error("{name} is called like no table of the dataset, which has {tables}")]
    NoTable { name: String, tables: String },
    #[error("{first} and {second} both have rows of table {table}; import one after the other")]
    TwoFiles {
        table: String,
        first: String,
        second: String,
    },
    #[error("{name}: {source}")]
    Dump {
        name: String,
        #[source]
        source: DumpError,
    },
    #[error("the files hold no row of a table of the dataset; {passed}")]
    Nothing { passed: String },
    #[error(
        "site {site} is written by an agent (host {host}): give the rows to it, as a source in its agent.toml, \
         or import them as another site. If that agent is gone for good, import with --take-over, over HTTP with \
         `take_over=true`"
    )]
    HasAgent { site: SiteName, host: String },
    #[error("site {site}: {source}")]
    Store {
        site: SiteName,
        #[source]
        source: StoreError,
    },
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl ImportError {
    /// Whether the same import may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Folder(_) | Self::Room { .. } | Self::CutOff | Self::NoTime => true,
            Self::Upload(error) => error.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            Self::Agent(error) => error.is_retryable(),
            Self::Dump { source, .. } => matches!(source, DumpError::Read(_)),
            _ => false,
        }
    }

    /// How the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Agent(error) => error.exit(),
            Self::HasAgent { .. } => Exit::Look,
            Self::Stopped(_) => Exit::Failed,
            _ if self.is_retryable() => Exit::Failed,
            _ => Exit::Usage,
        }
    }
}

/// Imports into the sites of a store.
#[derive(Debug, Clone)]
pub(crate) struct Importer {
    pub(crate) store: Store,
    /// The store's settings.
    pub(crate) settings: StoreConfig,
    pub(crate) dataset: Arc<Dataset>,
    /// The zone of timestamps without an offset.
    pub(crate) zone: TimeZone,
}

impl Importer {
    /// As a configuration says, without a database.
    ///
    /// # Errors
    /// [`HubError`] where store or dataset cannot be used.
    pub(crate) async fn open(config: &HubConfig) -> Result<Self, HubError> {
        Ok(Self {
            store: open_store(config).await?,
            settings: config.store.clone(),
            dataset: Arc::new(read_dataset(&config.dataset)?),
            zone: config.window.timezone.0.clone(),
        })
    }

    /// For the sites of a hub that is open.
    #[must_use]
    pub(crate) fn of(hub: &Hub) -> Self {
        let config = hub.config();
        Self {
            store: Arc::clone(hub.store()),
            settings: config.store.clone(),
            dataset: Arc::clone(hub.dataset()),
            zone: config.window.timezone.0.clone(),
        }
    }

    /// Imports files, all in one commit.
    ///
    /// # Errors
    /// [`ImportError`]; then nothing was committed, or the same import goes on from there.
    pub(crate) async fn run(
        &self,
        given: Vec<GivenFile>,
        options: &ImportOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Imported, ImportError> {
        let folder = TemporaryFolder::make().map_err(ImportError::Folder)?;
        let agent = self.agent(options, &folder)?;
        self.refuse_agents_site(&agent, options).await?;
        let (dataset, dialect) = (Arc::clone(&self.dataset), options.dialect);
        let path = folder.path().to_owned();
        let read = blocking::spawn(move || files::read(&given, &dataset, dialect, &path)).await;
        let ReadFiles {
            taken,
            tables,
            dumped,
            skipped,
        } = read.map_err(ImportError::Stopped)??;
        let kept = match options.dry_run {
            true => Vec::new(),
            false => self.keep(&taken, options).await?,
        };
        let report = self.commit(&agent, tables, options, progress).await?;
        Ok(Imported {
            report,
            kept,
            dumped,
            skipped,
        })
    }

    fn agent(
        &self,
        options: &ImportOptions,
        folder: &TemporaryFolder,
    ) -> Result<Agent, ImportError> {
        let config = AgentConfig::for_import(
            options.site.clone(),
            Dataset::clone(&self.dataset),
            self.zone.clone(),
            self.settings.clone(),
            folder.path().join("state"),
        );
        Ok(Agent::with_store(config, Arc::clone(&self.store))?)
    }

    /// Asks before any work who writes the site. The commit asks again.
    async fn refuse_agents_site(
        &self,
        agent: &Agent,
        options: &ImportOptions,
    ) -> Result<(), ImportError> {
        let catalog = agent.log().read_catalog().await;
        let catalog = catalog.map_err(AgentError::from)?;
        match catalog.head {
            Some(head) if head.writer.host != causeway_agent::IMPORTER && !options.take_over => {
                Err(ImportError::HasAgent {
                    site: options.site.clone(),
                    host: head.writer.host,
                })
            }
            _ => Ok(()),
        }
    }

    /// Keeps the files as evidence: their keys.
    async fn keep(
        &self,
        files: &[TakenFile],
        options: &ImportOptions,
    ) -> Result<Vec<String>, ImportError> {
        let site = &options.site;
        let mut kept = Vec::new();
        for file in files {
            let key = layout::import_file(site, file.md5, file.kind.extension());
            match self.store.create(&key, Body::File(file.path.clone())).await {
                // It bears its MD5: it is this file.
                Ok(_) | Err(StoreError::AlreadyExists { .. }) => kept.push(key),
                Err(source) => {
                    let site = site.clone();
                    return Err(ImportError::Store { site, source });
                }
            }
        }
        Ok(kept)
    }

    async fn commit(
        &self,
        agent: &Agent,
        files: BTreeMap<TableId, ImportedFile>,
        options: &ImportOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<ImportReport, ImportError> {
        let request = ImportRequest {
            files,
            add: options.add,
            dry_run: options.dry_run,
            take_over: options.take_over,
            allow_shrink: options.allow_shrink,
        };
        let imported = import(agent, &request, progress).await;
        imported.map_err(|error| match error {
            AgentError::Fenced { site, fence } => ImportError::HasAgent {
                site,
                host: fence.host,
            },
            error => ImportError::Agent(error),
        })
    }
}

/// What a person can do about a table that is held back.
pub(crate) fn remedy(held: &HeldTable) -> &'static str {
    match held.reason {
        Reason::Shrunk { .. } | Reason::Undeclared { .. } | Reason::ColumnsGone { .. } => {
            "if the rows are meant to go, import with --allow-shrink; to leave rows that the file lacks, with --add"
        }
        Reason::Family { .. } => "see that table",
        _ => "put the file in order and import it again",
    }
}

#[cfg(test)]
mod tests;
