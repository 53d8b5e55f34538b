//! History that is not loaded: what is answered of it is what the rows of all dates say.

#![allow(
    clippy::cast_precision_loss,
    reason = "these are tests, of small numbers"
)]

mod model;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::ids::{Md5, Part, SiteName};
use jiff::civil::date;

use crate::db::Partial;
use crate::services::appointments::{self, CustomerQuery};
use crate::services::{consultants, overview};
use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, TestHub};
use model::{CUSTOMERS, Model, time};

/// Partials are kept until newer ones come, or their partition goes.
pub async fn partials_are_kept_by_site_name_and_partition(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    let (here, there) = (SiteName::new("here")?, SiteName::new("there")?);
    let part = |text: &str| Part::new(text);
    let partial = |of: &str, version: &str, body: &[u8]| {
        Outcome::Ok(Partial {
            part: part(of)?,
            version: Md5::of(version.as_bytes()),
            body: body.into(),
        })
    };
    let first = [
        partial("dt=2025-11-28", "1", b"a\0")?,
        partial("b=0of2", "1", b"")?,
    ];
    database.0.put_partials(&here, "keys", &first).await?;
    let newer = [
        partial("b=0of2", "2", b"c")?,
        partial("dt=2025-11-29", "1", b"d")?,
    ];
    database.0.put_partials(&here, "keys", &newer).await?;
    database.0.put_partials(&here, "figures", &first).await?;
    database.0.put_partials(&there, "keys", &first).await?;

    let all = [
        part("dt=2025-11-28")?,
        part("dt=2025-11-29")?,
        part("b=0of2")?,
    ];
    let of = async |site: &SiteName, what: &str, parts: &[Part]| {
        let mut read = database.0.partials(site, what, parts).await?;
        read.sort_by_key(|partial| partial.part);
        Outcome::Ok(read)
    };
    let expected = [&first[0], &newer[1], &newer[0]].map(Partial::clone);
    assert_eq!(of(&here, "keys", &all).await?, expected);
    assert_eq!(of(&here, "keys", &all[..1]).await?, first[..1]);
    assert_eq!(of(&here, "keys", &[]).await?, []);
    assert_eq!(of(&here, "figures", &all).await?, first);
    assert_eq!(of(&here, "others", &all).await?, []);

    let versions = database.0.partial_versions(&here, "keys").await?;
    let of_expected = expected
        .iter()
        .map(|partial| (partial.part, partial.version));
    assert_eq!(versions, of_expected.collect());
    let of_others = database.0.partial_versions(&here, "others").await?;
    assert_eq!(of_others.len(), 0);

    let kept = BTreeSet::from([part("b=0of2")?]);
    assert_eq!(database.0.retain_partials(&here, &kept).await?, 3);
    assert_eq!(of(&here, "keys", &all).await?, newer[..1]);
    assert_eq!(of(&there, "keys", &all).await?, first);
    Ok(())
}

/// After random changes at the site and in the cloud, flushed or not, whatever is loaded: customers'
/// histories, rows by number, consultants' figures and totals are what plain rows come to, in the
/// database that owns the edits and in one that does not. The second time without a request for an object.
pub async fn history_is_what_all_rows_say(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let folder = tempfile::tempdir()?;
    let mut reader = test.in_another_folder(folder.path()).await?;
    let mut model = Model::new(&test, 20_251_128).await?;
    test.load_one().await?;
    reader.ask_for(&[date(2015, 6, 1), date(2025, 11, 14), date(2025, 12, 1)]);
    reader.load_one().await?;
    for step in 0..6 {
        for _ in 0..model.rng.u8(1..4) {
            model.change_in_cloud(&test).await?;
        }
        // What waits in the journal counts.
        compare(&test, &model)
            .await
            .map_err(|e| format!("step {step}: {e}"))?;
        for _ in 0..model.rng.u8(1..4) {
            model.change_at_site();
        }
        model.commit().await?;
        if model.rng.bool() {
            // It settles for itself what the owner has not settled yet.
            reader.load_one().await?;
            compare(&reader, &model)
                .await
                .map_err(|e| format!("step {step}, reader: {e}"))?;
        }
        if model.rng.bool() {
            let days = DateRange::day(model.seen().next().ok_or("no rows")?.1.date);
            test.hub
                .bring(model.site.name(), days, test.request.now)
                .await?;
        }
        test.load_one().await?;
        compare(&test, &model)
            .await
            .map_err(|e| format!("step {step}, loaded: {e}"))?;
    }
    Ok(())
}

/// Asks everything twice.
async fn compare(test: &TestHub, model: &Model) -> Outcome {
    answers(test, model).await?;
    let before = test.store.requests();
    answers(test, model).await?;
    let gets = test.store.requests().since(&before).get;
    if gets > 0 {
        return Err(format!("{gets} requests for what was read before").into());
    }
    Ok(())
}

async fn answers(test: &TestHub, model: &Model) -> Outcome {
    histories(test, model).await?;
    figures(test, model).await?;
    totals(test, model).await
}

async fn histories(test: &TestHub, model: &Model) -> Outcome {
    let (hub, now) = (&test.hub, test.request.now);
    for customer in CUSTOMERS {
        let mut query = CustomerQuery {
            site: None,
            customerid: customer.to_owned(),
            after: None,
            limit: 7,
        };
        let mut shown = Vec::new();
        loop {
            let page = appointments::of_customer(hub, &query, now).await?;
            for row in &page.items {
                let texts = ["appointmentid", "date", "time", "status", "consultantname"];
                shown.push(texts.map(|name| row.text(name)).join(" "));
                same(&row.text("customername"), &format!("Name of {customer}"))?;
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => {
                    same(&page.total, &(shown.len() as u64))?;
                    break;
                }
            }
        }
        let mut visits: Vec<_> = model.seen().collect();
        visits.retain(|(_, visit)| visit.customer == customer);
        visits.sort_by_key(|(id, visit)| (std::cmp::Reverse((visit.date, visit.hour)), *id));
        let visits = visits.iter().map(|(id, visit)| {
            let of = visit.consultant.map(|id| format!("Consultant {id}"));
            let (date, time) = (visit.date, time(visit.hour));
            format!(
                "{id} {date} {time} {} {}",
                visit.status,
                of.unwrap_or_default()
            )
        });
        same(&shown, &visits.collect::<Vec<_>>())?;
    }
    for (id, visit) in model.visits.iter().step_by(6) {
        let found = appointments::by_id(hub, None, *id, now).await;
        let shown = found.ok().map(|row| (row.text("date"), row.text("status")));
        let expected = (!visit.gone).then(|| (visit.date.to_string(), visit.status.to_owned()));
        same(&(id, shown), &(id, expected))?;
    }
    same(
        &appointments::by_id(hub, None, 77_777, now).await.is_err(),
        &true,
    )
}

async fn figures(test: &TestHub, model: &Model) -> Outcome {
    let ranges = [
        (date(2015, 1, 1), date(2025, 12, 31)),
        (date(2025, 11, 20), date(2025, 11, 30)),
    ];
    for (from, to) in ranges {
        let range = DateRange::new(from, to)?;
        let figures = consultants::figures(&test.hub, None, range, test.request.now).await?;
        let shown = figures.iter().map(|of| {
            let by_status: BTreeMap<&str, u64> =
                of.by_status.iter().filter(|(_, rows)| *rows > 0).collect();
            let name = of.fullname.clone().unwrap_or_default();
            let rating = of.average_rating.map(|mean| (mean * 1e9).round());
            (name, by_status, rating, of.slots.offered, of.slots.used)
        });
        let expected = [1, 2, 3].map(|id| {
            let visits = model.seen().map(|(_, visit)| visit);
            let visits = visits.filter(|v| v.consultant == Some(id) && range.contains(v.date));
            let visits: Vec<_> = visits.collect();
            let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
            for visit in &visits {
                *by_status.entry(visit.status).or_default() += 1;
            }
            let ratings: Vec<f64> = visits.iter().filter_map(|visit| visit.rating).collect();
            let mean = ratings.iter().sum::<f64>() / ratings.len() as f64;
            let rating = (!ratings.is_empty()).then(|| (mean * 1e9).round());
            let slots = model.slots.values();
            let slots = slots.filter(|slot| slot.0 == id && range.contains(slot.1));
            let slots: Vec<_> = slots.collect();
            let used = slots.iter().filter(|(_, date, hour)| {
                let mut visits = visits.iter();
                visits.any(|v| (v.date, v.hour) == (*date, *hour) && v.status != "cancelled")
            });
            let (used, offered) = (used.count() as u64, slots.len() as u64);
            (format!("Consultant {id}"), by_status, rating, offered, used)
        });
        same(&shown.collect::<Vec<_>>(), &expected.to_vec())?;
    }
    Ok(())
}

async fn totals(test: &TestHub, model: &Model) -> Outcome {
    let overview = overview::read(&test.hub, None, test.request.now).await?;
    let figures = overview.meetassist.ok_or("no figures")?;
    let visits: Vec<_> = model.seen().map(|(_, visit)| visit).collect();
    let ratings: Vec<f64> = visits.iter().filter_map(|visit| visit.rating).collect();
    let shown = (figures.appointments.all.total, figures.feedback.count);
    same(&shown, &(visits.len() as u64, ratings.len() as u64))?;
    let mean = ratings.iter().sum::<f64>() / ratings.len() as f64;
    let shown = figures.feedback.average_rating.unwrap_or(f64::NAN);
    same(&((shown - mean).abs() < 1e-9), &true)?;
    let range = DateRange::new(date(2025, 11, 1), date(2025, 12, 31))?;
    for day in appointments::per_day(&test.hub, None, range).await? {
        let of_day = visits.iter().filter(|visit| visit.date == day.date);
        let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
        for visit in of_day {
            *by_status.entry(visit.status).or_default() += 1;
        }
        let shown = day.by_status.iter().filter(|(_, rows)| *rows > 0);
        same(&(day.date, shown.collect()), &(day.date, by_status))?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(shown: &T, expected: &T) -> Outcome {
    if shown == expected {
        return Ok(());
    }
    Err(format!("{shown:#?}\nis not\n{expected:#?}").into())
}
