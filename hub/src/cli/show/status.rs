//! How things stand.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use causeway_shared::runtime::program::count;
use jiff::civil::Date;

use super::MAX_LINES;
use crate::control::{DatabaseState, SleepState};
use crate::sync::{SiteStatus, StatusReport};

pub(in crate::cli) fn status(report: &StatusReport) -> String {
    let window = report.window.0;
    let mut text = format!("store     {}\ndatabase  {}", report.store, report.database);
    text += &report.sleep.map(sleep).unwrap_or_default();
    text.push('\n');
    // The window of a past state was around its own day.
    if !report.past {
        let _ = writeln!(text, "window    {} to {}", window.from(), window.to());
    }
    if !report.pinned.is_empty() {
        let _ = writeln!(text, "pinned    {}", dates(&report.pinned));
    }
    if report.past {
        text += "\na past state: each site as it was at its commit below; it takes no changes and does not move on\n";
    }
    if let Some(problem) = &report.store_error {
        let verb = if problem.retryable { "asked" } else { "used" };
        let _ = writeln!(text, "\nthe store cannot be {verb}: {}", problem.text);
    }
    match (report.sites.is_empty(), &report.store_error) {
        (true, None) => {
            text += "\nno site has committed anything to this store; run `causeway-agent migrate` at one\n";
        }
        (true, Some(_)) => text += "\nno site is loaded\n",
        (false, _) => {}
    }
    report.sites.iter().for_each(|of| site(&mut text, of));
    text
}

/// Whether the database sleeps, behind its name.
fn sleep(of: DatabaseState) -> String {
    let since = of.since.map(|at| format!(" since {at}"));
    let since = since.unwrap_or_default();
    match of.database {
        SleepState::Awake => String::new(),
        SleepState::Asleep => format!(", asleep{since}; `causeway-hub wake` wakes it"),
        SleepState::Waking => format!(", being woken{since}"),
    }
}

fn site(text: &mut String, of: &SiteStatus) {
    let _ = match of.commit {
        Some(seq) => write!(text, "\n{}: commit {seq}", of.site),
        None => write!(text, "\n{}: never loaded", of.site),
    };
    if let Some(at) = of.committed_at {
        let _ = write!(text, " of {at}");
    }
    if let Some(at) = of.loaded_at {
        let _ = write!(text, ", loaded {at}");
    }
    if let Some(at) = of.as_of {
        let _ = write!(text, ", as it was at {at}");
    }
    let _ = writeln!(
        text,
        "\n  {} of {} and {} of {} loaded",
        of.partitions.loaded,
        count(of.partitions.known, "partition"),
        of.rows.loaded,
        count(of.rows.known, "row"),
    );
    let is_short = of.partitions.loaded < of.partitions.known;
    let _ = match of.behind {
        _ if of.as_of.is_some() && is_short => writeln!(
            text,
            "  the others lie on dates outside the window of that day; `causeway-hub load --as-of … --into … --date \
             DATE`, with the same time or commit, brings one of them"
        ),
        _ if of.as_of.is_some() => Ok(()),
        Some(0) if of.last_error.is_none() && is_short => {
            writeln!(
                text,
                "  the others lie on dates outside the window; `causeway-hub load --from DATE --to \
                 DATE` brings up to window.on_demand_days of them"
            )
        }
        Some(0) => Ok(()),
        Some(behind) => writeln!(
            text,
            "  {} behind the log{}",
            count(behind, "commit"),
            match of.last_error {
                Some(_) => "",
                None => "; `causeway-hub load` catches up, as `serve` does by itself",
            }
        ),
        None => writeln!(
            text,
            "  how far it is behind the log is unknown{}",
            of.log_error
                .as_ref()
                .map_or_else(String::new, |problem| format!(": {}", problem.text)),
        ),
    };
    if !of.asked.is_empty() {
        let _ = writeln!(text, "  asked for: {}", dates(&of.asked));
    }
    edits(text, of);
    for (table, rows) in of.quarantined.iter().flatten() {
        let _ = match rows {
            Some(rows) => writeln!(text, "  {} of {table} in quarantine", count(*rows, "row")),
            None => writeln!(
                text,
                "  the list of {table}'s rows in quarantine is damaged"
            ),
        };
    }
    if let Some(error) = &of.last_error {
        let _ = writeln!(text, "  the last load failed: {error}");
    }
}

/// Dates, the first of them by name.
fn dates(dates: &BTreeSet<Date>) -> String {
    let shown = dates.iter().take(MAX_LINES).map(Date::to_string);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match dates.len().saturating_sub(MAX_LINES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How the edits of a site stand, where a database owns them.
fn edits(text: &mut String, of: &SiteStatus) {
    let Some(at) = of.edits_commit else { return };
    // The first commit says who owns them, and no more.
    let _ = match of.has_edits {
        true => write!(text, "  edits at commit {at}"),
        false => write!(text, "  no edits"),
    };
    if of.edits_waiting > 0 {
        let _ = write!(text, ", {} not flushed", count(of.edits_waiting, "change"));
    }
    if of.conflicts > 0 {
        let _ = write!(text, ", {}", count(of.conflicts, "conflict"));
    }
    match of.owner.as_ref().filter(|_| of.read_only) {
        None => {}
        Some(_) if of.is_owner => {
            let after = "after a `causeway-hub load` with `[edits] write = true`";
            let _ = write!(text, "; this database owns them, and takes changes {after}");
        }
        Some(owner) => {
            let _ = write!(
                text,
                "; this database is read-only, the database {} at {} owns them",
                owner.id, owner.address
            );
        }
    }
    text.push('\n');
}
