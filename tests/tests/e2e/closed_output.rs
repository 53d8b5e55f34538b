//! Commands whose answer nobody reads to its end, as in `causeway-hub status | head`.

use std::io;
use std::path::Path;
use std::process::Output;

use causeway_tests::{DatabaseKind, StoreKind, command};

use crate::ground::deploy;

/// Runs a command, whose reader is gone before it says anything if so.
fn run(program: &str, config: &Path, args: &[&str], is_unread: bool) -> Output {
    let mut command = command(program);
    command.arg("--config").arg(config).args(args);
    if is_unread {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        command.stdout(writer);
    }
    command.output().unwrap()
}

#[tokio::test]
async fn a_command_ends_quietly_when_its_reader_has_read_enough() {
    let (deployment, _) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    deployment.migrate_and_load();
    let demo = deployment.path("demo");
    let demo = [
        "demo",
        "--once",
        "--rows",
        "60",
        "--dir",
        demo.to_str().unwrap(),
    ];
    for (program, args) in [
        ("causeway-agent", &["status"][..]),
        ("causeway-agent", &["--json", "quarantine"]),
        ("causeway-hub", &["status"]),
        ("causeway-hub", &["archive", "status"]),
        ("causeway-hub", &demo),
    ] {
        let config = deployment.path(match program {
            "causeway-agent" => "agent.toml",
            _ => "hub.toml",
        });
        let read = run(program, &config, args, false);
        let unread = run(program, &config, args, true);
        assert!(!read.stdout.is_empty(), "{args:?} says something");
        let said = String::from_utf8_lossy(&unread.stderr);
        assert!(
            !said.contains("error") && !said.contains("Broken pipe"),
            "{args:?}: {said}"
        );
        assert_eq!(unread.status.code(), read.status.code(), "{args:?}: {said}");
    }
}
