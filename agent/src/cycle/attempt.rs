//! One try to run a cycle, as [`cycle`](super) and [`settle`](super::settle) share it.

use std::sync::Arc;
use std::time::Instant;

use causeway_shared::store::RequestCounts;

use super::report::{CycleReport, PartitionCounts, RowCounts};
use crate::agent::Agent;
use crate::error::AgentError;
use crate::plan::guard::HeldTable;
use crate::progress::Progress;
use crate::source::gate::SourceFile;
use crate::state::AgentState;

/// What a person allows a cycle to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncOptions {
    /// Replace another host's writer.
    pub take_over: bool,
    /// Accept that a table loses a large part of its rows.
    pub allow_shrink: bool,
    /// Ask the log whether it went on without this state, as after a start.
    pub ask_log: bool,
}

/// When a cycle started, and the requests sent before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CycleStart {
    pub(super) at: Instant,
    pub(super) requests: RequestCounts,
}

/// One try to run a cycle. The log may move on meanwhile, and then another one begins.
pub(super) struct Attempt<'c> {
    pub(super) agent: &'c Agent,
    pub(super) state: &'c mut AgentState,
    pub(super) options: SyncOptions,
    pub(super) progress: &'c Arc<dyn Progress>,
    pub(super) start: CycleStart,
}

impl Attempt<'_> {
    /// The report of a cycle that found nothing to do.
    pub(super) fn report(
        &self,
        epoch: u64,
        held: Vec<HeldTable>,
        missing: Vec<SourceFile>,
    ) -> Result<CycleReport, AgentError> {
        let in_quarantine = self.state.quarantined()?;
        Ok(CycleReport {
            site: self.agent.config().site.clone(),
            commit: None,
            epoch,
            partitions: PartitionCounts::default(),
            rows: RowCounts::default(),
            bytes_sent: 0,
            requests: self.agent.store().requests().since(&self.start.requests),
            seconds: self.start.at.elapsed().as_secs_f64(),
            held,
            missing,
            passed_over: self.state.passed_over()?,
            absent: Vec::new(),
            dangling: Vec::new(),
            notes: Vec::new(),
            look_again: None,
            verified: None,
            scan_took: None,
            in_quarantine,
            was_in_quarantine: in_quarantine,
            quarantine_grew: false,
        })
    }
}
