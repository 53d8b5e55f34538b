//! The agent's configuration: `agent.toml`, overridden by the environment, validated into values
//! that cannot be wrong.

mod file;
mod machine;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_shared::dataset::{Dataset, DatasetError};
use causeway_shared::ids::{InvalidName, Md5, SiteName};
use causeway_shared::runtime::regular_file;
use causeway_shared::runtime::settings::{self, SettingsError};
use causeway_shared::store::StoreConfig;
use jiff::tz::TimeZone;

use crate::source::SourceConfig;

pub(crate) use file::AgentFile;
pub(crate) use machine::Machine;

/// The configuration file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "agent.toml";

/// The dataset that is embedded.
const MEETASSIST: &str = "meetassist";

/// The host under which imports write; no machine's id has this form.
pub const IMPORTER: &str = "import";

/// Most uploads at once: more only queue inside the client.
const MAX_CONCURRENCY: usize = 64;

/// What the agent is to do, and as whom.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The site it writes for.
    pub site: SiteName,
    /// The declared tables.
    pub dataset: Dataset,
    /// The zone of timestamps without an offset.
    pub zone: TimeZone,
    /// That zone's name, as configured.
    pub zone_name: String,
    /// The machine it runs on.
    pub machine: Machine,
    /// The folder of its state, its lock and its spool.
    pub state_dir: PathBuf,
    /// The object store.
    pub store: StoreConfig,
    /// The folder that the sources' paths are relative to.
    pub base_dir: PathBuf,
    /// Where the tables are.
    pub sources: Vec<SourceConfig>,
    /// When to look.
    pub watch: Watch,
    /// What to hold back.
    pub guard: Guard,
    /// Whom to tell of a commit.
    pub hub: Option<HubConfig>,
    /// How to send.
    pub upload: Upload,
    /// How long an object that nothing names is kept.
    pub keep: Duration,
    /// Where `run` writes its figures for Prometheus.
    pub metrics_file: Option<PathBuf>,
}

/// When to look at the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// A source is scanned once it has been quiet for this long.
    pub debounce: Duration,
    /// A source that is never quiet is scanned after this long.
    pub max_delay: Duration,
    /// How often the sources are looked at.
    pub poll: Duration,
}

/// What is held back for a person to look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// The share of a table's rows, 0 to 1, that one cycle may take away.
    pub shrink: f64,
}

/// How objects are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Objects sent at once, 1 to 64.
    pub concurrency: usize,
    /// Bytes a second over all uploads; `None` is no limit.
    pub bandwidth: Option<u64>,
}

/// The hub that is told of each commit.
#[derive(Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// Its base URL.
    pub url: String,
    /// The token it asks for; empty for none. Never shown.
    pub token: String,
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.token.is_empty() { "" } else { "…" };
        f.debug_struct("HubConfig")
            .field("url", &self.url)
            .field("token", &shown)
            .finish()
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no configuration, and the environment does not say it all.
    #[error(
        "there is no {}; `causeway-agent init PATH…` looks through SQLite files and CSV folders and \
         writes one, `--config FILE` names one that lies elsewhere",
        path.display()
    )]
    NoFile {
        /// The file looked for.
        path: PathBuf,
    },
    /// The file cannot be read, or a key is unknown or of another type.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The site's name.
    #[error("site: {0}")]
    Site(#[source] InvalidName),
    /// A key's value.
    #[error("{key}: {problem}")]
    Key {
        /// The key's path.
        key: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// No source is configured, which only matters to who reads them.
    #[error("source: there is none; name a SQLite file or a CSV folder under [[source]]")]
    NoSource,
    /// The dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The machine's own name cannot be read.
    #[error("host: the machine has neither an id nor a name that can be read; set `host`")]
    Host,
}

impl AgentConfig {
    /// Reads `path`, or `agent.toml` in the working directory, and what the environment sets.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn load(
        path: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let looked_for = path.unwrap_or(Path::new(DEFAULT_FILE));
        let no_file = || ConfigError::NoFile {
            path: std::path::absolute(looked_for).unwrap_or(looked_for.to_owned()),
        };
        let loaded = settings::load::<AgentFile>(path, DEFAULT_FILE, environment);
        let (file, base_dir) = match loaded {
            Err(SettingsError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                return Err(no_file());
            }
            loaded => loaded?,
        };
        // The environment may say it all, but for what it does not say the file is the place.
        let is_unsaid = file.site.is_empty() || file.store.is_none();
        if is_unsaid && !looked_for.exists() {
            return Err(no_file());
        }
        Self::from_file(file, base_dir, &Machine::this())
    }

    /// Reads a configuration from the text of an `agent.toml`. Relative paths are relative to
    /// `base_dir`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn parse(text: &str, base_dir: PathBuf) -> Result<Self, ConfigError> {
        let file = settings::parse(text, Path::new(DEFAULT_FILE), &[])?;
        Self::from_file(file, base_dir, &Machine::this())
    }

    /// Validates a configuration. Relative paths are relative to `base_dir`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn from_file(
        file: AgentFile,
        base_dir: PathBuf,
        machine: &Machine,
    ) -> Result<Self, ConfigError> {
        if file.site.is_empty() {
            return Err(wrong(
                "site",
                "name this installation, as in `site = \"hcm-01\"`",
            ));
        }
        let store = file.store.ok_or_else(|| {
            wrong(
                "store.url",
                "write s3://bucket/prefix or file:///folder under [store]",
            )
        })?;
        let zone = TimeZone::get(&file.timezone)
            .map_err(|_| wrong("timezone", "write a zone's name, as in Asia/Ho_Chi_Minh"))?;
        if !(0.0..=1.0).contains(&file.guard.shrink) {
            return Err(wrong(
                "guard.shrink",
                "write a share from 0 to 1, as in 0.2",
            ));
        }
        if !(1..=MAX_CONCURRENCY).contains(&file.upload.concurrency) {
            return Err(wrong("upload.concurrency", "write a number from 1 to 64"));
        }
        if file.watch.poll.0.is_zero() {
            return Err(wrong(
                "watch.poll",
                "write a duration above zero, as in 30s",
            ));
        }
        if !file.hub.url.is_empty() && !file.hub.url.starts_with("http") {
            return Err(wrong(
                "hub.url",
                "write the hub's address, as in https://hub.example",
            ));
        }
        let host = if file.host.is_empty() {
            machine.host.clone()
        } else {
            file.host
        };
        if host.is_empty() {
            return Err(ConfigError::Host);
        }
        Ok(Self {
            site: SiteName::new(&file.site).map_err(ConfigError::Site)?,
            dataset: dataset(&file.dataset, &base_dir)?,
            zone,
            zone_name: file.timezone,
            machine: Machine {
                host,
                boot: machine.boot.clone(),
            },
            state_dir: base_dir.join(file.state_dir),
            store,
            metrics_file: (!file.metrics.file.as_os_str().is_empty())
                .then(|| base_dir.join(file.metrics.file)),
            base_dir,
            sources: file.source,
            watch: Watch {
                debounce: file.watch.debounce.0,
                max_delay: file.watch.max_delay.0,
                poll: file.watch.poll.0,
            },
            guard: Guard {
                shrink: file.guard.shrink,
            },
            hub: (!file.hub.url.is_empty()).then_some(HubConfig {
                url: file.hub.url.trim_end_matches('/').to_owned(),
                token: file.hub.token,
            }),
            upload: Upload {
                concurrency: file.upload.concurrency,
                bandwidth: (file.upload.bandwidth.0 > 0).then_some(file.upload.bandwidth.0),
            },
            keep: file.retention.keep.0,
        })
    }

    /// For an import into a site: no sources, no hub, and a place that all importers share.
    #[must_use]
    pub fn for_import(
        site: SiteName,
        dataset: Dataset,
        zone: TimeZone,
        store: StoreConfig,
        state_dir: PathBuf,
    ) -> Self {
        let file = AgentFile::default();
        Self {
            site,
            dataset,
            zone_name: zone.iana_name().unwrap_or_default().to_owned(),
            zone,
            machine: Machine {
                host: IMPORTER.to_owned(),
                ..Machine::this()
            },
            base_dir: state_dir.clone(),
            state_dir,
            store,
            sources: Vec::new(),
            watch: Watch {
                debounce: file.watch.debounce.0,
                max_delay: file.watch.max_delay.0,
                poll: file.watch.poll.0,
            },
            guard: Guard {
                shrink: file.guard.shrink,
            },
            hub: None,
            upload: Upload {
                concurrency: file.upload.concurrency,
                bandwidth: None,
            },
            keep: file.retention.keep.0,
            metrics_file: None,
        }
    }

    /// The MD5 of all that decides what a scan makes of the same files: the dataset, what the
    /// configuration says about reading and holding back, and the program's version, since another
    /// version may make other bytes of the same rows.
    pub(crate) fn scan_basis(&self) -> Md5 {
        let parts = [
            env!("CARGO_PKG_VERSION").to_owned(),
            self.site.to_string(),
            self.dataset.md5().to_string(),
            self.zone_name.clone(),
            format!("{:?}", self.sources),
            // A table held back by it may go on, or one that went on be held, with no move at all.
            self.guard.shrink.to_string(),
        ];
        Md5::of(parts.join("\n").as_bytes())
    }
}

fn wrong(key: &'static str, problem: &str) -> ConfigError {
    ConfigError::Key {
        key,
        problem: problem.to_owned(),
    }
}

fn dataset(name: &str, base_dir: &Path) -> Result<Dataset, ConfigError> {
    if name == MEETASSIST {
        return Ok(Dataset::meetassist()?);
    }
    let path = base_dir.join(name);
    let text = regular_file::read_text(&path, settings::MAX_BYTES);
    let text = text.map_err(|error| ConfigError::Key {
        key: "dataset",
        problem: format!(
            "cannot read {}: {error}; write meetassist or a path",
            path.display()
        ),
    })?;
    Ok(Dataset::from_toml(&text)?)
}

#[cfg(test)]
mod tests;
