//! What the journal keeps of a change, and the flush that takes it out.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use causeway_shared::catalog::Entry;
use causeway_shared::commit::{EditsHead, EditsObject, Merged};
use causeway_shared::ids::{Md5, Name, Part, Seq};
use causeway_shared::summary::Summary;

use super::clinic::{Clinic, DAY, line, refused};
use crate::db::{FlushChange, JournalEntry, PartVersion};
use crate::testing::{HubDatabase, NOON, Outcome};

/// What changes nothing is no edit.
pub async fn an_update_that_changes_nothing_leaves_no_trace(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    clinic
        .run(
            "UPDATE visit SET state = state, score = 4.5, seen = NULL",
            &[],
        )
        .await?;
    assert!(clinic.is_untouched().await?);
    Ok(())
}

/// The object that a row was loaded from, and all its values before and after.
pub async fn the_journal_keeps_what_the_site_had(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let mut write = clinic.begin().await?;
    write
        .query("UPDATE visit SET score = 0.1", &[], &[])
        .await?;
    write
        .query("UPDATE visit SET state = 'void'", &[], &[])
        .await?;
    write.commit().await?;
    clinic.run("UPDATE doctor SET off = true", &[]).await?;
    let entries = clinic.entries().await?;
    assert_eq!(
        entries.iter().map(line).collect::<Vec<_>>(),
        [
            "visit dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|4.5|NULL|09:00:00|open \
             > dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|0.1|NULL|09:00:00|open",
            "visit dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|0.1|NULL|09:00:00|open \
             > dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|0.1|NULL|09:00:00|void",
            "doctor b=0of1 9.50|1|Ada|false|2020-01-01T00:00:00 \
             > b=0of1 9.50|1|Ada|true|2020-01-01T00:00:00",
        ]
    );
    assert_eq!(entries[0].tx, entries[1].tx);
    assert_ne!(entries[0].tx, entries[2].tx);
    assert_ne!(entries[0].id, entries[1].id);
    assert_eq!(entries[0].id.len(), 36);
    let csv = clinic
        .site
        .csv("visit", &["7,1,2025-11-28,09:00:00,10:00:00,open,4.5,,"])?;
    assert_eq!(entries[0].object, Some(Md5::of(csv.as_bytes())));
    Ok(())
}

/// The newest rows of the journal, with the commit that the database stands at.
pub async fn the_newest_changes_are_read_first(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    for state in ["void", "open", "void"] {
        let sql = format!("UPDATE visit SET state = '{state}'");
        clinic.run(&sql, &[]).await?;
    }
    let (site, dataset) = (clinic.site.name(), clinic.site.dataset());
    let (state, newest) = database.0.waiting(site, dataset, 2).await?;
    let mut all = clinic.entries().await?;
    all.reverse();
    assert_eq!(newest, all[..2]);
    assert_eq!(state.edits_waiting, 3);
    let nowhere = "nowhere".parse()?;
    let (state, none) = database.0.waiting(&nowhere, dataset, 2).await?;
    assert_eq!((state.edits_head, none), (None, Vec::new()));
    Ok(())
}

/// Values of every type at their ends: the journal has the texts that the site's object has.
pub async fn the_journal_has_canonical_texts(database: &HubDatabase) -> Outcome {
    let long = "é".repeat(300_000);
    let digits = "9".repeat(38);
    let fraction = format!("-{}.{}", "9".repeat(20), "9".repeat(18));
    let types: [(&str, &[&str]); 10] = [
        ("int", &["9223372036854775807", "-9223372036854775808", "0"]),
        (
            "float",
            &[
                "1.7976931348623157e308",
                "5e-324",
                "0.1",
                "3",
                "1e21",
                "1e-7",
                "123456.789",
            ],
        ),
        ("decimal(2)", &["1.50", "-0.05", "0.00"]),
        ("decimal(0)", &[&digits]),
        ("decimal(18)", &[&fraction]),
        ("bool", &["true", "false"]),
        (
            "text",
            &[
                "Nguyễn",
                " a ",
                "\\.",
                "NULL",
                "it's \\ {}",
                "\u{1}\u{7f}",
                "1e5",
                &long,
            ],
        ),
        ("phone", &["0912345678", "+84 912"]),
        (
            "time",
            &[
                "00:00:00",
                "23:59:59.999999",
                "09:05:00.000001",
                "09:05:00.100000",
            ],
        ),
        (
            "timestamp",
            &[
                "1900-01-01T00:00:00",
                "2199-12-31T23:59:59.999999",
                "2025-11-28T09:30:00.500000",
            ],
        ),
    ];
    let columns: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, (ty, _))| format!("{{ name = 'c{at}', type = '{ty}' }}"))
        .collect();
    let dataset = format!(
        "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\npartition = {{ buckets = 1 }}\n\
         column = [{{ name = 'id', type = 'int' }}, {{ name = 'touched', type = 'bool' }}, {}]",
        columns.join(", ")
    );
    let most = types
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(0);
    let value = |at: usize, row: usize| types[at].1.get(row).copied();
    let records: Vec<String> = (0..most)
        .map(|row| {
            let values = (0..types.len()).map(|at| value(at, row).unwrap_or_default());
            format!("{row},false,{}", values.collect::<Vec<_>>().join(","))
        })
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let clinic = Clinic::with(database, &dataset, &[("t", "b=0of1", &records)]).await?;
    clinic.run("UPDATE t SET touched = true", &[]).await?;
    let mut entries = clinic.entries().await?;
    let id = |entry: &JournalEntry| entry.old.as_ref().and_then(|(_, old)| old["id"].clone());
    entries.sort_by_key(id);
    assert_eq!(entries.len(), most);
    for (row, entry) in entries.iter().enumerate() {
        for (at, (ty, _)) in types.iter().enumerate() {
            let expected = value(at, row).map(str::to_owned);
            for side in [&entry.old, &entry.new] {
                let texts = &side.as_ref().unwrap().1;
                assert_eq!(texts[&format!("c{at}")], expected, "{ty}");
            }
        }
    }
    // And the same texts are taken when they are written.
    for (at, (ty, values)) in types
        .iter()
        .enumerate()
        .filter(|(_, (ty, _))| *ty != "bool")
    {
        for value in *values {
            let sql = format!("UPDATE t SET c{at} = $1 WHERE id = 0");
            let taken = clinic.run(&sql, &[Some(value)]).await;
            taken.map_err(|error| format!("{ty} {:.60}: {error}", value))?;
        }
    }
    Ok(())
}

/// Names that SQL or a trigger uses itself.
pub async fn names_that_triggers_use_are_taken(database: &HubDatabase) -> Outcome {
    let table = |name: &str, more: &str| {
        format!(
            "[[table]]\nname = '{name}'\nkey = ['new', 'old']\npartition = {{ buckets = 1 }}\n\
             unique = [{{ columns = ['raise', 'rowid'] }}]\ncheck = ['select <> excluded']\n\
             column = [{{ name = 'new', type = 'int' }}, {{ name = 'old', type = 'text' }}, \
             {{ name = 'raise', type = 'int', not_null = true }}, {{ name = 'rowid', type = 'text' }}, \
             {{ name = 'select', type = 'decimal(1)', min = 0 }}, {{ name = 'excluded', type = 'decimal(1)' }}{more}]\n"
        )
    };
    let dataset = format!(
        "name = 'd'\nversion = 1\n{}{}{}[[table]]\nname = 'value'\nkey = ['table']\n\
         partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'table', type = 'int' }}]\n",
        table("new", ""),
        table(
            "old",
            ", { name = 'when', type = 'int', references = 'value' }"
        ),
        table("begin", ""),
    );
    let clinic = Clinic::with(
        database,
        &dataset,
        &[
            ("new", "b=0of1", &["1,a,1,a,1.0,2.0", "2,b,2,b,1.0,2.0"]),
            ("old", "b=0of1", &["1,a,1,a,1.0,2.0,", "2,b,2,b,1.0,2.0,"]),
            ("begin", "b=0of1", &["1,a,1,a,1.0,2.0"]),
            ("value", "b=0of1", &["5"]),
        ],
    )
    .await?;
    for table in ["new", "old", "begin"] {
        let set = |what: &str| format!("UPDATE \"{table}\" SET {what} WHERE \"new\" = 1");
        clinic.run(&set("\"rowid\" = 'x'"), &[]).await?;
        assert_eq!(
            refused(clinic.run(&set("\"select\" = 2"), &[]).await).0,
            "23514",
            "{table}"
        );
        assert_eq!(
            refused(clinic.run(&set("\"old\" = 'c'"), &[]).await).0,
            "0A000",
            "{table}"
        );
    }
    let when = |value: i64| format!("UPDATE \"old\" SET \"when\" = {value} WHERE \"new\" = 1");
    assert_eq!(refused(clinic.run(&when(6), &[]).await).0, "23503");
    clinic.run(&when(5), &[]).await?;
    assert_eq!(
        refused(clinic.run("DELETE FROM \"value\"", &[]).await).0,
        "23503"
    );
    assert_eq!(clinic.journal().await?.len(), 4);
    Ok(())
}

/// A flush takes whole transactions, and writes down what it did with them.
pub async fn a_flush_takes_rows_out_of_the_journal(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let name = clinic.site.name();
    let mut write = clinic.begin().await?;
    for score in ["1", "2", "3"] {
        let sql = "UPDATE visit SET score = $1";
        write.query(sql, &[Some(score.to_owned())], &[]).await?;
    }
    write.commit().await?;
    clinic.run("UPDATE visit SET score = 4", &[]).await?;
    let mut flush = clinic.database.0.begin_flush(name).await?;
    let first = flush.journal(clinic.site.dataset(), 1).await?;
    assert_eq!(first.len(), 3);
    assert_eq!(flush.journal(clinic.site.dataset(), 4).await?.len(), 4);

    let stored = flush.stored().await?;
    let mut now = stored.edits.clone();
    now.head = Some(EditsHead {
        seq: Seq(1),
        at: NOON.parse()?,
        epoch: 1,
        writer: clinic.database.0.identity().await?,
        dataset: clinic.site.dataset().md5(),
        site_seq: Seq(1),
    });
    let key = |table: &str, part: &str| (Name::new(table).unwrap(), Part::new(part).unwrap());
    let was = |table: &str, part: &str| stored.loaded[&key(table, part)].version.unwrap();
    let later = PartVersion {
        edits: Some(Md5::of(b"edits")),
        ..was("visit", DAY)
    };
    let merged = Entry {
        object: EditsObject {
            md5: Md5::of(b"edits"),
            edits: 1,
            conflicts: 0,
            kept: Vec::new(),
            merged: Merged {
                object: later.object,
                parents: None,
                site_seq: Seq(1),
                rows: 5,
                summary: Summary::default(),
            },
        },
        dataset: clinic.site.dataset().md5(),
        seq: Seq(2),
    };
    now.partitions.insert(key("visit", DAY), merged);
    let versions = [
        (key("visit", DAY), Some((was("visit", DAY), later))),
        (key("doctor", "b=0of1"), None),
        (key("visit", "dt=2026-01-01"), None),
    ];
    let flushed: Vec<String> = first.iter().map(|entry| entry.id.clone()).collect();
    let versions = versions.into_iter().collect();
    let change = FlushChange {
        flushed: &flushed,
        was: &stored.edits,
        now: &now,
        versions: &versions,
        moves_loaded_seq: true,
        asked: &["2026-01-01".parse()?],
        at: NOON.parse()?,
        start_known: true,
        writable: None,
        hold: false,
    };
    flush.commit(&change).await?;
    let after = flush.stored().await?;
    assert_eq!(after.state.revision, stored.state.revision + 1);
    assert_eq!((after.edits.seq().0, after.rows_at.edits_seq.0), (1, 1));
    assert!(after.state.writable && after.state.start_known);
    assert_eq!(after.state.edits_waiting, 1);
    let version = |table: &str, part: &str| after.loaded[&key(table, part)].version;
    assert_eq!(version("visit", DAY), Some(later));
    assert_eq!(after.loaded[&key("visit", DAY)].rows, 5);
    assert_eq!(version("doctor", "b=0of1"), None);
    assert_eq!(version("visit", "dt=2026-01-01"), None);
    assert_eq!(after.asked.len(), 1);

    // A catalog that has moved on stays as it is, and a version that is another is not known.
    let change = FlushChange {
        flushed: &[],
        now: &stored.edits,
        hold: true,
        writable: Some(false),
        ..change
    };
    flush.commit(&change).await?;
    let after = flush.stored().await?;
    assert_eq!((after.edits.seq().0, after.rows_at.edits_seq.0), (1, 1));
    assert_eq!(after.loaded[&key("visit", DAY)].version, None);
    assert!(!after.state.writable);
    drop(flush);
    assert!(clinic.entries().await?[0].held);
    Ok(())
}

/// One flush of a site at a time.
pub async fn a_second_flush_waits(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let held = clinic.database.0.begin_flush(clinic.site.name()).await?;
    let second = clinic.database.0.begin_flush(clinic.site.name());
    let waited = tokio::time::timeout(Duration::from_millis(200), second).await;
    assert!(waited.is_err());
    drop(held);
    clinic.database.0.begin_flush(clinic.site.name()).await?;
    Ok(())
}
