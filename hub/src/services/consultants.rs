//! MeetAssist's consultants, and what they did in a range of dates, loaded or not.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::ids::{Md5, Part, SiteName};
use causeway_shared::value::{Type, Value};
use futures_util::stream::{FuturesOrdered, StreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::appointments::{CONSULTANT_NAMES, sites};
use super::error::ServiceError;
use super::list::List;
use super::record::{Columns, Statement, read};
use super::rows::Resource;
use crate::db::Partial;
use crate::error::{HubError, SiteError};
use crate::stats::meetassist::consultants::{DayRows, DayShare, Share, Slots, tables};
use crate::stats::meetassist::{APPOINTMENT, CONSULTANT, StatusCounts, mean};
use crate::sync::{DateRange, Hub, Keeper, SiteHistory, SiteView};

const LISTED_COLUMNS: Columns = &[
    ("total", Type::Int),
    ("consultantid", Type::Int),
    ("fullname", Type::Text),
    ("email", Type::Text),
    ("phonenumber", Type::Phone),
    ("imageurl", Type::Text),
    ("specialties", Type::Text),
    ("qualifications", Type::Text),
    ("joindate", Type::Date),
    ("createdat", Type::Timestamp),
    ("isdisabled", Type::Bool),
];

const COLUMNS: Columns = LISTED_COLUMNS.split_at(1).1;

pub(crate) static CONSULTANTS: Resource = Resource {
    table: (CONSULTANT, COLUMNS),
    others: &[],
    key: "consultantid",
    names: ["consultant", "consultants"],
    list: List {
        statement: Statement {
            sql: include_str!("sql/consultants_list.sql"),
            columns: LISTED_COLUMNS,
        },
        order: &["fullname", "consultantid"],
    },
    by_key: Statement {
        sql: include_str!("sql/consultant_by_key.sql"),
        columns: COLUMNS,
    },
    change: Statement {
        sql: include_str!("sql/consultant_change.sql"),
        columns: &[("consultantid", Type::Int)],
    },
    settable: &[
        "fullname",
        "email",
        "phonenumber",
        "imageurl",
        "specialties",
        "qualifications",
        "joindate",
        "isdisabled",
    ],
    needed: &["fullname", "email", "joindate"],
    new_key: None,
};

/// Under which name the days' shares are kept. Changes with their form.
const WHAT: &str = "consultants 1";
/// How many days one reader reads ahead.
const AHEAD: usize = 4;

/// What a consultant did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ConsultantFigures {
    pub site: SiteName,
    pub consultantid: i64,
    /// `None` where the consultant's row is gone.
    pub fullname: Option<String>,
    /// Their appointments.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: StatusCounts,
    /// Of the feedback on their appointments; `None` where there is none.
    pub average_rating: Option<f64>,
    pub slots: Slots,
}

/// The figures of every consultant, by site and number.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn figures(
    hub: &Hub,
    only: Option<&SiteName>,
    range: DateRange,
    now: Timestamp,
) -> Result<Vec<ConsultantFigures>, ServiceError> {
    let mut figures = Vec::new();
    for view in sites(hub, only).await? {
        let shares = shares(hub, &view, range, now).await?;
        let named = read(hub, &view.site, CONSULTANT_NAMES, &[]).await?;
        let names = named
            .iter()
            .filter_map(|row| match row.value("consultantid") {
                Value::Int(id) => Some((*id, row.text("fullname"))),
                _ => None,
            });
        let names: BTreeMap<i64, String> = names.collect();
        let ids: BTreeSet<i64> = names.keys().chain(shares.keys()).copied().collect();
        let none = StatusCounts::declared(&view.dataset, &[&view], APPOINTMENT);
        figures.extend(ids.into_iter().map(|id| {
            let share = shares.get(&id).cloned().unwrap_or_default();
            let mut by_status = none.clone();
            for (status, rows) in &share.by_status {
                by_status.add(status, *rows);
            }
            ConsultantFigures {
                site: view.site.clone(),
                consultantid: id,
                fullname: names.get(&id).cloned(),
                by_status,
                average_rating: mean(share.rating_sum, share.ratings),
                slots: share.slots,
            }
        }));
    }
    Ok(figures)
}

/// What a site's consultants did, by their numbers.
async fn shares(
    hub: &Hub,
    view: &SiteView,
    range: DateRange,
    now: Timestamp,
) -> Result<BTreeMap<i64, Share>, ServiceError> {
    let mut shares: BTreeMap<i64, Share> = BTreeMap::new();
    let Some(history) = hub.history(&view.site, now).await? else {
        return Ok(shares);
    };
    let mut add = |day: DayShare| {
        for (id, share) in &day.0 {
            shares.entry(*id).or_default().add(share);
        }
    };
    let mut wanted = versions(&history, |date| range.contains(date));
    let kept = hub.partials(&view.site, WHAT, &wanted).await;
    for (part, body) in &kept {
        // What cannot be read is made again.
        if let Ok(day) = serde_json::from_slice(body) {
            add(day);
            wanted.remove(part);
        }
    }
    let made = make(hub, &history, wanted, AHEAD, &mut add).await;
    made.map_err(HubError::from)?;
    Ok(shares)
}

/// The days wanted that have rows of a consultant's figures, and the version of each.
fn versions(history: &SiteHistory, is_wanted: impl Fn(Date) -> bool) -> BTreeMap<Part, Md5> {
    let Some(tables) = tables(history.dataset()) else {
        return BTreeMap::new();
    };
    let parts = tables.iter().flat_map(|table| history.parts_of(table));
    let parts = parts.filter(|part| part.date().is_some_and(&is_wanted));
    // Several tables have the same.
    let parts: BTreeSet<Part> = parts.collect();
    let version = |part: Part| (part, history.version(&tables, part));
    parts.into_iter().map(version).collect()
}

/// Those of some days whose shares are not kept yet.
pub(super) async fn missing(hub: &Hub, history: &SiteHistory) -> BTreeMap<Part, Md5> {
    let wanted = versions(history, |_| true);
    hub.without_partials(history.site(), WHAT, wanted).await
}

/// Reads days, the newest first, gives out their shares and keeps them.
pub(super) async fn make(
    hub: &Hub,
    history: &SiteHistory,
    days: BTreeMap<Part, Md5>,
    ahead: usize,
    mut add: impl FnMut(DayShare),
) -> Result<(), SiteError> {
    let mut days = days.into_iter().rev();
    let mut reads = FuturesOrdered::new();
    let mut keeper = Keeper::new(hub, history.site(), WHAT);
    let mut failed = None;
    loop {
        // Made when their turn comes: ten years have thousands of days.
        for of in days.by_ref().take(ahead.saturating_sub(reads.len())) {
            reads.push_back(day(history, of));
        }
        let Some(read) = reads.next().await else {
            break;
        };
        match read {
            Ok((day, partial)) => {
                add(day);
                keeper.add(partial).await;
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    keeper.finish().await;
    failed.map_or(Ok(()), Err)
}

async fn day(
    history: &SiteHistory,
    (part, version): (Part, Md5),
) -> Result<(DayShare, Partial), SiteError> {
    let mut rows = DayRows::default();
    for table in tables(history.dataset()).into_iter().flatten() {
        history
            .read(table, part, |row| rows.add(table, row))
            .await?;
    }
    let day = rows.finish();
    // Maps of numbers and texts are JSON.
    let body = serde_json::to_vec(&day).unwrap_or_default().into();
    let partial = Partial {
        part,
        version,
        body,
    };
    Ok((day, partial))
}
