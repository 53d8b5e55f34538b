//! Answers for people: short, the most important line first, each trouble with its remedy.

mod status;

use std::fmt::Write as _;

use causeway_shared::commit::{Owner, RowKey};
use causeway_shared::ids::Seq;
use causeway_shared::runtime::program::count;

use crate::auth::TokenRecord;
use crate::sync::{DateRange, FlushReport, LoadReport, NewConflict, SiteLoaded, SitePlan};
use crate::verify::VerifyReport;

pub(super) use status::status;

/// Most lines of one kind.
const MAX_LINES: usize = 20;

/// What a load did that was asked for some dates besides the window.
pub(super) fn load(report: &LoadReport, dates: &[DateRange]) -> String {
    let mut text = String::new();
    for site in &report.sites {
        if let Some(error) = &site.error {
            let last = commit(site.commit);
            let _ = writeln!(
                text,
                "{}: not loaded, {last} keeps serving\n  {error}",
                site.site
            );
            continue;
        }
        let (parts, rows) = (site.partitions, site.rows);
        let _ = match (parts.loaded, parts.evicted, rows.deleted) {
            (0, 0, 0) => writeln!(
                text,
                "{}: {}, {} loaded, nothing to do",
                site.site,
                commit(site.commit),
                count(parts.wanted, "partition"),
            ),
            _ => writeln!(
                text,
                "{}: {}, {} in and {} out, {} in and {} out; {} loaded",
                site.site,
                commit(site.commit),
                count(parts.loaded, "partition"),
                parts.evicted,
                count(rows.inserted, "row"),
                rows.deleted,
                count(parts.wanted, "partition"),
            ),
        };
        edits_of_load(&mut text, site);
    }
    if report.sites.is_empty() {
        text += "no site has committed anything yet\n";
    } else {
        let requests = count(report.requests.total(), "request");
        let _ = writeln!(text, "{requests}, {:.1} s", report.seconds);
        for range in dates {
            let dates = match range.days() {
                1 => format!("{} stays", range.from()),
                _ => format!("{} to {} stay", range.from(), range.to()),
            };
            let _ = writeln!(
                text,
                "{dates} until `[window] on_demand_days` dates were asked for after"
            );
        }
    }
    text
}

/// New conflicts, and who owns the edits where this database does not.
fn edits_of_load(text: &mut String, site: &SiteLoaded) {
    if let Some(owner) = &site.owner {
        let _ = writeln!(text, "  {}", read_only(owner));
    }
    if site.conflicts == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "  {} of the site's changes with the cloud's; the page /conflicts lists all that are open",
        count(site.conflicts, "new conflict"),
    );
    for conflict in &site.conflicting {
        let _ = writeln!(text, "    {}", new_conflict(conflict));
    }
    let more = site.conflicts.saturating_sub(site.conflicting.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "    and {more} more");
    }
}

/// Its row, and what it is about.
fn new_conflict(conflict: &NewConflict) -> String {
    let key = |key: &RowKey| key.texts().join(" ");
    let columns: Vec<&str> = conflict.columns.iter().map(String::as_str).collect();
    let what = match (&*conflict.clashes_with, &*columns) {
        ([], []) => "deleted on one side".to_owned(),
        ([], columns) => columns.join(", "),
        (with, columns) => {
            let with: Vec<String> = with.iter().map(key).collect();
            let (columns, with) = (columns.join(", "), with.join(" and "));
            format!("clashes with {with} in {columns}")
        }
    };
    let (table, part) = (&conflict.table, conflict.part);
    format!("{table} {part} {}: {what}", key(&conflict.key))
}

/// That another database owns the edits.
pub(super) fn read_only(owner: &Owner) -> String {
    format!(
        "read-only here: the database {} at {} owns its edits; `causeway-hub init --take-over` makes \
         this one their owner",
        owner.id, owner.address
    )
}

/// What a load would do.
pub(super) fn plan(plans: &[SitePlan]) -> String {
    let mut text = String::new();
    for plan in plans {
        if let Some(error) = &plan.error {
            let _ = writeln!(text, "{}: cannot be read\n  {error}", plan.site);
            continue;
        }
        let _ = writeln!(
            text,
            "{}: {}, {} to load, {} to take out, {} to keep",
            plan.site,
            commit(plan.commit),
            count(plan.load.len() as u64, "partition"),
            plan.evict.len(),
            plan.keep,
        );
        let load = plan.load.iter().map(|part| {
            let was = part
                .was_rows
                .map_or_else(|| "-".to_owned(), |rows| rows.to_string());
            format!("load {} {}: {was} → {}", part.table, part.part, part.rows)
        });
        let evict = plan
            .evict
            .iter()
            .map(|part| format!("take out {} {}", part.table, part.part));
        lines(&mut text, load.chain(evict));
    }
    if plans.is_empty() {
        text += "no site has committed anything yet\n";
    }
    text
}

/// How database and store compare.
pub(super) fn verify(report: &VerifyReport) -> String {
    let compared = format!(
        "{} in {} compared",
        count(report.rows, "row"),
        count(report.partitions, "partition")
    );
    let mut text = match (report.sites, report.differences.len() as u64) {
        (0, 0) => return "no site has committed anything yet\n".to_owned(),
        (0, _) => "no site is loaded\n".to_owned(),
        (_, 0) => return format!("{compared}, no difference\n"),
        (_, differences) => format!("{compared}, {}\n", count(differences, "difference")),
    };
    let named = report.differences.iter().map(|found| {
        let mut place = found.site.to_string();
        found
            .table
            .iter()
            .for_each(|table| place += &format!(" {table}"));
        found
            .part
            .iter()
            .for_each(|part| place += &format!(" {part}"));
        let mended = if found.repaired { " (mended)" } else { "" };
        format!("{place}: {}{mended}", found.what)
    });
    lines(&mut text, named);
    match report.repaired {
        0 if report.sites == 0 || !report.is_repairable() => {}
        0 => text += "`causeway-hub verify --repair` loads again what differs\n",
        repaired => {
            let _ = writeln!(text, "{} loaded again", count(repaired, "partition"));
        }
    }
    text
}

/// What a flush did.
pub(super) fn flush(report: &FlushReport) -> String {
    let mut text = String::new();
    for of in &report.sites {
        let _ = match (&of.error, of.edits) {
            (Some(error), _) => writeln!(text, "{}: not flushed: {error}", of.site),
            (None, 0) => writeln!(text, "{}: nothing to flush", of.site),
            (None, edits) => writeln!(
                text,
                "{}: {} flushed, {} of edits",
                of.site,
                count(edits, "change"),
                commit(of.commit)
            ),
        };
        if of.kept > 0 {
            let _ = writeln!(
                text,
                "  {} kept here, since another database owns the edits; `causeway-hub init \
                 --take-over` brings them in",
                count(of.kept, "change")
            );
        }
    }
    match report.sites.is_empty() {
        true => "no site is loaded\n".to_owned(),
        false => text,
    }
}

/// Tokens, a line each.
pub(super) fn tokens(records: &[TokenRecord]) -> String {
    let line = |record: &TokenRecord| {
        let site = record.site.as_ref();
        let site = site.map_or_else(String::new, |site| format!(" (site {site})"));
        format!(
            "{}  {:6}  …{}  {}  {}{site}\n",
            record.id,
            record.role.as_str(),
            record.ending,
            record.created_at,
            record.name
        )
    };
    match records {
        [] => "no tokens; `causeway-hub token create` makes one\n".to_owned(),
        _ => records.iter().map(line).collect(),
    }
}

fn commit(seq: Option<Seq>) -> String {
    seq.map_or_else(|| "no commit".to_owned(), |seq| format!("commit {seq}"))
}

/// A line per item, indented; past the first so many, how many there are more.
fn lines(text: &mut String, items: impl Iterator<Item = String>) {
    let mut more = 0;
    for (at, item) in items.enumerate() {
        if at < MAX_LINES {
            let _ = writeln!(text, "  {item}");
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let _ = writeln!(text, "  and {more} more; `--json` lists them all");
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod edits_tests;
#[cfg(test)]
mod tests;
