//! Changes by others than the loader: transactions, and what a row gets that is born in one.

#![allow(clippy::panic, reason = "these are tests")]

use std::time::Duration;

use causeway_shared::commit::Owner;
use causeway_shared::runtime::clock;
use causeway_shared::value::{Type, Value};
use jiff::tz::TimeZone;

use super::clinic::{Clinic, refused, text, visit};
use crate::testing::{HubDatabase, Outcome};

/// Key, defaults and part of a row that is born here, and what the journal says of it.
pub async fn a_row_that_is_born_here_is_filled_in(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let row = clinic.insert("doctor", &[("name", text("Bo"))]).await?;
    assert_eq!(
        row[..3],
        [Value::Int(1_000_000_000), text("Bo"), Value::Null]
    );
    assert_eq!(row[4], Value::Bool(false));
    let Value::Timestamp(since) = row[3] else {
        panic!("{:?}", row[3]);
    };
    // The time of its birth, in the zone of the hub's configuration.
    let zone = TimeZone::get("Asia/Ho_Chi_Minh")?;
    let age = clock::now().duration_since(since.to_zoned(zone)?.timestamp());
    assert!((0..60).contains(&age.as_secs()), "{since}");
    assert_eq!(since.subsec_nanosecond(), 0, "{since}");

    let row = clinic
        .insert("visit", &visit("2025-12-24", "08:00:00"))
        .await?;
    assert_eq!(
        (&row[0], &row[5]),
        (&Value::Int(1_000_000_001), &text("open"))
    );
    let remark = [("visit", row[0].clone()), ("body", text("late"))];
    clinic.insert("remark", &remark).await?;
    assert_eq!(
        clinic.journal().await?[1..],
        [
            "visit - > dt=2025-12-24 2025-12-24|1|NULL|1000000001|NULL|NULL|NULL|08:00:00|open",
            "remark - > dt=2025-12-24 late|1000000001",
        ]
    );
    let entries = clinic.entries().await?;
    assert_eq!((entries[1].actor.as_str(), entries[1].held), ("ann", false));
    assert_eq!((entries[1].site_seq.0, entries[1].edits_seq.0), (1, 1));
    assert_eq!(clinic.database.0.keys_left().await?, 8);
    let stored = clinic.database.0.stored(clinic.site.name()).await?;
    assert_eq!(stored.state.edits_waiting, 3);
    Ok(())
}

/// No key, no row: and none is given twice.
pub async fn keys_come_from_the_databases_block(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    clinic.database.0.set_keys(5..=6).await?;
    let mut keys = Vec::new();
    for starts in ["11:00:00", "12:00:00"] {
        keys.push(
            clinic
                .insert("visit", &visit("2025-11-28", starts))
                .await?
                .remove(0),
        );
    }
    assert_eq!(keys, [Value::Int(5), Value::Int(6)]);
    assert_eq!(clinic.database.0.keys_left().await?, 0);
    let none = refused(
        clinic
            .insert("visit", &visit("2025-11-28", "13:00:00"))
            .await,
    );
    assert!(none.1.contains("no key"), "{none:?}");

    clinic.database.0.set_keys(100..=i64::MAX).await?;
    let mut given = visit("2025-11-28", "13:00:00");
    given.push(("id", Value::Int(8)));
    let (state, message) = refused(clinic.insert("visit", &given).await);
    assert_eq!(state, "23514");
    assert!(message.contains("another row may have"), "{message}");
    // A table that is loaded whole takes any key that is free.
    let doctor = [("id", Value::Int(2)), ("name", text("Bo"))];
    clinic.insert("doctor", &doctor).await?;
    assert_eq!(refused(clinic.insert("doctor", &doctor).await).0, "23505");
    Ok(())
}

/// A transaction that ends early, by an error or because nobody goes on with it.
pub async fn a_change_that_is_not_committed_leaves_nothing(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let mut write = clinic.begin().await?;
    write
        .query("UPDATE visit SET state = 'void'", &[], &[])
        .await?;
    drop(write);
    let mut write = clinic.begin().await?;
    write
        .query("UPDATE visit SET state = 'void'", &[], &[])
        .await?;
    assert!(
        write
            .query("UPDATE visit SET state = 'x'", &[], &[])
            .await
            .is_err()
    );
    assert!(
        write
            .query("UPDATE visit SET score = 1", &[], &[])
            .await
            .is_err()
    );
    assert!(write.commit().await.is_err());
    assert!(clinic.is_untouched().await?);
    Ok(())
}

/// A transaction sees what it did itself, others see it when it has ended; writers of one row wait for
/// each other.
pub async fn two_writers_wait_for_each_other(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let mut first = clinic.begin().await?;
    let score = "UPDATE visit SET score = score + 0.25 WHERE id = 7";
    first.query(score, &[], &[]).await?;
    let read = "SELECT score FROM visit WHERE id = $1";
    let own = first
        .query(read, &[Some("7".into())], &[Type::Float])
        .await?;
    assert_eq!(own, [[Value::Float(4.75)]]);
    assert!(clinic.is_untouched().await?);
    let (second, committed) = tokio::join!(clinic.run(score, &[]), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        first.commit().await
    });
    second?;
    committed?;
    let score = clinic
        .query("SELECT score FROM visit", &[Type::Float])
        .await?;
    assert_eq!(score, [[Value::Float(5.0)]]);
    Ok(())
}

/// Parameters are of the type of what they meet, in whatever order they stand.
pub async fn a_query_takes_texts_for_every_type(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let sql = "SELECT id, day, starts, score FROM visit WHERE day = $2 AND score > $3 AND id = $1 \
               AND starts < $4 AND state = $5 ORDER BY id LIMIT 10";
    let parameters = ["7", "2025-11-28", "4.25", "10:00:00", "open"];
    let parameters: Vec<_> = parameters
        .iter()
        .map(|text| Some((*text).to_owned()))
        .collect();
    let types = [Type::Int, Type::Date, Type::Time, Type::Float];
    let answer = clinic.read(sql, &parameters, &types).await?;
    let [row] = &answer[..] else {
        panic!("{answer:?}");
    };
    let expected = [
        Value::Int(7),
        Value::Date("2025-11-28".parse()?),
        Value::Time("09:00:00".parse()?),
        Value::Float(4.5),
    ];
    assert_eq!(row[..], expected);
    let change = clinic.read("UPDATE visit SET score = 1", &[], &[]);
    assert!(change.await.is_err());
    assert!(clinic.is_untouched().await?);
    Ok(())
}
/// Made once, and kept until it is changed.
pub async fn a_database_knows_who_it_is(database: &HubDatabase) -> Outcome {
    assert!(database.0.identity().await.is_err());
    database.0.init().await?;
    let made = database.0.identity().await?;
    database.0.init().await?;
    assert_eq!(database.0.identity().await?, made);
    assert_eq!(made.address, database.0.address());
    assert!(made.id.len() >= 32, "{}", made.id);
    let other = Owner {
        id: "other".to_owned(),
        address: "there".to_owned(),
    };
    database.0.set_identity(&other).await?;
    assert_eq!(database.0.identity().await?, other);
    Ok(())
}
