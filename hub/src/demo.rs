//! The demo: a believable site, its agent and this hub, all on one machine and with no server.
//!
//! In its folder, everything that a real installation spreads over places: the site's files, the
//! agent's configuration and state, a folder as the object store, the hub's database. Started
//! again it goes on with what is there.

mod diary;
mod dirt;
mod folder;
mod people;
mod plan;
mod population;
mod programs;
mod report;
mod site;
mod start;

pub(crate) use folder::{Folder, FolderError};
pub(crate) use plan::MAX_APPOINTMENTS;
pub(crate) use report::DemoReport;
pub(crate) use site::SiteFilesError;
pub(crate) use start::start;

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use causeway_agent::{Agent, AgentError, ConfigError, Listeners};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::auth::AuthError;
use crate::error::HubError;
use crate::serve::{ServeError, serve};

/// How many ports after the one asked for are tried.
const PORTS: u16 = 20;

/// What the demo is to do.
#[derive(Debug, Clone)]
pub(crate) struct DemoOptions {
    /// Its folder; made where it is missing.
    pub dir: PathBuf,
    /// How many appointments a new site is to have, at most [`MAX_APPOINTMENTS`], where that was asked for.
    pub appointments: Option<u32>,
    /// The seed for the rows of a new site, where one was named.
    pub seed: Option<u64>,
    /// Whether to end after the first load.
    pub once: bool,
    /// Whether to write the report as one JSON object.
    pub json: bool,
    /// Where the dashboard listens; the next free port if this one is taken.
    pub listen: SocketAddr,
}

impl DemoOptions {
    /// What was asked for of a new site, where the folder has one already.
    fn ignored(&self, is_new: bool) -> Option<String> {
        let asked = [
            self.appointments.map(|rows| format!("--rows {rows}")),
            self.seed.map(|seed| format!("--seed {seed}")),
        ];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        (!is_new && !asked.is_empty()).then(|| {
            format!(
                "{} counts for nothing: {} has a site already, which is gone on with; remove that folder, or \
                 choose another --dir",
                asked.join(" "),
                self.dir.display()
            )
        })
    }
}

/// Why the demo cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DemoError {
    /// More appointments than a demo should make.
    #[error("--rows {given} is too many for a demo; write at most {MAX_APPOINTMENTS}")]
    TooMany { given: u32 },
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The site's files.
    #[error(transparent)]
    Site(#[from] SiteFilesError),
    /// The agent's configuration, which the demo writes itself.
    #[error(transparent)]
    AgentConfig(#[from] ConfigError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("the demo's site cannot be loaded: {detail}")]
    NotLoaded { detail: String },
    /// Its tokens.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Its dashboard.
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot listen on {listen}: {source}; choose another address with --listen")]
    Listen {
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
    /// The report.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
}

impl DemoError {
    /// Whether the cause is wrong usage, so that trying again is of no use.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Listen { .. } => true,
            Self::Folder(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Runs the demo until `shutdown`, or, if only once, until its figures are there. `clock` tells
/// the time.
///
/// # Errors
/// [`DemoError`]. Started again it goes on from wherever it was.
pub(crate) async fn run(
    options: &DemoOptions,
    clock: fn() -> Timestamp,
    out: &mut impl Write,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), DemoError> {
    if let Some(given) = options.appointments
        && given > MAX_APPOINTMENTS
    {
        return Err(DemoError::TooMany { given });
    }
    let folder = Folder::open(&options.dir)?;
    let started = start(&folder, options, clock).await?;
    if let Some(ignored) = options.ignored(started.wrote_site) {
        tracing::warn!("{ignored}");
    }
    if options.once {
        let report = DemoReport {
            started: &started,
            dashboard: None,
        };
        return Ok(report.write(options.json, out)?);
    }
    let listener = listen(options.listen).await?;
    let listens = listener.local_addr()?;
    let login = started.login(&folder, listens, clock()).await?;
    let report = DemoReport {
        started: &started,
        dashboard: Some(&login),
    };
    report.write(options.json, out)?;

    let agent = Agent::open(login.agent_config(&started)).await?;
    let (stop, stopping) = oneshot::channel::<()>();
    let stopping = async {
        // An error means that the demo is gone, which is a stop as well.
        let _ = stopping.await;
    };
    let agent = tokio::spawn(async move {
        if let Err(error) = causeway_agent::run(&agent, Listeners::default(), stopping).await {
            tracing::error!(%error, "the agent stopped; the dashboard shows what was sent");
        }
    });
    serve(started.hub.clone(), listener, shutdown).await?;
    drop(stop);
    // The agent finishes or abandons its cycle; either way the next start goes on from there.
    agent.await.map_err(io::Error::other)?;
    Ok(())
}

/// The port asked for, or one of the next if it is taken.
async fn listen(asked: SocketAddr) -> Result<TcpListener, DemoError> {
    let mut taken = None;
    for port in (asked.port()..=u16::MAX).take(usize::from(PORTS)) {
        match TcpListener::bind(SocketAddr::new(asked.ip(), port)).await {
            Ok(listener) => {
                if taken.is_some() {
                    tracing::warn!(port = asked.port(), "the port is taken; using {port}");
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken = Some(error),
            Err(source) => {
                return Err(DemoError::Listen {
                    listen: asked,
                    source,
                });
            }
        }
    }
    let source = taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
    Err(DemoError::Listen {
        listen: asked,
        source,
    })
}

#[cfg(test)]
mod tests;
