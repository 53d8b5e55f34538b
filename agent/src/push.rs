//! The push of a plan: objects, then the commit that names them.
//!
//! # Order of writes, and what each kill leaves
//! 1. Objects, each create-only, noted in the state in batches. A kill leaves objects that no
//!    commit names; the next cycle finds them in the state or in the store, and sends nothing twice.
//! 2. The dataset, before the first commit that names it. A kill leaves one that nothing names.
//! 3. The commit, create-only. From here on readers see the change, and the state is older than
//!    the log. The next cycle plans the same commit, finds its number taken by itself and adopts
//!    it; if the sources changed meanwhile, it reads the log and plans what differs from there.
//! 4. The checkpoint, when due. A kill leaves it out; the next due commit writes one.
//! 5. The state, in one transaction: done.

pub(crate) mod quarantine;
pub(crate) mod session;
pub(crate) mod spool;
pub(crate) mod store_check;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::commit::{Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject};
use causeway_shared::ids::Md5;
use causeway_shared::log::Appended;
use causeway_shared::runtime::clock;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::plan::{Plan, PlannedChange};
use crate::progress::{Progress, Step};
use crate::push::session::WriterSession;
use crate::push::spool::Spool;
use crate::push::upload::{SpooledObject, Uploader, stale_before};
use crate::scan::ObjectId;
use crate::state::{AgentState, Fence};

/// Objects are noted in the state in batches of this size. After a kill at most so many are sent
/// again.
const NOTED_AT_ONCE: usize = 64;

#[derive(Debug)]
pub(crate) enum Pushed {
    /// The commit is in the log.
    Committed {
        commit: Box<Commit>,
        /// Bytes of objects sent for it.
        bytes_sent: u64,
    },
    /// The log has gone on without this state: read it and plan again.
    Behind,
}

/// The objects of a plan.
#[derive(Debug)]
pub(crate) struct PlannedObjects {
    pub to_send: Vec<SpooledObject>,
    /// Those that an earlier cycle sent, with their sizes in bytes.
    pub there: BTreeMap<ObjectId, u64>,
}

/// Executes a plan.
///
/// # Errors
/// [`AgentError::Fenced`] where another writer has replaced this one, else the failure of store,
/// log or state. What is in the store by then stays there and is not sent again.
pub(crate) async fn push(
    agent: &Agent,
    state: &mut AgentState,
    session: &WriterSession,
    plan: &Plan,
    objects: PlannedObjects,
    progress: &Arc<dyn Progress>,
) -> Result<Pushed, AgentError> {
    let (sizes, bytes_sent) = upload(agent, state, objects, progress).await?;
    if session
        .catalog
        .head
        .as_ref()
        .is_none_or(|head| head.dataset != agent.dataset_md5())
    {
        agent.log().write_dataset(&agent.config().dataset).await?;
    }
    let commit = commit(agent, session, plan, &sizes)?;
    match agent.log().append(commit).await? {
        Appended::Written(commit) => Ok(Pushed::Committed { commit, bytes_sent }),
        Appended::Behind => Ok(Pushed::Behind),
        Appended::Fenced(head) => {
            let fence = Fence::from(head);
            let mut writer = session.writer.clone();
            writer.fence = Some(fence.clone());
            state.note_writer(&writer)?;
            Err(AgentError::Fenced {
                site: writer.site,
                fence,
            })
        }
    }
}

/// Objects that an earlier cycle sent and did not commit, and that no vacuum can have deleted.
pub(crate) fn noted_uploads(
    agent: &Agent,
    state: &AgentState,
    now: Timestamp,
) -> Result<BTreeMap<ObjectId, u64>, AgentError> {
    Ok(state.uploads(stale_before(agent.config().keep, now))?)
}

/// The plan's objects that have to be sent, from where they are spooled.
#[must_use]
pub(crate) fn objects_to_send(
    plan: &Plan,
    spool: &Spool,
    spooled: &BTreeMap<ObjectId, u64>,
) -> Vec<SpooledObject> {
    let objects = plan.objects();
    let objects = objects.map(|(change, now)| object_id(change, now.md5));
    spooled_objects(objects, spool, spooled)
}

/// Those of some objects that are spooled.
#[must_use]
pub(crate) fn spooled_objects(
    objects: impl Iterator<Item = ObjectId>,
    spool: &Spool,
    spooled: &BTreeMap<ObjectId, u64>,
) -> Vec<SpooledObject> {
    let spooled_object = |object: ObjectId| {
        let bytes = *spooled.get(&object)?;
        Some(SpooledObject {
            path: spool.path(&object),
            object,
            bytes,
        })
    };
    objects.filter_map(spooled_object).collect()
}

fn object_id(change: &PlannedChange, md5: Md5) -> ObjectId {
    (change.table.clone(), change.part, md5)
}

/// Sends objects, several at once. Returns the sizes of all objects that are in the store, and the
/// bytes sent.
pub(crate) async fn upload(
    agent: &Agent,
    state: &mut AgentState,
    objects: PlannedObjects,
    progress: &Arc<dyn Progress>,
) -> Result<(BTreeMap<ObjectId, u64>, u64), AgentError> {
    let config = agent.config();
    let uploader = Uploader::new(
        agent.store().clone(),
        config.site.clone(),
        config.keep,
        clock::now(),
    );
    let PlannedObjects {
        to_send,
        there: mut sizes,
    } = objects;
    progress.step(Step::Sending {
        objects: to_send.len() as u64,
    });
    let mut sent = 0;
    let mut unnoted = Vec::new();
    let mut deliveries = stream::iter(to_send)
        .map(|spooled_object| uploader.deliver(spooled_object))
        .buffer_unordered(config.upload.concurrency);
    let outcome = loop {
        let delivered = match deliveries.try_next().await {
            Ok(Some(delivered)) => delivered,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        progress.step(Step::Sent {
            bytes: delivered.bytes,
        });
        sent += delivered.sent;
        sizes.insert(delivered.object.clone(), delivered.bytes);
        unnoted.push((delivered.object, delivered.bytes));
        if unnoted.len() >= NOTED_AT_ONCE {
            state.note_uploads(&unnoted, clock::now())?;
            unnoted.clear();
        }
    };
    // Noting the last few only pays where no commit follows.
    if outcome.is_err() && !unnoted.is_empty() {
        state.note_uploads(&unnoted, clock::now())?;
    }
    outcome.map(|()| (sizes, sent))
}

/// The commit that a plan becomes.
///
/// # Errors
/// [`AgentError::Unsent`]: readers would look for an object that nobody sent.
fn commit(
    agent: &Agent,
    session: &WriterSession,
    plan: &Plan,
    sizes: &BTreeMap<ObjectId, u64>,
) -> Result<Commit, AgentError> {
    let last = session.catalog.head.as_ref();
    let change = |change: &PlannedChange| {
        let object = change.now.as_ref().map(|now| {
            let unsent = || AgentError::Unsent {
                site: agent.config().site.clone(),
                table: change.table.clone(),
                part: change.part,
                md5: now.md5,
            };
            let id = object_id(change, now.md5);
            let there = change
                .was
                .as_ref()
                .filter(|was| was.md5 == now.md5)
                .map(|was| was.bytes);
            Ok::<_, AgentError>(PartitionObject {
                md5: now.md5,
                rows: now.rows,
                bytes: sizes.get(&id).copied().or(there).ok_or_else(unsent)?,
                summary: now.summary.clone(),
            })
        });
        let object = object.transpose()?;
        Ok(Change {
            table: change.table.clone(),
            part: change.part,
            now: object.map_or_else(Now::removed, Now::Object),
        })
    };
    let changes: Result<_, AgentError> = plan.changes.iter().map(change).collect();
    Ok(Commit {
        format: FORMAT,
        site: agent.config().site.clone(),
        head: Head {
            seq: session.catalog.seq().next(),
            at: clock::commit_time(clock::now(), last.map(|head| head.at)),
            epoch: session.writer.epoch,
            writer: session.writer.writer.clone(),
            dataset: agent.dataset_md5(),
        },
        changes: changes?,
        more: NoLookups::default(),
    })
}

#[cfg(test)]
mod tests {
    use causeway_shared::ids::{Name, Part};
    use causeway_shared::summary::Summary;

    use super::*;
    use crate::progress::Silent;
    use crate::push::session::{LogCheck, open_session};
    use crate::scan::PartitionContent;
    use crate::testing::Site;

    #[tokio::test]
    async fn an_object_that_nobody_sent_is_not_committed() {
        let site = Site::small();
        site.sync().await;
        let agent = site.agent();
        let mut state = agent.state().unwrap();
        let check = LogCheck {
            ask: false,
            take_over: false,
        };
        let session = open_session(&agent, &mut state, check).await.unwrap();
        let plan = Plan {
            changes: vec![PlannedChange {
                table: Name::new("appointment").unwrap(),
                part: Part::new("dt=2025-01-01").unwrap(),
                was: None,
                now: Some(PartitionContent {
                    md5: Md5::of(b"x"),
                    rows: 1,
                    summary: Summary::default(),
                }),
            }],
            held: vec![],
            absent: vec![],
            announces_dataset: false,
        };
        let objects = PlannedObjects {
            to_send: vec![],
            there: BTreeMap::new(),
        };
        let silent: Arc<dyn Progress> = Arc::new(Silent);
        let pushed = push(&agent, &mut state, &session, &plan, objects, &silent).await;
        insta::assert_snapshot!(
            pushed.unwrap_err().to_string(),
            @"site a: nothing was committed: the object 9dd4e461268c8034f5c8564e155c67a6 of appointment dt=2025-01-01 is neither in the spool nor in the store. The next cycle reads the sources again; if this stays, move the agent's `state_dir` away and report it"
        );
        assert_eq!(site.commits().await, [1]);
    }
}
