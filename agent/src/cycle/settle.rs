//! The end of a cycle: what the state keeps of it, and what is reported.

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Name;
use causeway_shared::runtime::clock;

use super::attempt::Attempt;
use super::prepare::{LastCycle, SiteScan, refuses_more};
use super::report::{CycleReport, PartitionCounts, RowCounts};
use crate::error::AgentError;
use crate::plan::Plan;
use crate::plan::guard::HeldTable;
use crate::push::Pushed;
use crate::push::quarantine::{self, QuarantineFiles};
use crate::push::session::WriterSession;
use crate::scan::DanglingReference;
use crate::source::gate::{FileFingerprint, SourceFingerprints};
use crate::source::{FRESH, Unreadable};
use crate::state::{CompletedCycle, CycleOutcome, Findings, Notes, PresentColumns};

/// What a cycle did.
pub(super) struct CycleResults {
    /// The sources' fingerprints at its start.
    pub(super) fingerprints: SourceFingerprints,
    pub(super) session: WriterSession,
    pub(super) last: LastCycle,
    /// What earlier cycles noted of what sources and dataset do not have in common.
    pub(super) known_notes: Notes,
    pub(super) plan: Plan,
    pub(super) pushed: Option<Pushed>,
}

impl Attempt<'_> {
    /// Saves what the cycle did, and reports it.
    pub(super) async fn settle(
        &mut self,
        scan: &SiteScan,
        results: CycleResults,
    ) -> Result<CycleReport, AgentError> {
        let CycleResults {
            mut fingerprints,
            session,
            last,
            known_notes,
            plan,
            pushed,
        } = results;
        let (changes, removed) = (plan.changes.len() as u64, plan.removed() as u64);
        let (commit, bytes_sent) = match pushed {
            Some(Pushed::Committed { commit, bytes_sent }) => (Some(commit), bytes_sent),
            _ => (None, 0),
        };
        if let Some(commit) = &commit {
            let mut catalog = session.catalog;
            catalog.apply(commit);
            self.agent.log().write_due_checkpoint(&catalog).await;
        }
        let missing = fingerprints.absent();
        let is_fresh = |file: &FileFingerprint| file.is_younger_than(FRESH, scan.began);
        let mut unread = scan.unread.iter();
        let is_any_fresh = unread.any(|file| fingerprints.files.get(file).is_some_and(is_fresh));
        fingerprints
            .files
            .retain(|file, _| !scan.unread.contains(file));
        self.forget_missing(&mut fingerprints, scan, &last);
        let scanned = scan.findings(&self.agent.config().dataset);
        let quarantine_grew = refuses_more(&scanned, &last);
        let was_in_quarantine = last.in_quarantine();
        let findings = findings_after(scanned, &last.findings, &plan.held);
        let undeclared = self.undeclared(&last.findings);
        let columns = self.columns_after(scan, &last, &plan.held);
        let held = self.held_after(scan, last.held, plan.held);
        let files = QuarantineFiles::of(&findings);
        let quarantine_is_due = quarantine::is_due(self.state, &findings, &files, &undeclared)?;
        let new_notes = new_notes(&scan.notes, &known_notes);
        let mut notes = known_notes;
        notes.extend(scan.notes.clone());
        self.state.settle(&CompletedCycle {
            writer: &session.writer,
            commit: commit.as_deref(),
            fingerprints: &fingerprints,
            findings: &findings,
            columns: &columns,
            notes: &notes,
            passed_over: &scan.passed_over,
            undeclared: &undeclared,
            held: &held,
            quarantine_is_due,
            cycle: &CycleOutcome {
                at: clock::now(),
                error: None,
            },
        })?;
        new_notes.iter().for_each(|note| tracing::info!("{note}"));
        quarantine::publish(self.agent, self.state, files).await;
        let seq = commit.as_ref().map(|commit| commit.head.seq);
        let committed = if seq.is_some() { changes } else { 0 };
        Ok(CycleReport {
            commit: seq,
            partitions: PartitionCounts {
                scanned: scan.partitions(),
                changed: committed.saturating_sub(removed),
                removed,
            },
            rows: RowCounts {
                scanned: scan.rows_read(),
                quarantined: scan.quarantined(),
            },
            bytes_sent,
            absent: plan.absent,
            passed_over: scan.passed_over.clone(),
            dangling: dangling(&all_findings(
                &self.agent.config().dataset,
                last.findings,
                findings,
            )),
            notes: new_notes,
            look_again: is_any_fresh.then(|| FRESH.unsigned_abs()),
            scan_took: Some(scan.took),
            quarantine_grew,
            was_in_quarantine,
            ..self.report(session.writer.epoch, held, missing)?
        })
    }

    /// Forgets the fingerprint of a CSV file that was there when the cycle looked and gone when it
    /// read, since the file may come back as it was.
    fn forget_missing(
        &self,
        fingerprints: &mut SourceFingerprints,
        scan: &SiteScan,
        last: &LastCycle,
    ) {
        let before = last.files(&self.agent.config().dataset);
        let missing = scan
            .tables
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Err(Unreadable::Missing { .. })));
        for file in missing.filter_map(|(table, _)| before.get(table)) {
            // A SQLite file that lacks the table was read; its fingerprint moves when it changes.
            if matches!(
                fingerprints.files.get(file),
                Some(FileFingerprint::Csv { .. })
            ) {
                fingerprints.files.remove(file);
            }
        }
    }

    /// The tables held back now: those of this plan, and earlier ones that were not scanned.
    fn held_after(
        &self,
        scan: &SiteScan,
        mut held: Vec<HeldTable>,
        planned: Vec<HeldTable>,
    ) -> Vec<HeldTable> {
        let tables = &self.agent.config().dataset.tables;
        // Every plan judges the tables that the dataset does not declare.
        let looked_at = |held: &HeldTable| match tables.id(held.table.as_str()) {
            Some(table) => scan.tables.contains_key(&table),
            None => true,
        };
        let now = clock::now();
        let planned: Vec<HeldTable> = planned
            .into_iter()
            .map(|planned| planned.after(&held, now))
            .collect();
        held.retain(|held| !looked_at(held));
        held.extend(planned);
        held
    }

    /// The columns of the tables as their rows were committed: of one that is held back, those that
    /// it had.
    fn columns_after(
        &self,
        scan: &SiteScan,
        last: &LastCycle,
        held: &[HeldTable],
    ) -> PresentColumns {
        let tables = &self.agent.config().dataset.tables;
        let mut columns = last.columns.clone();
        for (id, scanned) in scan.read() {
            let table = &tables[id].name;
            if held.iter().all(|held| held.table != *table) {
                columns.insert(table.clone(), scanned.columns.clone());
            }
        }
        columns
    }

    /// Tables that the state knows findings of, and that the dataset no longer declares.
    fn undeclared(&self, before: &Findings) -> Vec<Name> {
        let dataset = &self.agent.config().dataset;
        let is_undeclared = |table: &&Name| dataset.table(table.as_str()).is_none();
        before.keys().filter(is_undeclared).cloned().collect()
    }
}

/// The notes that no earlier cycle made.
fn new_notes(notes: &Notes, known: &Notes) -> Vec<String> {
    let is_new = |subject: &String, note: &String| {
        let known = known.get(subject);
        known.is_none_or(|known| !known.contains(note))
    };
    let new = notes.iter().flat_map(|(subject, notes)| {
        let new = notes.iter().filter(move |note| is_new(subject, note));
        new.cloned()
    });
    new.collect()
}

/// What is known of all tables: of those scanned, and of the other declared ones still.
pub(super) fn all_findings(dataset: &Dataset, before: Findings, now: Findings) -> Findings {
    let mut all = before;
    all.retain(|table, _| dataset.table(table.as_str()).is_some());
    all.extend(now);
    all
}

/// The references that dangle.
pub(super) fn dangling(all: &Findings) -> Vec<DanglingReference> {
    let dangling = all.values().flat_map(|found| &found.dangling);
    dangling.cloned().collect()
}

/// What was found of the tables scanned. References to a table that was not scanned were not
/// judged again, and neither were the rows of a table that is missing and held back: they stay in the
/// log, and the refused ones in quarantine.
pub(super) fn findings_after(scanned: Findings, before: &Findings, held: &[HeldTable]) -> Findings {
    let mut findings = scanned.clone();
    for (table, found) in &mut findings {
        let Some(before) = before.get(table) else {
            continue;
        };
        if held.iter().any(|held| held.is_unjudged(table)) {
            found.refused = before.refused.clone();
        }
        let known = before.dangling.iter();
        let not_judged = known.filter(|known| !scanned.contains_key(&known.target));
        found.dangling.extend(not_judged.cloned());
        found.date_by(before);
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use causeway_shared::dataset::TableId;

    use crate::cycle::attempt::{CycleStart, SyncOptions};
    use crate::cycle::look::look;
    use crate::progress::{Progress, Silent};
    use crate::testing::Site;

    /// MeetAssist's position of consultants.
    const CONSULTANT: TableId = TableId(1);

    #[tokio::test]
    async fn a_file_that_goes_while_the_cycle_reads_is_looked_at_again() {
        let site = Site::new();
        site.sync().await;
        let agent = site.agent();
        let progress: Arc<dyn Progress> = Arc::new(Silent);
        let mut fingerprints = look(&agent, None, &progress).await.unwrap();
        let gone = Unreadable::Missing {
            why: String::new(),
            remedy: String::new(),
        };
        let scan = SiteScan {
            tables: [(CONSULTANT, Err(gone))].into(),
            ..SiteScan::default()
        };
        let attempt = Attempt {
            agent: &agent,
            state: &mut agent.state().unwrap(),
            options: SyncOptions::default(),
            progress: &progress,
            start: CycleStart {
                at: Instant::now(),
                requests: agent.store().requests(),
            },
        };
        let last = LastCycle::read(attempt.state).unwrap();
        attempt.forget_missing(&mut fingerprints, &scan, &last);
        let left: Vec<_> = fingerprints.files.keys().collect();
        assert_eq!(left, ["csv/appointment.csv"]);
    }
}
