//! Pipes and devices where files should be: nothing waits for them.

use std::fs;
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
    for command in ["plan", "sync", "status", "migrate"] {
        let answer = answer(command);
        assert_eq!(answer["held"][0]["table"], "customer", "{answer}");
        assert_eq!(answer["held"][0]["why"], Value::from(&*held), "{answer}");
        if matches!(command, "plan" | "sync") {
            let notes = answer["notes"].to_string();
            let site = site.display();
            for note in [
                format!("pipe.csv of {site} is passed over: it is a named pipe, not a file"),
                format!("zero.csv of {site} is passed over: it is a device, not a file"),
            ] {
                assert!(notes.contains(&note), "{notes}");
            }
        }
    }
    // The others went on.
    assert_eq!(answer("status")["tables"]["consultant"]["rows"], 1);
    let verified = answer("verify");
    let differences = verified["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{verified}");
    assert_eq!(differences[0]["table"], "customer");
    assert_eq!(
        differences[0]["what"],
        format!("the source cannot be read: {held}")
    );

    fs::remove_file(site.join("customer.csv")).unwrap();
    let text = "customerid,fullname,email\nfb-1,An,a@x\n";
    fs::write(site.join("customer.csv"), text).unwrap();
    small.assert_converges("a file has taken the pipe's place");
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
