//! Appointments, read.

use std::fmt;
use std::str::FromStr;

use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::sites;
use super::statements::{COUNT, OF_DATE};
use crate::services::error::ServiceError;
use crate::services::fields::text_value;
use crate::services::record::{Asked, Record, read_dates};
use crate::stats::meetassist::{APPOINTMENT, STATUS};
use crate::sync::{DateRange, Hub, SiteView};
use causeway_shared::canonical_csv::canonical_text;

/// Which appointments of a date are asked for.
#[derive(Debug, Clone)]
pub(crate) struct ListQuery {
    pub site: Option<SiteName>,
    pub date: Date,
    pub status: Option<String>,
    pub consultantid: Option<i64>,
    pub customerid: Option<String>,
    /// Those behind this one.
    pub after: Option<Position>,
    /// How many at most.
    pub limit: usize,
}

/// The place of an appointment among those of its date: by site, time and number. As a text it is
/// the cursor of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    site: SiteName,
    time: String,
    id: i64,
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(cursor: &str) -> Result<Self, Self::Err> {
        let mut parts = cursor.splitn(3, '~');
        let mut part = || parts.next().unwrap_or_default();
        let (site, time, id) = (SiteName::new(part()), part(), part().parse());
        let time = text_value(time, Type::Time)
            .ok()
            .as_ref()
            .and_then(canonical_text);
        match (site, time, id) {
            (Ok(site), Some(time), Ok(id)) => Ok(Self { site, time, id }),
            _ => Err("write the cursor as `next` of the answer before has it"),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.site, self.time, self.id)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Some appointments of a date.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Listed {
    pub items: Vec<Record>,
    /// Where the next ones begin; `None`: there are no more.
    pub next: Option<Position>,
    /// How many there are altogether.
    pub total: u64,
}

/// The appointments of a date, by site, time and number. A date that is not in the database is loaded.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn list(
    hub: &Hub,
    query: &ListQuery,
    now: Timestamp,
) -> Result<Listed, ServiceError> {
    let views = sites(hub, query.site.as_ref()).await?;
    let mut listed = Listed::default();
    for view in &views {
        let statements = statements(view, query, listed.items.len())?;
        let day = DateRange::day(query.date);
        let found = read_dates(hub, &view.site, day, &statements, now).await?;
        listed.add(found);
    }
    listed.cut(query.limit);
    Ok(listed)
}

impl Listed {
    /// Adds what the statements of a site have found.
    pub(super) fn add(&mut self, found: Vec<Vec<Record>>) {
        let mut found = found.into_iter();
        let counted = found.next().unwrap_or_default();
        if let Some(Value::Int(count)) = counted.first().map(|row| row.value("count")) {
            self.total += count.unsigned_abs();
        }
        self.items.extend(found.next().unwrap_or_default());
    }

    /// Leaves so many, and notes where the next ones begin.
    pub(super) fn cut(&mut self, limit: usize) {
        if self.items.len() > limit {
            self.items.truncate(limit);
            self.next = self.items.last().and_then(position);
        }
    }
}

/// How many appointments a site has, and which, behind those that were found at the sites before: one more
/// than asked for, which tells whether there are more.
pub(super) fn statements(
    view: &SiteView,
    query: &ListQuery,
    found: usize,
) -> Result<Vec<Asked>, ServiceError> {
    require_status(view, query)?;
    let filters = filters(query)?;
    let after = query.after.as_ref().filter(|after| after.site == view.site);
    let mut parameters = filters.to_vec();
    parameters.extend([
        after.map(|after| after.time.clone()),
        after.map(|after| after.id.to_string()),
        Some((query.limit + 1).saturating_sub(found).to_string()),
    ]);
    let mut after = query.after.iter();
    let is_behind = after.all(|after| after.site <= view.site);
    let mut statements = vec![COUNT.with(&filters)];
    statements.extend(is_behind.then(|| OF_DATE.with(&parameters)));
    Ok(statements)
}

/// Makes sure that appointments can have the status asked for.
fn require_status(view: &SiteView, query: &ListQuery) -> Result<(), ServiceError> {
    let declared = view.dataset.table(APPOINTMENT).and_then(|table| {
        let column = &table.columns[table.column(STATUS)?];
        (!column.values.is_empty()).then_some(&column.values)
    });
    match (declared, &query.status) {
        (Some(values), Some(status)) if !values.contains(status) => {
            let message = format!("must be one of {}", values.join(", "));
            Err(ServiceError::invalid(STATUS, message))
        }
        _ => Ok(()),
    }
}

/// The filters as parameters of a statement.
fn filters(query: &ListQuery) -> Result<[Option<String>; 4], ServiceError> {
    let customer = match &query.customerid {
        Some(id) => text_value(id, Type::Text)
            .map(|value| canonical_text(&value))
            .map_err(|message| ServiceError::invalid("customerid", message))?,
        None => None,
    };
    Ok([
        Some(query.date.to_string()),
        query.status.clone(),
        query.consultantid.map(|id| id.to_string()),
        customer,
    ])
}

/// Where an appointment stands.
fn position(record: &Record) -> Option<Position> {
    match record.value("appointmentid") {
        Value::Int(id) => Some(Position {
            site: record.site.clone(),
            time: record.text("time"),
            id: *id,
        }),
        _ => None,
    }
}
