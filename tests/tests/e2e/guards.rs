//! Nothing disappears by accident, and one writer per site.

use std::fs;

use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::meetassist::{MeetAssist, SOURCES};
use causeway_tests::mirror::{Mirror, Rows, tables};
use causeway_tests::{DatabaseKind, Finished, StoreKind};

use crate::ground::{assert_equal, deploy, loaded, today, wanted};

const PAIR: (StoreKind, DatabaseKind) = (StoreKind::Folder, DatabaseKind::Sqlite);

/// A site that was robbed of something, and what its database held before.
struct Robbed {
    deployment: Deployment,
    site: MeetAssist,
    /// What `sync` said.
    synced: Finished,
    /// Every table's rows, in the order of the dataset.
    before: Vec<(&'static str, Rows)>,
}

/// Migrates and loads a site, robs it, and has one more change in another table.
async fn robbed(rob: impl FnOnce(&MeetAssist)) -> Robbed {
    let (deployment, site) = deploy(PAIR).await;
    deployment.migrate_and_load();
    let before = tables().map(|table| (table, wanted(&site, table)));
    let before = before.collect();
    rob(&site);
    site.execute("UPDATE Customers SET Notes = 'changed meanwhile' WHERE CustomerId = 'fb-3'");
    let synced = deployment.agent(&["sync"]).expect_code(3);
    Robbed {
        deployment,
        site,
        synced,
        before,
    }
}

impl Robbed {
    /// No row of any table is gone or differs, and the other table's change arrived.
    async fn assert_held(&self) {
        self.deployment.load();
        for (table, rows) in &self.before {
            let mut expected = rows.clone();
            if *table == "customer" {
                expected.get_mut("fb-3").unwrap()[7] = Some("changed meanwhile".to_owned());
            }
            assert_eq!(loaded(&self.deployment, table).await, expected, "{table}");
        }
    }
}

#[tokio::test]
async fn a_missing_file_holds_its_table() {
    let robbed = robbed(|site| {
        fs::remove_file(site.csv("programparticipant")).unwrap();
    })
    .await;
    robbed.assert_held().await;
    let Robbed {
        deployment,
        site,
        synced,
        ..
    } = robbed;
    assert!(synced.stderr.contains("programparticipant"), "{synced}");
    // Not even a person's word makes a missing file an empty one.
    let _ = deployment.agent(&["sync", "--allow-shrink"]).expect_code(3);
    // Back again, it goes on as if nothing had been.
    site.put_csv(
        "programparticipant",
        "programid,customerid,registeredtime,status\n1,fb-1,,\n",
    );
    let _ = deployment.agent(&["sync", "--allow-shrink"]).expect_code(0);
}

#[tokio::test]
async fn a_table_that_is_gone_for_good_leaves_with_its_declaration() {
    let whole = include_str!("../../../config/meetassist.toml");
    let (without, _) = whole
        .split_once("[[table]]\nname = \"programparticipant\"")
        .unwrap();
    let deployment = Deployment::create(PAIR, "dataset.toml", SOURCES).await;
    fs::write(deployment.path("dataset.toml"), whole).unwrap();
    let site = MeetAssist::write(&deployment.site(), today());
    deployment.migrate_and_load();
    fs::remove_file(site.csv("programparticipant")).unwrap();
    let _ = deployment.agent(&["sync"]).expect_code(3);

    fs::write(deployment.path("dataset.toml"), without).unwrap();
    let _ = deployment.agent(&["sync", "--allow-shrink"]).expect_code(0);
    for command in ["plan", "load"] {
        let said = deployment.hub(&[command]).expect_code(3).stdout;
        assert!(said.contains("table programparticipant is gone"), "{said}");
    }
    let url = deployment.database.url();
    let folder = url.strip_prefix("sqlite:").unwrap();
    fs::remove_file(format!("{folder}/hcm-01.db")).unwrap();
    deployment.load();
    let _ = deployment.hub(&["verify"]).expect_code(0);
}

#[tokio::test]
async fn a_column_that_vanishes_holds_its_table() {
    let (deployment, site) = deploy(PAIR).await;
    deployment.migrate_and_load();
    site.execute("ALTER TABLE Customers DROP COLUMN PhoneNumber");
    let synced = deployment.agent(&["sync"]).expect_code(3);
    assert!(
        synced
            .stderr
            .contains("its source no longer has column phonenumber"),
        "{synced}"
    );
    deployment.load();
    let phones = loaded(&deployment, "customer").await;
    assert!(phones.values().any(|customer| customer[3].is_some()));
    let _ = deployment.agent(&["sync", "--allow-shrink"]).expect_code(0);
}

#[tokio::test]
async fn a_missing_table_holds_its_via_family() {
    let robbed = robbed(|site| site.execute("ALTER TABLE Appointments RENAME TO Elsewhere")).await;
    let held = &robbed.synced.stderr;
    for table in ["appointment", "appointmentfeedback"] {
        assert!(held.contains(&format!("table {table} ")), "{held}");
    }
    robbed.assert_held().await;
    let _ = robbed.deployment.agent(&["verify"]).expect_code(3);
}

#[tokio::test]
async fn a_table_that_empties_suddenly_is_held_until_somebody_agrees() {
    let robbed = robbed(|site| site.execute("DELETE FROM Appointments")).await;
    robbed.assert_held().await;
    let Robbed {
        deployment,
        site,
        synced,
        ..
    } = robbed;
    assert!(synced.stderr.contains("--allow-shrink"), "{synced}");
    // Its feedback has no appointment left: all of it is refused, and said to be.
    let agreed = deployment.agent(&["sync", "--allow-shrink"]).json();
    assert_eq!(agreed["rows"]["quarantined"], 40);
    let _ = deployment.agent(&["status"]).expect_code(3);
    deployment.load();
    assert!(loaded(&deployment, "appointment").await.is_empty());
    assert!(loaded(&deployment, "appointmentfeedback").await.is_empty());
    assert_eq!(
        Mirror::of(&site).number("SELECT count(*) FROM Appointments"),
        0.0
    );
}

#[tokio::test]
async fn a_fifth_less_is_held_and_a_little_less_is_not() {
    let (deployment, site) = deploy(PAIR).await;
    deployment.migrate_and_load();
    // 184 slots: 36 are just under a fifth, and three more are not.
    site.execute("DELETE FROM Slots WHERE ScheduleId <= 36");
    let _ = deployment.agent(&["sync"]).expect_code(0);
    site.execute("DELETE FROM Slots WHERE ScheduleId <= 70");
    let held = deployment.agent(&["sync"]).expect_code(3);
    assert!(held.stderr.contains("consultantschedule"), "{held}");
    let _ = deployment.agent(&["status"]).expect_code(3);
    let _ = deployment.agent(&["sync", "--allow-shrink"]).expect_code(0);
    let _ = deployment.agent(&["status"]).expect_code(0);
}

#[tokio::test]
async fn a_lost_state_is_rebuilt_from_the_log() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        fs::remove_dir_all(deployment.path("state")).unwrap();
        let rebuilt = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!(rebuilt["commit"], serde_json::Value::Null, "{rebuilt}");
        assert_eq!(rebuilt["requests"]["put"], 0, "nothing is uploaded again");

        site.execute("UPDATE Customers SET Notes = 'x' WHERE CustomerId = 'fb-3'");
        let next = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!((&next["commit"], &next["epoch"]), (&2.into(), &2.into()));
        deployment.load();
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn a_state_from_an_old_copy_catches_up_with_the_log() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let (state, copy) = (deployment.path("state"), deployment.path("copy"));
        copy_folder(&state, &copy);
        site.execute("UPDATE Customers SET Notes = 'first' WHERE CustomerId = 'fb-3'");
        let _ = deployment.agent(&["sync"]).expect_code(0);

        fs::remove_dir_all(&state).unwrap();
        copy_folder(&copy, &state);
        site.execute("UPDATE Customers SET Notes = 'second' WHERE CustomerId = 'fb-3'");
        let next = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!(next["commit"], 3, "{next}");
        deployment.load();
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn a_second_machine_is_refused_until_it_takes_over() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        deployment.write_agent_config("second.toml", "host-2", "state-2", "meetassist", SOURCES);
        let second = deployment
            .agent_with("second.toml", &["sync"])
            .expect_code(3);
        assert!(
            second.stderr.contains("host-1"),
            "it says who the first is: {second}"
        );
        assert!(
            second.stderr.contains("--take-over"),
            "and what to do: {second}"
        );

        let taken = deployment.agent_with("second.toml", &["sync", "--take-over"]);
        let taken = taken.expect_code(0).json();
        assert_eq!((&taken["commit"], &taken["epoch"]), (&2.into(), &2.into()));

        site.execute("UPDATE Customers SET Notes = 'old' WHERE CustomerId = 'fb-3'");
        let old = deployment.agent(&["sync"]).expect_code(3);
        assert!(
            old.stderr.contains("host-2"),
            "the old writer learns who replaced it: {old}"
        );
        let _ = deployment.agent(&["status"]).expect_code(3);
        let _ = deployment
            .agent_with("second.toml", &["sync"])
            .expect_code(0);
        deployment.load();
        assert_equal(&deployment, &site).await;
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
