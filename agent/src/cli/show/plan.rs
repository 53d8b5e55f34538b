//! What a cycle would do: a line per table, the partitions where they are asked for, and why rows
//! would be refused.

use std::fmt::Write as _;

use causeway_shared::ids::Name;
use causeway_shared::runtime::program::count;

use super::{absent, held, lines, missing, passed_over, since_before, size};
use crate::cycle::preview::{PlanLine, PlanReport, TablePlan};

/// Most kinds of refused rows that are shown of one table.
const MAX_KINDS: usize = 3;

/// What a cycle would do; each partition too, if so.
pub(in crate::cli) fn plan(report: &PlanReport, partitions: bool) -> String {
    let changes = report.changes.len() as u64;
    let mut text = match changes {
        0 if report.dataset_changed => format!("{}: no partition would change\n", report.site),
        0 => format!("{}: nothing to push\n", report.site),
        _ => {
            let bytes: u64 = report.tables.values().map(|table| table.bytes).sum();
            format!(
                "{}: {} would change, {} to send before compression\n",
                report.site,
                count(changes, "partition"),
                size(bytes)
            )
        }
    };
    for (name, table) in &report.tables {
        table_line(&mut text, name, table);
        if partitions {
            let of_it = report.changes.iter().filter(|line| line.table == *name);
            for line in of_it {
                let _ = writeln!(text, "    {}", partition(line));
            }
        }
    }
    if report.dataset_changed {
        text.push_str("the dataset has changed, which a commit would say\n");
    }
    missing(&mut text, &report.missing);
    passed_over(&mut text, &report.passed_over);
    held(&mut text, &report.held);
    refused(&mut text, report);
    lines(&mut text, report.dangling.iter());
    lines(&mut text, report.notes.iter());
    absent(&mut text, &report.absent);
    text
}

fn table_line(text: &mut String, name: &Name, table: &TablePlan) {
    let _ = write!(
        text,
        "  {name}: {} in {}",
        count(table.rows, "row"),
        count(table.partitions, "partition")
    );
    if table.was_rows > 0 {
        let _ = write!(text, " (was {})", count(table.was_rows, "row"));
    }
    let parts = [
        (table.new, "new"),
        (table.changed, "changed"),
        (table.gone, "gone"),
    ];
    for (partitions, what) in parts.into_iter().filter(|(partitions, _)| *partitions > 0) {
        let _ = write!(text, ", {partitions} {what}");
    }
    if table.bytes > 0 {
        let _ = write!(text, ", {}", size(table.bytes));
    }
    if table.refused > 0 {
        let _ = write!(text, ", {} refused", count(table.refused, "row"));
    }
    text.push('\n');
}

fn partition(line: &PlanLine) -> String {
    match line.md5 {
        Some(_) => format!(
            "{}: {} → {}",
            line.part,
            line.was_rows,
            count(line.rows, "row")
        ),
        None => format!("{}: gone", line.part),
    }
}

fn refused(text: &mut String, report: &PlanReport) {
    if report.quarantined == 0 {
        return;
    }
    let grows = report.quarantine_grows;
    let _ = writeln!(
        text,
        "{} {}{}:",
        count(report.quarantined, "row"),
        if grows {
            "would be refused"
        } else {
            "in quarantine"
        },
        since_before(grows, report.quarantined, report.was_quarantined)
    );
    for (name, table) in &report.tables {
        let listed: u64 = table.reasons.iter().map(|kind| kind.rows).sum();
        for kind in table.reasons.iter().take(MAX_KINDS) {
            let column = kind.column.as_deref();
            let column = column.map_or(String::new(), |column| format!(".{column}"));
            // Of more rows than are listed, those before them may be of this kind too.
            let first = match kind.rows {
                1 => "",
                _ if table.refused > listed => "such as ",
                _ => "the first: ",
            };
            let _ = writeln!(
                text,
                "  {name}{column}: {}, {first}{}, {}: {}",
                count(kind.rows, "row"),
                kind.source,
                kind.place,
                kind.reason
            );
        }
        let more = table.reasons.iter().skip(MAX_KINDS);
        let rows: u64 = more.map(|kind| kind.rows).sum();
        if rows > 0 {
            let _ = writeln!(text, "  {name}: {} for other reasons", count(rows, "row"));
        }
        if table.refused > listed {
            let more = count(table.refused - listed, "row");
            let _ = match listed {
                0 => writeln!(text, "  {name}: {more}, none of which had room in the list"),
                _ => writeln!(text, "  {name}: {more} more, before the last {listed}"),
            };
        }
    }
    text.push_str(match report.quarantine_grows {
        true => "after a `sync` or `migrate`, `causeway-agent quarantine` lists them\n",
        false => "`causeway-agent quarantine` lists them\n",
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use causeway_shared::ids::{Md5, Part, SiteName};

    use super::*;
    use crate::state::refused_kinds::RefusedKind;

    fn report() -> PlanReport {
        let appointment = Name::new("appointment").unwrap();
        let line = |part: &str, md5: Option<Md5>, rows| PlanLine {
            table: appointment.clone(),
            part: Part::new(part).unwrap(),
            md5,
            rows,
            was_rows: 2,
        };
        let kind = |rows, column: &str| RefusedKind {
            rows,
            column: Some(column.into()),
            reason: "\"x\" is not a value of type int".into(),
            source: "csv/a.csv".into(),
            place: "line 7".into(),
        };
        let table = TablePlan {
            partitions: 1,
            rows: 3,
            was_rows: 4,
            bytes: 2_048,
            changed: 1,
            gone: 1,
            refused: 1_009,
            reasons: vec![
                kind(990, "duration"),
                kind(7, "time"),
                kind(2, "date"),
                kind(1, "status"),
            ],
            ..TablePlan::default()
        };
        PlanReport {
            site: SiteName::new("hcm-01").unwrap(),
            changes: vec![
                line("dt=2025-01-01", Some(Md5::of(b"")), 3),
                line("dt=2025-01-02", None, 0),
            ],
            tables: BTreeMap::from([(appointment, table)]),
            quarantined: 1_009,
            was_quarantined: 7,
            quarantine_grows: true,
            dangling: vec![],
            held: vec![],
            missing: vec![],
            passed_over: vec![
                "x.csv of csv is passed over: it is a folder, not a file; move it away".into(),
            ],
            absent: vec![],
            dataset_changed: true,
            notes: vec!["Settings of site.db is not in the dataset and is left alone".into()],
        }
    }

    #[test]
    fn a_line_per_table_and_why_rows_are_refused() {
        insta::assert_snapshot!(plan(&report(), false), @r#"
        hcm-01: 2 partitions would change, 2 KiB to send before compression
          appointment: 3 rows in 1 partition (was 4 rows), 1 changed, 1 gone, 2 KiB, 1009 rows refused
        the dataset has changed, which a commit would say
        x.csv of csv is passed over: it is a folder, not a file; move it away
        1009 rows would be refused, not all there before:
          appointment.duration: 990 rows, such as csv/a.csv, line 7: "x" is not a value of type int
          appointment.time: 7 rows, such as csv/a.csv, line 7: "x" is not a value of type int
          appointment.date: 2 rows, such as csv/a.csv, line 7: "x" is not a value of type int
          appointment: 1 row for other reasons
          appointment: 9 rows more, before the last 1000
        after a `sync` or `migrate`, `causeway-agent quarantine` lists them
          Settings of site.db is not in the dataset and is left alone
        "#);
    }

    #[test]
    fn partitions_where_they_are_asked_for() {
        let text = plan(&report(), true);
        let shown: Vec<&str> = text.lines().take(4).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
    hcm-01: 2 partitions would change, 2 KiB to send before compression
      appointment: 3 rows in 1 partition (was 4 rows), 1 changed, 1 gone, 2 KiB, 1009 rows refused
        dt=2025-01-01: 2 → 3 rows
        dt=2025-01-02: gone
    ");
    }

    #[test]
    fn the_json_of_a_change_is_the_contracts() {
        insta::assert_snapshot!(serde_json::to_string(&report().changes[0]).unwrap(), @r#"{"table":"appointment","part":"dt=2025-01-01","md5":"d41d8cd98f00b204e9800998ecf8427e","rows":3,"was_rows":2}"#);
    }
}
