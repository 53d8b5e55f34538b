//! What a cycle did: the JSON of `sync` and `migrate`, and how the program ends.

use std::time::Duration;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::store::RequestCounts;
use serde::{Deserialize, Serialize};

use crate::error::Exit;
use crate::plan::guard::HeldTable;
use crate::scan::DanglingReference;
use crate::source::gate::SourceFile;

/// What a cycle did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CycleReport {
    /// The site.
    pub site: SiteName,
    /// The commit it wrote; `None` when nothing changed.
    pub commit: Option<Seq>,
    /// The writer's epoch.
    pub epoch: u64,
    /// Partitions.
    pub partitions: PartitionCounts,
    /// Rows.
    pub rows: RowCounts,
    /// Bytes of objects sent.
    pub bytes_sent: u64,
    /// Requests sent to the store.
    pub requests: RequestCounts,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Tables held back, by this cycle or still.
    pub held: Vec<HeldTable>,
    /// Configured files and folders that are not there.
    pub missing: Vec<SourceFile>,
    /// Files that could not be looked at though they are named as tables are, and why.
    pub passed_over: Vec<String>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
    /// References to rows that are not there, of the tables scanned and of the others still.
    pub dangling: Vec<DanglingReference>,
    /// What sources and dataset do not have in common, and no earlier cycle reported.
    pub notes: Vec<String>,
    /// Objects that were read back and found whole; only `migrate` does so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<u64>,
    /// How long the scan took; `None` where nothing had moved.
    #[serde(skip)]
    pub scan_took: Option<Duration>,
    /// Rows in quarantine, of all tables, scanned or not.
    pub in_quarantine: u64,
    /// How many there were before this cycle.
    pub was_in_quarantine: u64,
    /// How soon to look again at a source that was just written to, and may be half written.
    #[serde(skip)]
    pub look_again: Option<Duration>,
    /// Whether this cycle put new rows into quarantine.
    pub quarantine_grew: bool,
}

/// Partitions of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartitionCounts {
    /// Partitions that the scan produced.
    pub scanned: u64,
    /// Partitions that the commit wrote.
    pub changed: u64,
    /// Partitions that the commit removed.
    pub removed: u64,
}

/// Rows of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows that this cycle read from the sources.
    pub scanned: u64,
    /// Rows of the scanned tables that are in quarantine.
    pub quarantined: u64,
}

/// How a program ends that found these tables held back, and perhaps something else that a person
/// should look at.
pub(crate) fn exit_of(needs_person: bool, held: &[HeldTable]) -> Exit {
    if needs_person || held.iter().any(HeldTable::needs_person) {
        Exit::Look
    } else if held.iter().any(HeldTable::is_not_ready) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

impl CycleReport {
    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let is_unseen = !self.missing.is_empty() || !self.passed_over.is_empty();
        exit_of(self.quarantine_grew || is_unseen, &self.held)
    }

    /// Logs what a person should know: tables held back, rows refused, references that dangle.
    pub fn log_what_to_look_at(&self) {
        for notice in self.notices() {
            notice.log(&self.site);
        }
        self.log_refusals();
    }

    /// Logs that this cycle put rows into quarantine, if it did.
    pub fn log_refusals(&self) {
        if self.quarantine_grew {
            tracing::warn!(
                site = %self.site, quarantined = self.rows.quarantined,
                "rows were refused; `causeway-agent quarantine` lists them"
            );
        }
    }

    /// What a person should know, and stays so until somebody does something about it.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let held = self.held.iter().map(|held| Notice {
            urgency: Urgency::Look,
            text: held.to_string(),
            remedy: Some(held.remedy().to_owned()),
        });
        let missing = self.missing.iter().map(|place| Notice {
            urgency: Urgency::Look,
            text: format!("source {place} is not there; check its path"),
            remedy: None,
        });
        let dangling = self.dangling.iter().map(|dangling| Notice {
            urgency: Urgency::Know,
            text: dangling.to_string(),
            remedy: None,
        });
        let passed_over = self.passed_over.iter().map(|file| Notice {
            urgency: Urgency::Look,
            text: file.clone(),
            remedy: None,
        });
        held.chain(missing)
            .chain(passed_over)
            .chain(dangling)
            .collect()
    }
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// How much it matters.
    pub urgency: Urgency,
    /// What it is.
    pub text: String,
    /// What to do, where the text does not say it.
    pub remedy: Option<String>,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A person should look.
    Look,
    /// A person may want to know.
    Know,
}

impl Notice {
    /// Logs it.
    pub fn log(&self, site: &SiteName) {
        match self.urgency {
            Urgency::Look => tracing::warn!(%site, remedy = self.remedy, "{}", self.text),
            Urgency::Know => tracing::info!(%site, "{}", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::guard::Reason;
    use crate::source::Unreadable;

    fn exit(reasons: Vec<Reason>) -> Exit {
        let table = Name::new("t").unwrap();
        let held = |reason| HeldTable::new(table.clone(), reason);
        let report = CycleReport {
            site: SiteName::new("a").unwrap(),
            commit: None,
            epoch: 1,
            partitions: PartitionCounts::default(),
            rows: RowCounts::default(),
            bytes_sent: 0,
            requests: RequestCounts::default(),
            seconds: 0.0,
            missing: vec![],
            passed_over: vec![],
            held: reasons.into_iter().map(held).collect(),
            absent: vec![],
            dangling: vec![],
            notes: Vec::new(),
            look_again: None,
            verified: None,
            scan_took: None,
            in_quarantine: 9,
            was_in_quarantine: 9,
            quarantine_grew: false,
        };
        report.exit()
    }

    #[test]
    fn what_a_person_has_to_look_at_outweighs_what_the_next_cycle_settles() {
        let not_ready = || {
            let why = "locked".into();
            Reason::Unreadable(Unreadable::NotReady { why })
        };
        let shrunk = || Reason::Shrunk { was: 100, now: 0 };
        assert_eq!(exit(vec![]), Exit::Done);
        assert_eq!(exit(vec![not_ready()]), Exit::Failed);
        assert_eq!(exit(vec![shrunk()]), Exit::Look);
        assert_eq!(exit(vec![not_ready(), shrunk()]), Exit::Look);
    }
}
