//! Damage in the store is refused by name, leaves the last good data, and is mended from the site.

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::store::{Store, list_all};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::meetassist::MeetAssist;

use crate::ground::{assert_equal, deploy, rows};

/// What a store may do to one object.
#[derive(Debug, Clone, Copy)]
enum Damage {
    FlipByte,
    Truncate,
    Remove,
    NewerFormat,
}

/// Where.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The object of today's appointments, after a change that is not loaded yet.
    Object,
    /// The first of two commits that are not loaded yet.
    Commit,
}

async fn inflict(store: &Store, key: &str, damage: Damage) {
    let mut bytes = store.get(key).await.unwrap().bytes(1 << 24).await.unwrap();
    match damage {
        Damage::FlipByte => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x20;
        }
        Damage::Truncate => bytes.truncate(bytes.len() / 2),
        Damage::Remove => return store.delete(key).await.unwrap(),
        Damage::NewerFormat => {
            let text = String::from_utf8(bytes).unwrap();
            bytes = text.replace("\"format\":1", "\"format\":7").into_bytes();
        }
    }
    store.put(key, bytes.into()).await.unwrap();
}

/// The newest object of today's appointments.
async fn object_of_today(store: &Store, site: &MeetAssist, known: &[String]) -> String {
    let prefix = WhichLog::Agent.objects(&SiteName::new("hcm-01").unwrap());
    let prefix = format!("{prefix}appointment/dt={}/", site.today);
    let objects = list_all(&**store, &prefix, None).await.unwrap();
    let fresh = objects
        .into_iter()
        .map(|object| object.key)
        .find(|key| !known.contains(key));
    fresh.expect("a new object")
}

async fn objects(store: &Store) -> Vec<String> {
    let prefix = WhichLog::Agent.objects(&SiteName::new("hcm-01").unwrap());
    let listed = list_all(&**store, &prefix, None).await.unwrap();
    listed.into_iter().map(|object| object.key).collect()
}

/// Two more commits that are not loaded, the second of today's appointments.
fn push_two_commits(deployment: &Deployment, site: &MeetAssist) {
    site.execute("UPDATE Customers SET Notes = 'waiting' WHERE CustomerId = 'fb-3'");
    let _ = deployment.agent(&["sync"]).expect_code(0);
    let id = site.first_appointment(0);
    site.execute(&format!(
        "UPDATE Appointments SET Duration = 11 WHERE AppointmentId = {id}"
    ));
    let _ = deployment.agent(&["sync"]).expect_code(0);
}

#[tokio::test]
async fn damage_is_refused_by_name_and_mended() {
    let cases = [
        (Place::Object, Damage::FlipByte),
        (Place::Object, Damage::Truncate),
        (Place::Object, Damage::Remove),
        (Place::Commit, Damage::FlipByte),
        (Place::Commit, Damage::Truncate),
        (Place::Commit, Damage::Remove),
    ];
    for pair in PAIRS {
        for (place, damage) in cases {
            let (deployment, site) = deploy(pair).await;
            let store = deployment.store.open().await;
            deployment.migrate_and_load();
            let (before, last_good) = (objects(&store).await, rows(&deployment).await);
            push_two_commits(&deployment, &site);
            let key = match place {
                Place::Object => object_of_today(&store, &site, &before).await,
                Place::Commit => {
                    LogKey::Commit(Seq(2)).of(WhichLog::Agent, &SiteName::new("hcm-01").unwrap())
                }
            };
            inflict(&store, &key, damage).await;

            let refused = deployment.hub(&["load"]).expect_code(3);
            let error = refused.json()["sites"][0]["error"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(
                error.contains("hcm-01") && error.contains(&key),
                "{place:?} {damage:?}: {error}"
            );
            if matches!(place, Place::Object) {
                let part = format!("dt={}", site.today);
                assert!(
                    error.contains("appointment") && error.contains(&part),
                    "{error}"
                );
            }
            assert_eq!(rows(&deployment).await, last_good, "{place:?} {damage:?}");

            let _ = deployment.agent(&["verify"]).expect_code(3);
            let _ = deployment.agent(&["verify", "--repair"]).expect_code(0);
            let _ = deployment.agent(&["verify"]).expect_code(0);
            deployment.load();
            assert_equal(&deployment, &site).await;
        }
    }
}

#[tokio::test]
async fn a_commit_of_a_newer_format_asks_for_an_upgrade() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let last_good = rows(&deployment).await;
        push_two_commits(&deployment, &site);
        let key = LogKey::Commit(Seq(2)).of(WhichLog::Agent, &SiteName::new("hcm-01").unwrap());
        inflict(&deployment.store.open().await, &key, Damage::NewerFormat).await;
        let refused = deployment.hub(&["load"]).expect_code(3).json();
        let error = refused["sites"][0]["error"].as_str().unwrap();
        assert!(
            error.contains(&key) && error.contains("format 7"),
            "{error}"
        );
        assert_eq!(rows(&deployment).await, last_good, "{pair:?}");
    }
}
