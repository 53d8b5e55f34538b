//! `hub.toml`: what the hub reads, where it keeps it and what it serves.

mod archive;
mod aws;
mod database;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use causeway_shared::runtime::settings::{self, SettingsError, Span};
use causeway_shared::store::StoreConfig;

pub(crate) use archive::{ArchiveConfig, ArchiveFormat, ArchiveFormats};
pub(crate) use aws::AwsConfig;
pub(crate) use database::{DatabaseConfig, without_password};

/// The file that is read where no other is named.
pub(crate) const DEFAULT_FILE: &str = "hub.toml";

/// Set where the program is the keeper; no key of the configuration.
pub(crate) const KEEPER: &str = "CAUSEWAY_KEEPER";

/// The hub's configuration. Every key has a default but `store.url`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HubConfig {
    /// `meetassist`, or the path of a dataset file; used until a site's first commit brings its own.
    pub dataset: String,
    /// Where the sites' data lies.
    pub store: StoreConfig,
    /// Where rows are loaded to.
    pub database: DatabaseConfig,
    /// Which dates are loaded.
    pub window: WindowConfig,
    /// When the store is looked at.
    pub refresh: RefreshConfig,
    /// What becomes of changes made in the cloud.
    pub edits: EditsConfig,
    /// The publishing of what is true.
    pub archive: ArchiveConfig,
    /// The API and the dashboard.
    pub http: HttpConfig,
    /// Who may use them.
    pub auth: AuthConfig,
    /// What of AWS is started, stopped and switched.
    pub aws: AwsConfig,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            dataset: "meetassist".to_owned(),
            store: StoreConfig {
                url: String::new(),
                endpoint: String::new(),
                region: String::new(),
                path_style: false,
                checksums: true,
            },
            database: DatabaseConfig::default(),
            window: WindowConfig::default(),
            refresh: RefreshConfig::default(),
            edits: EditsConfig::default(),
            archive: ArchiveConfig::default(),
            http: HttpConfig::default(),
            auth: AuthConfig::default(),
            aws: AwsConfig::default(),
        }
    }
}

/// The dates whose rows are in the database.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WindowConfig {
    /// Days before today.
    pub before: u16,
    /// Days after today.
    pub after: u16,
    /// The zone that says what day today is.
    pub timezone: Zone,
    /// Dates kept beyond the window.
    pub on_demand_days: u16,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self {
            before: 1,
            after: 1,
            timezone: Zone::default(),
            on_demand_days: 62,
        }
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Zone(pub TimeZone);

impl Zone {
    pub(crate) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

impl Default for Zone {
    fn default() -> Self {
        // The zone database is compiled in; were the name not in it, UTC would show at once.
        Self(TimeZone::get("Asia/Ho_Chi_Minh").unwrap_or(TimeZone::UTC))
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("{name:?} is not a time zone; write one such as Asia/Ho_Chi_Minh"))
    }
}

/// When the store is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefreshConfig {
    /// How long after a refresh the next begins, if nothing asks for one earlier.
    pub every: Span,
}

impl Default for RefreshConfig {
    fn default() -> Self {
        Self {
            every: Span(Duration::from_secs(30)),
        }
    }
}

/// What becomes of changes made in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EditsConfig {
    /// Whether this hub takes and flushes changes; `false` makes its database read-only.
    pub write: bool,
    /// How long a change waits at most until it is in the store.
    pub flush: Span,
    /// How long what no current commit of edits needs is kept.
    pub keep: Span,
}

impl Default for EditsConfig {
    fn default() -> Self {
        Self {
            write: true,
            flush: Span(Duration::from_secs(2)),
            keep: Span(Duration::from_secs(30 * 24 * 60 * 60)),
        }
    }
}

impl EditsConfig {
    /// What happened to edits before this is not kept for ever.
    #[must_use]
    pub(crate) fn kept_since(&self, now: Timestamp) -> Timestamp {
        let keep = SignedDuration::try_from(self.keep.0);
        now.saturating_sub(keep.unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MIN)
    }
}

/// The API and the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpConfig {
    /// Address and port to listen on.
    pub listen: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
        }
    }
}

/// Who may use the API and the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthConfig {
    /// How a caller proves who they are.
    pub mode: AuthMode,
}

/// How a caller proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    #[default]
    Token,
    /// Not at all; only on loopback.
    None,
}

impl HubConfig {
    /// Reads `path`, or `hub.toml` in the working directory, or nothing; then what the environment
    /// sets. Relative paths become relative to the file's folder.
    ///
    /// # Errors
    /// [`SettingsError`], naming file and key.
    pub(crate) fn load(
        path: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let keys = environment.iter().filter(|(name, _)| name != KEEPER);
        let keys: Vec<_> = keys.cloned().collect();
        let (mut config, folder) = settings::load::<Self>(path, DEFAULT_FILE, &keys)?;
        config.resolve(&folder);
        Ok(config)
    }

    /// Makes relative paths relative to `folder`.
    fn resolve(&mut self, folder: &Path) {
        let resolved = |path: &str| -> PathBuf { folder.join(path) };
        if self.dataset != "meetassist" {
            self.dataset = resolved(&self.dataset).display().to_string();
        }
        if let Some(path) = self.database.url.strip_prefix("sqlite:") {
            self.database.url = format!("sqlite:{}", resolved(path).display());
        }
        if !self.database.root_certificate.is_empty() {
            let path = resolved(&self.database.root_certificate);
            self.database.root_certificate = path.display().to_string();
        }
        if let Some(path) = self.store.url.strip_prefix("file://") {
            self.store.url = format!("file://{}", resolved(path).display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/hub.toml")
    }

    /// The keys of a TOML table, its tables' keys behind theirs.
    fn keys(table: &toml::Table, prefix: &str, into: &mut Vec<String>) {
        for (key, value) in table {
            match value.as_table() {
                Some(inner) => keys(inner, &format!("{prefix}{key}."), into),
                None => into.push(format!("{prefix}{key}")),
            }
        }
    }

    #[test]
    fn the_commented_file_holds_every_key_with_its_default() {
        let text = std::fs::read_to_string(example()).unwrap();
        let mut config: HubConfig = toml::from_str(&text).unwrap();
        assert_eq!(
            std::mem::take(&mut config.store.url),
            "s3://bucket/prefix",
            "the one key without a default shows its form"
        );
        assert_eq!(config, HubConfig::default());
        let mut found = Vec::new();
        keys(&toml::from_str(&text).unwrap(), "", &mut found);
        assert_eq!(
            found.join(" "),
            "archive.enabled archive.every archive.excel archive.formats archive.keep auth.mode aws.endpoint aws.function aws.instance aws.keeper \
             aws.region aws.rule database.address database.connections database.iam \
             database.readers database.root_certificate database.secret database.url database.wake database.writers dataset edits.flush edits.keep edits.write http.listen refresh.every \
             store.checksums store.endpoint store.path_style store.region store.url \
             window.after window.before window.on_demand_days window.timezone"
        );
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my.toml");
        std::fs::write(&file, "dataset = \"d.toml\"\n[store]\nurl = \"file://s\"").unwrap();
        let config = HubConfig::load(Some(&file), &[]).unwrap();
        let folder = folder.path().display();
        assert_eq!(config.dataset, format!("{folder}/d.toml"));
        assert_eq!(config.store.url, format!("file://{folder}/s"));
        assert_eq!(config.database.url, format!("sqlite:{folder}/causeway-hub"));
    }

    #[test]
    fn a_wrong_zone_is_refused_by_name() {
        let environment = [("CAUSEWAY_WINDOW__TIMEZONE".to_owned(), "Mars/X".to_owned())];
        let error = HubConfig::load(Some(&example()), &environment).unwrap_err();
        assert!(
            error.to_string().contains("\"Mars/X\" is not a time zone"),
            "{error}"
        );
    }
}
