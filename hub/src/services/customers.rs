//! MeetAssist's customers.

use std::collections::BTreeMap;

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::chance;
use causeway_shared::value::{Type, Value};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::appointments::By;
use super::error::ServiceError;
use super::list::List;
use super::record::{Columns, Statement, read};
use super::rows::Resource;
use crate::error::HubError;
use crate::sync::{DateRange, Hub};

const LISTED_COLUMNS: Columns = &[
    ("total", Type::Int),
    ("customerid", Type::Text),
    ("fullname", Type::Text),
    ("email", Type::Text),
    ("phonenumber", Type::Phone),
    ("dateofbirth", Type::Date),
    ("createdat", Type::Timestamp),
    ("isdisabled", Type::Bool),
    ("notes", Type::Text),
];

pub(crate) static CUSTOMERS: Resource = Resource {
    table: ("customer", LISTED_COLUMNS.split_at(1).1),
    others: &[],
    key: "customerid",
    names: ["customer", "customers"],
    list: List {
        statement: Statement {
            sql: include_str!("sql/customers_list.sql"),
            columns: LISTED_COLUMNS,
        },
        order: &["fullname", "customerid"],
    },
    by_key: Statement {
        sql: include_str!("sql/customer_by_key.sql"),
        columns: LISTED_COLUMNS.split_at(1).1,
    },
    change: Statement {
        sql: include_str!("sql/customer_change.sql"),
        columns: &[("customerid", Type::Text)],
    },
    settable: &[
        "fullname",
        "email",
        "phonenumber",
        "dateofbirth",
        "notes",
        "isdisabled",
    ],
    needed: &["fullname", "email"],
    new_key: Some(uuid),
};

const PER_MONTH: Statement = Statement {
    sql: include_str!("sql/customers_per_month.sql"),
    columns: &[("month", Type::Text), ("rows", Type::Int)],
};

/// How many customers a month brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MonthTotal {
    /// Like `2025-11`.
    pub month: String,
    pub total: u64,
}

/// New customers of every month that a range touches, of the days in the range.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn per_month(
    hub: &Hub,
    only: Option<&SiteName>,
    range: DateRange,
) -> Result<Vec<MonthTotal>, ServiceError> {
    let mut months: BTreeMap<String, u64> = BTreeMap::new();
    let mut month = range.from().first_of_month();
    while month <= range.to() {
        months.insert(month.strftime("%Y-%m").to_string(), 0);
        let Ok(next) = month.checked_add(1.month()) else {
            break;
        };
        month = next;
    }
    let midnight = |date: Date| format!("{date}T00:00:00");
    let behind = range.to().tomorrow().ok().map(midnight);
    let asked = [Some(midnight(range.from())), behind];
    for view in CUSTOMERS.sites(hub, only).await? {
        for row in read(hub, &view.site, PER_MONTH, &asked).await? {
            if let Value::Int(rows) = row.value("rows") {
                *months.entry(row.text("month")).or_default() += rows.unsigned_abs();
            }
        }
    }
    let months = months.into_iter();
    Ok(months
        .map(|(month, total)| MonthTotal { month, total })
        .collect())
}

/// A UUID of version 7: of two the later sorts behind the other.
fn uuid(by: By<'_>) -> Result<String, ServiceError> {
    let mut bytes = [0; 16];
    chance::fill(&mut bytes).map_err(|error| {
        let problem = format!("this system has no randomness to give: {error}");
        HubError::from(crate::db::DbError::Configuration { problem })
    })?;
    let millis = by.now.as_millisecond().to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    Ok(parts.map(|part| &digits[part]).join("-"))
}
