//! Answers for people: short, the most important line first, each trouble with its remedy.

mod plan;

use std::fmt::Write as _;

use causeway_shared::runtime::program::{count, size};

use crate::cycle::report::CycleReport;
use crate::plan::guard::HeldTable;
use crate::status::{ListedRow, QuarantineReport, Reach, StatusReport};
use crate::vacuum::VacuumReport;
use crate::verify::report::VerifyReport;

pub(super) use plan::plan;

/// Most lines of one kind.
const MAX_LINES: usize = 20;

/// What a cycle did.
pub(super) fn cycle(report: &CycleReport) -> String {
    let mut text = match report.commit {
        Some(seq) if report.partitions.changed + report.partitions.removed == 0 => format!(
            "{}: commit {seq}: no row changed; it notes the dataset, and that this host writes the site, in epoch {}\n",
            report.site, report.epoch
        ),
        Some(seq) => format!(
            "{}: commit {seq}: {} written, {} removed, {} sent in {:.1} s\n",
            report.site,
            count(report.partitions.changed, "partition"),
            report.partitions.removed,
            size(report.bytes_sent),
            report.seconds,
        ),
        // What others wrote there meanwhile shows with the next change.
        None if report.requests.total() == 0 => {
            let why = match report.scan_took {
                Some(_) => "no row changed",
                None => "no source moved",
            };
            format!("{}: {why}; the store was not asked\n", report.site)
        }
        None => format!("{}: nothing to push\n", report.site),
    };
    if let Some(verified) = report.verified {
        let _ = writeln!(
            text,
            "{} read back, all as they were written",
            count(verified, "object")
        );
    }
    if report.scan_took.is_some() {
        let _ = writeln!(
            text,
            "{} in {} looked at",
            count(report.rows.scanned, "row"),
            count(report.partitions.scanned, "partition")
        );
    }
    missing(&mut text, &report.missing);
    passed_over(&mut text, &report.passed_over);
    held(&mut text, &report.held);
    if report.in_quarantine > 0 {
        let grew = report.quarantine_grew;
        let _ = writeln!(
            text,
            "{} in quarantine{}; `causeway-agent quarantine` lists them",
            count(report.in_quarantine, "row"),
            since_before(grew, report.in_quarantine, report.was_in_quarantine),
        );
    }
    lines(&mut text, report.dangling.iter());
    lines(&mut text, report.notes.iter());
    absent(&mut text, &report.absent);
    text
}

/// What differs.
pub(super) fn verify(report: &VerifyReport) -> String {
    let mut text = format!(
        "{}: {} compared, ",
        report.site,
        count(report.partitions, "partition")
    );
    match report.differences.len() as u64 {
        0 => text.push_str("no difference\n"),
        differences => {
            let _ = writeln!(text, "{}", count(differences, "difference"));
        }
    }
    lines(&mut text, report.differences.iter());
    if report
        .differences
        .iter()
        .any(|difference| !difference.repaired)
    {
        text.push_str(
            "`sync` sends what changed, `verify --repair` writes again what is damaged\n",
        );
    }
    absent(&mut text, &report.absent);
    text
}

/// What was deleted.
pub(super) fn vacuum(report: &VacuumReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{}: {}, {} and {} {would}deleted, {}\n",
        report.site,
        count(report.objects, "object"),
        count(report.checkpoints, "checkpoint"),
        count(report.datasets, "dataset"),
        size(report.bytes),
    );
    if let Some(seq) = report.retained_from {
        let _ = writeln!(text, "commit {seq} is the oldest that is still whole");
    }
    text
}

/// How the agent stands.
pub(super) fn status(report: &StatusReport) -> String {
    let quarantined = report.tables.values().map(|table| table.quarantined).sum();
    let mut text = match (report.commit, report.committed_at) {
        (Some(seq), Some(at)) => format!("{}: commit {seq} of {at}\n", report.site),
        _ => {
            let why = match (&report.last_error, report.held.as_slice(), quarantined) {
                (Some(_), _, _) => ", since the last cycle failed",
                (None, [_, ..], _) => ", since tables are held back",
                (None, [], 1..) => ", since every row that was read is in quarantine",
                (None, [], 0) => " yet; run `causeway-agent migrate`",
            };
            format!("{}: nothing committed{why}\n", report.site)
        }
    };
    if let Some(fence) = &report.fenced_by {
        let _ = writeln!(
            text,
            "replaced by host {} (epoch {}, commit {} of {}); \
             `causeway-agent sync --take-over` takes it back",
            fence.host, fence.epoch, fence.seq, fence.at
        );
    }
    match report.pending.as_slice() {
        [] => text.push_str("no change waits\n"),
        places => {
            let _ = writeln!(text, "moved since: {}", places.join(", "));
        }
    }
    missing(&mut text, &report.missing);
    passed_over(&mut text, &report.passed_over);
    let known = report
        .tables
        .iter()
        .filter(|(_, table)| table.partitions + table.quarantined > 0);
    for (table, status) in known {
        let _ = match status.rows {
            0 => write!(text, "  {table}: no row committed"),
            rows => write!(
                text,
                "  {table}: {} in {}",
                count(rows, "row"),
                count(status.partitions, "partition")
            ),
        };
        if status.quarantined > 0 {
            let _ = write!(text, ", {} in quarantine", status.quarantined);
        }
        text.push('\n');
    }
    if quarantined > 0 {
        let _ = writeln!(
            text,
            "{} in quarantine; `causeway-agent quarantine` says why",
            count(quarantined, "row")
        );
    }
    let dangling = report.tables.values().flat_map(|table| &table.dangling);
    lines(&mut text, dangling.collect::<Vec<_>>().iter());
    for held in &report.held {
        let _ = writeln!(text, "{}\n  {}", held.held, held.remedy);
    }
    lines(&mut text, report.notes.iter());
    if let Some(last) = &report.last_error {
        let _ = writeln!(text, "last error, {}: {}", last.at, last.error);
    }
    reach(&mut text, "store", &report.store);
    if let Some(hub) = &report.hub {
        reach(&mut text, "hub", hub);
    }
    text
}

/// Refused rows.
pub(super) fn quarantine(report: &QuarantineReport) -> String {
    let mut text = match report.quarantined {
        0 => format!("{}: no row is in quarantine\n", report.site),
        rows => format!("{}: {} in quarantine\n", report.site, count(rows, "row")),
    };
    for ListedRow {
        table,
        refused: row,
    } in &report.rows
    {
        let column = row
            .column
            .as_deref()
            .map_or(String::new(), |column| format!(", {column}"));
        let _ = writeln!(
            text,
            "{}: {}, {}{column}: {}\n  {}",
            table,
            row.source,
            row.place,
            row.reason,
            // One line, whatever ends of lines its values have.
            row.row.replace('\n', "\\n")
        );
    }
    let unlisted = report.quarantined.saturating_sub(report.rows.len() as u64);
    if unlisted > 0 {
        let _ = writeln!(text, "and {unlisted} more");
    }
    text
}

/// Whether rows that are refused were so before; of the first ones there is nothing to compare with.
fn since_before(grew: bool, now: u64, before: u64) -> &'static str {
    match (grew, now) {
        (false, _) => ", as before",
        (true, _) if before == 0 => "",
        (true, 1) => ", not there before",
        (true, _) => ", not all there before",
    }
}

fn held(text: &mut String, held: &[HeldTable]) {
    for held in held {
        let _ = writeln!(text, "{held}\n  {}", held.remedy());
    }
}

fn missing(text: &mut String, places: &[String]) {
    for place in places {
        let _ = writeln!(text, "source {place} is not there; check its path");
    }
}

fn passed_over(text: &mut String, files: &[String]) {
    for file in files {
        let _ = writeln!(text, "{file}");
    }
}

fn absent(text: &mut String, absent: &[causeway_shared::ids::Name]) {
    if !absent.is_empty() {
        let names: Vec<&str> = absent
            .iter()
            .map(causeway_shared::ids::Name::as_str)
            .collect();
        let _ = writeln!(text, "no source has: {}", names.join(", "));
    }
}

fn reach(text: &mut String, what: &str, reach: &Reach) {
    let _ = match &reach.error {
        None => writeln!(text, "{what} {} answers", reach.url),
        Some(error) => writeln!(text, "{what} {} cannot be reached: {error}", reach.url),
    };
}

fn lines<T: std::fmt::Display>(text: &mut String, lines: impl ExactSizeIterator<Item = T>) {
    let total = lines.len();
    for line in lines.take(MAX_LINES) {
        let _ = writeln!(text, "  {line}");
    }
    if total > MAX_LINES {
        let _ = writeln!(text, "  and {} more (--json lists all)", total - MAX_LINES);
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::ids::{Name, Seq, SiteName};
    use causeway_shared::store::RequestCounts;

    use super::*;
    use crate::cycle::report::{PartitionCounts, RowCounts};
    use crate::plan::guard::Reason;
    use crate::status::TableStatus;

    fn report() -> CycleReport {
        CycleReport {
            site: SiteName::new("hcm-01").unwrap(),
            commit: Some(Seq(42)),
            epoch: 1,
            partitions: PartitionCounts {
                scanned: 900,
                changed: 1,
                removed: 2,
            },
            rows: RowCounts {
                scanned: 12_000,
                quarantined: 1,
            },
            bytes_sent: 1_572_864,
            requests: Default::default(),
            seconds: 1.23,
            missing: vec![],
            passed_over: vec![
                "x.csv of csv is passed over: it is a folder, not a file; move it away".into(),
            ],
            held: vec![HeldTable::new(
                Name::new("appointment").unwrap(),
                Reason::Shrunk { was: 900, now: 100 },
            )],
            absent: vec![Name::new("customer").unwrap()],
            dangling: vec![],
            notes: vec![
                "column x of table customer is not in the dataset and is left alone".into(),
            ],
            look_again: None,
            verified: None,
            scan_took: Some(Default::default()),
            in_quarantine: 1,
            was_in_quarantine: 2,
            quarantine_grew: true,
        }
    }

    #[test]
    fn a_cycle() {
        insta::assert_snapshot!(cycle(&report()), @r"
        hcm-01: commit 42: 1 partition written, 2 removed, 1.5 MiB sent in 1.2 s
        12000 rows in 900 partitions looked at
        x.csv of csv is passed over: it is a folder, not a file; move it away
        table appointment is held back: it would shrink from 900 rows to 100
          if the rows are meant to go, run `causeway-agent sync --allow-shrink`; else put them back (`causeway-agent quarantine` lists refused rows)
        1 row in quarantine, not there before; `causeway-agent quarantine` lists them
          column x of table customer is not in the dataset and is left alone
        no source has: customer
        ");
    }

    #[test]
    fn a_cycle_without_rows_says_what_was_done_all_the_same() {
        let first_line = |commit, list, scan_took| {
            let report = CycleReport {
                commit,
                scan_took,
                epoch: 3,
                partitions: PartitionCounts::default(),
                requests: RequestCounts {
                    list,
                    ..RequestCounts::default()
                },
                ..report()
            };
            cycle(&report).lines().next().map(str::to_owned)
        };
        let said = [
            first_line(Some(Seq(42)), 1, report().scan_took),
            first_line(None, 1, report().scan_took),
            first_line(None, 0, report().scan_took),
            first_line(None, 0, None),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        hcm-01: commit 42: no row changed; it notes the dataset, and that this host writes the site, in epoch 3
        hcm-01: nothing to push
        hcm-01: no row changed; the store was not asked
        hcm-01: no source moved; the store was not asked
        ");
    }

    #[test]
    fn the_json_of_a_cycle_is_the_contracts() {
        let quiet = CycleReport {
            held: vec![],
            absent: vec![],
            passed_over: vec![],
            notes: vec![],
            commit: None,
            ..report()
        };
        insta::assert_snapshot!(serde_json::to_string(&quiet).unwrap(), @r#"{"site":"hcm-01","commit":null,"epoch":1,"partitions":{"scanned":900,"changed":1,"removed":2},"rows":{"scanned":12000,"quarantined":1},"bytes_sent":1572864,"requests":{"put":0,"get":0,"head":0,"list":0,"delete":0},"seconds":1.23,"held":[],"missing":[],"passed_over":[],"absent":[],"dangling":[],"notes":[],"in_quarantine":1,"was_in_quarantine":2,"quarantine_grew":true}"#);
        insta::assert_snapshot!(serde_json::to_string(&report().held).unwrap(), @r#"[{"table":"appointment","reason":"shrunk","was":900,"now":100}]"#);
    }

    #[test]
    fn a_vacuum_and_its_json() {
        let report = VacuumReport {
            site: SiteName::new("hcm-01").unwrap(),
            dry_run: true,
            retained_from: Some(Seq(42)),
            objects: 3,
            bytes: 2_048,
            checkpoints: 1,
            datasets: 0,
            requests: Default::default(),
            seconds: 0.5,
        };
        insta::assert_snapshot!(vacuum(&report), @r"
        hcm-01: 3 objects, 1 checkpoint and 0 datasets would be deleted, 2 KiB
        commit 42 is the oldest that is still whole
        ");
        insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"site":"hcm-01","dry_run":true,"retained_from":42,"objects":3,"bytes":2048,"checkpoints":1,"datasets":0,"requests":{"put":0,"get":0,"head":0,"list":0,"delete":0},"seconds":0.5}"#);
    }

    #[test]
    fn a_status_before_the_first_commit_says_why_there_is_none() {
        let refused = TableStatus {
            quarantined: 3,
            ..TableStatus::default()
        };
        let mut report = StatusReport {
            site: SiteName::new("hcm-01").unwrap(),
            commit: None,
            committed_at: None,
            epoch: None,
            tables: [(Name::new("sale").unwrap(), refused)].into(),
            pending: vec![],
            missing: vec![],
            passed_over: vec![],
            notes: vec![],
            held: vec![],
            fenced_by: None,
            last_error: None,
            store: Reach {
                url: "file:///s".into(),
                error: None,
            },
            hub: None,
        };
        insta::assert_snapshot!(status(&report), @r"
    hcm-01: nothing committed, since every row that was read is in quarantine
    no change waits
      sale: no row committed, 3 in quarantine
    3 rows in quarantine; `causeway-agent quarantine` says why
    store file:///s answers
    ");
        report.tables.clear();
        let first = status(&report)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        insta::assert_snapshot!(first, @"hcm-01: nothing committed yet; run `causeway-agent migrate`");
    }
}
