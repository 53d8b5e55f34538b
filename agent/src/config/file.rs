//! `agent.toml` as it is written. Every key has its default here; `config/agent.toml` shows them.

use std::path::PathBuf;
use std::time::Duration;

use causeway_shared::runtime::settings::{Bytes, Span};
use causeway_shared::store::StoreConfig;
use serde::Deserialize;

use crate::source::SourceConfig;

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentFile {
    /// The site's name; there is no default.
    pub site: String,
    /// `meetassist`, or a path.
    pub dataset: String,
    /// The zone of timestamps without an offset.
    pub timezone: String,
    /// Who this machine is; empty for its own id.
    pub host: String,
    /// The folder of the agent's state.
    pub state_dir: PathBuf,
    /// `[store]`; there is no default.
    pub store: Option<StoreConfig>,
    /// `[[source]]`
    pub source: Vec<SourceConfig>,
    /// `[watch]`
    pub watch: WatchFile,
    /// `[guard]`
    pub guard: GuardFile,
    /// `[hub]`
    pub hub: HubFile,
    /// `[upload]`
    pub upload: UploadFile,
    /// `[retention]`
    pub retention: RetentionFile,
    /// `[metrics]`
    pub metrics: MetricsFile,
}

impl Default for AgentFile {
    fn default() -> Self {
        Self {
            site: String::new(),
            dataset: super::MEETASSIST.to_owned(),
            timezone: "Asia/Ho_Chi_Minh".to_owned(),
            host: String::new(),
            state_dir: "causeway-agent".into(),
            store: None,
            source: Vec::new(),
            watch: WatchFile::default(),
            guard: GuardFile::default(),
            hub: HubFile::default(),
            upload: UploadFile::default(),
            retention: RetentionFile::default(),
            metrics: MetricsFile::default(),
        }
    }
}

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchFile {
    /// A source is scanned once it has been quiet for this long.
    pub debounce: Span,
    /// A source that is never quiet is scanned after this long.
    pub max_delay: Span,
    /// How often the sources are looked at.
    pub poll: Span,
}

impl Default for WatchFile {
    fn default() -> Self {
        Self {
            debounce: Span(Duration::from_millis(500)),
            max_delay: Span(Duration::from_secs(5)),
            poll: Span(Duration::from_secs(30)),
        }
    }
}

/// `[guard]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardFile {
    /// The share of a table's rows that one cycle may take away.
    pub shrink: f64,
}

impl Default for GuardFile {
    fn default() -> Self {
        Self { shrink: 0.2 }
    }
}

/// `[hub]`
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubFile {
    /// Its base URL; empty for none.
    pub url: String,
    /// The token it asks for.
    pub token: String,
}

impl std::fmt::Debug for HubFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubFile")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// `[upload]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadFile {
    /// Objects sent at once.
    pub concurrency: usize,
    /// Bytes a second; 0 is no limit.
    pub bandwidth: Bytes,
}

impl Default for UploadFile {
    fn default() -> Self {
        Self {
            concurrency: 4,
            bandwidth: Bytes(0),
        }
    }
}

/// `[retention]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionFile {
    /// How long an object that nothing names is kept.
    pub keep: Span,
}

impl Default for RetentionFile {
    fn default() -> Self {
        Self {
            keep: Span(Duration::from_secs(30 * 24 * 60 * 60)),
        }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsFile {
    /// The file that figures are written to; empty for none.
    pub file: PathBuf,
}
