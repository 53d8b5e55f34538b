//! Where a cycle stands: who the agent is, and what the log says.
//!
//! A state that this agent itself saved, on this machine since its start, is believed: no request
//! is sent. Any other (a new one, a copy, one written before the machine last started, when disk
//! and sources may have been restored together) is compared with the log first. The log has the
//! last word about what was committed; the state only about who wrote it.

use causeway_shared::catalog::Catalog;
use causeway_shared::chance::random_id;
use causeway_shared::commit::Writer;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::state::{State, StoredWriter};
use crate::writer::{Claim, Identity, claim};

/// Where a cycle stands.
#[derive(Debug)]
pub struct Standing {
    /// Who the agent is.
    pub writer: StoredWriter,
    /// What the log says.
    pub catalog: Catalog,
    /// Whether the log said more or else than the state, so that every source has to be read.
    pub adopted: bool,
}

impl Standing {
    /// Whether a commit is due even if nothing changed: another host's writer, replaced on
    /// purpose, has to find that out.
    #[must_use]
    pub fn announces_writer(&self) -> bool {
        let host = &self.writer.writer.host;
        self.catalog
            .head
            .as_ref()
            .is_some_and(|head| head.writer.host != *host)
    }

    /// Whether the log knows this writer already.
    fn believed(stored: &StoredWriter, agent: &Agent, inode: u64) -> bool {
        let machine = &agent.config().machine;
        same_log(stored, agent)
            && stored.writer.host == machine.host
            && stored.inode == inode
            && stored.boot == machine.boot
            && stored.fence.is_none()
    }
}

/// How far a cycle trusts the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The log was just found to be ahead of the state, or the process just started.
    pub ask: bool,
    /// A person replaces the log's writer by this one.
    pub take_over: bool,
}

/// Finds out where a cycle stands, and saves what the log says otherwise.
///
/// # Errors
/// [`AgentError::Fenced`] where another writer has the log, else the failure of log or state.
pub async fn stand(agent: &Agent, state: &mut State, doubt: Doubt) -> Result<Standing, AgentError> {
    let stored = state.writer()?;
    let inode = state.inode()?;
    let known = stored.clone().filter(|stored| same_log(stored, agent));
    let catalog = state.catalog(Catalog::empty(agent.config().site.clone()))?;
    let believed = known.filter(|stored| Standing::believed(stored, agent, inode));
    if let (
        Some(writer),
        Doubt {
            ask: false,
            take_over: false,
        },
    ) = (believed, doubt)
    {
        return Ok(Standing {
            writer,
            catalog,
            adopted: false,
        });
    }

    let known = stored.filter(|stored| same_log(stored, agent));
    let before = catalog.seq();
    let catalog = match &known {
        // From where the state stands, if it stands anywhere; a take-over is worth a whole look.
        Some(_) if catalog.head.is_some() && !doubt.take_over => {
            let mut catalog = catalog;
            if !agent.log().ends_at(before).await? {
                // A hole in the log is not its head: a commit written there would be lost.
                agent.log().catch_up(&mut catalog, true).await?;
            }
            catalog
        }
        _ => agent.log().load().await?,
    };
    let adopted = known.is_none() || catalog.seq() != before;
    let mut writer = renewed(agent, known, inode)?;
    let own = Identity {
        writer: writer.writer.clone(),
        epoch: writer.epoch,
    };
    match claim(
        &own,
        catalog.head.as_ref(),
        writer.fence.is_some(),
        doubt.take_over,
    ) {
        Ok(Claim::Keep) => {}
        Ok(Claim::New { epoch }) => {
            writer.writer.id = new_id()?;
            writer.epoch = epoch;
        }
        Err(fence) => {
            writer.fence = Some(fence.clone());
            state.note_writer(&writer)?;
            return Err(AgentError::Fenced {
                site: writer.site,
                fence,
            });
        }
    }
    writer.fence = None;
    if adopted {
        tracing::info!(
            site = %writer.site, commit = %catalog.seq(), epoch = writer.epoch,
            "the state was made again from the log"
        );
        state.adopt(&writer, &catalog)?;
    } else {
        state.note_writer(&writer)?;
    }
    Ok(Standing {
        writer,
        catalog,
        adopted,
    })
}

/// Whether a state is about this agent's log.
#[must_use]
pub fn same_log(stored: &StoredWriter, agent: &Agent) -> bool {
    stored.site == agent.config().site && stored.store == agent.store().describe()
}

/// Who the agent is here and now: whom the state names, or a new writer.
fn renewed(
    agent: &Agent,
    known: Option<StoredWriter>,
    inode: u64,
) -> Result<StoredWriter, AgentError> {
    let config = agent.config();
    let (id, epoch, fence) = match known {
        Some(StoredWriter {
            writer,
            epoch,
            fence,
            ..
        }) => (writer.id, epoch, fence),
        None => (new_id()?, 1, None),
    };
    Ok(StoredWriter {
        site: config.site.clone(),
        store: agent.store().describe(),
        writer: Writer {
            id,
            host: config.machine.host.clone(),
        },
        epoch,
        inode,
        boot: config.machine.boot.clone(),
        fence,
    })
}

fn new_id() -> Result<String, AgentError> {
    random_id().map_err(|source| AgentError::System { source })
}
