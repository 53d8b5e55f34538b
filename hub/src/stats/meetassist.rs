//! Figures for people: pure functions of the sites' catalogs and the loaded rows' counts.
//!
//! Totals over all history come from the catalogs' summaries, so that they are right whatever is
//! loaded; only what is said to be of the window counts loaded rows. Several sites add up. A site
//! whose dataset has no such table adds nothing.

mod days;
mod status_counts;

pub(crate) use days::{Day, appointments_per_day};
pub(crate) use status_counts::StatusCounts;

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::summary::Summary;
use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use serde::{Serialize, Serializer};

use super::any_table::{TableFigures, per_table};
use crate::db::LoadedCount;
use crate::sync::{DateRange, SiteView, Window};

/// The tables that figures are about.
pub(crate) mod tables {
    /// Customers.
    pub(crate) const CUSTOMER: &str = "customer";
    /// Consultants.
    pub(crate) const CONSULTANT: &str = "consultant";
    /// Appointments.
    pub(crate) const APPOINTMENT: &str = "appointment";
    /// What customers say of their appointments.
    pub(crate) const FEEDBACK: &str = "appointmentfeedback";
    /// Community programs.
    pub(crate) const PROGRAM: &str = "communityprogram";
    /// Who takes part in programs.
    pub(crate) const PARTICIPANT: &str = "programparticipant";
    /// When consultants can be booked.
    pub(crate) const SCHEDULE: &str = "consultantschedule";
    /// All tables of MeetAssist.
    pub(crate) const OWN: [&str; 7] = [
        CUSTOMER,
        CONSULTANT,
        SCHEDULE,
        APPOINTMENT,
        FEEDBACK,
        PROGRAM,
        PARTICIPANT,
    ];
}

/// The column of appointments and programs that says how they stand.
pub(crate) const STATUS: &str = "status";

/// The first page of figures, in the form of `GET /api/v1/overview`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Overview {
    /// When the figures were read, in the hub's zone.
    #[serde(serialize_with = "with_offset")]
    pub now: Zoned,
    /// The dates whose rows are loaded.
    pub window: DateRange,
    /// Customers.
    pub customers: People,
    /// Consultants.
    pub consultants: People,
    /// Appointments.
    pub appointments: Appointments,
    /// What customers say.
    pub feedback: Feedback,
    /// Community programs.
    pub programs: Counted,
    /// Who takes part in programs.
    pub participants: Total,
    /// Every declared table, MeetAssist's or not, with the days of the window.
    pub tables: Vec<TableFigures>,
    /// How fresh the figures are, site by site.
    pub fresh: Vec<Fresh>,
}

/// How many people there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct People {
    /// All of them.
    pub total: u64,
    /// Those who are not disabled.
    pub active: u64,
}

/// A total and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    /// All of them.
    pub total: u64,
    /// How they stand. Every declared status is listed.
    pub by_status: StatusCounts,
}

/// A total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Total {
    /// All of them.
    pub total: u64,
}

/// Appointments of all history, and of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Appointments {
    /// All history.
    #[serde(flatten)]
    pub all: Counted,
    /// The window's.
    pub window: Counted,
    /// Today's.
    pub today: Counted,
    /// Each day of the window.
    pub per_day: Vec<DayTotal>,
}

/// How many appointments a day has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct DayTotal {
    /// The day.
    pub date: Date,
    /// Its appointments.
    pub total: u64,
}

/// What customers say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Feedback {
    /// How many said something.
    pub count: u64,
    /// The mean of their ratings, 0 to 5; `None` where nobody said anything.
    pub average_rating: Option<f64>,
}

/// How fresh one site's figures are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fresh {
    /// The site.
    pub site: SiteName,
    /// The commit that its figures stand at; `None` before the first.
    pub commit: Option<Seq>,
    /// When the site committed it.
    pub committed_at: Option<Timestamp>,
    /// When it was loaded.
    pub loaded_at: Option<Timestamp>,
    /// The newest commit seen in the site's log, loaded or not.
    pub log_head: Option<Seq>,
    /// Why the last load failed, if it did; the figures are the last good ones.
    pub last_error: Option<String>,
}

/// The overview.
///
/// `declared` is the dataset that says which statuses there are where no site does; `loaded` are
/// the loaded appointments of all `sites` by status.
#[must_use]
pub(crate) fn overview(
    now: Zoned,
    window: Window,
    declared: &Dataset,
    sites: &[SiteView],
    loaded: &[LoadedCount],
) -> Overview {
    let feedback = total(sites, tables::FEEDBACK)
        .sum
        .remove("rating")
        .unwrap_or_default();
    Overview {
        window: window.0,
        customers: people(sites, tables::CUSTOMER),
        consultants: people(sites, tables::CONSULTANT),
        appointments: appointments(now.date(), window.0, declared, sites, loaded),
        feedback: Feedback {
            count: rows(sites, tables::FEEDBACK),
            average_rating: mean(feedback.sum.to_float(), feedback.count),
        },
        programs: by_status(declared, sites, tables::PROGRAM),
        participants: Total {
            total: rows(sites, tables::PARTICIPANT),
        },
        tables: per_table(window.0, declared, sites),
        fresh: sites.iter().map(fresh).collect(),
        now,
    }
}

fn appointments(
    today: Date,
    window: DateRange,
    declared: &Dataset,
    sites: &[SiteView],
    loaded: &[LoadedCount],
) -> Appointments {
    let none = StatusCounts::declared(declared, sites, tables::APPOINTMENT);
    let within = |range: DateRange| {
        let mut by_status = none.clone();
        let in_range =
            |count: &&LoadedCount| count.part.date().is_some_and(|date| range.contains(date));
        let rows = loaded.iter().filter(in_range).map(|count| {
            if let Some(status) = &count.value {
                by_status.add(status, count.rows);
            }
            count.rows
        });
        Counted {
            total: rows.sum(),
            by_status,
        }
    };
    Appointments {
        all: by_status(declared, sites, tables::APPOINTMENT),
        window: within(window),
        today: within(DateRange::day(today)),
        per_day: window
            .dates()
            .map(|date| DayTotal {
                date,
                total: within(DateRange::day(date)).total,
            })
            .collect(),
    }
}

fn people(sites: &[SiteView], table: &str) -> People {
    let total_rows = rows(sites, table);
    let disabled = total(sites, table).count("isdisabled", "true");
    People {
        total: total_rows,
        active: total_rows.saturating_sub(disabled),
    }
}

fn by_status(declared: &Dataset, sites: &[SiteView], table: &str) -> Counted {
    let mut by_status = StatusCounts::declared(declared, sites, table);
    by_status.add_summary(&total(sites, table));
    Counted {
        total: rows(sites, table),
        by_status,
    }
}

fn fresh(view: &SiteView) -> Fresh {
    let head = view.catalog.head.as_ref();
    Fresh {
        site: view.site.clone(),
        commit: head.map(|head| head.seq),
        committed_at: head.map(|head| head.at),
        loaded_at: view.loaded_at,
        log_head: view.log_head,
        last_error: view.last_error.clone(),
    }
}

/// A table's rows over all history of all sites.
fn rows(sites: &[SiteView], table: &str) -> u64 {
    sites.iter().map(|view| view.catalog.rows(table)).sum()
}

/// A table's summary over all history of all sites.
fn total(sites: &[SiteView], table: &str) -> Summary {
    let mut total = Summary::default();
    sites
        .iter()
        .for_each(|view| total.add(&view.catalog.total(table)));
    total
}

fn mean(sum: f64, count: u64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean for people; counts stay below 2^53"
    )]
    let mean = sum / count as f64;
    (count > 0).then_some(mean)
}

/// RFC 3339 with the zone's offset and without its name, to the second.
fn with_offset<S: Serializer>(now: &Zoned, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&now.strftime("%Y-%m-%dT%H:%M:%S%:z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WindowConfig;
    use crate::stats::samples::{at, json, loaded, site};

    fn overview_of(sites: &[SiteView], loaded: &[LoadedCount]) -> Overview {
        let now = at("2025-11-28T02:30:00Z");
        let window = Window::at(now, &WindowConfig::default());
        let declared = Dataset::meetassist().unwrap();
        let mut overview = overview(
            now.to_zoned(WindowConfig::default().timezone.0),
            window,
            &declared,
            sites,
            loaded,
        );
        // Those of every table have tests of their own.
        overview.tables.clear();
        overview
    }

    #[test]
    fn nothing_is_zeros() {
        insta::assert_snapshot!(json(&overview_of(&[], &[])), @r#"
    {"now":"2025-11-28T09:30:00+07:00","window":{"from":"2025-11-27","to":"2025-11-29"},
    "customers":{"total":0,"active":0},
    "consultants":{"total":0,"active":0},
    "appointments":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0},
    "window":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
    "today":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
    "per_day":[{"date":"2025-11-27","total":0},
    {"date":"2025-11-28","total":0},
    {"date":"2025-11-29","total":0}]},
    "feedback":{"count":0,"average_rating":null},
    "programs":{"total":0,"by_status":{"upcoming":0,"ongoing":0,"completed":0}},
    "participants":{"total":0},
    "tables":[],"fresh":[]}
    "#);
    }

    #[test]
    fn sites_add_up_and_history_counts_though_it_is_not_loaded() {
        let sites = [
            site(
                "a",
                &[
                    (
                        "appointment",
                        "dt=2020-01-01",
                        r#"{"count_by":{"status":{"values":{"completed":5}}}}"#,
                        5,
                    ),
                    (
                        "appointment",
                        "dt=2025-11-28",
                        r#"{"count_by":{"status":{"values":{"pending":2}}}}"#,
                        2,
                    ),
                    (
                        "appointmentfeedback",
                        "dt=2020-01-01",
                        r#"{"sum":{"rating":{"sum":9.0,"count":2}}}"#,
                        2,
                    ),
                    (
                        "customer",
                        "b=00of16",
                        r#"{"count_by":{"isdisabled":{"values":{"false":3,"true":1}}}}"#,
                        4,
                    ),
                ],
            ),
            site(
                "b",
                &[
                    (
                        "appointment",
                        "dt=2025-11-28",
                        r#"{"count_by":{"status":{"values":{"cancelled":1}}}}"#,
                        1,
                    ),
                    (
                        "appointmentfeedback",
                        "dt=2025-11-28",
                        r#"{"sum":{"rating":{"sum":3.0,"count":1}}}"#,
                        1,
                    ),
                ],
            ),
        ];
        let loaded = [
            loaded("dt=2025-11-28", "pending", 2),
            loaded("dt=2025-11-28", "cancelled", 1),
        ];
        let overview = overview_of(&sites, &loaded);

        assert_eq!(overview.appointments.all.total, 8);
        assert_eq!(
            overview.customers,
            People {
                total: 4,
                active: 3
            }
        );
        assert_eq!(
            overview.feedback,
            Feedback {
                count: 3,
                average_rating: Some(4.0)
            }
        );
        insta::assert_snapshot!(json(&overview.appointments), @r#"
        {"total":8,"by_status":{"pending":2,"confirmed":0,"completed":5,"cancelled":1},
        "window":{"total":3,"by_status":{"pending":2,"confirmed":0,"completed":0,"cancelled":1}},
        "today":{"total":3,"by_status":{"pending":2,"confirmed":0,"completed":0,"cancelled":1}},
        "per_day":[{"date":"2025-11-27","total":0},
        {"date":"2025-11-28","total":3},
        {"date":"2025-11-29","total":0}]}
        "#);
    }

    #[test]
    fn a_loaded_date_outside_the_window_is_not_the_windows() {
        let sites = [site("a", &[])];
        let loaded = [
            loaded("dt=2025-11-01", "pending", 9),
            loaded("dt=2025-11-29", "pending", 1),
        ];
        let appointments = overview_of(&sites, &loaded).appointments;
        assert_eq!(
            (appointments.window.total, appointments.today.total),
            (1, 0)
        );
    }
}
