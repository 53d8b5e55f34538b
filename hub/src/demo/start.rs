//! The demo up to its first figures: write the site, send it, load it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_agent::{
    Agent, AgentConfig, CycleReport, HubConfig as AgentHubConfig, Silent, SyncOptions, migrate,
    sync,
};
use causeway_shared::ids::Seq;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::folder::Folder;
use super::plan::{APPOINTMENTS, DemoPlan, SEED};
use super::{DemoError, DemoOptions, site};
use crate::auth::{AuthError, Authenticator, Role, Token, Tokens};
use crate::config::HubConfig;
use crate::error::{HubError, SiteError};
use crate::services::overview::{self, Overview};
use crate::sync::{Hub, LoadReport, LoadRequest};

/// The names of the demo's tokens.
const VISITOR: &str = "demo";
const AGENT: &str = "demo agent";

/// A demo that is loaded.
#[derive(Debug)]
pub(crate) struct Started {
    /// Whether the site's files were written just now.
    pub wrote_site: bool,
    /// The site's database.
    pub database: PathBuf,
    /// The agent's configuration file.
    pub agent_toml: PathBuf,
    /// What the agent sent.
    pub sent: CycleReport,
    /// What the hub loaded.
    pub loaded: LoadReport,
    /// The figures.
    pub overview: Overview,
    /// An appointment of today that somebody might cancel.
    pub example: Option<i64>,
    pub hub: Hub,
    agent_config: AgentConfig,
}

/// Writes the site, if it is not there; sends it, all of it the first time; loads it.
///
/// # Errors
/// [`DemoError`]
pub(crate) async fn start(
    folder: &Folder,
    options: &DemoOptions,
    clock: fn() -> Timestamp,
) -> Result<Started, DemoError> {
    folder.write_configuration()?;
    // Without the environment: it may name the store of a real installation.
    let hub_config = HubConfig::load(Some(&folder.hub_toml()), &[]).map_err(HubError::from)?;
    let agent_config = AgentConfig::load(Some(&folder.agent_toml()), &[])?;
    let today = clock()
        .to_zoned(hub_config.window.timezone.0.clone())
        .date();
    let plan = DemoPlan {
        appointments: options.appointments.unwrap_or(APPOINTMENTS),
        seed: options.seed.unwrap_or(SEED),
        today,
    };
    let files = folder.site();
    let wrote_site = blocking(move || site::write(&files, &plan)).await??;

    let agent = Agent::open(agent_config.clone()).await?;
    let first = agent.log().commit(Seq(1)).await;
    let is_sent = first
        .map_err(SiteError::from)
        .map_err(HubError::from)?
        .is_some();
    let sent = if is_sent {
        sync(&agent, SyncOptions::default()).await?
    } else {
        migrate(&agent, Arc::new(Silent)).await?
    };
    let hub = Hub::open(hub_config).await?;
    hub.init().await?;
    // The folder may have been moved, or its database removed: this one is the only one.
    hub.take_over(None, clock()).await?;
    let loaded = hub.load(&LoadRequest::at(clock())).await?;
    if let Some(detail) = loaded.sites.iter().find_map(|site| site.error.clone()) {
        return Err(DemoError::NotLoaded { detail });
    }
    let overview = overview::read(&hub, None, clock()).await?;
    let database = folder.database();
    let source = database.clone();
    let example = blocking(move || appointment_of(&source, &today.to_string())).await?;
    let agent_toml = folder.agent_toml();
    Ok(Started {
        wrote_site,
        database,
        agent_toml,
        sent,
        loaded,
        overview,
        example,
        hub,
        agent_config,
    })
}

/// Where somebody signs in to the demo.
#[derive(Debug)]
pub(crate) struct Login {
    /// The dashboard's address.
    pub address: String,
    /// Where its token is kept.
    pub token_file: PathBuf,
    token: Token,
    agent: Token,
}

impl Login {
    /// The address that signs in by itself. It holds the token, for the demo's own user.
    #[must_use]
    pub(crate) fn link(&self) -> String {
        format!("{}/login#token={}", self.address, self.token.reveal())
    }

    /// The agent's configuration, telling the demo's hub of its commits.
    pub(super) fn agent_config(&self, started: &Started) -> AgentConfig {
        let hub = AgentHubConfig {
            url: self.address.clone(),
            token: self.agent.reveal().to_owned(),
        };
        AgentConfig {
            hub: Some(hub),
            ..started.agent_config.clone()
        }
    }
}

impl Started {
    /// The dashboard's address and tokens: the visitor's from last time, if it is still valid,
    /// and a new one for the agent.
    pub(super) async fn login(
        &self,
        folder: &Folder,
        listens: SocketAddr,
        now: Timestamp,
    ) -> Result<Login, DemoError> {
        let tokens = Tokens::new(self.hub.store());
        revoke(&tokens, AGENT).await?;
        let site = self.agent_config.site.clone();
        let (agent, _) = tokens.create(AGENT, Role::Agent, Some(site), now).await?;
        let authenticator = Authenticator::new(self.hub.store(), self.hub.database());
        let kept = folder
            .read_token()
            .and_then(|text| Token::parse(text.trim()));
        let token = match kept {
            Some(kept) if authenticator.by_token(&kept, now).await?.is_some() => kept,
            // The file of the last one is gone, or the token was revoked.
            _ => {
                revoke(&tokens, VISITOR).await?;
                let (token, _) = tokens.create(VISITOR, Role::Admin, None, now).await?;
                folder.write_token(token.reveal())?;
                token
            }
        };
        let address = format!("http://{}", reachable(listens));
        Ok(Login {
            address,
            token_file: folder.token(),
            token,
            agent,
        })
    }
}

/// Revokes the tokens of a name, if there are any.
async fn revoke(tokens: &Tokens, name: &str) -> Result<(), AuthError> {
    match tokens.revoke(name).await {
        Ok(_) | Err(AuthError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// An address that this machine's browser reaches: "every interface" is none.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, listens.port())
}

/// A confirmed appointment of a day; it is only an example, so that no answer is no error.
fn appointment_of(database: &Path, date: &str) -> Option<i64> {
    // Reading a WAL database that nobody has open would leave files beside it, unless it is
    // said that nothing changes meanwhile.
    let wal = database.with_extension("db-wal");
    let how = if wal.exists() {
        "mode=ro"
    } else {
        "immutable=1"
    };
    let escaped = database
        .to_str()?
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{escaped}?{how}"), flags).ok()?;
    let sql = include_str!("sql/select_example.sql");
    connection.query_row(sql, [date], |row| row.get(0)).ok()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)
}
