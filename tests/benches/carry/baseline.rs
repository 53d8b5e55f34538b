//! The limits that Causeway is measured against.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::thread;

use bytes::Bytes;
use causeway_shared::layout::{SITES, SiteKey};
use causeway_tests::TestDatabase;
use futures_util::SinkExt as _;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::measure::{Measured, Server, timed};

pub(crate) const TABLES: [&str; 5] = [
    "customer",
    "consultant",
    "consultantschedule",
    "appointment",
    "appointmentfeedback",
];
/// As large as what the hub sends at once.
const CHUNK: usize = 256 * 1024;
/// The agent's `upload.concurrency`, unless it is configured.
const WRITE_AT_ONCE: usize = 4;

/// Reads every row with SQLite and writes it as plain CSV.
pub(crate) fn sqlite_to_csv(database: &Path, folder: &Path) -> Measured {
    fs::create_dir_all(folder).unwrap();
    timed(|| {
        let db = Connection::open(database).unwrap();
        for table in TABLES {
            let file = File::create(folder.join(table)).unwrap();
            let mut csv = csv::Writer::from_writer(BufWriter::new(file));
            let mut statement = db
                .prepare(&format!("SELECT * FROM {table} ORDER BY 1"))
                .unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    match row.get_ref(column).unwrap() {
                        ValueRef::Null => csv.write_field(b""),
                        ValueRef::Integer(v) => csv.write_field(v.to_string()),
                        ValueRef::Real(v) => csv.write_field(v.to_string()),
                        ValueRef::Text(v) | ValueRef::Blob(v) => csv.write_field(v),
                    }
                    .unwrap();
                }
                csv.write_record(None::<&[u8]>).unwrap();
            }
            csv.flush().unwrap();
        }
    })
}

/// Reads every row with SQLite and takes the MD5 of the values: less no scan can do.
pub(crate) fn select_and_md5(database: &Path) -> Measured {
    timed(|| {
        let db = Connection::open(database).unwrap();
        for table in TABLES {
            let mut md5 = md5::Context::new();
            let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    match row.get_ref(column).unwrap() {
                        ValueRef::Null => {}
                        ValueRef::Integer(v) => md5.consume(v.to_le_bytes()),
                        ValueRef::Real(v) => md5.consume(v.to_le_bytes()),
                        ValueRef::Text(v) | ValueRef::Blob(v) => md5.consume(v),
                    }
                }
            }
            black_box(md5.finalize());
        }
    })
}

/// Writes the objects of a store once more, each into a folder of its own, and flushes each file,
/// its folder and the folder above: what a store in a folder cannot do without if each object is
/// to survive a power cut from when it is written on. As many at once as the agent.
pub(crate) fn objects_flushed(store: &Path, folder: &Path) -> Measured {
    let objects = objects(store);
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::create_dir_all(folder).unwrap();
    let flush = |path: &Path| File::open(path).unwrap().sync_all().unwrap();
    timed(|| {
        thread::scope(|scope| {
            for share in objects.chunks(objects.len().div_ceil(WRITE_AT_ONCE)) {
                scope.spawn(move || {
                    for object in share {
                        let own = folder.join(object.file_name().unwrap());
                        let file = own.join("object");
                        fs::create_dir_all(&own).unwrap();
                        fs::copy(object, &file).unwrap();
                        [&*file, &own, folder].into_iter().for_each(flush);
                    }
                });
            }
        });
    })
}

/// The files of all objects of the store.
fn objects(store: &Path) -> Vec<PathBuf> {
    let entries = |folder: PathBuf| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    TABLES
        .iter()
        .map(|table| store.join(SITES).join("hcm-01/data").join(table))
        .flat_map(entries)
        .flat_map(entries)
        .collect()
}

/// A table's CSV bytes, one object after another, headers left out.
pub(crate) struct TableBytes {
    table: String,
    columns: String,
    chunks: Vec<Bytes>,
}

/// What the store holds of each table, as the bytes that COPY takes.
pub(crate) fn decompressed_objects(store: &Path) -> Vec<TableBytes> {
    let site = store.join(SITES).join("hcm-01/data");
    TABLES
        .iter()
        .map(|table| read_table(&site.join(table), table))
        .collect()
}

fn read_table(folder: &Path, table: &str) -> TableBytes {
    let mut found = TableBytes {
        table: table.to_owned(),
        columns: String::new(),
        chunks: Vec::new(),
    };
    let mut all = Vec::new();
    for part in fs::read_dir(folder).unwrap() {
        for object in fs::read_dir(part.unwrap().path()).unwrap() {
            let path = object.unwrap().path();
            let key = path.to_str().unwrap();
            let key = &key[key.rfind(SITES).unwrap()..];
            assert!(SiteKey::parse(key).is_some(), "{key}");
            let mut bytes = Vec::new();
            zstd::Decoder::new(File::open(&path).unwrap())
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            let header = bytes.iter().position(|b| *b == b'\n').unwrap();
            found.columns = String::from_utf8(bytes[..header].to_vec()).unwrap();
            all.extend_from_slice(&bytes[header + 1..]);
        }
    }
    found.chunks = all.chunks(CHUNK).map(Bytes::copy_from_slice).collect();
    found
}

/// Copies the bytes into fresh tables with the keys and indexes of the hub's, one transaction.
pub(crate) async fn copy(
    database: &TestDatabase,
    tables: &[TableBytes],
    server: &Server,
) -> Measured {
    let mut client = database.connect().await;
    client
        .batch_execute("DROP SCHEMA IF EXISTS raw CASCADE; CREATE SCHEMA raw")
        .await
        .unwrap();
    for table in TABLES {
        let like = format!("CREATE TABLE raw.{table} (LIKE hcm_01.{table} INCLUDING ALL)");
        client.batch_execute(&like).await.unwrap();
    }
    let copy = async {
        let transaction = client.transaction().await.unwrap();
        for table in tables {
            let sql = format!(
                "COPY raw.{} ({}) FROM STDIN (FORMAT csv)",
                table.table, table.columns
            );
            let sink = transaction.copy_in(&sql).await.unwrap();
            let mut sink = std::pin::pin!(sink);
            for chunk in &table.chunks {
                sink.send(chunk.clone()).await.unwrap();
            }
            sink.as_mut().finish().await.unwrap();
        }
        transaction.commit().await.unwrap();
    };
    let measured = server.timed(copy).await;
    client
        .batch_execute("DROP SCHEMA raw CASCADE; CHECKPOINT")
        .await
        .unwrap();
    measured
}

/// Takes the site and the hub's own tables away again.
pub(crate) async fn drop_site(database: &TestDatabase) {
    let client = database.connect().await;
    client
        .batch_execute(
            "DROP SCHEMA IF EXISTS hcm_01 CASCADE; DROP SCHEMA IF EXISTS causeway CASCADE",
        )
        .await
        .unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
}
