//! The statements about appointments, slots and whom they are about, each with the columns that it
//! answers. All of it is SQL that both databases take.

use causeway_shared::value::Type;

use crate::services::record::{Columns, Statement};
use crate::stats::meetassist::{APPOINTMENT, CUSTOMER, SCHEDULE};

/// How many there are, before what is answered of one.
const LISTED_COLUMNS: Columns = &[
    ("total", Type::Int),
    ("appointmentid", Type::Int),
    ("consultantid", Type::Int),
    ("customerid", Type::Text),
    ("date", Type::Date),
    ("time", Type::Time),
    ("duration", Type::Int),
    ("meetingurl", Type::Text),
    ("status", Type::Text),
    ("description", Type::Text),
    ("createdat", Type::Timestamp),
    ("updatedat", Type::Timestamp),
    ("customername", Type::Text),
    ("consultantname", Type::Text),
];

/// What is answered of an appointment: its columns, and the names of whom it is about.
pub(crate) const COLUMNS: Columns = LISTED_COLUMNS.split_at(1).1;

/// Those of its own table.
pub(super) const OWN: Columns = COLUMNS.split_at(11).0;

pub(crate) const SLOT_COLUMNS: Columns = &[
    ("scheduleid", Type::Int),
    ("consultantid", Type::Int),
    ("date", Type::Date),
    ("starttime", Type::Time),
    ("endtime", Type::Time),
    ("isavailable", Type::Bool),
];

/// The columns that the statements name.
pub(super) const NEEDED: [(&str, Columns); 4] = [
    (APPOINTMENT, OWN),
    (
        CUSTOMER,
        &[
            ("customerid", Type::Text),
            ("fullname", Type::Text),
            ("email", Type::Text),
            ("phonenumber", Type::Phone),
            ("isdisabled", Type::Bool),
        ],
    ),
    (
        "consultant",
        &[
            ("consultantid", Type::Int),
            ("fullname", Type::Text),
            ("isdisabled", Type::Bool),
        ],
    ),
    (SCHEDULE, SLOT_COLUMNS),
];

/// Appointments, by what follows.
macro_rules! appointments {
    ($which:literal) => {
        Statement {
            sql: concat!(
                include_str!("../sql/appointment.sql"),
                include_str!(concat!("../sql/", $which))
            ),
            columns: COLUMNS,
        }
    };
}

macro_rules! statement {
    ($file:literal, $columns:expr) => {
        Statement {
            sql: include_str!(concat!("../sql/", $file)),
            columns: $columns,
        }
    };
}

/// The key of the row that was changed, if one was.
const CHANGED: Columns = &[("key", Type::Int)];

pub(super) const BY_ID: Statement = appointments!("appointment_by_id.sql");
pub(super) const OF_SLOT: Statement = appointments!("appointment_of_slot.sql");
pub(super) const LISTED: Statement = statement!("appointments_list.sql", LISTED_COLUMNS);
pub(super) const MOVE: Statement = statement!("appointment_move.sql", CHANGED);
pub(super) const STEP: Statement = statement!("appointment_step.sql", CHANGED);

pub(super) const OF_FEEDBACK: Statement = statement!(
    "appointment_feedback.sql",
    &[
        ("rating", Type::Float),
        ("customerfeedback", Type::Text),
        ("createdat", Type::Timestamp),
    ]
);

pub(super) const SLOT: Statement = statement!("slot.sql", SLOT_COLUMNS);
pub(super) const TAKE_SLOT: Statement = statement!("slot_take.sql", CHANGED);
pub(super) const FREE_SLOT: Statement = statement!("slot_free.sql", CHANGED);
pub(super) const CONSULTANT: Statement =
    statement!("consultant.sql", &[("isdisabled", Type::Bool)]);
pub(super) const CUSTOMER_NAME: Statement =
    statement!("customer_name.sql", &[("fullname", Type::Text)]);
pub(in crate::services) const CONSULTANT_NAMES: Statement = statement!(
    "consultant_names.sql",
    &[("consultantid", Type::Int), ("fullname", Type::Text)]
);
pub(super) const CUSTOMERS: Statement = statement!(
    "customers_like.sql",
    &[
        ("customerid", Type::Text),
        ("fullname", Type::Text),
        ("email", Type::Text),
    ]
);
