//! MeetAssist's community programs, and who takes part.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ServiceError;
use super::fields::require_value;
use super::list::{List, Listing};
use super::record::{Columns, Record, Statement, read};
use super::rows::Resource;
use crate::stats::meetassist::{PARTICIPANT, PROGRAM, STATUS, StatusCounts};
use crate::sync::{DateRange, Hub};

const LISTED_COLUMNS: Columns = &[
    ("total", Type::Int),
    ("programid", Type::Int),
    ("programname", Type::Text),
    ("date", Type::Date),
    ("description", Type::Text),
    ("content", Type::Text),
    ("organizer", Type::Text),
    ("url", Type::Text),
    ("isdisabled", Type::Bool),
    ("status", Type::Text),
    ("createdat", Type::Timestamp),
    // Who registered and did not cancel.
    ("participants", Type::Int),
];

const COLUMNS: Columns = LISTED_COLUMNS.split_at(1).1;

pub(crate) static PROGRAMS: Resource = Resource {
    table: (PROGRAM, COLUMNS.split_at(10).0),
    others: &[(
        PARTICIPANT,
        &[
            ("programid", Type::Int),
            ("customerid", Type::Text),
            ("registeredtime", Type::Timestamp),
            ("status", Type::Text),
        ],
    )],
    key: "programid",
    names: ["program", "programs"],
    list: List {
        statement: Statement {
            sql: include_str!("sql/programs_list.sql"),
            columns: LISTED_COLUMNS,
        },
        order: &["date", "programid"],
    },
    by_key: Statement {
        sql: include_str!("sql/program_by_key.sql"),
        columns: COLUMNS,
    },
    change: Statement {
        sql: include_str!("sql/program_change.sql"),
        columns: &[("programid", Type::Int)],
    },
    settable: &[
        "programname",
        "date",
        "status",
        "organizer",
        "url",
        "description",
        "content",
        "isdisabled",
    ],
    needed: &["programname", "date"],
    new_key: None,
};

const LISTED_PARTICIPANT: Columns = &[
    ("total", Type::Int),
    ("programid", Type::Int),
    ("customerid", Type::Text),
    ("registeredtime", Type::Timestamp),
    ("status", Type::Text),
    ("fullname", Type::Text),
    ("email", Type::Text),
    ("phonenumber", Type::Phone),
];

/// What is listed of a participant.
pub(crate) const PARTICIPANT_COLUMNS: Columns = LISTED_PARTICIPANT.split_at(1).1;

/// By name.
static PARTICIPANTS: List = List {
    statement: Statement {
        sql: include_str!("sql/participants_list.sql"),
        columns: LISTED_PARTICIPANT,
    },
    order: &["fullname", "customerid"],
};

const BY_STATUS: Statement = Statement {
    sql: include_str!("sql/participants_by_status.sql"),
    columns: &[("status", Type::Text), ("rows", Type::Int)],
};

const FIGURES: Statement = Statement {
    sql: include_str!("sql/program_figures.sql"),
    columns: &[
        ("programid", Type::Int),
        ("programname", Type::Text),
        ("date", Type::Date),
        ("status", Type::Text),
        ("participant", Type::Text),
        ("rows", Type::Int),
    ],
};

/// A program, and how many take part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProgramFigures {
    pub site: SiteName,
    pub programid: i64,
    pub programname: String,
    #[schema(value_type = String, format = Date)]
    pub date: String,
    pub status: String,
    /// Its participants.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: StatusCounts,
}

/// The figures of the programs of a range, by site, date and number.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn figures(
    hub: &Hub,
    only: Option<&SiteName>,
    range: DateRange,
) -> Result<Vec<ProgramFigures>, ServiceError> {
    let dates = [range.from(), range.to()].map(|date| Some(date.to_string()));
    let mut figures: Vec<ProgramFigures> = Vec::new();
    for view in PROGRAMS.sites(hub, only).await? {
        let none = StatusCounts::declared(&view.dataset, &[&view], PARTICIPANT);
        for row in read(hub, &view.site, FIGURES, &dates).await? {
            let (Value::Int(id), Value::Int(rows)) = (row.value("programid"), row.value("rows"))
            else {
                continue;
            };
            let known = figures.last();
            if known.is_none_or(|of| (&of.site, of.programid) != (&view.site, *id)) {
                figures.push(ProgramFigures {
                    site: view.site.clone(),
                    programid: *id,
                    programname: row.text("programname"),
                    date: row.text("date"),
                    status: row.text("status"),
                    by_status: none.clone(),
                });
            }
            let (status, last) = (row.text("participant"), figures.last_mut());
            if let Some(last) = last.filter(|_| *rows > 0) {
                last.by_status.add(&status, rows.unsigned_abs());
            }
        }
    }
    Ok(figures)
}

/// The participants of a program, or those of a status.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn participants(
    hub: &Hub,
    site: Option<&SiteName>,
    id: &str,
    status: Option<&str>,
) -> Result<Listing, ServiceError> {
    let program = PROGRAMS.one(hub, site, id).await?;
    let views = hub.sites(Some(&program.site)).await?;
    for view in &views {
        let of = (PARTICIPANT, STATUS);
        require_value(&view.dataset, of, status).map_err(ServiceError::Invalid)?;
    }
    Ok(Listing {
        list: &PARTICIPANTS,
        sites: views,
        dates: None,
        filters: vec![
            canonical_text(program.value("programid")),
            status.map(str::to_owned),
        ],
    })
}

/// How many participants of a program have each status.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn by_status(hub: &Hub, program: &Record) -> Result<StatusCounts, ServiceError> {
    let views = hub.sites(Some(&program.site)).await?;
    let views: Vec<_> = views.iter().collect();
    let mut counts = StatusCounts::declared(hub.dataset(), &views, PARTICIPANT);
    let key = [canonical_text(program.value("programid"))];
    for row in read(hub, &program.site, BY_STATUS, &key).await? {
        if let Value::Int(rows) = row.value("rows") {
            counts.add(&row.text("status"), rows.unsigned_abs());
        }
    }
    Ok(counts)
}
