//! What can go wrong in a database.

/// The error underneath, of whichever database.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the database could not do what it was asked. `database` is its URL without the password,
/// `action` what was tried, `detail` what it answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DbError {
    /// The configured connection cannot be used.
    #[error("configuration, database: {problem}")]
    Configuration {
        /// What is wrong, and what to write.
        problem: String,
    },
    /// The hub's own tables are not there.
    #[error("{database} has no Causeway tables; run `causeway-hub init`")]
    NotInitialised { database: String },
    /// The hub's own tables were made by a newer version.
    #[error(
        "{database} has Causeway tables of version {found}, and this program knows version \
         {known}: upgrade causeway-hub"
    )]
    Newer {
        database: String,
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A table of a site's schema was not made by the hub, or not from the site's dataset.
    #[error(
        "table {schema}.{table} is not as the dataset declares it: {detail}; \
         move it elsewhere or drop it, then load again"
    )]
    AnotherTable {
        /// The site's schema.
        schema: String,
        table: String,
        /// What differs.
        detail: String,
    },
    /// Somebody else holds what is needed.
    #[error("{what} is held by somebody else; waited {waited_s} s")]
    Busy {
        /// What is held.
        what: String,
        /// How long it was waited for, in seconds.
        waited_s: u64,
        /// Whether that one loads or flushes the site, and notes how it goes.
        is_at_work: bool,
    },
    /// The database cannot be reached, or the connection broke.
    #[error("{database} cannot be reached: {detail}")]
    Unreachable {
        database: String,
        /// The error in words.
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// Who answers may be somebody else.
    #[error(
        "{database} shows a certificate that is not trusted: {detail}; name the PEM file of its \
         issuer's certificate as `root_certificate` under [database]"
    )]
    Untrusted {
        database: String,
        /// What is wrong with the certificate.
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// The database could not do it now, and may another time: two transactions were in each
    /// other's way, or it was too busy.
    #[error("{database} gave up {action}: {detail}")]
    GaveUp {
        database: String,
        action: &'static str,
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// The database's disk is full.
    #[error("{database} has no space left for {action}: {detail}; free space on its disk")]
    Full {
        /// The database, without its password.
        database: String,
        /// What was tried.
        action: &'static str,
        /// The database's words.
        detail: String,
        /// The error underneath.
        #[source]
        source: Option<Source>,
    },
    /// The server takes no changes from anybody.
    #[error(
        "{database} takes no changes: {detail}; the server is a standby, or `default_transaction_read_only` \
         is on: name one that takes changes as `url` under [database], or have that switched off"
    )]
    ReadOnlyServer {
        database: String,
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// The database refuses.
    #[error("{database} refused {action}: {detail}")]
    Refused {
        database: String,
        action: &'static str,
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// A change that a rule forbids.
    #[error("{message}")]
    Rejected {
        /// Which: an SQLSTATE that the contract names, as `23514`.
        state: String,
        /// What is wrong with it, and the remedy.
        message: String,
    },
    /// A row that breaks a key or a unique rule of the database.
    #[error(
        "{database} refused a row: {detail}; `causeway-hub verify` names the rows that stand in \
         its way, `verify --repair` takes them out"
    )]
    Clash {
        database: String,
        detail: String,
        #[source]
        source: Option<Source>,
    },
    /// What the hub wrote down cannot be read back.
    #[error(
        "what {database} holds of site {site} cannot be read: {what}; take its schema \
         (SQLite: its file) away and load again"
    )]
    Unreadable {
        database: String,
        site: String,
        /// What, and why.
        what: String,
    },
}

impl DbError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Unreachable { .. } => true,
            Self::GaveUp { .. } | Self::Full { .. } => true,
            Self::Configuration { .. }
            | Self::NotInitialised { .. }
            | Self::Newer { .. }
            | Self::AnotherTable { .. }
            | Self::Untrusted { .. }
            | Self::ReadOnlyServer { .. }
            | Self::Refused { .. }
            | Self::Rejected { .. }
            | Self::Clash { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}
