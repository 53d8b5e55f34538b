//! Unique rules across partitions: rows of equal values lie in different buckets, or on different dates.

use causeway_shared::value::Value;

use super::clinic::{refused, text};
use crate::db::{DbError, Row};
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Members in two buckets, of which 1 and 3 lie in the first, and badges where the visits are.
const CLUB: &str = r#"
name = "club"
version = 1
[[table]]
name = "member"
key = ["id"]
partition = { buckets = 2 }
unique = [{ columns = ["email"], unless = { state = ["left"] } }]
column = [
  { name = "id", type = "int" },
  { name = "email", type = "text" },
  { name = "state", type = "text", not_null = true, default = "in" },
]
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
column = [{ name = "id", type = "int" }, { name = "day", type = "date", not_null = true }]
[[table]]
name = "badge"
key = ["visit"]
partition = { via = "visit", on = "visit" }
unique = [{ columns = ["number"] }]
column = [
  { name = "visit", type = "int", references = "visit" },
  { name = "number", type = "text" },
]
"#;

async fn insert(
    test: &TestHub,
    site: &TestSite,
    table: &str,
    values: &[(usize, Value<'static>)],
) -> Result<Row, DbError> {
    let (name, dataset) = (site.name(), site.dataset());
    let mut write = test.database.begin_write(name, dataset, "lan").await?;
    let table = dataset
        .tables
        .iter()
        .find(|declared| declared.name.as_str() == table);
    let row = write
        .insert(
            table.ok_or_else(|| DbError::Configuration {
                problem: "no such table".to_owned(),
            })?,
            values,
        )
        .await?;
    write.commit().await?;
    Ok(row)
}

/// Whoever writes keeps the rule among all loaded rows; what the site sends is loaded whatever the cloud
/// has, by a database that is made anew too.
pub async fn a_rule_across_partitions_holds_for_writers_and_stops_no_load(
    database: &HubDatabase,
) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", CLUB)?;
    site.put("member", "b=0of2", &["1,ada,in"]).await?;
    site.put("visit", "dt=2025-11-28", &["1,2025-11-28"])
        .await?;
    site.put("visit", "dt=2025-11-29", &["2,2025-11-29"])
        .await?;
    site.put("badge", "dt=2025-11-28", &["1,A"]).await?;
    site.commit().await?;
    test.load_one().await?;

    let member = |id: i64, email: &'static str| [(0, Value::Int(id)), (1, text(email))];
    let badge = |visit: i64, number: &'static str| [(0, Value::Int(visit)), (1, text(number))];
    let taken = |words: &str| ("23505".to_owned(), words.to_owned());
    let other_email = taken("member: another row has the same email");
    let in_another_bucket = insert(&test, &site, "member", &member(5, "ada")).await;
    assert_eq!(refused(in_another_bucket), other_email);
    let in_the_same_bucket = insert(&test, &site, "member", &member(3, "ada")).await;
    assert_eq!(refused(in_the_same_bucket), other_email);
    let on_another_date = insert(&test, &site, "badge", &badge(2, "A")).await;
    assert_eq!(
        refused(on_another_date),
        taken("badge: another row has the same number")
    );
    insert(&test, &site, "member", &member(5, "bob")).await?;
    insert(&test, &site, "badge", &badge(2, "B")).await?;
    test.flush(&site).await?;

    site.put("member", "b=0of2", &["1,ada,in", "3,bob,in"])
        .await?;
    site.put("badge", "dt=2025-11-28", &["1,B"]).await?;
    site.commit().await?;
    let members = ["b=0of2 1,ada,in", "b=0of2 3,bob,in", "b=1of2 5,bob,in"];
    let badges = ["dt=2025-11-28 1,B", "dt=2025-11-29 2,B"];
    let folder = tempfile::tempdir()?;
    let fresh = test.in_another_folder(folder.path()).await?;
    for hub in [&test, &fresh] {
        assert_eq!(hub.load_one().await?.error, None);
        assert_eq!(hub.rows(&site, "member").await?, members);
        assert_eq!(hub.rows(&site, "badge").await?, badges);
        assert_eq!(hub.differences().await?, [""; 0]);
    }

    // Both go on being changed; who takes the value again is judged again.
    let change = async |set: &str, id: i64| {
        let sql = format!("UPDATE member SET {set} WHERE id = {id}");
        test.change(&site, &sql).await
    };
    change("state = 'away'", 3).await?;
    change("state = 'left'", 5).await?;
    let again = match change("state = 'in'", 5).await {
        Ok(()) => return Err("the value was taken twice".into()),
        Err(refused) => refused.to_string(),
    };
    assert!(
        again.contains("member: another row has the same email"),
        "{again}"
    );
    change("email = NULL", 3).await?;
    change("state = 'in'", 5).await?;
    test.flush(&site).await?;
    test.load_one().await?;
    assert_eq!(test.differences().await?, [""; 0]);
    Ok(())
}
