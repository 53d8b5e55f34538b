//! Whoever reads a store shows the rows that the owner of its edits shows, at every moment: also between a
//! site's commit and the owner's settling of it.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::layout;
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use causeway_shared::value::Value;
use jiff::civil::date;

use crate::archive::{Archive, ArchiveReport};
use crate::config::{EditsConfig, HubConfig};
use crate::services::appointments::By;
use crate::services::conflicts::{self, Conflict, ConflictKind, ConflictsQuery, Side};
use crate::sync::Hub;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

const DATASET: &str = r#"
name = "practice"
version = 1
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
unique = [{ columns = ["day", "slot"], unless = { state = ["void"] } }]
merge_together = [["day", "slot"]]
summary = { count_by = ["state"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", not_null = true },
  { name = "slot", type = "text" },
  { name = "note", type = "text" },
  { name = "state", type = "text" },
]
[[table]]
name = "report"
key = ["id"]
partition = { via = "visit", on = "id" }
column = [{ name = "id", type = "int" }, { name = "body", type = "text" }]
[[table]]
name = "item"
key = ["id"]
partition = { buckets = 1 }
merge = "site"
column = [{ name = "id", type = "int" }, { name = "name", type = "text" }]
"#;

const TABLES: [&str; 3] = ["visit", "report", "item"];
/// The last of them is far from today.
const DAYS: [&str; 4] = ["2025-11-27", "2025-11-28", "2025-11-29", "2025-12-19"];

/// What a database shows.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    /// The rows of each table, each behind its partition.
    rows: BTreeMap<&'static str, BTreeSet<String>>,
    /// The visits that clash.
    marked: Vec<String>,
    /// Partitions with their rows and summaries, all history.
    totals: BTreeSet<String>,
    conflicts: Vec<Conflict>,
}

impl Shown {
    /// Nothing where both are the same; else what differs.
    fn assert_is(&self, expected: &Self, what: &str) {
        for table in TABLES {
            let (is, to_be) = (&self.rows[table], &expected.rows[table]);
            assert_eq!(is, to_be, "{what}: {table}");
        }
        assert_eq!(self.marked, expected.marked, "{what}");
        assert_eq!(self.totals, expected.totals, "{what}");
        assert_eq!(self.conflicts.len(), expected.conflicts.len(), "{what}");
        for (is, to_be) in self.conflicts.iter().zip(&expected.conflicts) {
            assert_eq!(is, to_be, "{what}");
        }
    }
}

/// The owner of a site's edits, and others over the same store.
struct Practice {
    store: Store,
    site: TestSite,
    owner: TestHub,
    reader: TestHub,
    /// What all showed last.
    last: Shown,
}

impl Practice {
    async fn shown(&self, test: &TestHub) -> Outcome<Shown> {
        let mut shown = Shown::default();
        for table in TABLES {
            let rows = test.rows(&self.site, table).await?;
            shown.rows.insert(table, rows.into_iter().collect());
            let view = test.hub.sites(None).await?.remove(0);
            let parts = view.catalog.table(table);
            let parts = parts.filter(|(_, entry)| entry.object.rows > 0);
            shown.totals.extend(parts.map(|(part, entry)| {
                let summary = serde_json::to_string(&entry.object.summary);
                let rows = entry.object.rows;
                format!("{table} {part} {rows} {}", summary.unwrap_or_default())
            }));
        }
        let visit = self.site.dataset().table("visit").unwrap();
        shown.marked = test.marked(&self.site, visit).await?;
        let query = ConflictsQuery {
            limit: 100,
            ..ConflictsQuery::default()
        };
        let listed = conflicts::list(&test.hub, &query, test.request.now).await?;
        assert_eq!(listed.total, listed.items.len() as u64);
        shown.conflicts = listed.items;
        Ok(shown)
    }

    /// What a database that is made for this, and takes no changes, shows.
    async fn shown_anew(&self) -> Outcome<Shown> {
        let folder = tempfile::tempdir()?;
        let database = HubDatabase::sqlite(folder.path());
        let config = HubConfig {
            edits: EditsConfig {
                write: false,
                ..EditsConfig::default()
            },
            ..HubConfig::default()
        };
        let hub = Hub::with(config, Arc::clone(&self.store), Arc::clone(&database.0))?;
        hub.init().await?;
        let test = TestHub {
            hub,
            store: Arc::clone(&self.store),
            database: database.0,
            request: self.owner.request.clone(),
        };
        test.load_one().await?;
        self.shown(&test).await
    }

    /// Runs the archive of somebody who has no database.
    async fn publish(&self) -> Outcome<ArchiveReport> {
        let archive = Archive::new(Arc::clone(&self.store), HubConfig::default());
        Ok(archive.run(self.owner.request.now).await?)
    }

    /// What the archive shows.
    async fn published(&self) -> Outcome<BTreeMap<&'static str, BTreeSet<String>>> {
        let mut rows: BTreeMap<_, BTreeSet<String>> =
            TABLES.map(|table| (table, BTreeSet::new())).into();
        for object in list_all(&*self.store, layout::ARCHIVE, None).await? {
            let names: Vec<&str> = object.key.split('/').collect();
            let [_, table, part, _] = names[..] else {
                continue;
            };
            let csv = self.store.get(&object.key).await?;
            let csv = String::from_utf8(csv.bytes(1_000_000).await?)?;
            let table = TABLES.into_iter().find(|known| *known == table);
            let found = rows.entry(table.ok_or("no such table")?).or_default();
            found.extend(csv.lines().skip(1).map(|line| format!("{part} {line}")));
        }
        Ok(rows)
    }

    /// What lies in the store for the site.
    async fn keys(&self) -> Outcome<BTreeSet<String>> {
        let objects = list_all(&*self.store, layout::SITES, None).await?;
        Ok(objects.into_iter().map(|object| object.key).collect())
    }

    /// What all others show, who leave nothing of the site's behind.
    async fn shown_elsewhere(&self, what: &str) -> Outcome<Shown> {
        let before = self.keys().await?;
        self.reader.load_one().await?;
        let shown = self.shown(&self.reader).await?;
        let anew = self.shown_anew().await?;
        anew.assert_is(&shown, &format!("{what}: made anew"));
        self.publish().await?;
        let published = self.published().await?;
        for table in TABLES {
            let (is, to_be) = (&published[table], &shown.rows[table]);
            assert_eq!(is, to_be, "{what}: {table} as published");
        }
        assert_eq!(self.keys().await?, before, "{what}");
        Ok(shown)
    }

    /// That everybody shows one thing: the others before the owner settles what the site did, the owner
    /// then, and the others again.
    async fn agree(&mut self, what: &str) -> Outcome {
        let elsewhere = self.shown_elsewhere(what).await?;
        self.owner.load_one().await?;
        self.last = self.shown(&self.owner).await?;
        assert_eq!(self.owner.differences().await?, [""; 0]);
        elsewhere.assert_is(&self.last, &format!("{what}: before the owner's load"));
        // What the owner settled is what was published already, under another name.
        let report = self.publish().await?;
        let changed = report.tables.values().map(|table| table.published);
        assert_eq!(changed.sum::<u64>(), 0, "{what}");
        let before = self.store.requests();
        let again = self.shown_elsewhere(what).await?;
        again.assert_is(&self.last, &format!("{what}: after the owner's load"));
        assert_eq!(self.store.requests().since(&before).put, 0, "{what}");
        Ok(())
    }

    /// Edits: nobody else shows them before they are flushed, and everybody after.
    async fn edit(&mut self, what: &str, sql: &[&str]) -> Outcome {
        for sql in sql {
            self.owner.change(&self.site, sql).await?;
        }
        let elsewhere = self.shown_elsewhere(what).await?;
        elsewhere.assert_is(&self.last, &format!("{what}: before the flush"));
        self.owner.flush(&self.site).await?;
        self.agree(what).await
    }

    /// Has the site say which rows it has, and commits that.
    async fn says(&mut self, visits: &[&str], reports: &[(&str, &str)], items: &[&str]) -> Outcome {
        for day in DAYS {
            let part = format!("dt={day}");
            let of_day = visits
                .iter()
                .filter(|visit| visit.split(',').nth(1) == Some(day));
            let mut of_day: Vec<&str> = of_day.copied().collect();
            of_day.sort_unstable();
            self.site.put_summed("visit", &part, &of_day).await?;
            let reports = reports.iter().filter(|(of, _)| *of == day);
            let reports: Vec<&str> = reports.map(|(_, report)| *report).collect();
            self.site.put("report", &part, &reports).await?;
        }
        self.site.put("item", "b=0of1", items).await?;
        self.site.commit().await
    }

    fn kinds(&self) -> (usize, usize) {
        let of = |kind| {
            self.last
                .conflicts
                .iter()
                .filter(move |c| c.kind == kind)
                .count()
        };
        (of(ConflictKind::Edit), of(ConflictKind::Clash))
    }

    fn rows_of(&self, table: &'static str, id: &str) -> Vec<&String> {
        let rows = self.last.rows[table].iter();
        rows.filter(|row| row.split([' ', ',']).nth(1) == Some(id))
            .collect()
    }
}

/// In memory, with the other database on SQLite.
pub async fn everybody_shows_the_owners_rows(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let reader = HubDatabase::sqlite(folder.path());
    at_every_moment((database, &reader), Arc::new(MemoryStore::new())).await
}

/// A history with moves, deletions, conflicts and clashes of both sides. After each step the owner's database,
/// one that is read-only, one made anew and the archive are compared.
///
/// # Errors
/// A failure of store or database.
pub async fn at_every_moment(
    (owner, reader): (&HubDatabase, &HubDatabase),
    store: Store,
) -> Outcome {
    let site = TestSite::new(&store, "here", DATASET)?;
    let over = async |database: &HubDatabase| -> Outcome<TestHub> {
        let made = TestHub::new(database).await?;
        let mut test = made.with_store(Arc::clone(&store))?;
        test.ask_for(&[date(2025, 12, 19)]);
        Ok(test)
    };
    let mut practice = Practice {
        owner: over(owner).await?,
        reader: over(reader).await?,
        site,
        store,
        last: Shown::default(),
    };
    let here = &mut practice;
    let visits = [
        "1,2025-11-28,a,,open",
        "2,2025-11-28,b,,open",
        "3,2025-11-28,c,,open",
        "4,2025-11-29,a,,open",
        "5,2025-11-29,b,,open",
        "6,2025-11-27,a,,open",
        "7,2025-12-19,a,,open",
    ];
    let reports = [
        ("2025-11-28", "1,one"),
        ("2025-11-28", "3,three"),
        ("2025-11-29", "4,four"),
    ];
    let items = ["1,apple", "2,pear", "3,plum"];
    here.says(&visits, &reports, &items).await?;
    here.owner.load_one().await?;
    here.agree("the first load").await?;

    let changes = [
        "UPDATE visit SET note = 'cloud' WHERE id = 1",
        "DELETE FROM visit WHERE id = 2",
        "UPDATE visit SET day = '2025-12-19', slot = 'm' WHERE id = 3",
        "UPDATE visit SET state = 'done' WHERE id = 4",
        "UPDATE report SET body = 'cloud' WHERE id = 4",
        "UPDATE item SET name = 'cloud' WHERE id < 3",
        "DELETE FROM item WHERE id = 3",
    ];
    here.edit("the first edits", &changes).await?;
    here.owner.hub.ensure_keys(here.owner.request.now).await?;
    let database = &here.owner.database;
    let begun = database.begin_write(here.site.name(), here.site.dataset(), "lan");
    let mut write = begun.await?;
    let visit = here.site.dataset().table("visit").unwrap();
    let born = [
        (1, Value::Date("2025-11-27".parse()?)),
        (2, Value::Text("x".into())),
    ];
    write.insert(visit, &born).await?;
    write.commit().await?;
    here.edit("a visit of the cloud's", &[]).await?;
    let moved = here.rows_of("visit", "3");
    assert_eq!(moved, ["dt=2025-12-19 3,2025-12-19,m,,open"]);

    // The site moves 1, changes 2, which the cloud deleted, and 3, which it moved, deletes 4, and has 9 where
    // the cloud has a visit of its own.
    let visits = [
        "1,2025-11-29,z,,open",
        "2,2025-11-28,b,site,open",
        "3,2025-11-28,c,site,open",
        "5,2025-11-29,b,,open",
        "6,2025-11-27,a,,open",
        "7,2025-12-19,a,,open",
        "9,2025-11-27,x,,open",
    ];
    let reports = [("2025-11-29", "1,one"), ("2025-11-28", "3,more")];
    here.says(&visits, &reports, &["1,site", "2,pear", "3,site"])
        .await?;
    here.agree("the site goes on").await?;
    assert_eq!(here.kinds(), (7, 1), "{:?}", here.last.conflicts);
    assert_eq!(here.last.marked, ["9"]);
    let along = here.rows_of("visit", "1");
    assert_eq!(along, ["dt=2025-11-29 1,2025-11-29,z,cloud,open"]);

    // Two commits that the owner sees at once.
    let visits = [
        "2,2025-11-28,b,site,open",
        "3,2025-11-27,c,site,open",
        "4,2025-12-19,q,back,open",
        "6,2025-11-27,a,,void",
        "7,2025-12-19,m,,open",
        "9,2025-11-27,x,,open",
    ];
    let reports = [("2025-11-27", "3,more"), ("2025-12-19", "4,back")];
    here.says(&visits, &reports, &["1,site", "2,pear", "3,site"])
        .await?;
    here.shown_elsewhere("the first of two commits").await?;
    let visits = [&visits[..], &["1,2025-11-28,a,again,open"]].concat();
    here.says(&visits, &reports, &["1,site", "3,last"]).await?;
    here.agree("two commits at once").await?;
    assert_eq!(here.kinds().1, 2, "{:?}", here.last.conflicts);

    // The site's visit comes back, and the slots of both clashes become free.
    let taken = here.last.conflicts.iter();
    let mut taken = taken
        .filter(|conflict| conflict.table.as_str() == "visit" && conflict.key.texts() == ["2"]);
    let taken = taken.next().ok_or("no conflict")?.id.clone();
    let by = By {
        actor: "admin/minh",
        now: here.owner.request.now,
    };
    conflicts::take(&here.owner.hub, &taken, Side::Site, by).await?;
    here.agree("a side is taken").await?;
    let back = here.rows_of("visit", "2");
    assert_eq!(back, ["dt=2025-11-28 2,2025-11-28,b,site,open"]);
    let changes = [
        "UPDATE visit SET slot = 'free' WHERE id = 3",
        "UPDATE visit SET state = 'void' WHERE id >= 1000000000",
        "UPDATE visit SET day = '2025-11-28', slot = 'w' WHERE id = 6",
        "DELETE FROM visit WHERE id = 7",
    ];
    here.edit("slots become free", &changes).await?;
    assert_eq!(here.kinds().1, 0, "{:?}", here.last.conflicts);
    assert_eq!(here.last.marked, [""; 0]);

    // The cloud moves its row back, and the site deletes nearly everything.
    let back = ["UPDATE visit SET day = '2025-11-28', slot = 'c' WHERE id = 3"];
    here.edit("moved back", &back).await?;
    here.says(&["8,2025-12-19,w,,open"], &[], &["1,site"])
        .await?;
    here.agree("hardly anything is left").await?;
    // What the cloud changed stays; moved, it stays whatever the table's rule is.
    let moved = here.rows_of("visit", "3");
    assert_eq!(moved, ["dt=2025-11-28 3,2025-11-28,c,,open"]);
    assert_eq!(here.rows_of("visit", "7").len(), 0);
    Ok(())
}
