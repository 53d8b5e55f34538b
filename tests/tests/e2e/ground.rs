//! What the tests of a MeetAssist site begin with, and what they compare.

use causeway_shared::dataset::Dataset;
use causeway_shared::runtime::clock;
use causeway_tests::deployment::Deployment;
use causeway_tests::loaded::loaded_rows;
use causeway_tests::meetassist::{MeetAssist, SOURCES};
use causeway_tests::mirror::{Mirror, Rows, tables};
use causeway_tests::{DatabaseKind, StoreKind};
use jiff::SignedDuration;
use jiff::civil::Date;

/// Tables whose rows are loaded only for the dates of the window, and where the date stands.
const DATED: [(&str, usize); 2] = [("consultantschedule", 2), ("appointment", 3)];

/// Right before midnight a test waits for the next day: within it, the window would move away from its site.
const BEFORE_MIDNIGHT: SignedDuration = SignedDuration::from_mins(2);

/// The day that sites are around.
pub(crate) fn today() -> Date {
    let now = clock::now().in_tz("Asia/Ho_Chi_Minh").unwrap();
    let midnight = now.tomorrow().unwrap().start_of_day().unwrap();
    let left = now.duration_until(&midnight);
    if left > BEFORE_MIDNIGHT {
        return now.date();
    }
    std::thread::sleep(left.unsigned_abs());
    midnight.date()
}

/// A deployment with a site around today; nothing is pushed yet.
pub(crate) async fn deploy(pair: (StoreKind, DatabaseKind)) -> (Deployment, MeetAssist) {
    let deployment = Deployment::create(pair, "meetassist", SOURCES).await;
    let site = MeetAssist::write(&deployment.site(), today());
    (deployment, site)
}

/// The rows of a table that the hub has loaded.
pub(crate) async fn loaded(deployment: &Deployment, table: &str) -> Rows {
    loaded_rows(&deployment.database, &Dataset::meetassist().unwrap(), table).await
}

/// Every table's rows, as they are loaded.
pub(crate) async fn rows(deployment: &Deployment) -> Vec<Rows> {
    let mut rows = Vec::new();
    for table in tables() {
        rows.push(loaded(deployment, table).await);
    }
    rows
}

/// The rows of the source that the window is to hold.
pub(crate) fn wanted(site: &MeetAssist, table: &str) -> Rows {
    let mirror = Mirror::of(site);
    let in_window = |date: &Option<String>| {
        let date: Date = date.as_deref().unwrap().parse().unwrap();
        site.date(-1) <= date && date <= site.date(1)
    };
    let mut rows = mirror.rows(table);
    if let Some((_, column)) = DATED.iter().find(|(name, _)| *name == table) {
        rows.retain(|_, row| in_window(&row[*column]));
    }
    if table == "appointmentfeedback" {
        let appointments = mirror.rows("appointment");
        rows.retain(|id, _| appointments.get(id).is_some_and(|row| in_window(&row[3])));
    }
    rows
}

/// Every table of the database against the source, typed value by typed value.
pub(crate) async fn assert_equal(deployment: &Deployment, site: &MeetAssist) {
    for table in tables() {
        assert_eq!(
            loaded(deployment, table).await,
            wanted(site, table),
            "{table}"
        );
    }
}
