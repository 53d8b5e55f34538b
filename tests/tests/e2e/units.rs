//! The systemd unit that cleans up the store: what it does to the agent's service.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const UNIT: &str = include_str!("../../../config/systemd/causeway-vacuum.service");

/// Writes down what it is asked for, and says how the service is.
const SYSTEMCTL: &str =
    "#!/bin/sh\necho \"$1\" >> \"$FOLDER/asked\"\n[ \"$1\" != show ] || echo \"$STATE\"\n";

/// Runs the shell command of a setting, as systemd hands it to the shell.
fn run(setting: &str, folder: &Path, state: &str) {
    let line = UNIT.lines().find_map(|line| line.strip_prefix(setting));
    let script = line.unwrap().strip_prefix("=+/bin/sh -c '").unwrap();
    let script = script.strip_suffix('\'').unwrap().replace("$$", "$");
    let script = script.replace("/run/causeway-vacuum", folder.to_str().unwrap());
    let mut shell = Command::new("/bin/sh");
    let ended = shell
        .args(["-c", &script])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("FOLDER", folder)
        .env("STATE", state)
        .status();
    assert!(ended.unwrap().success(), "{script}");
}

/// What systemctl is asked for around a vacuum, if the agent's service is in a state.
fn asked(state: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let systemctl = folder.path().join("systemctl");
    fs::write(&systemctl, SYSTEMCTL).unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    run("ExecStartPre", folder.path(), state);
    run("ExecStopPost", folder.path(), state);
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    asked.replace('\n', " ")
}

#[test]
fn a_vacuum_starts_again_only_an_agent_that_it_stopped() {
    assert_eq!(asked("active"), "show stop start ");
    assert_eq!(
        asked("activating"),
        "show stop start ",
        "it waits to be started again"
    );
    assert_eq!(asked("inactive"), "show ");
    assert_eq!(asked("failed"), "show ");
}
