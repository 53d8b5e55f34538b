//! What lies where a file should and is none, and several sources of which none can be read.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use insta::{allow_duplicates, assert_snapshot};

use super::rules::{ROOM, VISIT, VISITS};
use super::troubles::{TABLES, outcomes};
use super::*;

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn in_a_csv_folder_it_fails_its_own_table_and_is_named() {
    let site = Site::new(VISITS)
        .csv("room.csv", "roomid\na\n")
        .csv("zone.csv", "a\n");
    pipe(&site.path("csv/visit.csv"));
    pipe(&site.path("csv/pipe.csv"));
    symlink("/dev/zero", site.path("csv/zero.csv")).unwrap();
    std::fs::create_dir(site.path("csv/old.csv")).unwrap();
    symlink(site.path("csv/loop.csv"), site.path("csv/loop.csv")).unwrap();
    let latin = std::ffi::OsStr::from_bytes(b"caf\xe9.csv");
    std::fs::write(site.path("csv").join(latin), "a\n").unwrap();
    assert_snapshot!(outcomes(&site, &[VISIT, ROOM]), @r#"
    room b=0of3
      a,
    visit Failed { why: "/csv/visit.csv cannot be read: it is a named pipe, not a file" }
    "#);
    let here = site.folder.path().to_str().unwrap();
    let unknown: Vec<String> = site
        .sources()
        .unknown()
        .iter()
        .map(|unknown| unknown.to_string().replace(here, ""))
        .collect();
    assert_snapshot!(unknown.join("\n"), @r#"
    caf�.csv of /csv is passed over: its name is not UTF-8; rename it, or move it away
    loop.csv of /csv is passed over: Too many levels of symbolic links (os error 40); move it away
    old.csv of /csv is passed over: it is a folder, not a file; move it away
    pipe.csv of /csv is passed over: it is a named pipe, not a file; move it away
    zero.csv of /csv is passed over: it is a device, not a file; move it away
    zone of /csv is not in the dataset and is left alone
    "#);
}

#[test]
fn a_file_name_that_is_not_utf8_can_be_declared() {
    let site = Site::new(VISITS).declared("tables = { room = \"caf\u{fffd}\" }");
    let latin = std::ffi::OsStr::from_bytes(b"caf\xe9.csv");
    std::fs::write(site.path("csv").join(latin), "roomid\na\n").unwrap();
    assert_snapshot!(outcomes(&site, &[ROOM]), @r"
    room b=0of3
      a,
    ");
    let other = std::ffi::OsStr::from_bytes(b"caf\xe8.csv");
    std::fs::write(site.path("csv").join(other), "roomid\nb\n").unwrap();
    assert_snapshot!(outcomes(&site, &[ROOM]), @r#"room Failed { why: "in /csv, \"caf�.csv\" and \"caf�.csv\" both fit table room; take one of them away, or write the right one under `tables` of that source" }"#);
}

#[test]
fn a_sqlite_path_and_what_lies_beside_it_are_not_waited_for() {
    let site = Site::new(VISITS);
    pipe(&site.path("site.db"));
    assert_snapshot!(outcomes(&site, &[VISIT]), @r#"visit Failed { why: "/site.db cannot be read: it is a named pipe, not a file" }"#);
    for mode in ["delete", "wal"] {
        for companion in ["-wal", "-journal", "-shm"] {
            let site = Site::new(VISITS).sqlite(&format!("PRAGMA journal_mode = {mode}; {TABLES}"));
            let companion = format!("site.db{companion}");
            pipe(&site.path(&companion));
            let shown = outcomes(&site, &[VISIT]).replace(&companion, "site.db-…");
            allow_duplicates! {
                assert_snapshot!(shown, @r#"visit Failed { why: "/site.db-… cannot be read: it is a named pipe, not a file" }"#);
            }
        }
    }
}

#[test]
fn a_table_may_be_in_any_source_that_cannot_be_read() {
    let mut site = Site::new(VISITS);
    std::fs::write(site.path("site.db"), "no database").unwrap();
    std::fs::remove_dir(site.path("csv")).unwrap();
    assert_snapshot!(outcomes(&site, &[VISIT]), @r#"visit Failed { why: "table visit may be in any source that cannot be read: the CSV folder /csv is not there; put it back, or correct `path` of this source; /site.db is not a SQLite database, or is encrypted; correct `path`" }"#);
    // Unless it is declared to be in one of them, or not to be in one.
    let mut configs = site.configs();
    let why = |configs: &[SourceConfig]| {
        let sources = Sources::resolve(configs, site.folder.path(), &site.dataset, site.now());
        let why = sources
            .unwrap()
            .why_homeless(VISIT, &site.dataset.tables[VISIT]);
        let here = site.folder.path().canonicalize().unwrap();
        why.to_string().replace(here.to_str().unwrap(), "")
    };
    configs[1].tables.insert("visit".into(), "Visits".into());
    assert_snapshot!(why(&configs), @"/site.db is not a SQLite database, or is encrypted; correct `path`");
    configs[1].tables.insert("visit".into(), String::new());
    assert_snapshot!(why(&configs), @"the CSV folder /csv is not there; put it back, or correct `path` of this source");
    site.settings = "tables = { visit = \"\" }";
    assert_snapshot!(outcomes(&site, &[VISIT]), @r#"visit Missing { why: "no source holds table visit", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }"#);
}
