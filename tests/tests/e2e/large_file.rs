//! A CSV file far larger than the memory that the agent may take.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::time::Duration;

use causeway_tests::{Program, StoreKind, TestStore};

const DATASET: &str = r#"
name = "notes"
version = 1
[[table]]
name = "note"
key = ["id"]
partition = { buckets = 16 }
column = [{ name = "id", type = "int" }, { name = "body", type = "text" }]
"#;

/// A line of the file, without its number.
const BODY: &str = "một dòng ghi chú dài hơn một chút, với \"\"dấu ngoặc\"\" và\r\nhai dòng; ";

const ROWS: u32 = 240_000;
const MAX_MEMORY_BYTES: u64 = 64 << 20;

/// Writes rows in no order, as a spreadsheet in Việt Nam does.
fn write(file: File) {
    let mut file = BufWriter::new(file);
    file.write_all("\u{feff}ID;Body\r\n".as_bytes()).unwrap();
    let body = BODY.repeat(10);
    for row in 0..ROWS {
        // 7 919 shares no factor with the number of rows.
        let id = u64::from(row) * 7_919 % u64::from(ROWS);
        write!(file, "{id};\"{body}{id}\"\r\n").unwrap();
    }
    file.flush().unwrap();
}

#[test]
fn a_file_of_200_mb_is_carried_in_little_memory_measured() {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::create(StoreKind::Folder);
    let csv = folder.path().join("note.csv");
    write(File::create(&csv).unwrap());
    let bytes = fs::metadata(&csv).unwrap().len();
    assert!(bytes > 200_000_000, "{bytes} bytes");
    fs::write(folder.path().join("notes.toml"), DATASET).unwrap();
    let config = "site = \"hcm-01\"\ndataset = \"notes.toml\"\n\
                  [[source]]\nkind = \"csv\"\npath = \".\"\n";
    fs::write(folder.path().join("agent.toml"), config).unwrap();
    let sync = Program::new("causeway-agent")
        .current_dir(folder.path())
        .envs(store.env())
        .args(["sync", "--json"])
        .spawn();
    let (synced, peak_bytes) = sync.wait_measured(Duration::from_secs(240));
    let report = synced.expect_code(0).json();
    assert_eq!(report["rows"]["scanned"], ROWS);
    assert_eq!(report["partitions"]["changed"], 16);
    assert!(peak_bytes < MAX_MEMORY_BYTES, "{peak_bytes} bytes");
}
