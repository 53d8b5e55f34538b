//! Appointments from step to step, and the slots that they take and free.

use causeway_shared::dataset::Dataset;
use jiff::civil::date;
use serde_json::json;

use crate::services::appointments::{self, By, Step};
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::precondition::Precondition;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Four appointments on a date that is not loaded, and two consultants' slots; who wrote the appointments left
/// the slots as they were.
pub(super) async fn practice(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
    let (day, later) = (date(2015, 6, 1), date(2025, 12, 20));
    let (part, part_later) = (format!("dt={day}"), format!("dt={later}"));
    let consultants = ["1", "2"]
        .map(|id| format!("{id},An,a@example.vn,,,,,2010-01-01,2010-01-01T00:00:00,false"));
    let slots = ["1,1,09", "2,2,09", "3,1,10"].map(|slot| {
        let (of, hour) = slot.rsplit_once(',').unwrap_or_default();
        format!("{of},{day},{hour}:00:00,{hour}:30:00,true")
    });
    let slots_later = [("4", 9), ("5", 10)]
        .map(|(id, hour)| format!("{id},1,{later},{hour:02}:00:00,{:02}:00:00,true", hour + 1));
    let visits = [
        ("1", "1", "09"),
        ("2", "", "10"),
        ("3", "", "10"),
        ("4", "1", "08"),
    ]
    .map(|(id, consultant, hour)| {
        format!("{id},{consultant},c1,{day},{hour}:00:00,60,,pending,,2015-01-01T00:00:00,")
    });
    for (table, part, rows) in [
        ("consultant", "b=0of1", &consultants[..]),
        ("consultantschedule", &part, &slots[..]),
        ("consultantschedule", &part_later, &slots_later[..]),
        ("appointment", &part, &visits[..]),
        (
            "customer",
            "b=09of16",
            &["c1,Chi,chi@example.vn,,,2021-01-01T08:00:00,false,".to_owned()],
        ),
    ] {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        site.put(table, part, &rows).await?;
    }
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

/// Which slots are available, by their numbers.
pub(super) async fn available(test: &TestHub, site: &TestSite) -> Outcome<String> {
    let rows = test.rows(site, "consultantschedule").await?;
    let rows = rows.iter().filter(|row| row.ends_with(",true"));
    let ids = rows.filter_map(|row| row.split([' ', ',']).nth(1));
    Ok(ids.collect::<Vec<_>>().join(" "))
}

/// From step to step, on a date that is not loaded.
pub async fn steps_take_and_free_slots(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = practice(&test).await?;
    let by = By {
        actor: "ann",
        now: test.request.now,
    };
    let step = |id, step| appointments::step(&test.hub, None, id, step, by);
    let available = async || available(&test, &site).await;
    assert_eq!(
        step(1, Step::Confirm).await?.record.text("status"),
        "confirmed"
    );
    assert_eq!(available().await?, "2 3");
    assert_eq!(
        step(1, Step::Assign(2)).await?.record.text("consultantid"),
        "2"
    );
    assert_eq!(available().await?, "1 3");
    assert_eq!(
        step(1, Step::Complete).await?.record.text("status"),
        "completed"
    );
    assert_eq!(available().await?, "1 3");

    // Where there is no slot nothing is confirmed.
    let outside = step(4, Step::Confirm).await;
    let is_no_slot = matches!(
        outside,
        Err(ServiceError::NotAllowed(NotAllowed::NoSlot, None))
    );
    assert!(is_no_slot, "{outside:?}");

    // Of two who want one slot at once one wins.
    let (one, other) = tokio::join!(step(2, Step::Assign(1)), step(3, Step::Assign(1)));
    assert_eq!(available().await?, "1");
    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => return Err(format!("{both:?}").into()),
    };
    let ServiceError::Clash(Some(present)) = lost else {
        return Err(format!("{lost:?}").into());
    };
    assert_eq!(
        present.text("appointmentid"),
        won.record.text("appointmentid")
    );
    let won: i64 = won.record.text("appointmentid").parse()?;
    step(won, Step::Cancel).await?;
    assert_eq!(available().await?, "1 3");
    Ok(())
}

/// Between dates that are not loaded.
pub async fn a_move_takes_one_slot_and_frees_another(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = practice(&test).await?;
    let now = test.request.now;
    let by = By { actor: "ann", now };
    let to = async |id, time: &str, precondition: &Precondition| {
        let given = json!({"consultantid": 1, "date": "2025-12-20", "time": time});
        let given = given.as_object().cloned().unwrap_or_default();
        appointments::move_to(&test.hub, (None, id), &given, precondition, by).await
    };
    let as_read = async || {
        let row = appointments::by_id(&test.hub, None, 1, now).await?;
        Outcome::Ok(Precondition::Tags(vec![appointments::tag(&row)]))
    };
    let early = as_read().await?;
    appointments::step(&test.hub, None, 1, Step::Confirm, by).await?;
    let late = to(1, "09:00", &early).await;
    assert!(matches!(late, Err(ServiceError::Changed(..))), "{late:?}");
    assert_eq!(available(&test, &site).await?, "2 3 4 5");

    let moved = to(1, "09:00", &as_read().await?).await?.record;
    assert_eq!(
        (moved.text("date"), moved.text("status")),
        ("2025-12-20".to_owned(), "confirmed".to_owned())
    );
    assert_eq!(available(&test, &site).await?, "1 2 3 5");

    // Of two who want one slot at once one wins.
    let (one, other) = tokio::join!(
        to(2, "10:00", &Precondition::Any),
        to(3, "10:00", &Precondition::Any)
    );
    assert_eq!(available(&test, &site).await?, "1 2 3");
    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => return Err(format!("{both:?}").into()),
    };
    let ServiceError::Clash(Some(present)) = lost else {
        return Err(format!("{lost:?}").into());
    };
    assert_eq!(
        present.text("appointmentid"),
        won.record.text("appointmentid")
    );
    Ok(())
}
