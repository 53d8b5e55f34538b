//! A site without an agent: its rows come from files, are loaded, and keep what was changed in the cloud.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::time::{Duration, Instant};

use causeway_shared::store::list_all;
use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::{ask, serve};
use crate::ground::{loaded, rows, today};
use crate::rebuild::drop_database;

const MAX_MEMORY_BYTES: u64 = 64 << 20;
const MIN_DUMP_BYTES: u64 = 100_000_000;
const DUMP_ROWS: u32 = 250_000;

async fn empty(pair: (StoreKind, DatabaseKind)) -> Deployment {
    Deployment::create(pair, "meetassist", "").await
}

/// Appointments of tomorrow, as a dump.
fn dump(appointments: &[(u32, &str, &str)]) -> String {
    let tomorrow = today().tomorrow().unwrap();
    let mut sql =
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nINSERT INTO customer (customerid, \
                   fullname, email) VALUES ('c', 'Lê C', 'c@x');\n"
            .to_owned();
    for (id, time, description) in appointments {
        let _ = writeln!(
            sql,
            "INSERT INTO appointment (appointmentid, customerid, date, time, description) VALUES \
             ({id}, 'c', '{tomorrow}', '{time}', '{description}');"
        );
    }
    sql + "COMMIT;\n"
}

#[tokio::test]
async fn an_imported_site_is_loaded_and_what_was_changed_in_the_cloud_survives_the_next_import() {
    for pair in PAIRS {
        let deployment = empty(pair).await;
        let file = deployment.path("dump.sql");
        let path = file.to_str().unwrap();
        fs::write(&file, dump(&[(1, "09:00", "one"), (2, "10:00", "two")])).unwrap();
        let _ = deployment.hub(&["init"]).expect_code(0);
        let import = ["import", path, "--site", "hcm-01"];
        let planned = deployment.hub(&[&import[..], &["--dry-run"]].concat());
        let planned = planned.expect_code(0).json();
        let imported = deployment.hub(&import).expect_code(0).json();
        assert_eq!(imported["commit"], 1);
        assert_eq!(imported["changes"], planned["changes"]);
        assert_eq!(
            deployment.hub(&import).expect_code(0).json()["commit"],
            serde_json::Value::Null
        );
        // Nothing is loaded yet, and no agent has the rows.
        let store = deployment.store.open().await;
        let objects = list_all(&*store, "sites/hcm-01/data/", None).await.unwrap();
        for object in &objects {
            store.delete(&object.key).await.unwrap();
        }
        let _ = deployment.hub(&["load"]).expect_code(3);
        let mended = deployment.hub(&import).expect_code(0).json();
        assert_eq!(
            (&mended["commit"], &mended["restored"]),
            (&serde_json::Value::Null, &json!(objects.len()))
        );
        deployment.load();
        assert_eq!(loaded(&deployment, "appointment").await.len(), 2);

        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let cancel = (Method::POST, "/1/cancel");
        let (status, cancelled) = ask(&service, &token, cancel, None).await;
        assert_eq!(status, StatusCode::OK, "{cancelled}");
        let _ = service.running.kill();

        let next = dump(&[
            (1, "09:00", "one more"),
            (2, "10:00", "two"),
            (3, "11:00", "three"),
        ]);
        fs::write(&file, next).unwrap();
        let imported = deployment.hub(&import).expect_code(0).json();
        assert_eq!(imported["commit"], 2);
        deployment.load();
        let before = rows(&deployment).await;
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init"]).expect_code(0);
        deployment.load();
        assert_eq!(rows(&deployment).await, before);
        let appointments = loaded(&deployment, "appointment").await;
        let one = format!("{:?}", appointments.values().next());
        assert!(
            one.contains("cancelled") && one.contains("one more"),
            "{one}"
        );
        assert_eq!(appointments.len(), 3);
        let _ = deployment.hub(&["verify"]).expect_code(0);
    }
}

/// Everything under TMPDIR and in the store that needs space fails from some step on, each in turn.
#[tokio::test]
async fn an_import_or_archive_on_a_full_disk_says_so_and_goes_on_from_there() {
    let deployment = empty(PAIRS[0]).await;
    let file = deployment.path("dump.sql");
    fs::write(&file, dump(&[(1, "09:00", "one"), (2, "10:00", "two")])).unwrap();
    let _ = deployment.hub(&["init"]).expect_code(0);
    let (crash, temporary) = (Crash::build(), deployment.path("tmp"));
    fs::create_dir(&temporary).unwrap();
    let store = deployment.store.folder().unwrap();
    let import = ["import", file.to_str().unwrap(), "--site", "hcm-01"];
    for (command, written) in [
        (&import[..], &["sites", "imports"][..]),
        (&["archive", "run"], &["archive"]),
    ] {
        let mut step = 1;
        loop {
            for folder in written {
                let _ = fs::remove_dir_all(store.join(folder));
            }
            let full = crash.at(step, How::Full, &[&temporary, store], &[]);
            let program = deployment.hub_program(command).envs(full);
            let began = Instant::now();
            let ended = program.envs([("TMPDIR", &temporary)]).run();
            assert!(began.elapsed() < Duration::from_secs(30), "{ended}");
            if !crash.was_reached() {
                let _ = ended.expect_code(0);
                break;
            }
            // What it can do without it does without.
            assert!(matches!(ended.code, Some(0 | 1)), "step {step}: {ended}");
            let names = [&*temporary, store].map(|folder| folder.to_str().unwrap());
            let says = |what: &str| ended.stderr.contains(what);
            let says_where = says("archive_info.json") || names.iter().any(|name| says(name));
            assert!(ended.code == Some(0) || says_where, "step {step}: {ended}");
            assert!(!says("panicked"), "step {step}: {ended}");
            // Nothing is left behind, and what was begun is made good.
            assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "step {step}");
            let _ = deployment.hub(command).expect_code(0);
            step += 1;
        }
        assert!(step > 5, "{command:?} has {step} steps");
    }
    deployment.load();
    assert_eq!(loaded(&deployment, "appointment").await.len(), 2);
}

#[tokio::test]
async fn an_agent_and_imports_do_not_write_one_site() {
    let deployment = empty(PAIRS[0]).await;
    fs::write(deployment.path("dump.sql"), dump(&[(1, "09:00", "one")])).unwrap();
    let path = deployment.path("dump.sql");
    let import = ["import", path.to_str().unwrap(), "--site", "hcm-01"];
    let _ = deployment.hub(&import).expect_code(0);
    let csv = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";
    fs::write(deployment.site().join("consultant.csv"), csv).unwrap();
    let source = "[[source]]\nkind = \"csv\"\npath = \"site\"\n";
    deployment.write_agent_config("agent.toml", "host-1", "state", "meetassist", source);
    let _ = deployment.agent(&["sync"]).expect_code(3);
    let taken = deployment
        .agent(&["sync", "--take-over"])
        .expect_code(3)
        .json();
    assert_eq!(taken["commit"], 2);
    let refused = deployment.hub(&import).expect_code(3).json();
    let error = refused["error"].as_str().unwrap();
    assert!(
        error.contains("host-1") && error.contains("agent.toml"),
        "{error}"
    );
    let _ = deployment
        .hub(&[&import[..], &["--take-over"]].concat())
        .expect_code(0);
    let _ = deployment.agent(&["sync"]).expect_code(3);
}

/// How a dump writes its rows.
#[derive(Debug, Clone, Copy)]
enum Form {
    OneInsertPerRow,
    ManyRowsPerInsert,
    Copy,
}

/// Writes customers with long notes.
fn write(file: File, form: Form) {
    let mut file = BufWriter::new(file);
    let columns = "customer (customerid, fullname, email, notes)";
    if matches!(form, Form::Copy) {
        writeln!(file, "COPY {columns} FROM stdin;").unwrap();
    }
    for row in 0..DUMP_ROWS {
        // 7 919 shares no factor with the number of rows.
        let id = u64::from(row) * 7_919 % u64::from(DUMP_ROWS);
        let note = "một ghi chú dài hơn một chút; (và hơn nữa), ".repeat(8);
        let head = format!("INSERT INTO {columns} VALUES\n");
        let first = row.is_multiple_of(10_000);
        let last = (row + 1).is_multiple_of(10_000);
        match form {
            Form::Copy => writeln!(file, "fb-{id}\tNguyễn {id}\t{id}@x.vn\t{note}\\n{id}"),
            _ => {
                let is_one = matches!(form, Form::OneInsertPerRow);
                let head = if first || is_one { head.as_str() } else { "" };
                let end = if last || is_one { ";" } else { "," };
                writeln!(
                    file,
                    "{head}('fb-{id}', 'Nguyễn {id}', '{id}@x.vn', '{note}''{id}'){end}"
                )
            }
        }
        .unwrap();
    }
    if matches!(form, Form::Copy) {
        writeln!(file, "\\.").unwrap();
    }
    file.flush().unwrap();
}

#[tokio::test]
async fn a_dump_of_100_mb_is_imported_in_little_memory_measured() {
    for form in [Form::OneInsertPerRow, Form::ManyRowsPerInsert, Form::Copy] {
        let deployment = empty((StoreKind::Folder, DatabaseKind::Sqlite)).await;
        let path = deployment.path("dump.sql");
        write(File::create(&path).unwrap(), form);
        assert!(
            fs::metadata(&path).unwrap().len() > MIN_DUMP_BYTES,
            "{form:?}"
        );
        let args = ["import", path.to_str().unwrap(), "--site", "hcm-01"];
        let import = deployment.hub_program(&args).spawn();
        let (imported, peak_bytes) = import.wait_measured(Duration::from_secs(240));
        let report = imported.expect_code(0).json();
        assert_eq!(report["rows"]["scanned"], DUMP_ROWS, "{form:?}");
        assert!(
            peak_bytes < MAX_MEMORY_BYTES,
            "{form:?}: {peak_bytes} bytes"
        );
    }
}
