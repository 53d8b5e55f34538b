//! The merge table of docs/edits.md: what becomes of a row that both sides change, under both rules, and
//! when somebody takes a side.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Conflict, Loser, Texts};

use crate::services::appointments::By;
use crate::services::conflicts::{self, ConflictsQuery, Side};
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// The same table under either rule.
const RULES: [&str; 2] = ["cloud", "site"];

/// A row is its day, slot, note and state; `-`: it is not there.
struct Case {
    what: &'static str,
    before: &'static str,
    cloud: &'static str,
    site: &'static str,
    /// What is shown under the rules `cloud` and `site`, and what lost.
    shown: [&'static str; 2],
    /// What is shown when the side is taken, whatever the rule; empty: there is no conflict.
    take_site: &'static str,
    take_cloud: &'static str,
}

#[rustfmt::skip]
const TABLE: [Case; 19] = [
    Case { what: "site unchanged, updated in the cloud", before: "28 9 a open", cloud: "28 9 b open", site: "28 9 a open",
        shown: ["28 9 b open", "28 9 b open"], take_site: "", take_cloud: "" },
    Case { what: "site unchanged, deleted in the cloud", before: "28 9 a open", cloud: "-", site: "28 9 a open",
        shown: ["-", "-"], take_site: "", take_cloud: "" },
    Case { what: "born in the cloud", before: "-", cloud: "28 9 b open", site: "-",
        shown: ["28 9 b open", "28 9 b open"], take_site: "", take_cloud: "" },
    Case { what: "site changed another column", before: "28 9 a open", cloud: "28 9 b open", site: "28 9 a done",
        shown: ["28 9 b done", "28 9 b done"], take_site: "", take_cloud: "" },
    Case { what: "site changed the same", before: "28 9 a open", cloud: "28 9 b void", site: "28 9 c open",
        shown: ["28 9 b void; site lost note=c", "28 9 c void; cloud lost note=b"],
        take_site: "28 9 c void", take_cloud: "28 9 b void" },
    Case { what: "site changed it alike", before: "28 9 a open", cloud: "28 9 b open", site: "28 9 b done",
        shown: ["28 9 b done", "28 9 b done"], take_site: "", take_cloud: "" },
    Case { what: "site changed the same group", before: "28 9 a open", cloud: "28 10 a open", site: "28 11 a open",
        shown: ["28 10 a open; site lost day=28 slot=11", "28 11 a open; cloud lost day=28 slot=10"],
        take_site: "28 11 a open", take_cloud: "28 10 a open" },
    Case { what: "site changed, deleted in the cloud", before: "28 9 a open", cloud: "-", site: "28 9 c open",
        shown: ["-; site lost the row 28 9 c open", "28 9 c open; cloud lost its deletion"],
        take_site: "28 9 c open", take_cloud: "-" },
    Case { what: "site deleted, updated in the cloud", before: "28 9 a open", cloud: "28 9 b open", site: "-",
        shown: ["28 9 b open; site lost its deletion", "-; cloud lost the row 28 9 b open"],
        take_site: "-", take_cloud: "28 9 b open" },
    Case { what: "site deleted, deleted in the cloud", before: "28 9 a open", cloud: "-", site: "-",
        shown: ["-", "-"], take_site: "", take_cloud: "" },
    Case { what: "site has the key too, born in the cloud", before: "-", cloud: "28 9 b open", site: "28 9 c open",
        shown: ["28 9 b open; site lost note=c", "28 9 c open; cloud lost note=b"],
        take_site: "28 9 c open", take_cloud: "28 9 b open" },
    Case { what: "site moved, updated in the cloud", before: "28 9 a open", cloud: "28 9 b open", site: "29 9 a open",
        shown: ["29 9 b open", "29 9 b open"], take_site: "", take_cloud: "" },
    Case { what: "site moved and changed, updated in the cloud", before: "28 9 a open", cloud: "28 9 b open", site: "29 9 c open",
        shown: ["29 9 b open; site lost note=c", "29 9 c open; cloud lost note=b"],
        take_site: "29 9 c open", take_cloud: "29 9 b open" },
    Case { what: "site has the key too, born alike in the cloud", before: "-", cloud: "29 9 b open", site: "29 9 b open",
        shown: ["29 9 b open", "29 9 b open"], take_site: "", take_cloud: "" },
    Case { what: "site unchanged, moved in the cloud", before: "28 9 a open", cloud: "29 9 a open", site: "28 9 a open",
        shown: ["29 9 a open", "29 9 a open"], take_site: "", take_cloud: "" },
    Case { what: "site changed, moved in the cloud", before: "28 9 a open", cloud: "29 9 a open", site: "28 9 c open",
        shown: ["29 9 a open; site lost the row 28 9 c open", "29 9 a open; site lost the row 28 9 c open"],
        take_site: "28 9 c open", take_cloud: "29 9 a open" },
    Case { what: "site moved elsewhere, moved in the cloud", before: "28 9 a open", cloud: "29 9 a open", site: "27 9 a open",
        shown: ["29 9 a open; site lost the row 27 9 a open", "29 9 a open; site lost the row 27 9 a open"],
        take_site: "27 9 a open", take_cloud: "29 9 a open" },
    Case { what: "site moved there too, moved in the cloud", before: "28 9 a open", cloud: "29 9 a open", site: "29 9 c open",
        shown: ["29 9 c open", "29 9 c open"], take_site: "", take_cloud: "" },
    Case { what: "site deleted, moved in the cloud", before: "28 9 a open", cloud: "29 9 a open", site: "-",
        shown: ["29 9 a open; site lost its deletion", "29 9 a open; site lost its deletion"],
        take_site: "-", take_cloud: "29 9 a open" },
];

fn dataset() -> String {
    let table = |rule| {
        format!(
            "[[table]]\nname = 'by_{rule}'\nkey = ['id']\npartition = {{ by = 'day' }}\nmerge = '{rule}'\n\
             merge_together = [['day', 'slot']]\ncolumn = [{{ name = 'id', type = 'text' }}, \
             {{ name = 'day', type = 'date', not_null = true }}, {{ name = 'slot', type = 'int' }}, \
             {{ name = 'note', type = 'text' }}, {{ name = 'state', type = 'text' }}]\n"
        )
    };
    format!("name = 'd'\nversion = 1\n{}", RULES.map(table).concat())
}

/// The keys of a case: of one the site is taken, of the other the cloud.
fn id(case: usize, side: Side) -> String {
    match side {
        Side::Site => format!("s{case:02}"),
        Side::Cloud => format!("c{case:02}"),
    }
}

const SIDES: [Side; 2] = [Side::Site, Side::Cloud];

/// Every row of the table, before or after.
fn all() -> impl Iterator<Item = (usize, &'static Case, Side)> {
    let cases = TABLE.iter().enumerate();
    cases.flat_map(|(at, case)| SIDES.map(|side| (at, case, side)))
}

fn texts(id: &str, words: &str) -> Option<Texts> {
    let words: Vec<&str> = words.split(' ').collect();
    let [day, slot, note, state] = words[..] else {
        return None;
    };
    let day = format!("2025-11-{day}");
    let row = [
        ("id", id),
        ("day", &day),
        ("slot", slot),
        ("note", note),
        ("state", state),
    ];
    Some(
        row.map(|(name, text)| (name.to_owned(), Some(text.to_owned())))
            .into(),
    )
}

fn words(row: &Texts) -> String {
    let texts = ["day", "slot", "note", "state"].map(|name| row[name].clone().unwrap_or_default());
    texts.join(" ").replace("2025-11-", "")
}

fn lost(conflict: &Conflict) -> String {
    let of = |side, loser: &Option<Loser>| match loser {
        None => String::new(),
        Some(Loser::Deletion) => format!("; {side} lost its deletion"),
        Some(Loser::Columns(row)) if row.contains_key("id") => {
            format!("; {side} lost the row {}", words(row))
        }
        Some(Loser::Columns(columns)) => {
            let columns = columns.iter().map(|(name, text)| {
                format!(
                    " {name}={}",
                    text.clone().unwrap_or_default().replace("2025-11-", "")
                )
            });
            format!("; {side} lost{}", columns.collect::<String>())
        }
    };
    of("site", &conflict.site) + &of("cloud", &conflict.cloud)
}

/// Lets the site say what it says of each case.
async fn commit(site: &mut TestSite, says: fn(&Case) -> &'static str) -> Outcome {
    for rule in RULES {
        for day in ["27", "28", "29"] {
            let rows = all().filter_map(|(at, case, side)| {
                let id = id(at, side);
                let row = texts(&id, says(case)).filter(|_| says(case).starts_with(day))?;
                let text = |name: &str| row[name].clone().unwrap_or_default();
                Some(["id", "day", "slot", "note", "state"].map(text).join(","))
            });
            let mut rows: Vec<String> = rows.collect();
            rows.sort();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let part = format!("dt=2025-11-{day}");
            site.put(&format!("by_{rule}"), &part, &rows).await?;
        }
    }
    site.commit().await
}

async fn put(test: &TestHub, site: &TestSite, table: &Table, id: &str, words: &str) -> Outcome {
    let key: RowKey = vec![id.to_owned()].try_into()?;
    let begun = test
        .database
        .begin_write(site.name(), site.dataset(), "lan");
    let mut write = begun.await?;
    let was = write.lock_row(table, &key).await?.map(|(_, row)| row);
    let row = texts(id, words);
    write
        .put_row(table, &key, was.as_ref(), row.as_ref())
        .await?;
    Ok(write.commit().await?)
}

/// What a database shows of a table, by key.
async fn shown(test: &TestHub, site: &TestSite, rule: &str) -> Outcome<BTreeMap<String, String>> {
    let rows = test.rows(site, &format!("by_{rule}")).await?;
    let row = |row: &String| {
        let record = row.split_once(' ').unwrap().1.replace("2025-11-", "");
        let (id, rest) = record.split_once(',').unwrap();
        (id.to_owned(), rest.replace(',', " "))
    };
    Ok(rows.iter().map(row).collect())
}

/// The outcome of each case, of this database and of one that is made anew.
async fn compare(
    test: &TestHub,
    site: &TestSite,
    expected: impl Fn(usize, &Case, Side) -> String,
) -> Outcome {
    let folder = tempfile::tempdir()?;
    let anew = test.in_another_folder(folder.path()).await?;
    anew.load_one().await?;
    for hub in [test, &anew] {
        let query = ConflictsQuery {
            limit: 500,
            ..ConflictsQuery::default()
        };
        let open = conflicts::list(&hub.hub, &query, hub.request.now).await?;
        assert_eq!(open.total, open.items.len() as u64);
        let mut wrong = Vec::new();
        for (rule_at, rule) in RULES.into_iter().enumerate() {
            let rows = shown(hub, site, rule).await?;
            for (at, case, side) in all() {
                let id = id(at, side);
                let row = rows.get(&id).map_or("-", String::as_str);
                let conflict = open.items.iter().find(|conflict| {
                    conflict.table.as_str() == format!("by_{rule}")
                        && conflict.key.texts() == [id.clone()]
                });
                let lost = conflict.map_or_else(String::new, |conflict| lost(&conflict.lost));
                let (is, to_be) = (format!("{row}{lost}"), expected(rule_at, case, side));
                if is != to_be {
                    wrong.push(format!("{}, {rule}: {is:?}, not {to_be:?}", case.what));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
        assert_eq!(hub.verify(false).await?.differences, []);
    }
    Ok(())
}

/// Each line of the table: as it is settled, with either side taken, and again in a database that is made
/// anew each time.
pub async fn the_merge_table(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &dataset())?;
    commit(&mut site, |case| case.before).await?;
    test.load_one().await?;
    for rule in RULES {
        let table = site.dataset().table(&format!("by_{rule}")).unwrap();
        for (at, case, side) in all().filter(|(_, case, _)| case.cloud != case.before) {
            put(&test, &site, table, &id(at, side), case.cloud).await?;
        }
    }
    test.flush(&site).await?;
    commit(&mut site, |case| case.site).await?;
    let of_rule = |rule: usize, case: &Case, _| case.shown[rule].to_owned();
    let conflicts = TABLE
        .iter()
        .filter(|case| !case.take_site.is_empty())
        .count() as u64;
    assert_eq!(test.load_one().await?.conflicts, conflicts * 4);
    compare(&test, &site, of_rule).await?;

    let by = By {
        actor: "admin/minh",
        now: test.request.now,
    };
    let mut after = None;
    loop {
        let query = ConflictsQuery {
            limit: 3,
            after,
            ..ConflictsQuery::default()
        };
        let page = conflicts::list(&test.hub, &query, by.now).await?;
        for conflict in page.items {
            let is_site = conflict.key.texts()[0].starts_with('s');
            let side = if is_site { Side::Site } else { Side::Cloud };
            let taken = conflicts::take(&test.hub, &conflict.id, side, by).await?;
            assert!(taken.flushed);
            let again = conflicts::take(&test.hub, &conflict.id, side, by).await;
            assert!(again.is_err(), "it is closed");
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let taken = |rule: usize, case: &Case, side| {
        let taken = match side {
            Side::Site => case.take_site,
            Side::Cloud => case.take_cloud,
        };
        if taken.is_empty() {
            case.shown[rule]
        } else {
            taken
        }
        .to_owned()
    };
    compare(&test, &site, taken).await?;
    // It stays so, whatever else the site does.
    site.put("by_cloud", "dt=2025-11-30", &["x,2025-11-30,,,"])
        .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    compare(&test, &site, taken).await
}
