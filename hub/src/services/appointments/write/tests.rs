use causeway_shared::dataset::Dataset;
use jiff::civil::date;
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
    bring(&test.hub, &view, 1, now).await?;
    let mut other = test.another()?;
    other.request.now += SignedDuration::from_hours(1);
    let dates = (1..=62).map(|n: i64| date(2030, 1, 1).saturating_add(n.days()));
    other.ask_for(&dates.collect::<Vec<_>>());
    other.load_one().await?;
    assert!(cancel_row(&test.hub, &view, 1, by).await?.is_none());

    let cancelled = cancel(&test.hub, None, 1, by).await?;
    assert_eq!(cancelled.record.text("status"), "cancelled");
    let slots = test.rows(&site, "consultantschedule").await?;
    assert_eq!(slots, [format!("{part} {slot}true")]);
    let unknown = cancel(&test.hub, None, 2, by).await;
    assert!(matches!(unknown, Err(ServiceError::NotFound(_))));
    Ok(())
}
