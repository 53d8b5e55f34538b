//! Pipes and devices where files should be: nothing waits for them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use causeway_tests::StoreKind;
use serde_json::Value;

use crate::small::SmallSite;

/// How long a command may take that has next to nothing to do.
const SOON: Duration = Duration::from_secs(30);

/// A site with a pipe for a table's file, another that is nobody's, and a link to a device.
async fn site() -> SmallSite {
    let small = SmallSite::new(StoreKind::Folder).await;
    let site = small.deployment.site();
    for name in ["customer.csv", "pipe.csv"] {
        let made = Command::new("mkfifo").arg(site.join(name)).status();
        assert!(made.unwrap().success());
    }
    symlink("/dev/zero", site.join("zero.csv")).unwrap();
    fs::write(site.join(OsStr::from_bytes(b"caf\xe9.csv")), "a\n1\n").unwrap();
    small
}

#[tokio::test]
async fn each_command_passes_them_over_and_names_them() {
    let small = site().await;
    let answer = |command: &str| {
        let run = small.deployment.agent_program(&[command]).time_limit(SOON);
        run.run().expect_code(3).json()
    };
    let site = small.deployment.site();
    let held = format!(
        "{} cannot be read: it is a named pipe, not a file",
        site.join("customer.csv").display()
    );
    let passed_over = [
        (
            "caf\u{fffd}",
            "its name is not UTF-8; rename it, or move it away",
        ),
        ("pipe", "it is a named pipe, not a file; move it away"),
        ("zero", "it is a device, not a file; move it away"),
    ];
    let passed_over: Vec<String> = passed_over
        .iter()
        .map(|(file, why)| format!("{file}.csv of {} is passed over: {why}", site.display()))
        .collect();
    let passed_over = Value::from(passed_over);
    for command in ["plan", "sync", "status", "migrate"] {
        let answer = answer(command);
        assert_eq!(answer["held"][0]["table"], "customer", "{answer}");
        assert_eq!(answer["held"][0]["why"], Value::from(&*held), "{answer}");
        assert_eq!(answer["passed_over"], passed_over, "{answer}");
    }
    // The others went on.
    assert_eq!(answer("status")["tables"]["consultant"]["rows"], 1);
    let verified = answer("verify");
    let differences = verified["differences"].as_array().unwrap();
    let what = |at: usize| differences[at]["what"].clone();
    assert_eq!(Value::from(vec![what(0), what(1), what(2)]), passed_over);
    assert_eq!(differences.len(), 4, "{verified}");
    assert_eq!(differences[3]["table"], "customer");
    assert_eq!(what(3), format!("the source cannot be read: {held}"));

    fs::remove_file(site.join("customer.csv")).unwrap();
    let text = "customerid,fullname,email\nfb-1,An,a@x\n";
    fs::write(site.join("customer.csv"), text).unwrap();
    answer("sync");
    for command in ["plan", "sync", "status", "migrate"] {
        let answer = answer(command);
        assert_eq!(answer["held"], serde_json::json!([]), "{answer}");
        assert_eq!(answer["passed_over"], passed_over, "{answer}");
    }
    for name in [&b"caf\xe9.csv"[..], b"pipe.csv", b"zero.csv"] {
        fs::remove_file(site.join(OsStr::from_bytes(name))).unwrap();
    }
    small.assert_converges("what was passed over is gone");
}

#[tokio::test]
async fn a_daemon_goes_on_beside_them() {
    let small = site().await;
    let mut running = small.deployment.agent_program(&["run"]).spawn();
    running.wait_for_line("committed", SOON);
    small.change();
    running.wait_for_line("commit=2", SOON);
    assert_eq!(running.terminate().code, Some(0));
}

#[tokio::test]
async fn init_names_them() {
    let small = site().await;
    let site = small.deployment.site();
    let written = small.deployment.path("written");
    fs::create_dir(&written).unwrap();
    let run = causeway_tests::Program::new("causeway-agent")
        .args([
            "init",
            site.to_str().unwrap(),
            site.join("pipe.csv").to_str().unwrap(),
        ])
        .current_dir(&written)
        .time_limit(SOON)
        .run()
        .expect_code(0);
    for what in [
        "pipe.csv is left out: it cannot be read: it is a named pipe, not a file",
        "zero.csv is left out: it cannot be read: it is a device, not a file",
    ] {
        assert!(run.stdout.contains(what), "{run}");
    }
}
