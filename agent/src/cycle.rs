//! One cycle: look at the sources, scan what moved, plan, push, save.
//!
//! # What a kill leaves, at each step
//! - At the gate, in the scan, in the plan: nothing but files in the spool, which the next cycle
//!   sweeps.
//! - In the push: see [`crate::push`]. The log and the objects are whole at every instant.
//! - Before the state is saved: a state older than the log, which the next cycle finds out when
//!   it commits, before it writes anything else.
//! - After it: lists of refused rows that are not in the store yet. The state notes them as due, and
//!   the next cycle writes them, whether anything moved or not.
//!
//! The source itself is the queue: the next cycle finds whatever this one did not get to.

pub(crate) mod attempt;
pub(crate) mod import;
pub(crate) mod look;
pub(crate) mod migrate;
mod notes;
pub(crate) mod prepare;
pub(crate) mod preview;
pub(crate) mod report;
mod settle;
pub(crate) mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use causeway_shared::catalog::Catalog;
use causeway_shared::runtime::clock;

use crate::agent::{Agent, blocking};
use crate::cycle::report::CycleReport;
use crate::error::AgentError;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::push::quarantine::{self, QuarantineFiles};
use crate::push::session::{LogCheck, WriterSession, open_session};
use crate::push::spool::Spool;
use crate::push::store_check::check_before_first_write;
use crate::push::{PlannedObjects, Pushed, noted_uploads, objects_to_send, push};
use crate::scan::{ObjectId, Stop};
use crate::source::gate::{self, Moved, SourceFingerprints};
use crate::state::{AgentState, CycleOutcome, Notes};
use attempt::{Attempt, CycleStart, SyncOptions};
use prepare::{LastCycle, Preparation, Prepared, TakePart};
use settle::CycleResults;

/// How often a cycle is tried where the log moves on meanwhile.
const MAX_ATTEMPTS: u32 = 3;

/// Runs one cycle. Where the caller looked at the sources just before, `seen` is what it saw, and the
/// cycle does not look again.
///
/// # Errors
/// [`AgentError`]; nothing is lost, and the next cycle goes on from whatever was done.
pub(crate) async fn run_cycle(
    agent: &Agent,
    state: &mut AgentState,
    options: SyncOptions,
    mut seen: Option<SourceFingerprints>,
    progress: &Arc<dyn Progress>,
) -> Result<CycleReport, AgentError> {
    let start = CycleStart {
        at: Instant::now(),
        requests: agent.store().requests(),
    };
    let mut check = LogCheck {
        ask: options.ask_log,
        take_over: options.take_over,
    };
    for _ in 0..MAX_ATTEMPTS {
        let mut attempt = Attempt {
            agent,
            state,
            options,
            progress,
            start,
        };
        match attempt.run(check, seen.take()).await? {
            Some(report) => return Ok(report),
            None => check.ask = true,
        }
    }
    Err(AgentError::Unsettled {
        site: agent.config().site.clone(),
        attempts: MAX_ATTEMPTS,
    })
}

impl Attempt<'_> {
    /// Runs the cycle; `None` where the log moved on, so that it has to start again.
    async fn run(
        &mut self,
        check: LogCheck,
        seen: Option<SourceFingerprints>,
    ) -> Result<Option<CycleReport>, AgentError> {
        let before = self.state.fingerprints()?;
        // First, since the look is useless where the log has to be asked and does not answer.
        let mut session = open_session(self.agent, self.state, check).await?;
        let fingerprints = match seen {
            Some(seen) => seen,
            None => look::look(self.agent, before.as_ref(), self.progress).await?,
        };
        // Where the log said otherwise than the state, the last fingerprints prove nothing.
        let moved = gate::moved(before.as_ref().filter(|_| !session.adopted), &fingerprints);
        if moved.is_nothing() && !self.is_forced()? && !session.announces_writer() {
            // A file that was written just before the last look had to be read again to find it
            // unchanged. With its new fingerprint noted, the next look need not read it.
            if before.as_ref() != Some(&fingerprints) {
                self.state.note_fingerprints(&fingerprints)?;
            }
            if self.state.cycle()?.is_some_and(|last| last.error.is_some()) {
                self.state.note_cycle(&CycleOutcome {
                    at: clock::now(),
                    error: None,
                })?;
            }
            quarantine::publish(self.agent, self.state, QuarantineFiles::default()).await;
            let held = self.state.held()?;
            let report = self.report(session.writer.epoch, held, fingerprints.absent())?;
            return Ok(Some(report));
        }

        let last = LastCycle::read(self.state)?;
        let (Prepared { scan, plan }, spooled) = self.prepare(&moved, &last, &session).await?;
        // Notes made under another configuration, or of another dataset, are made anew.
        let known_notes = match moved {
            Moved::Everything => Notes::new(),
            Moved::Files(_) => self.state.notes()?,
        };
        let pushed = match self.push(&mut session, &plan, &spooled).await? {
            Some(Pushed::Behind) => return Ok(None),
            pushed => pushed,
        };
        let results = CycleResults {
            fingerprints,
            session,
            last,
            known_notes,
            plan,
            pushed,
        };
        let report = self.settle(&scan, results).await?;
        let spool = spooled.spool;
        if let Err(error) = blocking(move || spool.sweep()).await? {
            tracing::warn!(%error, "the spool stays until the next cycle");
        }
        Ok(Some(report))
    }

    /// Whether a person wants held tables to be scanned.
    fn is_forced(&self) -> Result<bool, AgentError> {
        Ok(self.options.allow_shrink && !self.state.held()?.is_empty())
    }

    /// Scans the tables that may have changed, spools what neither log nor store has, and plans.
    async fn prepare(
        &mut self,
        moved: &Moved,
        last: &LastCycle,
        session: &WriterSession,
    ) -> Result<(Prepared, Spooled), AgentError> {
        let preparation = Preparation {
            config: self.agent.config(),
            catalog: &session.catalog,
            last,
            moved,
            allow_shrink: self.options.allow_shrink,
            progress: self.progress,
        };
        let there = noted_uploads(self.agent, self.state, clock::now())?;
        let prepare = |take| preparation.run(take);
        spooled(self.agent, there, named(&session.catalog), prepare).await
    }

    /// Pushes the plan; `None` where there is nothing to push.
    async fn push(
        &mut self,
        session: &mut WriterSession,
        plan: &Plan,
        spooled: &Spooled,
    ) -> Result<Option<Pushed>, AgentError> {
        if plan.is_empty() && !session.announces_writer() {
            return Ok(None);
        }
        let pushed = push_spooled(
            self.agent,
            self.state,
            session,
            plan,
            spooled,
            self.progress,
        );
        pushed.await.map(Some)
    }
}

/// The objects that a log names.
fn named(catalog: &Catalog) -> BTreeSet<ObjectId> {
    let partitions = catalog.partitions.iter();
    partitions
        .map(|((table, part), entry)| (table.clone(), *part, entry.object.md5))
        .collect()
}

/// Runs a scan, and spools what neither log nor store has; `there` are the objects that were sent before.
async fn spooled<P>(
    agent: &Agent,
    there: BTreeMap<ObjectId, u64>,
    log: BTreeSet<ObjectId>,
    prepare: impl FnOnce(TakePart) -> P,
) -> Result<(Prepared, Spooled), AgentError>
where
    P: Future<Output = Result<Prepared, AgentError>>,
{
    let state_dir = agent.config().state_dir.clone();
    // A killed migration may have left thousands of files.
    let spool = blocking(move || Spool::swept(&state_dir)).await??;
    let (sender, thread) = spool.start()?;
    let sent: BTreeSet<ObjectId> = there.keys().cloned().collect();
    let take = Box::new(move |object, csv| {
        if log.contains(&object) || sent.contains(&object) {
            return Ok(());
        }
        sender.add(object, csv).map_err(Stop::from)
    });
    let prepared = prepare(take).await;
    // Where the spool failed, the scan only stopped because of it.
    let objects = blocking(|| thread.finish()).await??;
    let spooled = Spooled {
        spool,
        objects,
        there,
    };
    Ok((prepared?, spooled))
}

/// Pushes a plan whose objects are spooled.
async fn push_spooled(
    agent: &Agent,
    state: &mut AgentState,
    session: &mut WriterSession,
    plan: &Plan,
    spooled: &Spooled,
    progress: &Arc<dyn Progress>,
) -> Result<Pushed, AgentError> {
    if !session.is_current(agent, clock::now()).await? {
        return Ok(Pushed::Behind);
    }
    check_before_first_write(agent, state, &mut session.writer).await?;
    let objects = PlannedObjects {
        to_send: objects_to_send(plan, &spooled.spool, &spooled.objects),
        there: spooled.there.clone(),
    };
    push(agent, state, session, plan, objects, progress).await
}

/// What the scan left on disk for the push, with its sizes in bytes.
struct Spooled {
    spool: Spool,
    objects: BTreeMap<ObjectId, u64>,
    /// The objects that the scan did not spool, since an earlier cycle sent them.
    there: BTreeMap<ObjectId, u64>,
}

#[cfg(test)]
mod tests;
