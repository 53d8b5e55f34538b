use std::fs;
use std::sync::Arc;

use causeway_agent::Silent;
use causeway_shared::catalog::Catalog;
use causeway_shared::layout::LogKey;
use causeway_shared::log::SiteLog;
use causeway_shared::object::ObjectReader;
use causeway_shared::store::list_all;
use causeway_shared::store::memory::MemoryStore;
use fastrand::Rng;
use tempfile::TempDir;

use super::*;

/// A store to import into, as site `a`.
pub(super) struct Cloud {
    folder: TempDir,
    pub(super) store: Store,
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
        }
    }

    pub(super) fn options() -> ImportOptions {
        ImportOptions {
            site: SiteName::new("a").unwrap(),
            add: false,
            dry_run: false,
            take_over: false,
            allow_shrink: false,
            dialect: None,
        }
    }

    pub(super) async fn run(
        &self,
        files: &[(&str, &[u8])],
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        let given = files.iter().map(|(name, bytes)| {
            let path = self.folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            GivenFile {
                path,
                name: (*name).to_owned(),
                is_upload: false,
            }
        });
        let importer = Importer {
            store: Arc::clone(&self.store),
            settings: toml::from_str("url = 'file:///s'").unwrap(),
            dataset: Arc::new(Dataset::meetassist().unwrap()),
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        };
        importer
            .run(given.collect(), options, Arc::new(Silent))
            .await
    }

    async fn sql(&self, sql: &str) -> Result<Imported, ImportError> {
        self.run(&[("dump.sql", sql.as_bytes())], &Self::options())
            .await
    }

    async fn catalog(&self) -> Catalog {
        let log: SiteLog = SiteLog::new(Arc::clone(&self.store), SiteName::new("a").unwrap());
        log.read_catalog().await.unwrap()
    }

    /// Each partition with the MD5 of its rows.
    async fn partitions(&self) -> Vec<String> {
        let catalog = self.catalog().await;
        let part = |((table, part), entry): (&(_, _), &causeway_shared::catalog::Entry)| {
            let (table, part): (&causeway_shared::ids::Name, &causeway_shared::ids::Part) =
                (table, part);
            format!("{table} {part} {} {}", entry.object.rows, entry.object.md5)
        };
        catalog
            .partitions
            .iter()
            .map(|(key, entry)| part((key, entry)))
            .collect()
    }

    /// The committed rows of a table, in the order of their records.
    async fn rows(&self, table: &str) -> Vec<String> {
        let dataset = Dataset::meetassist().unwrap();
        let declared = dataset.table(table).unwrap();
        let log: SiteLog = SiteLog::new(Arc::clone(&self.store), SiteName::new("a").unwrap());
        let mut rows = Vec::new();
        for (part, entry) in self.catalog().await.table(table) {
            let key = LogKey::Object(declared.name.clone(), part, entry.object.md5);
            let fetched = self.store.get(&log.key(&key)).await.unwrap();
            let mut reader = ObjectReader::new(declared, &entry.object).unwrap();
            reader.give(fetched.bytes(1 << 20).await.unwrap().into());
            let mut each = |record: &[u8]| rows.push(String::from_utf8_lossy(record).into_owned());
            while reader.step(&mut each).unwrap() {}
        }
        rows.sort();
        rows
    }

    /// How many rows are committed.
    async fn committed(&self) -> u64 {
        let catalog = self.catalog().await;
        let entries = catalog.partitions.values();
        entries.map(|entry| entry.object.rows).sum()
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = list_all(&*self.store, prefix, None).await.unwrap();
        listed.into_iter().map(|object| object.key).collect()
    }
}

/// Dumps of the same rows, as the tools write them.
pub(super) const DUMPS: [(&str, &[u8]); 7] = [
    (
        "pg_dump",
        include_bytes!("../../../tests/fixtures/dumps/pg_dump.sql"),
    ),
    (
        "pg_dump --inserts",
        include_bytes!("../../../tests/fixtures/dumps/pg_dump_inserts.sql"),
    ),
    (
        "pg_dump --column-inserts",
        include_bytes!("../../../tests/fixtures/dumps/pg_dump_column_inserts.sql"),
    ),
    (
        "mariadb-dump",
        include_bytes!("../../../tests/fixtures/dumps/mariadb_dump.sql"),
    ),
    (
        "mariadb-dump --complete-insert",
        include_bytes!("../../../tests/fixtures/dumps/mariadb_complete_insert.sql"),
    ),
    (
        "sqlite3",
        include_bytes!("../../../tests/fixtures/dumps/sqlite3_dump.sql"),
    ),
    (
        "phpMyAdmin",
        include_bytes!("../../../tests/fixtures/dumps/phpmyadmin.sql"),
    ),
];

#[tokio::test]
async fn dumps_of_every_tool_give_the_same_rows() {
    let mut first: Option<Vec<String>> = None;
    for (tool, dump) in DUMPS {
        let cloud = Cloud::new();
        let imported = cloud.run(&[("dump.sql", dump)], &Cloud::options()).await;
        let imported = imported.unwrap_or_else(|error| panic!("{tool}: {error}"));
        let rows = imported.report.rows;
        assert_eq!((rows.scanned, rows.quarantined), (9, 0), "{tool}");
        let partitions = cloud.partitions().await;
        match &first {
            None => first = Some(partitions),
            Some(first) => assert_eq!(&partitions, first, "{tool}"),
        }
        assert_eq!(
            cloud.rows("customer").await,
            [
                "fb-1,\"Nguyễn Văn \"\"An\"\"\",an@x.vn,0901234567,1990-02-28,2025-01-02T10:04:05,false,\
                 \"It's; a (note), with\nlines\r\nand a tab\t, a backslash \\ and \\n\"",
                "fb-2,Trần Thị Bé,be@x.vn,,,2025-06-07T08:09:10.123456,true,\"\"",
                "uuid-3,O'Brien,ob@x.vn,+84 90 765 43 21,2000-12-31,2025-06-07T08:00:00,false,",
            ],
            "{tool}"
        );
    }
}

#[tokio::test]
async fn what_is_no_row_of_a_known_table_is_counted_and_named() {
    let skipped = async |dump| {
        let imported = Cloud::new()
            .run(&[("dump.sql", dump)], &Cloud::options())
            .await;
        let skipped = imported.unwrap().skipped.into_iter();
        skipped
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    insta::assert_snapshot!(skipped(DUMPS[0].1).await, @"ALTER TABLE 10, COPY audit_log 1, CREATE TABLE 5, SELECT 1, SET 11, psql's own commands 2");
    insta::assert_snapshot!(skipped(DUMPS[3].1).await, @"ALTER TABLE 10, CREATE 1, CREATE TABLE 5, DROP TABLE 5, INSERT INTO audit_log 1, LOCK TABLES 5, SET 45, UNLOCK TABLES 5");
    insta::assert_snapshot!(skipped(DUMPS[5].1).await, @"BEGIN 1, COMMIT 1, CREATE TABLE 5, CREATE TRIGGER 1, DELETE 1, INSERT INTO audit_log 2, INSERT INTO sqlite_sequence 1, PRAGMA 1");
    insta::assert_snapshot!(skipped(DUMPS[6].1).await, @"ALTER TABLE 2, COMMIT 1, CREATE 1, CREATE TABLE 4, CREATE TRIGGER 1, SET 9, START 1");
}

#[tokio::test]
async fn the_file_is_kept_and_the_same_file_again_changes_nothing() {
    let cloud = Cloud::new();
    let (_, dump) = DUMPS[0];
    let options = Cloud::options();
    let first = cloud.run(&[("dump.sql", dump)], &options).await.unwrap();
    let key = format!("imports/a/{}.sql", causeway_shared::ids::Md5::of(dump));
    assert_eq!(first.kept, std::slice::from_ref(&key));
    let kept = cloud
        .store
        .get(&key)
        .await
        .unwrap()
        .bytes(1 << 20)
        .await
        .unwrap();
    assert_eq!(kept, dump);
    let again = cloud.run(&[("dump.sql", dump)], &options).await.unwrap();
    assert_eq!((again.report.commit, again.exit()), (None, Exit::Done));
    assert_eq!(cloud.keys("imports/").await, [key]);
    let plan = ImportOptions {
        dry_run: true,
        ..options
    };
    let empty = Cloud::new();
    let planned = empty.run(&[("dump.sql", dump)], &plan).await.unwrap();
    assert_eq!(planned.report.changes, first.report.changes);
    assert_eq!(empty.keys("").await, [""; 0]);
}

#[tokio::test]
async fn csv_files_and_dumps_go_together_in_one_commit() {
    let cloud = Cloud::new();
    let files: [(&str, &[u8]); 2] = [
        (
            "Consultant.CSV",
            b"\xef\xbb\xbfConsultantID;FullName;Email;JoinDate\r\n7;An;an@x;2020-01-01\r\n",
        ),
        (
            "new.sql",
            b"INSERT INTO appointment (appointmentid, consultantid, customerid, date, time) VALUES \
              (1, 7, 'c', '2025-11-28', '09:00');",
        ),
    ];
    let imported = cloud.run(&files, &Cloud::options()).await.unwrap();
    assert_eq!(imported.report.rows.scanned, 2);
    assert_eq!(cloud.rows("consultant").await.len(), 1);
    assert_eq!(cloud.rows("appointment").await.len(), 1);
    assert_eq!(imported.kept.len(), 2);
    let twice = [files[0], ("consultant.csv", files[0].1)];
    let refused = cloud.run(&twice, &Cloud::options()).await.unwrap_err();
    insta::assert_snapshot!(refused, @"Consultant.CSV and consultant.csv both have rows of table consultant; import one after the other");
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_called_by_its_files_name() {
    let cloud = Cloud::new();
    let files: [(&str, &[u8]); 1] = [("appointment.csv", b"appointmentid,when\n1,2\n")];
    let held = cloud.run(&files, &Cloud::options()).await.unwrap();
    assert_eq!((held.exit(), held.report.commit), (Exit::Look, None));
    insta::assert_snapshot!(held.report.held[0], @r#"table appointment is held back: appointment.csv: table appointment has no column customerid, date, time; if it is one of ["when"], declare that name as the column's `source` in the dataset"#);
}

/// Why a dump is refused, or how many of its rows are committed and how many refused.
async fn outcome(sql: &[u8]) -> String {
    let cloud = Cloud::new();
    match cloud.run(&[("d.sql", sql)], &Cloud::options()).await {
        Ok(imported) => {
            let rows = imported.report.rows;
            let committed = cloud.committed().await;
            assert_eq!(committed + rows.quarantined, rows.scanned);
            format!("{committed} rows, {} refused", rows.quarantined)
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_what_to_do() {
    let refused = [
        outcome(b"INSERT INTO consultant VALUES (1, 'An").await,
        outcome(b"-- MySQL dump 10.13\nSET NAMES utf8mb4;\n").await,
        outcome(b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nROLLBACK; -- due to errors\n").await,
        outcome(b"COPY public.consultant (consultantid) FROM stdin;\n1\n").await,
        outcome(b"COPY consultant FROM '/tmp/x';\n").await,
        outcome(b"INSERT INTO consultant VALUES (1, 'a\\nb');").await,
        outcome(b"INSERT INTO consultant VALUES (1, 'x');").await,
        outcome(b"INSERT INTO consultant SELECT * FROM old;").await,
        outcome(b"SET NAMES latin1;\nINSERT INTO consultant VALUES (1);").await,
        outcome(b"\xff\xfeI\0N\0").await,
        outcome(b"PGDMP\x01\x0e").await,
        outcome(b"\x1f\x8b\x08\x00").await,
        outcome(b"SQLite format 3\0").await,
        outcome(b"CREATE TABLE x (a int); INSERT INTO x VALUES (1);").await,
        outcome(b"INSERT INTO a.consultant (consultantid) VALUES (1); INSERT INTO b.consultant (consultantid) VALUES (2);").await,
        outcome(b"USE `a`; INSERT INTO consultant (consultantid) VALUES (1); USE `b`; INSERT INTO consultant (consultantid) VALUES (2);").await,
        outcome(b"-- MySQL dump\nSET TIME_ZONE='+00:00';\nINSERT INTO customer (customerid) VALUES ('a');\n-- Dump completed\n").await,
        outcome(b"SET time_zone = 'Europe/Paris';\nINSERT INTO customer (customerid) VALUES ('a');\n").await,
    ];
    insta::assert_snapshot!(refused.join("\n"), @r#"
    d.sql: the file ends within what begins on line 1: it is cut off; dump again
    d.sql: the dump's last line is missing, which says that it is complete: it is cut off; dump again
    d.sql: the dump ends with ROLLBACK, since sqlite3 met an error: rows are missing; dump again
    d.sql: the file ends within what begins on line 2: it is cut off; dump again
    d.sql: line 1: a COPY from elsewhere is not read; only COPY … FROM stdin in pg_dump's form is
    d.sql: line 1: a text has a backslash, and whether that escapes what follows depends on the database that wrote it; say which with --dialect, over HTTP with `dialect=`: mysql, postgresql or sqlite
    d.sql: line 1: the rows of consultant do not say their columns, and no CREATE TABLE does; dump again with columns (`pg_dump --column-inserts`, `mysqldump --complete-insert`)
    d.sql: line 1: an INSERT … SELECT, SET or DEFAULT VALUES is not read; only rows behind VALUES are
    d.sql: line 1: the dump is in latin1; dump again in UTF-8 (`mysqldump --default-character-set=utf8mb4`, `pg_dump --encoding=UTF8`)
    d.sql: it is in UTF-16; write it as UTF-8: PowerShell's `>` makes UTF-16, `mysqldump --result-file` does not
    d.sql: it is in pg_dump's own format; dump with `pg_dump --format=plain`
    d.sql: it is compressed; unpack it before
    d.sql: it is a SQLite database; import what `sqlite3 FILE .dump` writes, or let an agent carry it
    the files hold no row of a table of the dataset; passed over were CREATE TABLE, INSERT INTO x
    d.sql: line 1: a.consultant and b.consultant are both table consultant of the dataset; dump one of them
    d.sql: line 1: a.consultant and b.consultant are both table consultant of the dataset; dump one of them
    d.sql: line 3: the dump sets TIME_ZONE to UTC, and without its CREATE TABLE nothing says which times of customer are in it; dump again with the table's structure, or with `mysqldump --skip-tz-utc`
    d.sql: line 1: the dump has its times in zone europe/paris; dump again in UTC (`mysqldump --tz-utc`)
    "#);
}

#[tokio::test]
async fn a_statement_over_the_limit_is_refused_with_the_option_that_avoids_it() {
    let row = format!("('c', '{}'),\n", "x".repeat(1_000));
    let mut sql = b"INSERT INTO customer (customerid, fullname) VALUES\n".to_vec();
    while sql.len() < 17 << 20 {
        sql.extend_from_slice(row.as_bytes());
    }
    sql.extend_from_slice(b"('d', 'e');\n");
    let refused = outcome(&sql).await;
    assert!(
        refused.contains("line 1 ") && refused.contains("--net-buffer-length"),
        "{refused}"
    );
    let mut copy = b"COPY customer (customerid, fullname) FROM stdin;\na\tb\nc\t".to_vec();
    copy.resize(17 << 20, b'x');
    copy.extend_from_slice(b"\n\\.\n");
    let refused = outcome(&copy).await;
    assert!(refused.contains("line 3 "), "{refused}");
}

#[tokio::test]
async fn bad_rows_go_to_quarantine_and_the_rest_is_taken() {
    let head = "INSERT INTO consultant (consultantid, fullname, email, joindate) VALUES ";
    let good = "(1, 'An', 'an@x', '2020-01-01')";
    for (rows, expected) in [
        (format!("{good}, (2, 'Bo', 'bo@x')"), "1 rows, 1 refused"),
        (
            format!("{good}, (2, now(), 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2, X'41', 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2, 'Bo', DEFAULT, '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        // All of them on one line.
        (
            format!("{good}, (1, 'Bo', 'bo@x', '2020-01-01'), (2, 'Bo', 'bo@x', '2020-01-01')"),
            "2 rows, 1 refused",
        ),
        (format!("{good}, (), ((1)), (3"), "1 rows, 3 refused"),
        (format!("{good}; {head} {good} + 1"), "1 rows, 2 refused"),
        (
            format!("{good} (2, 'Bo', 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2{})", ", 2".repeat(1 << 20)),
            "1 rows, 1 refused",
        ),
        (
            format!("{good};\n# more;\n{head} (2, 'Bo', 'bo@x', '2020-01-01')"),
            "2 rows, 0 refused",
        ),
        (
            format!("{good} ON CONFLICT DO NOTHING"),
            "1 rows, 0 refused",
        ),
    ] {
        assert_eq!(
            outcome(format!("{head}{rows};").as_bytes()).await,
            expected,
            "{rows}"
        );
    }
    let not_utf8 = [head.as_bytes(), b"(1, 'Nguy\xe1n', 'x', '2020-01-01');"].concat();
    assert_eq!(outcome(&not_utf8).await, "0 rows, 1 refused");
}

#[tokio::test]
async fn a_refused_row_is_found_again_by_its_line() {
    let cloud = Cloud::new();
    let sql = "-- people\nINSERT INTO consultant (consultantid, fullname, email, joindate) VALUES\n\
               (1, 'A\nn', 'an@x', '2020-01-01'),\n(2, 'Bo', 'bo@x', 'soon');\n";
    cloud.sql(sql).await.unwrap();
    let list = cloud
        .store
        .get("sites/a/quarantine/consultant.csv")
        .await
        .unwrap();
    let list = String::from_utf8(list.bytes(1 << 20).await.unwrap()).unwrap();
    assert!(list.contains("dump.sql,line 5,joindate"), "{list}");
}

/// A dump with random bytes taken away, doubled, changed, and cut off.
fn broken(dump: &[u8], chance: &mut Rng) -> Vec<u8> {
    const TOKENS: [&[u8]; 14] = [
        b"'", b"\"", b"`", b"(", b")", b",", b";", b"\\", b"--", b"/*", b"*/", b"\n\\.\n", b"$$",
        b"\xff",
    ];
    let mut broken = dump.to_vec();
    for _ in 0..chance.usize(1..6) {
        let at = chance.usize(..broken.len());
        match chance.u8(..6) {
            0 => drop(broken.drain(at..(at + chance.usize(..40)).min(broken.len()))),
            1 => {
                let to = (at + chance.usize(..200)).min(broken.len());
                let piece = broken[at..to].to_vec();
                let into = chance.usize(..broken.len());
                broken.splice(into..into, piece);
            }
            2 => broken[at] = chance.u8(..),
            3 if chance.u8(..8) == 0 => broken.truncate(at.max(1)),
            _ => {
                let token = TOKENS[chance.usize(..TOKENS.len())];
                broken.splice(at..at, token.iter().copied());
            }
        }
        if broken.is_empty() {
            broken.push(b' ');
        }
    }
    broken
}

/// So many random and broken dumps are read.
const BROKEN: u32 = 10_000;
/// One of so many of them is imported, and one of ten of these committed.
const IMPORTED_OF: u32 = 10;

#[tokio::test]
async fn broken_dumps_lose_no_row_and_stop_nothing() {
    let mut chance = Rng::with_seed(11);
    let (mut taken, mut committed) = (0, 0);
    let empty = Cloud::new();
    let dataset = Dataset::meetassist().unwrap();
    for round in 0..BROKEN {
        let (tool, dump) = DUMPS[chance.usize(..DUMPS.len())];
        let dump = match chance.u8(..10) {
            0 => (0..chance.usize(..3_000)).map(|_| chance.u8(..)).collect(),
            _ => broken(dump, &mut chance),
        };
        if !round.is_multiple_of(IMPORTED_OF) {
            let _ = dump::read_dump(&dump[..], &dataset, None, empty.folder.path());
            continue;
        }
        let options = ImportOptions {
            dry_run: !(round / IMPORTED_OF).is_multiple_of(10),
            ..Cloud::options()
        };
        let fresh = (!options.dry_run).then(Cloud::new);
        let cloud = fresh.as_ref().unwrap_or(&empty);
        // What cannot be read is refused whole.
        let Ok(imported) = cloud.run(&[("dump.sql", &dump)], &options).await else {
            continue;
        };
        let report = imported.report;
        if !report.held.is_empty() {
            // A table without its columns is not scanned.
            assert!(
                imported.dumped >= report.rows.scanned,
                "{tool}, round {round}"
            );
            continue;
        }
        taken += 1;
        assert_eq!(
            imported.dumped, report.rows.scanned,
            "{tool}, round {round}"
        );
        let rows: u64 = match options.dry_run {
            true => report.changes.iter().map(|change| change.rows).sum(),
            false => {
                committed += 1;
                cloud.committed().await
            }
        };
        assert_eq!(
            rows + report.rows.quarantined,
            report.rows.scanned,
            "{tool}, round {round}"
        );
    }
    assert!(taken > BROKEN / IMPORTED_OF / 10, "{taken} were taken");
    assert!(committed > 10, "{committed} were committed");
}

#[test]
fn what_a_file_is_shows_before_it_is_copied() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let dataset = Dataset::meetassist().unwrap();
    let refused = |name: &str| {
        let path = from.path().join(name);
        fs::write(&path, [0; 100]).unwrap();
        let given = GivenFile {
            path,
            name: name.to_owned(),
            is_upload: false,
        };
        let read = files::read(&[given], &dataset, None, to.path());
        read.unwrap_err().to_string()
    };
    let seen = ["zeros.sql", "zeros.csv"].map(refused).join("\n");
    insta::assert_snapshot!(seen, @r"
    zeros.sql: it is no text; import SQL or CSV
    zeros.csv is called like no table of the dataset, which has customer, consultant, consultantschedule, appointment, appointmentfeedback, communityprogram, programparticipant
    ");
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
}
