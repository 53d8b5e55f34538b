//! Consultants' slots: made for a range of dates, opened, closed and listed. Programs beside them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use causeway_shared::dataset::Dataset;
use causeway_shared::value::{Type, Value};
use serde_json::{Value as Json, json};

use crate::services::appointments::{By, book};
use crate::services::consultants::CONSULTANTS;
use crate::services::customers::per_month;
use crate::services::error::ServiceError;
use crate::services::list::Listing;
use crate::services::precondition::Precondition;
use crate::services::programs::{PROGRAMS, by_status, figures, participants};
use crate::services::rows::RowsQuery;
use crate::services::schedule::{self, Generated, generate};
use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// A Saturday that is not loaded. Consultant 1 has slots at 09:00 and 10:00; consultant 2 has none, and at
/// 09:00 an appointment.
const SATURDAY: &str = "2025-12-20";

async fn practice(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
    let part = format!("dt={SATURDAY}");
    let consultants = ["1,An", "2,Bình"]
        .map(|of| format!("{of},a@example.vn,,,,,2010-01-01,2010-01-01T00:00:00,false"));
    let slots = [("4", 9), ("5", 10)].map(|(id, hour)| {
        format!(
            "{id},1,{SATURDAY},{hour:02}:00:00,{:02}:00:00,true",
            hour + 1
        )
    });
    let visit = format!("1,2,c1,{SATURDAY},09:00:00,60,,pending,,2015-01-01T00:00:00,");
    let program = "1,Ngày hội,2025-12-05,,,,,false,upcoming,2025-11-01T00:00:00";
    let takes_part = "1,c1,2025-11-02T08:00:00,registered";
    let customer = "c1,Chi,chi@example.vn,,,2021-01-01T08:00:00,false,";
    let texts = |rows: &[String]| rows.to_vec();
    for (table, part, rows) in [
        ("consultant", "b=0of1", texts(&consultants)),
        ("consultantschedule", &part, texts(&slots)),
        ("appointment", &part, vec![visit]),
        ("communityprogram", "b=0of1", vec![program.to_owned()]),
        ("programparticipant", "b=0of4", vec![takes_part.to_owned()]),
        ("customer", "b=09of16", vec![customer.to_owned()]),
    ] {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        site.put(table, part, &rows).await?;
    }
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

fn by(test: &TestHub) -> By<'static> {
    By {
        actor: "ann",
        now: test.request.now,
    }
}

/// A plan of hours from nine to noon.
fn plan(from: &str, to: &str, minutes: i64) -> serde_json::Map<String, Json> {
    let plan = json!({"from": from, "to": to, "start": "09:00", "end": "12:00", "minutes": minutes,
        "weekends": true});
    plan.as_object().cloned().unwrap_or_default()
}

/// All rows of a list, in pages of one: the columns named.
async fn listed(test: &TestHub, listing: &Listing, names: &[&str]) -> Outcome<Vec<String>> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = listing.page(&test.hub, cursor.as_deref(), 1, test.request.now);
        let page = page.await?;
        let texts = |row: &crate::services::record::Record| {
            names
                .iter()
                .map(|name| row.text(name))
                .collect::<Vec<_>>()
                .join(" ")
        };
        rows.extend(page.items.iter().map(texts));
        match page.next {
            Some(next) => cursor = Some(next.to_string()),
            None if page.total == rows.len() as u64 => return Ok(rows),
            None => return Err(format!("{} of {}", rows.len(), page.total).into()),
        }
    }
}

async fn slots(test: &TestHub, consultant: &str, from: &str, to: &str) -> Outcome<Vec<String>> {
    let dates = DateRange::new(from.parse()?, to.parse()?)?;
    let listing = schedule::listing(&test.hub, None, consultant, dates, test.request.now).await?;
    let names = ["date", "starttime", "endtime", "isfree", "appointmentid"];
    listed(test, &listing, &names).await
}

/// Whatever is there stays, also half of an hour that is taken; of two who make slots at once one finds those
/// of the other.
pub async fn slots_are_made_where_there_are_none(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    practice(&test).await?;
    let (hub, by) = (&test.hub, by(&test));
    let made = |created, kept| Generated {
        created,
        kept,
        flushed: true,
    };
    let days = plan("2025-12-19", "2025-12-21", 60);
    assert_eq!(generate(hub, None, "1", &days, by).await?, made(7, 2));
    assert_eq!(generate(hub, None, "1", &days, by).await?, made(0, 9));
    let halves = plan(SATURDAY, SATURDAY, 30);
    assert_eq!(generate(hub, None, "1", &halves, by).await?, made(0, 6));

    let hours = plan(SATURDAY, SATURDAY, 60);
    let (one, other) = tokio::join!(
        generate(hub, None, "2", &hours, by),
        generate(hub, None, "2", &halves, by)
    );
    let (one, other) = (one?, other?);
    let created = (one.created, other.created);
    assert!(matches!(created, (3, 0) | (0, 6)), "{one:?} {other:?}");
    let there = slots(&test, "2", SATURDAY, SATURDAY).await?;
    assert_eq!(there.len(), created.0 + created.1, "{there:?}");
    // Somebody has an appointment then, for which there was no slot.
    let (first, rest) = there.split_first().ok_or("no slots")?;
    assert!(first.ends_with("false 1"), "{first}");
    assert!(rest.iter().all(|slot| slot.ends_with("true ")), "{rest:?}");

    let again = slots(&test, "1", "2025-12-19", "2025-12-21").await?;
    assert_eq!(again.len(), 9);
    assert_eq!(again[3], format!("{SATURDAY} 09:00:00 10:00:00 true "));
    Ok(())
}

/// On a date that is not loaded.
pub async fn a_slot_is_closed_and_opened(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    practice(&test).await?;
    let (hub, by) = (&test.hub, by(&test));
    let set = async |id, opens: bool| {
        let given = json!({"isavailable": opens});
        let given = given.as_object().cloned().unwrap_or_default();
        schedule::set(hub, None, id, &given, by).await
    };
    for opens in [false, true, true, false] {
        let slot = set(4, opens).await?;
        assert_eq!(slot.record.text("isavailable"), opens.to_string());
        let there = slots(&test, "1", SATURDAY, SATURDAY).await?;
        assert_eq!(there[0], format!("{SATURDAY} 09:00:00 10:00:00 {opens} "));
    }
    generate(hub, None, "2", &plan(SATURDAY, SATURDAY, 60), by).await?;
    let of_two = DateRange::day(SATURDAY.parse()?);
    let of_two = schedule::listing(hub, None, "2", of_two, by.now).await?;
    let held = listed(&test, &of_two, &["scheduleid"]).await?[0].parse()?;
    let held = set(held, true).await;
    let Err(ServiceError::Clash(Some(present))) = held else {
        return Err(format!("{held:?}").into());
    };
    assert_eq!(present.text("appointmentid"), "1");
    let unknown = set(99, true).await;
    assert!(
        matches!(unknown, Err(ServiceError::NotFound(_))),
        "{unknown:?}"
    );
    Ok(())
}

/// What others write by SQL changes no slot: one that they book is held though it is available, and one that was
/// booked here and that they cancel stays closed until somebody opens it.
pub async fn a_slot_is_free_as_availability_and_appointments_say(
    database: &HubDatabase,
) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = practice(&test).await?;
    let (hub, by) = (&test.hub, by(&test));
    let states = async || {
        let dates = DateRange::day(SATURDAY.parse()?);
        let there = schedule::listing(hub, None, "1", dates, by.now).await?;
        listed(&test, &there, &["starttime", "isavailable", "state"]).await
    };
    let booking = json!({"customerid": "c1", "consultantid": 1, "date": SATURDAY, "time": "09:00"});
    let booking = booking.as_object().cloned().unwrap_or_default();
    let booked = book(hub, None, &booking, by).await?;
    assert_eq!(
        states().await?,
        ["09:00:00 false held", "10:00:00 true free"]
    );

    let (name, dataset) = (site.name(), site.dataset());
    let mut write = test.database.begin_write(name, dataset, "bot").await?;
    let cancel = "UPDATE appointment SET status = 'cancelled' WHERE appointmentid = $1 \
                  RETURNING appointmentid";
    let id = Some(booked.record.text("appointmentid"));
    write.query(cancel, &[id], &[Type::Int]).await?;
    let table = dataset.table("appointment").ok_or("no appointments")?;
    let at = |name: &str| table.column(name).unwrap();
    let of_bot = [
        (at("customerid"), Value::Text("c1".into())),
        (at("consultantid"), Value::Int(1)),
        (at("date"), Value::Date(SATURDAY.parse()?)),
        (at("time"), Value::Time("10:00".parse()?)),
    ];
    write.insert(table, &of_bot).await?;
    write.commit().await?;
    assert_eq!(
        states().await?,
        ["09:00:00 false closed", "10:00:00 true held"]
    );

    let open = json!({"isavailable": true});
    let open = open.as_object().cloned().unwrap_or_default();
    schedule::set(hub, None, 4, &open, by).await?;
    assert_eq!(
        states().await?,
        ["09:00:00 true free", "10:00:00 true held"]
    );
    Ok(())
}

/// Of two slots at one time, of which the site brought one beside one that was changed here, that whose number
/// is given.
pub async fn a_slot_is_opened_by_its_number(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = practice(&test).await?;
    let (hub, by) = (&test.hub, by(&test));
    let set = async |id, opens: bool| {
        let given = json!({"isavailable": opens});
        let given = given.as_object().cloned().unwrap_or_default();
        schedule::set(hub, None, id, &given, by).await
    };
    set(4, false).await?;
    let rows = ["4,1", "5,1", "6,1"].iter().zip(["09", "10", "09"]);
    let rows: Vec<String> = rows
        .map(|(of, hour)| {
            let is_open = !of.starts_with('6');
            format!("{of},{SATURDAY},{hour}:00:00,{hour}:30:00,{is_open}")
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let part = format!("dt={SATURDAY}");
    site.put("consultantschedule", &part, &rows).await?;
    site.commit().await?;
    test.load_one().await?;
    set(6, true).await?;
    let dates = DateRange::day(SATURDAY.parse()?);
    let there = schedule::listing(hub, None, "1", dates, by.now).await?;
    assert_eq!(
        listed(&test, &there, &["scheduleid", "isavailable"]).await?,
        ["4 false", "6 true", "5 true"]
    );
    Ok(())
}

/// Column by column, with keys of this database.
pub async fn consultants_and_programs_are_made_and_changed(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    practice(&test).await?;
    let (hub, by) = (&test.hub, by(&test));
    for (resource, given, found, changes) in [
        (
            &CONSULTANTS,
            json!({"fullname": "Võ Giang", "email": "G@example.vn", "joindate": "2024-02-29"}),
            "vo giang",
            json!({"fullname": "Vo", "email": "g", "phonenumber": "0911", "imageurl": "x", "specialties": "a\nb",
                "qualifications": "'; --", "joindate": "2024-03-01", "isdisabled": true}),
        ),
        (
            &PROGRAMS,
            json!({"programname": "Tết", "date": "2026-02-17", "organizer": "Đoàn"}),
            "doan",
            json!({"programname": "T", "date": "2026-02-18", "status": "ongoing", "organizer": null, "url": "x",
                "description": "a", "content": "b\nc", "isdisabled": true}),
        ),
    ] {
        let object = |of: &Json| of.as_object().cloned().unwrap_or_default();
        let made = resource.create(hub, None, &object(&given), by).await?;
        let key = made.record.text(resource.key());
        let query = RowsQuery {
            q: found.to_owned(),
            ..RowsQuery::default()
        };
        let listing = resource.listing(hub, &query).await?;
        assert_eq!(
            listed(&test, &listing, &[resource.key()]).await?,
            [key.as_str()]
        );
        let mut expected = serde_json::to_value(&made.record)?;
        for (name, value) in object(&changes) {
            let change = object(&json!({&name: value}));
            let tag = Precondition::Tags(vec![resource.tag(&resource.one(hub, None, &key).await?)]);
            let changed = resource
                .change(hub, None, (&key, &tag), &change, by)
                .await?;
            expected[&name] = value;
            assert_eq!(serde_json::to_value(&changed.record)?, expected, "{name}");
        }
        let all = resource.listing(hub, &RowsQuery::default()).await?;
        let all = listed(&test, &all, &[resource.key(), "isdisabled"]).await?;
        assert!(all.contains(&format!("{key} true")), "{all:?}");
    }
    let of_program = participants(hub, None, "1", Some("registered")).await?;
    let names = ["customerid", "fullname", "registeredtime", "status"];
    assert_eq!(
        listed(&test, &of_program, &names).await?,
        ["c1 Chi 2025-11-02T08:00:00 registered"]
    );
    let range = DateRange::new("2025-12-01".parse()?, "2026-02-28".parse()?)?;
    let figures = serde_json::to_value(figures(hub, None, range).await?)?;
    let of = |at: usize, name: &str| figures[at][name].clone();
    assert_eq!(
        (of(0, "programname"), of(1, "programname")),
        (json!("Ngày hội"), json!("T"))
    );
    let counts = json!({"registered": 1, "attended": 0, "cancelled": 0});
    assert_eq!(of(0, "by_status"), counts);
    assert_eq!(of(1, "by_status")["registered"], 0);
    let months = DateRange::new("2020-12-15".parse()?, "2021-02-01".parse()?)?;
    let months = serde_json::to_value(per_month(hub, None, months).await?)?;
    assert_eq!(
        months,
        json!([{"month": "2020-12", "total": 0}, {"month": "2021-01", "total": 1}, {"month": "2021-02", "total": 0}])
    );
    let later = DateRange::new("2021-01-02".parse()?, "2021-01-31".parse()?)?;
    assert_eq!(per_month(hub, None, later).await?[0].total, 0);
    let program = PROGRAMS.one(hub, None, "1").await?;
    assert_eq!(program.text("participants"), "1");
    let counts = by_status(hub, &program).await?;
    let counts: Vec<_> = counts.iter().collect();
    assert_eq!(
        counts,
        [("registered", 1), ("attended", 0), ("cancelled", 0)]
    );
    Ok(())
}
