//! `init`: from a folder of data to a configuration that the agent takes.

use std::fs;

use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{Finished, Program};
use jiff::civil::date;
use tempfile::TempDir;

/// A folder with a MeetAssist site of 46 days in `site/`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    let _ = MeetAssist::write(&site, date(2025, 11, 28));
    folder
}

fn agent(folder: &TempDir, args: &[&str]) -> Finished {
    Program::new("causeway-agent")
        .current_dir(folder.path())
        .args(args)
        .run()
}

#[test]
fn what_it_writes_is_a_configuration_whose_plan_is_the_whole_site() {
    let folder = folder();
    let written = agent(&folder, &["init", "site", "--json"]).expect_code(0);
    let agent_toml = folder.path().canonicalize().unwrap().join("agent.toml");
    assert_eq!(written.json()["files"], serde_json::json!([agent_toml]));
    fs::create_dir(folder.path().join("causeway-store")).unwrap();
    let plan = agent(&folder, &["plan", "--json"]).expect_code(0).json();
    let mut tables: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["table"].as_str().unwrap())
        .collect();
    tables.dedup();
    assert_eq!(tables.len(), 7, "{tables:?}");
}

#[test]
fn it_overwrites_nothing_unasked_and_says_what_it_cannot_read() {
    let folder = folder();
    fs::write(folder.path().join("agent.toml"), "mine").unwrap();
    let refused = agent(&folder, &["init", "site"]).expect_code(2);
    assert!(refused.stderr.contains("--overwrite"), "{refused}");
    let kept = fs::read_to_string(folder.path().join("agent.toml")).unwrap();
    assert_eq!(kept, "mine");
    let _ = agent(&folder, &["init", "site", "--overwrite"]).expect_code(0);
    let nothing = agent(&folder, &["init", "nowhere"]).expect_code(2);
    assert!(nothing.stderr.contains("nowhere"), "{nothing}");
}
