//! Writing a proposal.

use super::super::write;
use super::*;

fn proposal() -> Proposal {
    Proposal {
        agent_toml: "site = \"a\"".into(),
        dataset_toml: Some("name = \"a\"".into()),
        notes: Vec::new(),
    }
}

#[test]
fn a_folder_is_made_and_both_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    let written = write(&proposal(), &dir.join("agent.toml"), false).unwrap();
    assert_eq!(written, [dir.join("dataset.toml"), dir.join("agent.toml")]);
    assert_eq!(fs::read_to_string(&written[1]).unwrap(), "site = \"a\"");
}

#[test]
fn nothing_is_overwritten_unless_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("agent.toml"),
        "mine, and longer than what is proposed",
    )
    .unwrap();
    let error = write(&proposal(), &folder.path().join("agent.toml"), false)
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("agent.toml is there already; move it away, or say --overwrite"));
    assert_eq!(files_in(folder.path()), ["agent.toml"]);
    write(&proposal(), &folder.path().join("agent.toml"), true).unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("agent.toml")).unwrap(),
        "site = \"a\""
    );
}
