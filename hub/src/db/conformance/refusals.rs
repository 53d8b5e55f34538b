//! Changes that a rule forbids: each is refused by name and leaves nothing.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsHead, Owner};
use causeway_shared::ids::Seq;
use causeway_shared::value::{Type, Value};

use super::clinic::{CLINIC, Clinic, refused, text, visit};
use super::unchanged;
use crate::db::SiteChange;
use crate::testing::{HubDatabase, NOON, Outcome};

/// Each rule of a column is kept, whatever the statement, and nothing is left of what breaks one.
pub async fn rules_of_columns_are_kept(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    for (sql, value, state, words) in [
        ("UPDATE doctor SET name = $1", None, "23502", "name"),
        (
            "UPDATE doctor SET name = $1",
            Some("Nguyễn"),
            "23514",
            "doctor.name",
        ),
        (
            "UPDATE doctor SET fee = $1",
            Some("100.01"),
            "23514",
            "doctor.fee",
        ),
        (
            "UPDATE doctor SET fee = $1",
            Some("-1.01"),
            "23514",
            "doctor.fee",
        ),
        (
            "UPDATE doctor SET since = $1",
            Some("1899-12-31T23:59:59"),
            "23514",
            "doctor.since",
        ),
        (
            "UPDATE visit SET state = $1",
            Some("Open"),
            "23514",
            "visit.state",
        ),
        (
            "UPDATE visit SET score = $1",
            Some("5.1"),
            "23514",
            "visit.score",
        ),
        (
            "UPDATE visit SET ends = $1",
            Some("09:00:00"),
            "23514",
            "starts < ends",
        ),
        (
            "UPDATE visit SET seen = $1",
            Some("2200-01-01T00:00:00"),
            "23514",
            "visit.seen",
        ),
        ("UPDATE visit SET doctor = $1", Some("2"), "23503", "doctor"),
    ] {
        let refused = refused(clinic.run(sql, &[value]).await);
        assert_eq!(refused.0, state, "{sql} {value:?}: {}", refused.1);
        assert!(refused.1.contains(words), "{sql} {value:?}: {}", refused.1);
    }
    assert!(clinic.is_untouched().await?);
    for (sql, value) in [
        ("UPDATE doctor SET name = $1", Some("Nguyễ")),
        ("UPDATE doctor SET fee = $1", Some("100.00")),
        ("UPDATE doctor SET fee = $1", Some("-1.00")),
        ("UPDATE doctor SET fee = $1", Some("-0.99")),
        ("UPDATE doctor SET fee = $1", None),
        ("UPDATE visit SET ends = $1", None),
        ("UPDATE visit SET score = $1", Some("5")),
        (
            "UPDATE visit SET seen = $1",
            Some("2199-12-31T23:59:59.999999"),
        ),
    ] {
        clinic
            .run(sql, &[value])
            .await
            .map_err(|error| format!("{sql}: {error}"))?;
    }
    Ok(())
}

/// A key stays, and a part is nobody's to choose.
pub async fn keys_and_parts_are_not_the_writers(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    for (sql, words) in [
        ("UPDATE visit SET id = 8", "key"),
        ("UPDATE visit SET causeway_part = 'dt=2025-11-29'", ""),
        ("UPDATE doctor SET causeway_part = 'b=0of2'", ""),
    ] {
        let result = clinic.run(sql, &[]).await;
        // PostgreSQL's triggers put the part right; SQLite's refuse.
        if words.is_empty() && result.is_ok() {
            continue;
        }
        let (state, message) = refused(result);
        assert_eq!(state, "0A000", "{sql}: {message}");
        assert!(message.contains(words), "{sql}: {message}");
    }
    assert!(clinic.is_untouched().await?);
    Ok(())
}

/// What a row refers to has to be there, and has to stay.
pub async fn references_are_kept(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let nobody = [("doctor", Value::Int(77)), ("name", text("x"))];
    let mut of_nobody = visit("2025-11-28", "08:00:00");
    of_nobody[0] = nobody[0].clone();
    let (state, message) = refused(clinic.insert("visit", &of_nobody).await);
    assert_eq!(state, "23503", "{message}");
    assert!(
        message.contains("doctor") && message.contains("77"),
        "{message}"
    );

    let (state, message) = refused(clinic.insert("remark", &[("visit", Value::Int(8))]).await);
    assert_eq!(state, "23503", "{message}");
    assert!(message.contains("loaded"), "{message}");

    let (state, message) = refused(clinic.run("DELETE FROM doctor", &[]).await);
    assert_eq!(state, "23503", "{message}");
    assert!(message.contains("visit"), "{message}");
    assert!(clinic.is_untouched().await?);

    clinic.insert("remark", &[("visit", Value::Int(7))]).await?;
    assert_eq!(
        refused(clinic.run("DELETE FROM visit", &[]).await).0,
        "23503"
    );
    let mut write = clinic.begin().await?;
    for table in ["remark", "visit", "doctor"] {
        write
            .query(&format!("DELETE FROM {table}"), &[], &[])
            .await?;
    }
    write.commit().await?;
    assert_eq!(
        clinic.journal().await?[2..],
        [
            "visit dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|4.5|NULL|09:00:00|open > -",
            "doctor b=0of1 9.50|1|Ada|false|2020-01-01T00:00:00 > -",
        ]
    );
    Ok(())
}

/// One of two bookings of a slot wins; a void one is in nobody's way.
pub async fn unique_rules_are_kept(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let slot = visit("2025-11-28", "09:00:00");
    let (state, message) = refused(clinic.insert("visit", &slot).await);
    assert_eq!(state, "23505", "{message}");
    assert!(message.contains("doctor, day, starts"), "{message}");
    clinic.run("UPDATE visit SET state = 'void'", &[]).await?;
    clinic.insert("visit", &slot).await?;
    let back = clinic
        .run("UPDATE visit SET state = 'open' WHERE id = 7", &[])
        .await;
    assert_eq!(refused(back).0, "23505");
    Ok(())
}

/// A row that clashes keeps its mark until what the rule looks at changes; then it keeps the rule.
pub async fn a_clash_mark_ends_with_its_reason(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let visit = clinic.site.dataset().table("visit").unwrap();
    let mut load = clinic.database.0.begin_load(clinic.site.name()).await?;
    let stored = load.stored().await?;
    let mut rows = load.stage(visit).await?;
    let clashing = "8,1,2025-11-28,09:00:00,,open,,,,dt=2025-11-28,t\n";
    rows.write(clashing.into()).await?;
    rows.finish().await?;
    load.begin(&[visit]).await?;
    load.insert_staged(visit).await?;
    let change = SiteChange {
        writable: true,
        ..unchanged(&stored, clinic.site.dataset())?
    };
    load.commit(&change).await?;

    let mark = "SELECT causeway_clash FROM visit WHERE id = 8";
    let mark = async || clinic.query(mark, &[Type::Bool]).await;
    clinic
        .run("UPDATE visit SET score = 3 WHERE id = 8", &[])
        .await?;
    assert_eq!(mark().await?, [[Value::Bool(true)]]);
    let late = "UPDATE visit SET starts = $1 WHERE id = 8";
    clinic.run(late, &[Some("11:00:00")]).await?;
    assert_eq!(mark().await?, [[Value::Bool(false)]]);
    let back = refused(clinic.run(late, &[Some("09:00:00")]).await);
    assert_eq!(back.0, "23505", "{}", back.1);
    assert_eq!(clinic.journal().await?.len(), 2);
    Ok(())
}

/// Somebody who tidies up does not empty history.
pub async fn large_deletes_are_held_back(database: &HubDatabase) -> Outcome {
    let rows = |count: u32| (1..=count).map(|id| format!("{id},Bo,,2020-01-01T00:00:00,false"));
    let records: Vec<String> = rows(505).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let clinic = Clinic::with(database, CLINIC, &[("doctor", "b=0of1", &records)]).await?;
    let (state, message) = refused(clinic.run("DELETE FROM doctor WHERE id <= 102", &[]).await);
    assert_eq!(state, "23514");
    assert!(message.contains("102 of 505 rows"), "{message}");
    assert!(clinic.journal().await?.is_empty());
    clinic
        .run("DELETE FROM doctor WHERE id <= 101", &[])
        .await?;
    assert_eq!(clinic.journal().await?.len(), 101);
    Ok(())
}

/// A database that takes no changes says who does, and what makes it the one.
pub async fn a_read_only_database_names_the_owner(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    clinic.take_changes(false).await?;
    for result in [
        clinic.run("UPDATE visit SET state = 'void'", &[]).await,
        clinic.run("DELETE FROM visit", &[]).await,
        clinic
            .insert("visit", &visit("2025-11-28", "08:00:00"))
            .await
            .map(drop),
    ] {
        assert_eq!(refused(result).0, "25006");
    }
    let mut edits = Catalog::empty(clinic.site.name().clone());
    edits.head = Some(EditsHead {
        seq: Seq(1),
        at: NOON.parse()?,
        epoch: 1,
        writer: Owner {
            id: "another".to_owned(),
            address: "sqlite:/elsewhere".to_owned(),
        },
        dataset: clinic.site.dataset().md5(),
        site_seq: Seq(1),
    });
    let mut load = clinic.database.0.begin_load(clinic.site.name()).await?;
    let stored = load.stored().await?;
    load.begin(&[]).await?;
    let change = SiteChange {
        edits: &edits,
        ..unchanged(&stored, clinic.site.dataset())?
    };
    load.commit(&change).await?;
    let (state, message) = refused(clinic.run("UPDATE visit SET state = 'void'", &[]).await);
    assert_eq!(state, "25006");
    for words in [
        "another",
        "sqlite:/elsewhere",
        "causeway-hub init --take-over",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert!(clinic.is_untouched().await?);
    Ok(())
}
