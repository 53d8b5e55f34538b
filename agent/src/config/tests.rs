use super::*;

fn machine() -> Machine {
    Machine {
        host: "own".into(),
        boot: "b".into(),
    }
}

fn validated(text: &str) -> Result<AgentConfig, String> {
    let file = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    AgentConfig::from_file(file, "/base".into(), &machine()).map_err(|error| error.to_string())
}

const LEAST: &str = "site = \"hcm-01\"\nstore.url = \"file:///s\"\n";

#[test]
fn a_missing_file_is_named_and_init_is_its_remedy() {
    let error = AgentConfig::load(Some(Path::new("/nowhere/agent.toml")), &[]).unwrap_err();
    insta::assert_snapshot!(error, @"there is no /nowhere/agent.toml; `causeway-agent init PATH…` looks through SQLite files and CSV folders and writes one, `--config FILE` names one that lies elsewhere");
    // The environment may say it all.
    let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let environment = [
        set("CAUSEWAY_SITE", "hcm-01"),
        set("CAUSEWAY_STORE__URL", "file:///s"),
    ];
    assert!(AgentConfig::load(None, &environment).is_ok());
    let error = AgentConfig::load(None, &environment[..1]).unwrap_err();
    assert!(matches!(error, ConfigError::NoFile { .. }), "{error}");
}

#[test]
fn the_commented_file_shows_every_default() {
    let text = include_str!("../../../config/agent.toml");
    let shown: AgentFile = toml::from_str(text).unwrap();
    let defaults = AgentFile {
        // What has no default is shown by an example.
        site: shown.site.clone(),
        store: shown.store.clone(),
        source: shown.source.clone(),
        ..AgentFile::default()
    };
    assert_eq!(format!("{shown:?}"), format!("{defaults:?}"));
    // It can be used as it is, once its two sources are there.
    assert_eq!(validated(text).unwrap().sources.len(), 2);
    for key in [
        "site",
        "dataset",
        "timezone",
        "host",
        "state_dir",
        "[store]",
        "[[source]]",
        "[watch]",
        "debounce",
        "max_delay",
        "poll",
        "shrink",
        "[hub]",
        "token",
        "concurrency",
        "bandwidth",
        "keep",
        "encoding",
        "delimiter",
        "dates",
        "tables",
        "path_style",
        "checksums",
    ] {
        assert!(text.contains(key), "{key} is not shown");
    }
}

#[test]
fn wrong_values_are_refused_by_key() {
    let refused = |line: &str| validated(&format!("{LEAST}{line}")).unwrap_err();
    insta::assert_snapshot!(refused("timezone = \"Mars\""), @"timezone: write a zone's name, as in Asia/Ho_Chi_Minh");
    insta::assert_snapshot!(refused("guard.shrink = 20"), @"guard.shrink: write a share from 0 to 1, as in 0.2");
    insta::assert_snapshot!(refused("upload.concurrency = 0"), @"upload.concurrency: write a number from 1 to 64");
    insta::assert_snapshot!(refused("hub.url = \"hub\""), @"hub.url: write the hub's address, as in https://hub.example");
    insta::assert_snapshot!(refused("dataset = \"none.toml\""), @"dataset: cannot read /base/none.toml: No such file or directory (os error 2); write meetassist or a path");
    assert!(refused("shrink = 1").starts_with("unknown field `shrink`"));
    assert!(
        validated("site = \"Hcm\"\nstore.url = \"x\"")
            .unwrap_err()
            .starts_with("site: ")
    );
    assert!(
        validated("site = \"a\"")
            .unwrap_err()
            .starts_with("store.url: ")
    );
    assert!(
        validated("store.url = \"x\"")
            .unwrap_err()
            .starts_with("site: ")
    );
}

#[test]
fn the_machine_is_the_host_unless_one_is_set() {
    assert_eq!(validated(LEAST).unwrap().machine.host, "own");
    let set = validated(&format!("host = \"shop\"\n{LEAST}")).unwrap();
    assert_eq!(
        (set.machine.host.as_str(), set.machine.boot.as_str()),
        ("shop", "b")
    );
}

#[test]
fn the_token_is_never_shown() {
    let config = validated(&format!(
        "{LEAST}hub = {{ url = \"http://h/\", token = \"s3cret\" }}"
    ));
    let config = config.unwrap();
    assert_eq!(
        config.hub.as_ref().map(|hub| hub.url.as_str()),
        Some("http://h")
    );
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn paths_are_relative_to_the_files_folder() {
    assert_eq!(
        validated(LEAST).unwrap().state_dir,
        Path::new("/base/causeway-agent")
    );
}
