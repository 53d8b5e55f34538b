//! Random sites, scanned with little memory, against the oracle.

use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::{Expected, Rows, expected};
use super::rules::{MARK, NOTE, ROOM, VISIT, VISITS};
use super::*;

fn field(values: &'static [&'static str]) -> BoxedStrategy<Option<String>> {
    prop::option::weighted(0.9, select(values).prop_map(str::to_owned)).boxed()
}

fn rows(fields: Vec<BoxedStrategy<Option<String>>>, most: usize) -> BoxedStrategy<Rows> {
    prop::collection::vec(fields, 0..most).boxed()
}

/// Few values, so that they meet, and some that no column takes.
const IDS: &[&str] = &[
    "1",
    "2",
    "3",
    "04",
    "5.0",
    "6",
    "7",
    "8",
    "9",
    "-10",
    "11",
    "x",
    "99999999999999999999",
];
const DAYS: &[&str] = &[
    "2025-01-01",
    "2025-01-02",
    "2025-01-02 00:00:00",
    "1999-12-31",
    "31/12/1999",
];
const ROOMS: &[&str] = &["a", "b", "c,d", "e\"f", "g\nh", "Ơ", " a"];

/// The rows of the tables of [`VISITS`].
fn site() -> impl Strategy<Value = BTreeMap<TableId, Rows>> {
    let note = rows(vec![field(IDS), field(IDS), field(ROOMS)], 30);
    let mark = rows(vec![field(IDS), field(&["i", "ii"])], 20);
    let visit = rows(
        vec![
            field(IDS),
            field(DAYS),
            field(ROOMS),
            field(&["on", "off", "broken"]),
            field(&["p", "q", "\\."]),
            field(&["1", "2.50", "0.001"]),
        ],
        40,
    );
    let room = rows(vec![field(ROOMS), field(&["1", "x"])], 10);
    (note, mark, visit, room).prop_map(|(note, mark, visit, room)| {
        BTreeMap::from([(NOTE, note), (MARK, mark), (VISIT, visit), (ROOM, room)])
    })
}

/// Writes the tables as CSV files, or into a SQLite file as text.
fn written(
    tables: &BTreeMap<TableId, Rows>,
    memory: usize,
    as_csv: impl Fn(TableId) -> bool,
) -> Site {
    let mut site = Site::new(VISITS);
    site.memory = memory;
    let database = rusqlite::Connection::open(site.path("site.db")).unwrap();
    database
        .execute_batch("PRAGMA synchronous = off; PRAGMA journal_mode = off; BEGIN")
        .unwrap();
    for (position, rows) in tables {
        let table = &site.dataset.tables[*position];
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        if as_csv(*position) {
            let path = site.path(&format!("csv/{}.csv", table.name));
            let mut file = csv::Writer::from_path(path).unwrap();
            file.write_record(&names).unwrap();
            for row in rows {
                file.write_record(row.iter().map(|field| field.as_deref().unwrap_or("")))
                    .unwrap();
            }
            file.flush().unwrap();
        } else {
            let columns = names.join(", ");
            database
                .execute_batch(&format!("CREATE TABLE {} ({columns})", table.name))
                .unwrap();
            let marks = vec!["?"; names.len()].join(", ");
            let insert = format!("INSERT INTO {} VALUES ({marks})", table.name);
            for row in rows {
                database
                    .execute(&insert, rusqlite::params_from_iter(row))
                    .unwrap();
            }
        }
    }
    database.execute_batch("COMMIT").unwrap();
    site
}

/// A scan's result in the oracle's form.
fn found(site: &Site) -> (Expected, Found) {
    let found = site.scan();
    let mut seen = Expected {
        parts: found.parts.clone(),
        ..Expected::default()
    };
    for (id, outcome) in &found.outcome.tables {
        let scanned = outcome.as_ref().unwrap();
        let TableFindings {
            refused, dangling, ..
        } = &scanned.findings;
        assert_eq!(scanned.rows_read, scanned.rows() + refused.total);
        assert_eq!(refused.listed.len() as u64, refused.total);
        seen.refused.insert(*id, refused.total);
        for dangling in dangling {
            let column = site.dataset.tables[*id].column(dangling.column.as_str());
            seen.dangling.insert((*id, column.unwrap()), dangling.rows);
        }
    }
    (seen, found)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_is_what_the_oracle_says(
        tables in site(),
        memory in select(&[0usize, 300, 3_000, 1 << 20]),
        in_csv in prop::collection::vec(any::<bool>(), 4),
    ) {
        let site_scanned = written(&tables, memory, |table| in_csv[table.0]);
        let (seen, _) = found(&site_scanned);
        prop_assert_eq!(seen, expected(&site_scanned.dataset, &tables));
    }

    #[test]
    fn order_source_and_memory_do_not_matter(
        (tables, shuffled) in site().prop_flat_map(|tables| {
            let shuffled: Vec<_> = tables.values().cloned().map(Just).map(|rows| rows.prop_shuffle()).collect();
            (Just(tables), shuffled)
        }),
    ) {
        let shuffled = shuffled.into_iter().enumerate().map(|(at, rows)| (TableId(at), rows)).collect();
        let (_, in_sqlite) = found(&written(&tables, 1 << 20, |_| false));
        let (_, in_csv) = found(&written(&shuffled, 500, |_| true));
        prop_assert_eq!(in_sqlite.md5s, in_csv.md5s);
    }
}
