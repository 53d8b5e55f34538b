//! MeetAssist's own figures, of the sites whose dataset is MeetAssist's.

pub(crate) mod consultants;
mod days;
mod status_counts;

pub(crate) use days::{Day, appointments_per_day};
pub(crate) use status_counts::StatusCounts;

use causeway_shared::canonical_csv::unquoted;
use causeway_shared::dataset::Dataset;
use causeway_shared::limits;
use causeway_shared::summary::Summary;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::LoadedCount;
use crate::sync::{DateRange, SiteView};

pub(crate) const CUSTOMER: &str = "customer";
pub(crate) const CONSULTANT: &str = "consultant";
pub(crate) const SCHEDULE: &str = "consultantschedule";
pub(crate) const APPOINTMENT: &str = "appointment";
pub(crate) const FEEDBACK: &str = "appointmentfeedback";
pub(crate) const PROGRAM: &str = "communityprogram";
pub(crate) const PARTICIPANT: &str = "programparticipant";

/// The column of appointments and programs that says how they stand.
pub(crate) const STATUS: &str = "status";

/// MeetAssist's tables, and the columns of each that figures are made of.
const TABLES: [(&str, &[&str]); 7] = [
    (CUSTOMER, &["isdisabled"]),
    (CONSULTANT, &["isdisabled"]),
    (SCHEDULE, &[]),
    (APPOINTMENT, &[STATUS]),
    (FEEDBACK, &["rating"]),
    (PROGRAM, &[STATUS]),
    (PARTICIPANT, &[]),
];

/// Whether a dataset is MeetAssist's: it has all of its tables, with the columns of its figures.
#[must_use]
pub(crate) fn is_meetassist(dataset: &Dataset) -> bool {
    TABLES.iter().all(|(name, columns)| {
        let table = dataset.table(name);
        table.is_some_and(|table| columns.iter().all(|name| table.column(name).is_some()))
    })
}

/// Whether a table is one of MeetAssist's, by its name.
#[must_use]
pub(crate) fn is_table(name: &str) -> bool {
    TABLES.iter().any(|(table, _)| *table == name)
}

/// What `GET /api/v1/overview` tells of MeetAssist.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct MeetAssistFigures {
    pub customers: People,
    pub consultants: People,
    pub appointments: Appointments,
    pub feedback: FeedbackFigures,
    pub programs: TotalByStatus,
    pub participants: Total,
}

/// How many people there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct People {
    pub total: u64,
    /// Those who are not disabled.
    pub active: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TotalByStatus {
    pub total: u64,
    /// How they stand. Every declared status is listed.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: StatusCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Total {
    pub total: u64,
}

/// Appointments of all history, and of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Appointments {
    /// All history.
    #[serde(flatten)]
    pub all: TotalByStatus,
    pub window: TotalByStatus,
    pub today: TotalByStatus,
    /// Each day of the window.
    pub per_day: Vec<DayTotal>,
}

/// How many appointments a day has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DayTotal {
    pub date: Date,
    /// Its appointments.
    pub total: u64,
}

/// What customers say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct FeedbackFigures {
    /// How many said something.
    pub count: u64,
    /// The mean of their ratings, 0 to 5; `None` where nobody said anything.
    pub average_rating: Option<f64>,
}

/// The figures of MeetAssist's sites. `declared` is the dataset that says which statuses there are
/// where there is no site; `loaded` are the loaded appointments of all `sites` by status.
#[must_use]
pub(crate) fn figures(
    (today, window): (Date, DateRange),
    declared: &Dataset,
    sites: &[&SiteView],
    loaded: &[LoadedCount],
) -> MeetAssistFigures {
    let feedback = total(sites, FEEDBACK).sum.remove("rating");
    let feedback = feedback.unwrap_or_default();
    MeetAssistFigures {
        customers: people(sites, CUSTOMER),
        consultants: people(sites, CONSULTANT),
        appointments: appointments((today, window), declared, sites, loaded),
        feedback: FeedbackFigures {
            count: rows(sites, FEEDBACK),
            average_rating: mean(feedback.sum.to_float(), feedback.count),
        },
        programs: by_status(declared, sites, PROGRAM),
        participants: Total {
            total: rows(sites, PARTICIPANT),
        },
    }
}

fn appointments(
    (today, window): (Date, DateRange),
    declared: &Dataset,
    sites: &[&SiteView],
    loaded: &[LoadedCount],
) -> Appointments {
    let none = StatusCounts::declared(declared, sites, APPOINTMENT);
    let within = |range: DateRange| {
        let mut by_status = none.clone();
        let in_range =
            |count: &&LoadedCount| count.part.date().is_some_and(|date| range.contains(date));
        let rows = loaded.iter().filter(in_range).map(|count| {
            if let Some(status) = &count.value {
                by_status.add(&unquoted(status), count.rows);
            }
            count.rows
        });
        TotalByStatus {
            total: limits::total(rows),
            by_status,
        }
    };
    Appointments {
        all: by_status(declared, sites, APPOINTMENT),
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

fn people(sites: &[&SiteView], table: &str) -> People {
    let total_rows = rows(sites, table);
    let disabled = total(sites, table).count("isdisabled", "true");
    People {
        total: total_rows,
        active: total_rows.saturating_sub(disabled),
    }
}

fn by_status(declared: &Dataset, sites: &[&SiteView], table: &str) -> TotalByStatus {
    let mut by_status = StatusCounts::declared(declared, sites, table);
    by_status.add_summary(&total(sites, table));
    TotalByStatus {
        total: rows(sites, table),
        by_status,
    }
}

/// A table's rows over all history of all sites.
fn rows(sites: &[&SiteView], table: &str) -> u64 {
    let totals = sites.iter().filter_map(|view| view.totals.table(table));
    limits::total(totals.map(|totals| totals.rows))
}

/// A table's summary over all history of all sites.
fn total(sites: &[&SiteView], table: &str) -> Summary {
    let mut total = Summary::default();
    let totals = sites.iter().filter_map(|view| view.totals.table(table));
    totals.for_each(|totals| total.add(&totals.summary));
    total
}

pub(crate) fn mean(sum: f64, count: u64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean for people; counts stay below 2^53"
    )]
    let mean = sum / count as f64;
    (count > 0).then_some(mean)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::stats::samples::{json, loaded, site};
    use crate::testing::SHOP;

    fn figures_of(sites: &[SiteView], loaded: &[LoadedCount]) -> MeetAssistFigures {
        let today = date(2025, 11, 28);
        let window = DateRange::around(today, 1, 1);
        let declared = Dataset::meetassist().unwrap();
        let sites: Vec<&SiteView> = sites.iter().collect();
        figures((today, window), &declared, &sites, loaded)
    }

    #[test]
    fn nothing_is_zeros() {
        insta::assert_snapshot!(json(&figures_of(&[], &[])), @r#"
    {"customers":{"total":0,"active":0},
    "consultants":{"total":0,"active":0},
    "appointments":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0},
    "window":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
    "today":{"total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
    "per_day":[{"date":"2025-11-27","total":0},
    {"date":"2025-11-28","total":0},
    {"date":"2025-11-29","total":0}]},
    "feedback":{"count":0,"average_rating":null},
    "programs":{"total":0,"by_status":{"upcoming":0,"ongoing":0,"completed":0}},
    "participants":{"total":0}}
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
        let figures = figures_of(&sites, &loaded);

        assert_eq!(figures.appointments.all.total, 8);
        assert_eq!(
            figures.customers,
            People {
                total: 4,
                active: 3
            }
        );
        assert_eq!(
            figures.feedback,
            FeedbackFigures {
                count: 3,
                average_rating: Some(4.0)
            }
        );
        insta::assert_snapshot!(json(&figures.appointments), @r#"
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
        let appointments = figures_of(&sites, &loaded).appointments;
        assert_eq!(
            (appointments.window.total, appointments.today.total),
            (1, 0)
        );
    }

    #[test]
    fn a_dataset_is_meetassists_by_its_tables_and_columns() {
        assert!(is_meetassist(&Dataset::meetassist().unwrap()));
        assert!(!is_meetassist(&Dataset::from_toml(SHOP).unwrap()));
        let text = include_str!("../../../config/meetassist.toml");
        let without = Dataset::from_toml(&text.replace("isdisabled", "retired")).unwrap();
        assert!(!is_meetassist(&without));
    }
}
