//! `causeway-hub vacuum` takes edits objects that nobody can ask for any more, and no others.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use causeway_shared::runtime::clock as true_clock;
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::wrong_clock::WrongClock;
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::{ask, serve_with};
use crate::ground::{deploy, rows};
use crate::rebuild::drop_database;

/// Longer than `[edits] keep`.
const LONG_AGO: Duration = Duration::from_secs(40 * 24 * 60 * 60);

/// All edits objects.
fn objects(deployment: &Deployment) -> BTreeSet<PathBuf> {
    fn below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => below(&path, found),
                false => drop(found.insert(path)),
            }
        }
    }
    let mut found = BTreeSet::new();
    let store = deployment.store.folder().unwrap();
    below(&store.join("sites/hcm-01/edits/data"), &mut found);
    found
}

async fn cancel(service: &Service, token: &str, id: i64) {
    let cancel = format!("/{id}/cancel");
    let (status, cancelled) = ask(service, token, (Method::POST, &cancel), None).await;
    assert_eq!(
        (status, &cancelled["flushed"]),
        (StatusCode::OK, &json!(true)),
        "{cancelled}"
    );
}

#[tokio::test]
async fn a_vacuum_takes_what_nobody_needs_any_more() {
    for database in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        let (deployment, site) = deploy((StoreKind::Folder, database)).await;
        let token = deployment.token("admin", &[]);
        let migrated = deployment.agent(&["migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
        let clock = WrongClock::build();
        clock.jump_back(LONG_AGO);
        let variables = clock.variables();
        for command in ["init", "load"] {
            let program = deployment.hub_program(&[command]).envs(variables.clone());
            let _ = program.run().expect_code(0);
        }
        // Three appointments of one date, two of them long ago.
        let ids = [0, 1, 2].map(|at| site.first_appointment(1) + at);
        let variables = variables
            .each_ref()
            .map(|(name, value)| (&**name, &**value));
        let service = serve_with(&deployment, &token, &variables).await;
        cancel(&service, &token, ids[0]).await;
        let first = objects(&deployment);
        assert!(!first.is_empty());
        cancel(&service, &token, ids[1]).await;
        let _ = service.running.kill();
        let then = SystemTime::from(true_clock::now()) - LONG_AGO;
        for object in objects(&deployment) {
            let object = File::options().append(true).open(object).unwrap();
            object.set_modified(then).unwrap();
        }
        let service = serve_with(&deployment, &token, &[]).await;
        cancel(&service, &token, ids[2]).await;
        let _ = service.running.kill();
        let all = objects(&deployment);

        // What the first change wrote was replaced long ago, what the second wrote just now.
        let vacuum = |more: &[&str]| {
            let done = deployment.hub(&[&["vacuum"], more].concat());
            done.expect_code(0).json()["sites"][0]["objects"].clone()
        };
        assert_eq!(vacuum(&["--dry-run"]), first.len());
        assert_eq!(objects(&deployment), all);
        assert_eq!(vacuum(&[]), first.len());
        assert_eq!(objects(&deployment), &all - &first);
        assert_eq!(vacuum(&[]), 0);
        // The service may have ended before it took the dates of long ago out.
        deployment.load();
        let _ = deployment.hub(&["verify"]).expect_code(0);
        let before = rows(&deployment).await;
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        deployment.load();
        assert_eq!(rows(&deployment).await, before);
    }
}
