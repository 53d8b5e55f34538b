//! Which dates are in the database: asked for, pinned, and read.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_shared::ids::{Md5, Part};
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::value::{Type, Value};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan as _};

use crate::config::WindowConfig;
use crate::db::{Outline, Query};
use crate::sync::{DateRange, Loads};
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// As many as `[window] on_demand_days` keeps.
const BUDGET: usize = 62;
/// Beside the window.
const DAY: Date = date(2025, 12, 24);

/// A hub, and a site of the shop with one sale on each of the days before [`DAY`] and on it.
async fn shop(database: &HubDatabase, days: i64) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    for n in 0..days {
        let day = DAY.saturating_sub(n.days());
        let sale = format!("{n},{day},a,paid");
        site.put("sale", &format!("dt={day}"), &[&sale]).await?;
    }
    site.commit().await?;
    test.load_one().await?;
    Ok((test, site))
}

/// Has another hub load so many other dates that the ones before lose their place.
async fn crowd_out(test: &TestHub) -> Outcome {
    let mut other = test.another()?;
    other.request.now += SignedDuration::from_hours(1);
    let others = 1..=i64::try_from(BUDGET)?;
    let others: Vec<Date> = others
        .map(|n| date(2030, 1, 1).saturating_add(n.days()))
        .collect();
    other.ask_for(&others);
    other.load_one().await?;
    Ok(())
}

fn sales_of(day: Date) -> Vec<Query> {
    vec![Query {
        sql: "SELECT id FROM sale WHERE day = $1 ORDER BY id".into(),
        parameters: vec![Some(day.to_string())],
        types: vec![Type::Int],
    }]
}

/// The dates whose sales are in the database.
async fn loaded(test: &TestHub, site: &TestSite) -> Outcome<BTreeSet<Date>> {
    let stored = test.database.stored(site.name()).await?;
    Ok(stored
        .loaded
        .keys()
        .filter_map(|(_, part)| part.date())
        .collect())
}

/// Between the look whether a date is loaded and the look at its rows another hub takes it out.
pub async fn dates_are_read_with_their_rows_though_others_take_their_place(
    database: &HubDatabase,
) -> Outcome {
    let (test, site) = shop(database, 1).await?;
    let now = test.request.now;
    let brought = test
        .hub
        .bring(site.name(), DateRange::day(DAY), now)
        .await?;
    crowd_out(&test).await?;
    assert!(!loaded(&test, &site).await?.contains(&DAY));

    let queries = sales_of(DAY);
    let read = test
        .database
        .query(site.name(), &queries, &brought.parts)
        .await?;
    assert_eq!(read, None, "the snapshot lacks the date");
    let mut write = test
        .database
        .begin_write(site.name(), site.dataset(), "ann")
        .await?;
    assert!(!write.are_loaded(&brought.parts).await?);
    drop(write);

    let read = test.hub.read_loaded(brought, &queries, now).await?;
    assert_eq!(read, [[[Value::Int(0)]]]);
    assert!(loaded(&test, &site).await?.contains(&DAY));
    Ok(())
}

/// Many dates one after the other: all answers are right, no more than the budget stays, and those go
/// first that were asked for least recently, also within one second.
pub async fn a_date_is_kept_by_who_asked_last(database: &HubDatabase) -> Outcome {
    let days = 80;
    let (mut test, site) = shop(database, days).await?;
    let window = test.hub.window(test.request.now).0;
    let pinned = DAY.saturating_sub(3.days());
    test.hub.pin(pinned).await?;
    for n in 0..days {
        test.request.now += SignedDuration::from_micros(1);
        let day = DAY.saturating_sub(n.days());
        let (queries, on) = (sales_of(day), DateRange::day(day));
        let now = test.request.now;
        let view = test.hub.sites(None).await?.remove(0);
        let read = test.hub.read_dates(&view, on, &queries, now);
        assert_eq!(read.await?, [[[Value::Int(n)]]]);
        let loaded = loaded(&test, &site).await?;
        let asked: Vec<_> = loaded
            .iter()
            .filter(|date| !window.contains(**date) && **date != pinned)
            .collect();
        assert!(asked.len() <= BUDGET, "{} at {n}", asked.len());
        assert!(loaded.contains(&pinned));
        let stored = test.database.stored(site.name()).await?;
        assert!(stored.asked.len() <= BUDGET, "{}", stored.asked.len());
    }
    test.load_one().await?;
    let mut expected: Vec<Date> = (0..days).map(|n| DAY.saturating_sub(n.days())).collect();
    expected.retain(|date| !window.contains(*date) && *date != pinned);
    let gone = expected.len() - BUDGET;
    expected.drain(..gone);
    expected.extend(window.dates().chain([pinned]));
    assert_eq!(loaded(&test, &site).await?, expected.into_iter().collect());
    Ok(())
}

/// Whatever is asked for, in every hub, until it is unpinned.
pub async fn a_pinned_date_stays(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database, 1).await?;
    assert_eq!(test.hub.pin(DAY).await?, BTreeSet::from([DAY]));
    test.load_one().await?;
    assert!(loaded(&test, &site).await?.contains(&DAY));
    let asked = test.database.stored(site.name()).await?.asked;
    assert!(asked.is_empty(), "it is not asked for: {asked:?}");
    crowd_out(&test).await?;
    assert!(loaded(&test, &site).await?.contains(&DAY));

    let other = test.another()?;
    assert_eq!(other.hub.unpin(DAY).await?, BTreeSet::new());
    test.load_one().await?;
    assert!(!loaded(&test, &site).await?.contains(&DAY));
    Ok(())
}

/// The database's copy says so; a database that has none asks the store.
pub async fn pins_are_known_while_the_store_is_away(database: &HubDatabase) -> Outcome {
    let (test, _) = shop(database, 1).await?;
    test.hub.pin(DAY).await?;
    let requests = test.store.requests();
    assert_eq!(test.hub.pinned().await?, BTreeSet::from([DAY]));
    assert_eq!(test.store.requests().since(&requests).total(), 0);
    let empty: Store = Arc::new(MemoryStore::new());
    let away = test.with_store(empty)?;
    assert_eq!(away.hub.pinned().await?, BTreeSet::from([DAY]));

    let folder = tempfile::tempdir()?;
    let fresh = test.in_another_folder(folder.path()).await?;
    assert_eq!(fresh.hub.pinned().await?, BTreeSet::from([DAY]));
    Ok(())
}

/// However often, a hub that read the file before another changed it does not put the old one back.
pub async fn the_last_of_two_hubs_leaves_the_newest_pins(database: &HubDatabase) -> Outcome {
    let (test, _) = shop(database, 1).await?;
    let other = test.another()?;
    let days: Vec<Date> = (0..8).map(|n| DAY.saturating_add(n.days())).collect();
    let pins = days.iter().enumerate().map(|(n, day)| {
        let hub = if n % 2 == 0 { &test.hub } else { &other.hub };
        hub.pin(*day)
    });
    for pinned in futures_util::future::join_all(pins).await {
        pinned?;
    }
    assert_eq!(test.hub.pinned().await?, days.into_iter().collect());
    let most = (0..).map(|n| date(2031, 1, 1).saturating_add(i64::from(n).days()));
    let mut pinned = 8;
    for day in most.take(60) {
        match test.hub.pin(day).await {
            Ok(_) => pinned += 1,
            Err(error) => {
                let text = error.to_string();
                assert_eq!(
                    text,
                    "62 dates are pinned, which is the most; unpin one first"
                );
            }
        }
    }
    assert_eq!(pinned, 62);
    Ok(())
}

/// Three nights pass unseen: the next look brings the window to where it is then, and takes out what it
/// leaves behind; what was asked for and pinned stays.
pub async fn nights_that_nobody_was_awake_for_pass_at_once(database: &HubDatabase) -> Outcome {
    let (mut test, site) = shop(database, 32).await?;
    let asked = DAY.saturating_sub(20.days());
    test.hub.pin(DAY).await?;
    let read = DateRange::day(asked);
    test.hub.bring(site.name(), read, test.request.now).await?;
    let days = |of: &[Date]| -> BTreeSet<Date> { of.iter().copied().chain([asked, DAY]).collect() };
    for (now, expected) in [
        // At noon, a second before midnight, and at midnight.
        ("2025-11-28T05:00:00Z", [(11, 27), (11, 28), (11, 29)]),
        ("2025-11-28T16:59:59Z", [(11, 27), (11, 28), (11, 29)]),
        ("2025-11-28T17:00:00Z", [(11, 28), (11, 29), (11, 30)]),
        ("2025-12-01T17:00:00Z", [(12, 1), (12, 2), (12, 3)]),
    ] {
        let expected = expected.map(|(month, day)| date(2025, month, day));
        test.request.now = now.parse()?;
        test.load_one().await?;
        assert_eq!(loaded(&test, &site).await?, days(&expected), "{now}");
    }
    Ok(())
}

/// A service's window stays, whatever a command's is; what a command has told before counts no more.
/// `init` has commands decide again, until a service goes round.
pub async fn a_command_goes_by_the_window_of_a_service(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database, 32).await?;
    let command = test.with_window(WindowConfig {
        before: 3,
        ..WindowConfig::default()
    })?;
    let days = |from: i8| {
        (from..=29)
            .map(|day| date(2025, 11, day))
            .collect::<BTreeSet<_>>()
    };
    command.load_one().await?;
    assert_eq!(loaded(&test, &site).await?, days(25), "there is no service");
    let mut service = Loads::new(test.hub.clone());
    let round = service.round(&test.request).await?;
    assert_eq!(round.len(), 1);
    assert_eq!(loaded(&test, &site).await?, days(27));
    for _ in 0..2 {
        let again = command.with_window(command.hub.config().window.clone())?;
        again.load_one().await?;
        assert_eq!(loaded(&test, &site).await?, days(27));
    }
    test.hub.init().await?;
    let again = command.with_window(command.hub.config().window.clone())?;
    again.load_one().await?;
    assert_eq!(loaded(&test, &site).await?, days(25));
    service.round(&test.request).await?;
    assert_eq!(loaded(&test, &site).await?, days(27));
    Ok(())
}

/// Hubs that are configured differently load by one window, that of the one that began last, and make
/// the triggers once.
pub async fn hubs_of_one_database_share_a_window(database: &HubDatabase) -> Outcome {
    let (mut test, site) = shop(database, 32).await?;
    let honolulu = WindowConfig {
        before: 2,
        timezone: "Pacific/Honolulu".to_owned().try_into()?,
        on_demand_days: 0,
        ..WindowConfig::default()
    };
    let mut other = test.with_window(honolulu.clone())?;
    // It is the 29th here, and still the 28th there.
    let now = "2025-11-28T20:00:00Z".parse()?;
    (test.request.now, other.request.now) = (now, now);
    test.load_one().await?;
    other.load_one().await?;
    let there: BTreeSet<Date> = (26..=29).map(|day| date(2025, 11, day)).collect();
    assert_eq!(loaded(&test, &site).await?, there);
    let revision = database.0.sites().await?[0].revision;
    for _ in 0..3 {
        for hub in [&test, &other] {
            let report = hub.load_one().await?;
            assert_eq!(
                (report.partitions.loaded, report.partitions.evicted),
                (0, 0)
            );
        }
    }
    assert_eq!(
        database.0.sites().await?[0].revision,
        revision,
        "nothing is written"
    );
    assert_eq!(test.hub.window_config(), honolulu);
    assert_eq!(test.hub.zone(), other.hub.zone());

    // One that is started again decides anew.
    let again = test.another()?;
    let mut again = TestHub {
        request: test.request.clone(),
        ..again
    };
    again.request.now = now;
    again.load_one().await?;
    other.load_one().await?;
    let here: BTreeSet<Date> = (28..=30).map(|day| date(2025, 11, day)).collect();
    assert_eq!(loaded(&test, &site).await?, here);
    Ok(())
}

/// What a command reads of a site is what of the whole it may have to change.
pub async fn an_outline_is_a_part_of_the_whole(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database, 8).await?;
    let day = |n: i64| DAY.saturating_sub(n.days());
    let brought = DateRange::new(day(3), day(1))?;
    test.hub
        .bring(site.name(), brought, test.request.now)
        .await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 2")
        .await?;
    test.flush(&site).await?;
    // The cloud keeps a row that the site deletes.
    site.put("sale", &format!("dt={}", day(2)), &[]).await?;
    site.commit().await?;
    test.load_one().await?;
    let whole = test.database.stored(site.name()).await?;
    let kept = whole.edits.partitions.values();
    assert_eq!(kept.map(|entry| entry.object.kept.len()).sum::<usize>(), 1);
    let outline = async |changed: &[Date]| {
        let whole = test.database.stored(site.name()).await?;
        let changed = changed.iter().map(|date| Part::Date(*date)).collect();
        let outline = test.database.outline(site.name(), &changed).await?;
        assert_eq!(outline, Outline::of(whole, &changed));
        Outcome::Ok((outline.stored.loaded.len(), outline.others))
    };
    assert_eq!(outline(&[]).await?, (1, 3), "what is in buckets");
    assert_eq!(outline(&[day(1), day(2), day(6)]).await?, (3, 1));
    // Somebody books on a date that is not loaded.
    test.sell(&site, &day(5).to_string(), "a").await?;
    test.flush(&site).await?;
    assert_eq!(outline(&[]).await?, (2, 3));
    Ok(())
}

/// The window rolls, and no partition comes or goes: the first load of a command notes that, so that the next one
/// knows what is loaded without reading all.
pub async fn a_night_that_brings_nothing_is_noted_once(database: &HubDatabase) -> Outcome {
    let (mut test, site) = shop(database, 1).await?;
    let before = test.database.stored(site.name()).await?;
    test.request.now += SignedDuration::from_hours(24);
    let stored = async || test.database.stored(site.name()).await;
    test.load_one().await?;
    let after = stored().await?;
    assert_ne!(after.wanted, before.wanted);
    assert_eq!(after.state, before.state, "nothing else is written");
    test.load_one().await?;
    assert_eq!(stored().await?, after);

    // What others have loaded since is theirs to say.
    let stale = before.state.revision - 1;
    let noted = database.0.note_wanted(site.name(), stale, Md5([0; 16]));
    noted.await?;
    assert_eq!(stored().await?.wanted, after.wanted);
    Ok(())
}
