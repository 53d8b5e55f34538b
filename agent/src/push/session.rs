//! A writer's session: who the agent is, and what the log says.
//!
//! The agent believes its state, without a request, where it saved that state itself, on this
//! machine, since the machine started. It compares any other state with the log first: a new one, a
//! copy, or one from before the machine started, when disk and sources may have been restored
//! together. Before it commits, it also compares a state that it has not compared for a day. The log
//! decides what was committed; the state only says who wrote it.

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Head, Writer};
use causeway_shared::ids::Seq;
#[cfg(doc)]
use causeway_shared::log::LogError;
use causeway_shared::log::{Claim, claim};
use causeway_shared::runtime::chance::random_id;
use causeway_shared::runtime::clock;
use jiff::{SignedDuration, Timestamp};

use crate::agent::Agent;
use crate::error::AgentError;
use crate::state::{AgentState, Fence, FileId, StoredWriter};

/// How long a state is believed without asking the log, however much is committed meanwhile: a
/// store that was emptied behind the agent shows within this time.
const BELIEVED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What a cycle writes as, and on top of.
#[derive(Debug)]
pub(crate) struct WriterSession {
    /// Who the agent is.
    pub writer: StoredWriter,
    /// What the log says.
    pub catalog: Catalog,
    /// Whether the log differed from the state, so that every source has to be read.
    pub adopted: bool,
}

impl WriterSession {
    /// Whether a commit is due even if nothing changed: another host's writer, replaced on
    /// purpose, has to find that out.
    #[must_use]
    pub(crate) fn announces_writer(&self) -> bool {
        let host = &self.writer.writer.host;
        self.catalog
            .head
            .as_ref()
            .is_some_and(|head| head.writer.host != *host)
    }

    /// Checks before a commit that the log's head is still the catalog's; `false` where the log has
    /// gone on. It asks the log only where nobody did for [a day](BELIEVED_FOR).
    ///
    /// # Errors
    /// [`LogError::Lost`], [`LogError::Blank`], or a failure of the store.
    pub(crate) async fn is_current(
        &mut self,
        agent: &Agent,
        now: Timestamp,
    ) -> Result<bool, AgentError> {
        let seq = self.catalog.seq();
        if seq == Seq::NONE {
            return Ok(true);
        }
        agent.log().check_holds_something(seq).await?;
        let recently = |seen| now.duration_since(seen).abs() < BELIEVED_FOR;
        if self.writer.seen.is_some_and(recently) {
            return Ok(true);
        }
        let is_current = agent.log().ends_at(seq).await?;
        self.writer.seen = Some(now);
        Ok(is_current)
    }

    /// Whether the state may be believed without asking the log.
    fn is_believed(stored: &StoredWriter, agent: &Agent, file: FileId) -> bool {
        let machine = &agent.config().machine;
        same_log(stored, agent)
            && stored.writer.host == machine.host
            && stored.file == file
            && stored.boot == machine.boot
            && stored.fence.is_none()
    }
}

/// Whether the log is asked although the state may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogCheck {
    /// The log was just found to be ahead of the state, or the process just started.
    pub ask: bool,
    /// A person replaces the log's writer by this one.
    pub take_over: bool,
}

/// Opens a session. Where the log differs from the state, the state takes the log's catalog.
///
/// # Errors
/// [`AgentError::Fenced`] where another writer has the log, else the failure of log or state.
pub(crate) async fn open_session(
    agent: &Agent,
    state: &mut AgentState,
    check: LogCheck,
) -> Result<WriterSession, AgentError> {
    let stored = state.writer()?;
    let file = state.file_id()?;
    let known = stored.clone().filter(|stored| same_log(stored, agent));
    let catalog = state.catalog(Catalog::empty(agent.config().site.clone()))?;
    let believed = known.filter(|stored| WriterSession::is_believed(stored, agent, file));
    if let (
        Some(writer),
        LogCheck {
            ask: false,
            take_over: false,
        },
    ) = (believed, check)
    {
        return Ok(WriterSession {
            writer,
            catalog,
            adopted: false,
        });
    }

    let known = stored.filter(|stored| same_log(stored, agent));
    let before = catalog.seq();
    let catalog = match &known {
        // From the state's commit on. A take-over reads the whole log.
        Some(_) if catalog.head.is_some() && !check.take_over => {
            let mut catalog = catalog;
            // A hole in the log is not its end: readers would never see a commit written there.
            agent.log().follow(&mut catalog).await?;
            catalog
        }
        _ => agent.log().read_catalog().await?,
    };
    let adopted = known.is_none() || catalog.seq() != before;
    let mut writer = current_writer(agent, known, file)?;
    let head = catalog.head.as_ref();
    let may_replace = |head: &Head| may_replace(&writer, head, check.take_over);
    match claim(&writer.writer, writer.epoch, head, may_replace) {
        Ok(Claim::Keep) => {}
        Ok(Claim::Begin { epoch }) => {
            writer.writer.id = new_id()?;
            writer.epoch = epoch;
        }
        Err(head) => {
            let fence = Fence::from(head);
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
            "the state was rebuilt from the log"
        );
        state.adopt(&writer, &catalog)?;
    } else {
        state.note_writer(&writer)?;
    }
    Ok(WriterSession {
        writer,
        catalog,
        adopted,
    })
}

/// Whether an agent may replace the writer of a head: on purpose any writer, else one of its own
/// host, which wrote after the state was lost or copied, unless that writer has fenced it.
fn may_replace(own: &StoredWriter, head: &Head, take_over: bool) -> bool {
    take_over || (head.writer.host == own.writer.host && own.fence.is_none())
}

/// Whether a state is about this agent's log.
#[must_use]
pub(crate) fn same_log(stored: &StoredWriter, agent: &Agent) -> bool {
    stored.site == agent.config().site && stored.store == agent.store().describe()
}

/// The writer on this machine: the one that the state names, or a new one.
fn current_writer(
    agent: &Agent,
    known: Option<StoredWriter>,
    file: FileId,
) -> Result<StoredWriter, AgentError> {
    let config = agent.config();
    let (id, epoch, fence, store_checked) = match known {
        Some(StoredWriter {
            writer,
            epoch,
            fence,
            store_checked,
            ..
        }) => (writer.id, epoch, fence, store_checked),
        None => (new_id()?, 1, None, false),
    };
    Ok(StoredWriter {
        site: config.site.clone(),
        store: agent.store().describe(),
        writer: Writer {
            id,
            host: config.machine.host.clone(),
        },
        epoch,
        file,
        boot: config.machine.boot.clone(),
        fence,
        seen: Some(clock::now()),
        store_checked,
    })
}

fn new_id() -> Result<String, AgentError> {
    random_id().map_err(|source| AgentError::System { source })
}
