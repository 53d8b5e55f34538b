mod broken;
mod refused;

use std::fs;
use std::sync::Arc;

use causeway_agent::Silent;
use causeway_shared::catalog::Catalog;
use causeway_shared::layout::LogKey;
use causeway_shared::log::SiteLog;
use causeway_shared::object::ObjectReader;
use causeway_shared::store::list_all;
use causeway_shared::store::memory::MemoryStore;
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
