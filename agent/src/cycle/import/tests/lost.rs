//! Objects that the store has lost: the file that they came from brings them back.

use causeway_shared::layout::WhichLog;

use super::*;

const CONSULTANTS: &str = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";

/// The keys of the objects in the store.
async fn objects(cloud: &Cloud) -> Vec<String> {
    let prefix = WhichLog::Agent.objects(&SiteName::new("a").unwrap());
    let listed = list_all(&*cloud.store, &prefix, None).await.unwrap();
    listed.into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn the_same_file_puts_back_what_the_store_has_lost() {
    let cloud = Cloud::new();
    let rows = appointments(&[
        "1,c,2025-11-28,09:00,pending",
        "2,c,2025-11-29,09:00,pending",
        "3,c,2025-11-30,09:00,pending",
    ]);
    let files = [("consultant", CONSULTANTS), ("appointment", rows.as_str())];
    cloud.replace(&files).await;
    let before = (objects(&cloud).await, cloud.rows("appointment").await);
    // One is gone, and one was cut.
    cloud.store.delete(&before.0[0]).await.unwrap();
    cloud
        .store
        .put(&before.0[1], b"cut".to_vec().into())
        .await
        .unwrap();
    let request = ImportRequest {
        dry_run: true,
        ..cloud.request(&files)
    };
    let plan = cloud.run(&request).await.unwrap();
    assert_eq!(
        (plan.commit, plan.restored, objects(&cloud).await.len()),
        (None, 2, 3)
    );
    let done = cloud.replace(&files).await;
    assert_eq!((done.commit, done.restored), (None, 2));
    assert_ne!(done.bytes_sent, 0);
    let after = (objects(&cloud).await, cloud.rows("appointment").await);
    assert_eq!(after, before);
    let again = cloud.replace(&files).await;
    assert_eq!((again.restored, again.bytes_sent), (0, 0));
}

#[tokio::test]
async fn rows_to_be_kept_that_are_lost_are_asked_for() {
    let cloud = Cloud::new();
    let rows = appointments(&[
        "1,c,2025-11-28,09:00,pending",
        "2,c,2025-11-29,09:00,pending",
    ]);
    cloud.replace(&[("appointment", &rows)]).await;
    let lost = objects(&cloud).await.remove(0);
    cloud.store.delete(&lost).await.unwrap();
    let more = appointments(&["3,c,2025-11-28,10:00,pending"]);
    let add = ImportRequest {
        add: true,
        ..cloud.request(&[("appointment", &more)])
    };
    let refused = cloud.run(&add).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"site a: the object of appointment dt=2025-11-28 is missing; import all rows of appointment, without --add");
    cloud.replace(&[("appointment", &rows)]).await;
    assert_eq!(cloud.run(&add).await.unwrap().commit, Some(Seq(2)));
    assert_eq!(cloud.rows("appointment").await.len(), 3);
}
