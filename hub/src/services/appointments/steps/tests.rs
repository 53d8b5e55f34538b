use causeway_shared::dataset::Dataset;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan as _};

use super::*;
use crate::testing::{Outcome, TestHub, TestSite};

const LONG_AGO: Date = date(2015, 6, 1);

/// Between the look whether its date is loaded and the change another hub takes the date out.
#[tokio::test]
async fn an_appointment_is_cancelled_though_others_take_its_place() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
    let part = format!("dt={LONG_AGO}");
    let consultant = "1,An,an@example.vn,,,,,2010-01-01,2010-01-01T00:00:00,false";
    site.put("consultant", "b=0of1", &[consultant]).await?;
    let visit = format!("1,1,c1,{LONG_AGO},09:00:00,60,,pending,,2015-01-01T00:00:00,");
    site.put("appointment", &part, &[&visit]).await?;
    let slot = format!("1,1,{LONG_AGO},09:00:00,10:00:00,");
    site.put("consultantschedule", &part, &[&format!("{slot}false")])
        .await?;
    site.commit().await?;
    test.load_one().await?;

    let now = test.request.now;
    let by = By { actor: "ann", now };
    let view = the_site(&test.hub, None).await?;
    let (before, loaded) = bring(&test.hub, &view, 1, now).await?;
    let mut other = test.another()?;
    other.request.now += SignedDuration::from_hours(1);
    let dates = (1..=62).map(|n: i64| date(2030, 1, 1).saturating_add(n.days()));
    other.ask_for(&dates.collect::<Vec<_>>());
    other.load_one().await?;
    let steps = [Step::Cancel, Step::Confirm, Step::Assign(1)];
    for step in steps {
        let stepped = step_row(&test.hub, &view, &before, &loaded, step, by).await?;
        assert!(stepped.is_none(), "{step:?}");
    }

    let cancelled = step(&test.hub, None, 1, Step::Cancel, by).await?;
    assert_eq!(cancelled.record.text("status"), "cancelled");
    let slots = test.rows(&site, "consultantschedule").await?;
    assert_eq!(slots, [format!("{part} {slot}true")]);
    let unknown = step(&test.hub, None, 2, Step::Cancel, by).await;
    assert!(matches!(unknown, Err(ServiceError::NotFound(_))));
    Ok(())
}

/// Of two who give an appointment to somebody at once one wins.
#[tokio::test]
async fn who_assigns_by_what_is_no_more_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
    let today = test.request.now.to_zoned(test.hub.zone()).date();
    let consultants = ["1", "2"]
        .map(|id| format!("{id},An,a@example.vn,,,,,2010-01-01,2010-01-01T00:00:00,false"));
    site.put(
        "consultant",
        "b=0of1",
        &consultants.each_ref().map(String::as_str),
    )
    .await?;
    let slots = ["1", "2"].map(|id| format!("{id},{id},{today},09:00:00,10:00:00,true"));
    let part = format!("dt={today}");
    site.put(
        "consultantschedule",
        &part,
        &slots.each_ref().map(String::as_str),
    )
    .await?;
    let visit = format!("1,,c1,{today},09:00:00,60,,pending,,2015-01-01T00:00:00,");
    site.put("appointment", &part, &[&visit]).await?;
    site.commit().await?;
    test.load_one().await?;
    let now = test.request.now;
    let by = By { actor: "ann", now };
    let view = the_site(&test.hub, None).await?;
    let (before, loaded) = bring(&test.hub, &view, 1, now).await?;
    let assign = |id| step_row(&test.hub, &view, &before, &loaded, Step::Assign(id), by);
    assert!(assign(1).await?.is_some());
    let late = assign(2).await;
    let Err(ServiceError::NotAllowed(NotAllowed::ChangedMeanwhile, Some(present))) = late else {
        return Err(format!("{late:?}").into());
    };
    assert_eq!(present.text("consultantid"), "1");
    let free = format!("{part} 2,2,{today},09:00:00,10:00:00,true");
    assert!(
        test.rows(&site, "consultantschedule")
            .await?
            .contains(&free)
    );
    Ok(())
}
