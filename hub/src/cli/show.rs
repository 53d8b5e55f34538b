//! Answers for people: short, the most important line first, each trouble with its remedy.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use causeway_shared::commit::{Owner, RowKey};
use causeway_shared::ids::Seq;
use causeway_shared::runtime::program::count;
use jiff::civil::Date;

use crate::auth::TokenRecord;
use crate::sync::{
    DateRange, FlushReport, LoadReport, NewConflict, SiteLoaded, SitePlan, SiteStatus, StatusReport,
};
use crate::verify::VerifyReport;

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
        0 if report.sites == 0 => {}
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

/// How things stand.
pub(super) fn status(report: &StatusReport) -> String {
    let window = report.window.0;
    let mut text = format!(
        "store     {}\ndatabase  {}\nwindow    {} to {}\n",
        report.store,
        report.database,
        window.from(),
        window.to()
    );
    if !report.pinned.is_empty() {
        let _ = writeln!(text, "pinned    {}", dates(&report.pinned));
    }
    if report.past {
        text += "\na past state: each site as it was at its commit below; it takes no changes and does not move on\n";
    }
    if let Some(error) = &report.store_error {
        let _ = writeln!(text, "\nthe store cannot be asked: {error}");
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
    let _ = writeln!(
        text,
        "\n  {} of {} and {} of {} loaded",
        of.partitions.loaded,
        count(of.partitions.known, "partition"),
        of.rows.loaded,
        count(of.rows.known, "row"),
    );
    let _ = match of.behind {
        Some(0) if of.last_error.is_none() && of.partitions.loaded < of.partitions.known => {
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

/// How the edits of a site stand, where there are any.
fn edits(text: &mut String, of: &SiteStatus) {
    let Some(at) = of.edits_commit else { return };
    let _ = write!(text, "  edits at commit {at}");
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
mod tests {

    use causeway_shared::ids::Name;
    use causeway_shared::layout::SiteKey;
    use causeway_shared::quarantine::RefusedRows;

    use super::*;
    use crate::testing::{NOON, Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn verify_says_that_nothing_is_loaded() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let report = test.verify(false).await?;
        insta::assert_snapshot!(verify(&report), @"no site has committed anything yet");
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,apple"])
            .await?
            .commit()
            .await?;
        let report = test.another()?.verify(false).await?;
        insta::assert_snapshot!(verify(&report), @r#"
        no site is loaded
          here: nothing is loaded; `causeway-hub load` loads it
        "#);
        Ok(())
    }

    #[tokio::test]
    async fn what_people_read() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,apple"]).await?;
        site.put("sale", "dt=2025-12-24", &["1,2025-12-24,a,"])
            .await?
            .commit()
            .await?;

        insta::assert_snapshot!(plan(&test.hub.plan(&test.request).await?), @r"
        here: commit 1, 1 partition to load, 0 to take out, 0 to keep
          load item b=0of2: - → 1
        ");
        let mut report = test.load().await?;
        report.seconds = 0.25;
        insta::assert_snapshot!(load(&report, &[]), @r#"
        here: commit 1, 1 partition in and 0 out, 1 row in and 0 out; 1 partition loaded
        78 requests, 0.2 s
        "#);
        report = test.load().await?;
        report.seconds = 0.25;
        insta::assert_snapshot!(load(&report, &[]), @r#"
        here: commit 1, 1 partition loaded, nothing to do
        2 requests, 0.2 s
        "#);
        let loaded = status(&test.another()?.hub.full_status(NOON.parse()?).await?);
        let of_site = loaded.lines().skip(5).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(of_site, @r#"
        1 of 2 partitions and 1 of 2 rows loaded
        the others lie on dates outside the window; `causeway-hub load --from DATE --to DATE` brings up to window.on_demand_days of them
        edits at commit 1
        "#);
        let dates = ["2025-12-24", "2025-12-25"].map(|date| date.parse());
        let [first, last] = dates;
        let besides = [
            DateRange::day(first.clone()?),
            DateRange::new(first?, last?)?,
        ];
        insta::assert_snapshot!(load(&report, &besides), @r#"
        here: commit 1, 1 partition loaded, nothing to do
        2 requests, 0.2 s
        2025-12-24 stays until `[window] on_demand_days` dates were asked for after
        2025-12-24 to 2025-12-25 stay until `[window] on_demand_days` dates were asked for after
        "#);
        insta::assert_snapshot!(
            verify(&test.verify(false).await?), @"1 row in 1 partition compared, no difference");

        site.put("item", "b=0of2", &["1,pear"])
            .await?
            .commit()
            .await?;
        test.store
            .delete(&site.key("item", "b=0of2", &["1,pear"])?)
            .await?;
        report = test.load().await?;
        insta::assert_snapshot!(load(&report, &[]).lines().next().unwrap_or_default(), @"here: not loaded, commit 1 keeps serving");
        let now = NOON.parse()?;
        let refused = RefusedRows {
            total: 3,
            listed: Vec::new(),
        };
        let key = SiteKey::Quarantine(Name::new("sale")?).of(site.name());
        let csv = refused.encode().unwrap_or_default();
        test.store.put(&key, csv.into()).await?;
        let status = status(&test.hub.full_status(now).await?);
        let status = status.replace(&folder.path().display().to_string(), "<folder>");
        insta::assert_snapshot!(status, @r#"
        store     memory:
        database  sqlite:<folder>
        window    2025-11-27 to 2025-11-29

        here: commit 1 of 2025-11-24T16:00:01Z, loaded 2025-11-28T05:00:00Z
          1 of 2 partitions and 1 of 2 rows loaded
          1 commit behind the log
          edits at commit 1
          3 rows of sale in quarantine
          the last load failed: site here, table item, partition b=0of2: sites/here/data/item/b=0of2/77283ea90be393c96a66564da95b72d6.csv.zst is missing; run `causeway-agent verify --repair` at the site
        "#);
        Ok(())
    }
}
#[cfg(test)]
mod edits_tests;
