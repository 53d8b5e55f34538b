//! Appointments of any date, loaded or not: one by its number, and those of a customer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::day::{Writes, writes};
use super::statements::{BY_ID, COLUMNS, CONSULTANT_NAMES, CUSTOMER_NAME, OF_FEEDBACK};
use super::{sites, the_site};
use crate::services::error::ServiceError;
use crate::services::fields::text_value;
use crate::services::record::{self, Record, read, read_dates};
use crate::services::sites::has;
use crate::stats::meetassist::{APPOINTMENT, FEEDBACK};
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};

/// Whose appointments are asked for.
#[derive(Debug, Clone)]
pub(crate) struct CustomerQuery {
    pub site: Option<SiteName>,
    pub customerid: String,
    /// Those behind this one.
    pub after: Option<HistoryPosition>,
    /// How many at most.
    pub limit: usize,
}

/// Some appointments of a customer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OfCustomer {
    pub items: Vec<Record>,
    /// Where the next ones begin; `None`: there are no more.
    pub next: Option<HistoryPosition>,
    /// How many there are altogether.
    pub total: u64,
}

/// The place of an appointment among those of a customer: the newest first, and of one time by site
/// and number. As a text it is the cursor of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HistoryPosition {
    /// The newest sorts first.
    when: std::cmp::Reverse<(String, String)>,
    site: SiteName,
    id: i64,
}

impl HistoryPosition {
    fn of(row: &Record) -> Option<Self> {
        let Value::Int(id) = row.value("appointmentid") else {
            return None;
        };
        Some(Self {
            when: std::cmp::Reverse((row.text("date"), row.text("time"))),
            site: row.site.clone(),
            id: *id,
        })
    }
}

impl FromStr for HistoryPosition {
    type Err = &'static str;

    fn from_str(cursor: &str) -> Result<Self, Self::Err> {
        let mut parts = cursor.splitn(4, '~');
        let mut part = || parts.next().unwrap_or_default();
        let (date, time, site, id) = (part(), part(), part(), part());
        let canonical =
            |given: &str, ty| text_value(given, ty).ok().as_ref().and_then(canonical_text);
        let when = canonical(date, Type::Date).zip(canonical(time, Type::Time));
        match (when, SiteName::new(site), id.parse()) {
            (Some(when), Ok(site), Ok(id)) => Ok(Self {
                when: std::cmp::Reverse(when),
                site,
                id,
            }),
            _ => Err("write the cursor as `next` of the answer before has it"),
        }
    }
}

impl fmt::Display for HistoryPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = &self.when.0;
        write!(f, "{date}~{time}~{}~{}", self.site, self.id)
    }
}

impl Serialize for HistoryPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The appointments of a customer, whatever their date, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn of_customer(
    hub: &Hub,
    query: &CustomerQuery,
    now: Timestamp,
) -> Result<OfCustomer, ServiceError> {
    let nobody = || {
        let message = format!("there is no customer {:?}", query.customerid);
        ServiceError::NotFound(message)
    };
    // Nobody's id is what no row can hold.
    let customer = text_value(&query.customerid, Type::Text).map_err(|_| nobody())?;
    let customer = canonical_text(&customer).unwrap_or_default();
    let (mut found, mut is_known) = (Vec::new(), false);
    for view in sites(hub, query.site.as_ref()).await? {
        let rows = find(hub, &view, ("customerid", &customer), now).await?;
        if rows.is_empty() && !is_known {
            let key = [Some(customer.clone())];
            is_known = !read(hub, &view.site, CUSTOMER_NAME, &key).await?.is_empty();
        }
        found.extend(rows);
    }
    if found.is_empty() && !is_known {
        return Err(nobody());
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let total = found.len() as u64;
    found.retain(|(place, _)| query.after.as_ref().is_none_or(|after| place > after));
    let next = (found.len() > query.limit).then(|| found[query.limit - 1].0.clone());
    found.truncate(query.limit);
    let records = found.into_iter().map(|(_, record)| record).collect();
    Ok(OfCustomer {
        items: with_names(hub, records).await?,
        next,
        total,
    })
}

/// An appointment, whatever its date.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn by_id(
    hub: &Hub,
    site: Option<&SiteName>,
    id: i64,
    now: Timestamp,
) -> Result<Record, ServiceError> {
    let view = the_site(hub, site).await?;
    let key = [Some(id.to_string())];
    if let Some(loaded) = read(hub, &view.site, BY_ID, &key).await?.pop() {
        return Ok(loaded);
    }
    let found = find(hub, &view, ("appointmentid", &id.to_string()), now).await?;
    let found = found.into_iter().map(|(_, record)| record).collect();
    let mut found = with_names(hub, found).await?;
    found.pop().ok_or_else(|| unknown(id))
}

/// An appointment, and what is known besides.
#[derive(Debug)]
pub(crate) struct Opened {
    pub record: Record,
    /// What its customer said of it.
    pub feedback: Option<Record>,
    pub writes: Writes,
}

/// An appointment, whatever its date, which is loaded.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn open(
    hub: &Hub,
    site: Option<&SiteName>,
    id: i64,
    now: Timestamp,
) -> Result<Opened, ServiceError> {
    let view = the_site(hub, site).await?;
    let record = by_id(hub, Some(&view.site), id, now).await?;
    let feedback = match record.value("date") {
        Value::Date(date) if has(&view, &[(FEEDBACK, OF_FEEDBACK.columns)]) => {
            let asked = OF_FEEDBACK.with(&[Some(id.to_string())]);
            let found = read_dates(hub, &view, DateRange::day(*date), &[asked], now).await?;
            found.into_iter().flatten().next()
        }
        _ => None,
    };
    Ok(Opened {
        writes: writes(hub, &view).await,
        feedback,
        record,
    })
}

/// Loads the date of an appointment, so that it can be changed. Answers the row as it was found, and the
/// date.
///
/// # Errors
/// [`ServiceError`]
pub(super) async fn bring(
    hub: &Hub,
    view: &SiteView,
    id: i64,
    now: Timestamp,
) -> Result<(Record, LoadedDates), ServiceError> {
    let key = [Some(id.to_string())];
    // One that was born by SQL is in the database, and the slots of its date may not be.
    let mut rows = read(hub, &view.site, BY_ID, &key).await?;
    if rows.is_empty() {
        let found = find(hub, view, ("appointmentid", &id.to_string()), now).await?;
        rows.extend(found.into_iter().map(|(_, record)| record));
    }
    let record = rows.pop().ok_or_else(|| unknown(id))?;
    let Value::Date(date) = record.value("date") else {
        return Err(ServiceError::NotFound(format!(
            "appointment {id} has no date"
        )));
    };
    let loaded = hub.bring(&view.site, DateRange::day(*date), now).await?;
    Ok((record, loaded))
}

/// There is no such appointment.
fn unknown(id: i64) -> ServiceError {
    ServiceError::NotFound(format!("there is no appointment {id}"))
}

/// The appointments with a value in a column, each with its place, without the names.
async fn find(
    hub: &Hub,
    view: &SiteView,
    of: (&str, &str),
    now: Timestamp,
) -> Result<Vec<(HistoryPosition, Record)>, ServiceError> {
    let rows = record::find(hub, view, (APPOINTMENT, COLUMNS), of, now).await?;
    let placed = |row: Record| Some((HistoryPosition::of(&row)?, row));
    Ok(rows.into_iter().filter_map(placed).collect())
}

/// The same rows with the names of whom they are about.
async fn with_names(hub: &Hub, mut records: Vec<Record>) -> Result<Vec<Record>, ServiceError> {
    let mut consultants: BTreeMap<SiteName, BTreeMap<String, Value<'static>>> = BTreeMap::new();
    let mut customers: BTreeMap<(SiteName, String), Value<'static>> = BTreeMap::new();
    for record in &mut records {
        let site = record.site.clone();
        if !consultants.contains_key(&site) {
            let named = read(hub, &site, CONSULTANT_NAMES, &[]).await?;
            let named = named.iter().map(|named| {
                let name = named.value("fullname").clone();
                (named.text("consultantid"), name)
            });
            consultants.insert(site.clone(), named.collect());
        }
        let names = consultants.get(&site);
        let consultant = names.and_then(|names| names.get(&record.text("consultantid")));
        let consultant = consultant.cloned().unwrap_or(Value::Null);
        let key = (site.clone(), record.text("customerid"));
        if !customers.contains_key(&key) {
            let named = read(hub, &site, CUSTOMER_NAME, &[Some(key.1.clone())]).await?;
            let name = named.first().map(|named| named.value("fullname").clone());
            customers.insert(key.clone(), name.unwrap_or(Value::Null));
        }
        let customer = customers.get(&key).cloned().unwrap_or(Value::Null);
        record.set("consultantname", consultant);
        record.set("customername", customer);
    }
    Ok(records)
}
