//! The custom resource of CloudFormation's: it makes the database, and flushes it before it goes.

use causeway_tests::deployment::Deployment;
use causeway_tests::lambda::{Function, recorded};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{ON_AWS, count};
use crate::ground::deploy;

/// Asks as CloudFormation does: what it is told.
async fn ask(function: &Function, what: &str, id: Option<&str>) -> Value {
    ask_with(function, what, id, None).await
}

/// The same, handed on by a keeper that knows the database server's master.
async fn ask_with(
    function: &Function,
    what: &str,
    id: Option<&str>,
    master: Option<&Value>,
) -> Value {
    let url = function.response_url();
    let replace = [
        ("type", what),
        ("url", &url),
        ("id", id.unwrap_or_default()),
    ];
    let mut event = recorded("cloud_formation.json", &replace);
    if id.is_none() {
        event.as_object_mut().unwrap().remove("PhysicalResourceId");
    }
    if let Some(master) = master {
        event["Master"] = master.clone();
    }
    function.invoke(&event).await;
    let told = function.told();
    assert_eq!(told.len(), 1, "{told:?}");
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(told[0][name], event[name], "{name}");
    }
    told[0].clone()
}

fn status(told: &Value) -> (&str, &str, &str) {
    let text = |name: &str| told[name].as_str().unwrap();
    (text("Status"), text("PhysicalResourceId"), text("Reason"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_makes_loads_and_seals_the_database() {
    let (deployment, site) = deploy(ON_AWS).await;
    let _ = deployment.agent(&["migrate"]);
    let function = Function::start(&deployment, &[]).await;
    let told = ask(&function, "Create", None).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));
    let database = deployment.database.connect().await;
    let customers = "SELECT count(*) FROM hcm_01.customer";
    assert_eq!(count(&database, customers).await, 30);

    site.execute("DELETE FROM Customers WHERE CustomerId = 'fb-30'");
    let _ = deployment.agent(&["sync"]);
    let told = ask(&function, "Update", Some("causeway-hub")).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));

    let write = "UPDATE hcm_01.customer SET notes = 'last' WHERE customerid = 'fb-3'";
    database.batch_execute(write).await.unwrap();
    let told = ask(&function, "Delete", Some("causeway-hub")).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));
    let waiting = "SELECT count(*) FROM causeway.journal";
    assert_eq!(count(&database, waiting).await, 0);
    let rows = "SELECT count(*) FROM hcm_01.customer WHERE notes = 'last'";
    assert_eq!(count(&database, rows).await, 1, "it stays");
    let late = "UPDATE hcm_01.customer SET notes = 'late' WHERE customerid = 'fb-3'";
    let refused = database.batch_execute(late).await.unwrap_err();
    assert_eq!(
        refused.as_db_error().unwrap().message(),
        "site hcm-01: it takes no changes: the database is going to sleep"
    );

    // The stack stays after all.
    let told = ask(&function, "Update", Some("causeway-hub")).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));
    database.batch_execute(late).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_database_sleeps_changes_and_goes_without_it() {
    let (deployment, _) = deploy(ON_AWS).await;
    deployment.migrate_and_load();
    let _ = deployment.hub(&["sleep"]).expect_code(0);
    let nowhere = (
        "CAUSEWAY_DATABASE__URL",
        "postgres://me:hidden@127.0.0.1:1/causeway",
    );
    let function = Function::start(&deployment, &[nowhere]).await;
    for what in ["Update", "Delete"] {
        let told = ask(&function, what, Some("causeway-hub")).await;
        assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_stack_wakes_what_slept_when_the_one_before_went() {
    let (deployment, _) = deploy(ON_AWS).await;
    deployment.migrate_and_load();
    let _ = deployment.hub(&["sleep"]).expect_code(0);
    let function = Function::start(&deployment, &[]).await;
    let told = ask(&function, "Create", None).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));
    let tick = json!({"command": "tick"});
    assert_eq!(function.invoke(&tick).await, json!({"database": "waking"}));
    let ticked = function.invoke(&tick).await;
    assert_eq!(ticked["load"]["sites"][0]["site"], "hcm-01", "{ticked}");
    let database = deployment.database.connect().await;
    let write = "UPDATE hcm_01.customer SET notes = 'awake' WHERE customerid = 'fb-3'";
    database.batch_execute(write).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_and_what_was_never_made_is_deleted_in_peace() {
    let (deployment, _) = deploy(ON_AWS).await;
    let nowhere = (
        "CAUSEWAY_DATABASE__URL",
        "postgres://me:hidden@127.0.0.1:1/causeway",
    );
    let function = Function::start(&deployment, &[nowhere]).await;
    let told = ask(&function, "Create", None).await;
    let (failed, id, reason) = status(&told);
    assert_eq!((failed, id), ("FAILED", "causeway-hub-unmade"));
    assert!(
        reason.contains("127.0.0.1:1/causeway cannot be reached"),
        "{reason}"
    );
    assert!(!reason.contains("hidden"), "{reason}");
    let told = ask(&function, "Delete", Some(id)).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub-unmade", ""));

    let told = ask(&function, "Delete", Some("causeway-hub")).await;
    assert_eq!(
        told["Status"], "FAILED",
        "what is not flushed would be lost: {told}"
    );
    let told = ask(&function, "Rename", Some("causeway-hub")).await;
    let (failed, _, reason) = status(&told);
    assert_eq!(
        (failed, reason),
        ("FAILED", "Rename is nothing that this resource can do")
    );
    assert!(!function.process.stderr().contains("signature=secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_cannot_be_opened_fails_the_stack_at_once() {
    let (deployment, _) = deploy(ON_AWS).await;
    let function = Function::start(&deployment, &[("CAUSEWAY_STORE__URL", "")]).await;
    let told = ask(&function, "Create", None).await;
    let (failed, _, reason) = status(&told);
    assert_eq!(failed, "FAILED");
    assert!(reason.contains("store.url"), "{reason}");
    assert_eq!(json!(function.told()), json!([]));
}

/// Has a database's server be as RDS has it: the master is no superuser, may make roles and databases, and owns this
/// one; members of a role sign in by IAM. A superuser's connection, and the master.
async fn as_on_rds(deployment: &Deployment) -> (Client, Value) {
    let name = deployment.database.name();
    let server = deployment.database.connect().await;
    server
        .batch_execute(&format!(
            "DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             CREATE ROLE \"{name}_master\" LOGIN CREATEROLE CREATEDB;
             GRANT rds_iam TO \"{name}_master\" WITH ADMIN OPTION;
             ALTER DATABASE \"{name}\" OWNER TO \"{name}_master\""
        ))
        .await
        .unwrap();
    let master = json!({"username": format!("{name}_master"), "password": "hidden"});
    (server, master)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_master_makes_the_roles_that_sign_in_by_iam() {
    let (deployment, _) = deploy(ON_AWS).await;
    let _ = deployment.agent(&["migrate"]);
    let name = deployment.database.name();
    let (server, master) = as_on_rds(&deployment).await;
    let url = deployment.database.url();
    let url = url.replace("//postgres@", &format!("//{name}_hub@"));
    // One of the two roles is there already, and signs in by a password.
    let (bot, reports) = (format!("{name}_bot"), format!("{name}_reports"));
    let there = format!("CREATE ROLE \"{reports}\" LOGIN PASSWORD 'x'");
    server.batch_execute(&there).await.unwrap();
    let variables = [
        ("CAUSEWAY_DATABASE__URL", &*url),
        ("CAUSEWAY_DATABASE__WRITERS", &bot),
        ("CAUSEWAY_DATABASE__READERS", &reports),
    ];
    let function = Function::start(&deployment, &variables).await;
    let told = ask_with(&function, "Create", None, Some(&master)).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));

    let may = "SELECT pg_has_role(datdba, 'rds_iam', 'member') AND datdba = $1::text::regrole
               FROM pg_database WHERE datname = current_database()";
    let role = format!("\"{name}_hub\"");
    let may = server.query_one(may, &[&role]).await.unwrap();
    assert!(may.get::<_, bool>(0));
    let rights = "SELECT rolname, pg_has_role(rolname, 'rds_iam', 'member'),
                      has_table_privilege(rolname, 'hcm_01.customer', 'UPDATE'),
                      has_table_privilege(rolname, 'hcm_01.customer', 'SELECT')
                  FROM pg_roles WHERE rolname = ANY ($1) ORDER BY rolname";
    let rights = server.query(rights, &[&vec![&bot, &reports]]).await;
    let rights: Vec<_> = rights
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    assert_eq!(
        rights,
        [(bot, true, true, true), (reports, false, false, true)]
    );
    let told = ask_with(&function, "Update", Some("causeway-hub"), Some(&master)).await;
    assert_eq!(status(&told), ("SUCCESS", "causeway-hub", ""));
    assert!(!function.process.stderr().contains("hidden"));
}
