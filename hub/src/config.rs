//! `hub.toml`: what the hub reads, where it keeps it and what it serves.

mod aws;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use causeway_shared::runtime::settings::{self, SettingsError, Span};
use causeway_shared::store::StoreConfig;

pub(crate) use aws::AwsConfig;

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

/// The database: exactly one of `url`, `secret` and `iam` says how to reach it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:<folder>`, or `postgres://user:password@host/database?sslmode=…`.
    pub url: String,
    /// A PEM file of the certificates that a PostgreSQL server's may be issued by; empty: the
    /// system's.
    pub root_certificate: String,
    /// By which the database is known where hubs reach it by different URLs; empty: its URL without
    /// user, password and options.
    pub address: String,
    /// Most connections to a PostgreSQL server; flushes may have two more.
    pub connections: u16,
    /// Roles of PostgreSQL that may read the sites' tables.
    pub readers: Vec<String>,
    /// Roles of PostgreSQL that may read and write them.
    pub writers: Vec<String>,
    /// The id of an AWS Secrets Manager secret that holds the connection; empty: none.
    pub secret: String,
    /// Whether to sign in to RDS by IAM instead of a password.
    pub iam: bool,
    /// Whether the process may be frozen between requests, as a function is: then any connection may be
    /// gone without a word, and there is one request at a time. No key of the file.
    #[serde(skip)]
    pub may_freeze: bool,
    /// Whether a change that somebody asks for wakes it where it sleeps.
    pub wake: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:causeway-hub".to_owned(),
            root_certificate: String::new(),
            address: String::new(),
            // A micro server takes about 80 in all.
            connections: 8,
            readers: Vec::new(),
            writers: Vec::new(),
            secret: String::new(),
            iam: false,
            may_freeze: false,
            wake: false,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    /// The URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &without_password(&self.url))
            .field("root_certificate", &self.root_certificate)
            .field("address", &self.address)
            .field("connections", &self.connections)
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .field("secret", &self.secret)
            .field("iam", &self.iam)
            .field("wake", &self.wake)
            .finish()
    }
}

/// A URL whose user information and query, which may hold passwords, are cut down to the user.
pub(crate) fn without_password(url: &str) -> String {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let user = |rest: &str| rest.split(':').next().unwrap_or_default().to_owned();
    match rest.rsplit_once('@') {
        Some((before, host)) => format!("{scheme}://{}@{host}", user(before)),
        // The question mark may be one of the password's.
        None if query.contains('@') => format!("{scheme}://{}@…", user(rest)),
        None => url.to_owned(),
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

/// The publishing of what is true.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArchiveConfig {
    /// Whether it starts switched on; afterwards the switch in the store counts.
    pub enabled: bool,
    /// How often it runs.
    pub every: Span,
    /// As what it is published.
    pub formats: ArchiveFormats,
    /// Whether CSV files begin with a byte-order mark, for Excel.
    pub excel: bool,
    /// How long files of a Delta table stay that its newest version does without.
    pub keep: Span,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            every: Span(Duration::from_secs(300)),
            formats: ArchiveFormats(vec![ArchiveFormat::Csv]),
            excel: false,
            keep: Span(Duration::from_secs(7 * 24 * 60 * 60)),
        }
    }
}

/// As what tables are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveFormat {
    Csv,
    /// Delta Lake tables.
    Delta,
}

/// At least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct ArchiveFormats(Vec<ArchiveFormat>);

impl ArchiveFormats {
    #[must_use]
    pub(crate) fn contain(&self, format: ArchiveFormat) -> bool {
        self.0.contains(&format)
    }
}

impl TryFrom<Vec<String>> for ArchiveFormats {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Err("it names no format; write \"csv\", \"delta\" or both".to_owned());
        }
        let format = |name: &String| {
            match name.as_str() {
            "csv" => Ok(ArchiveFormat::Csv),
            "delta" if cfg!(feature = "delta") => Ok(ArchiveFormat::Delta),
            "delta" => Err(
                "this program is built without Delta tables; build it with the feature `delta`, or \
                 leave \"delta\" out"
                    .to_owned(),
            ),
            other => Err(format!("{other:?} is no format; there are \"csv\" and \"delta\"")),
        }
        };
        names.iter().map(format).collect::<Result<_, _>>().map(Self)
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
    fn passwords_are_never_shown() {
        let config = DatabaseConfig {
            url: "postgres://me:pa@ss@db.example/causeway?password=pass".to_owned(),
            ..DatabaseConfig::default()
        };
        assert_eq!(
            format!("{config:?}"),
            r#"DatabaseConfig { url: "postgres://me@db.example/causeway", root_certificate: "", address: "", connections: 8, readers: [], writers: [], secret: "", iam: false, wake: false }"#
        );
    }

    #[test]
    fn a_password_may_hold_any_mark() {
        let shown = |url: &str| without_password(&format!("postgres://{url}"));
        assert_eq!(shown("me:pa?ss@db.example/causeway"), "postgres://me@…");
        assert_eq!(
            shown("me:pa:ss@db/causeway?x=y"),
            "postgres://me@db/causeway"
        );
        assert_eq!(
            shown("db.example:5432/causeway?x=y"),
            "postgres://db.example:5432/causeway"
        );
    }

    #[test]
    fn formats_of_the_archive_are_named() {
        let load = |formats: &str| {
            toml::from_str::<ArchiveConfig>(&format!("formats = {formats}"))
                .map(|archive| archive.formats.0)
                .map_err(|error| error.message().to_owned())
        };
        let delta = load("[\"delta\"]");
        assert_eq!(delta.is_ok(), cfg!(feature = "delta"), "{delta:?}");
        assert_eq!(load("[\"csv\"]"), Ok(vec![ArchiveFormat::Csv]));
        insta::assert_snapshot!(load("[]").unwrap_err(), @r#"it names no format; write "csv", "delta" or both"#);
        insta::assert_snapshot!(load("[\"xlsx\"]").unwrap_err(), @r#""xlsx" is no format; there are "csv" and "delta""#);
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
