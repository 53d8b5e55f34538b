//! Why rows were not read or changed as asked.

use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::field_error::{FieldError, Sentence, Wrong, broken_rule};
use super::record::Record;
use crate::db::{DbError, SLEEPS};
use crate::error::HubError;
use crate::stats::meetassist::APPOINTMENT;

/// Most sites that a message names.
const SHOWN_SITES: usize = 20;

/// A site of which nothing could be read, in an answer about all sites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadableSite {
    pub site: SiteName,
    pub error: String,
}

/// Why rows were not read or changed as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// Values that cannot be taken.
    #[error("{}", Sentence(.0))]
    Invalid(Vec<FieldError>),
    /// Another row has what was asked for: that row, if it is still there.
    #[error("another appointment has this consultant at this time")]
    Clash(Option<Box<Record>>),
    /// Another row has values that only one may have.
    #[error("{0}")]
    NotUnique(String),
    /// Another row has the key: what a row of its table is called, and that row.
    #[error("another {0} has this key")]
    KeyTaken(&'static str, Option<Box<Record>>),
    /// The present state does not allow it: the row that stands in the way, if there is one.
    #[error("{0}")]
    NotAllowed(NotAllowed, Option<Box<Record>>),
    /// What it was to be done to is not any more what it was: as it is now.
    #[error("{0}")]
    Changed(String, Option<Box<Value>>),
    #[error("{0}")]
    NotFound(String),
    /// What is asked cannot be read; it says what to write.
    #[error("{0}")]
    Unreadable(String),
    /// More dates than are loaded at a time.
    #[error("{} too many; at most {most} at a time ([window] on_demand_days)", days_are(*.days))]
    RangeTooLong { days: u32, most: u16 },
    /// It has to be said which site is meant.
    #[error("name the site: write site={}", names(.0))]
    SiteRequired(Vec<SiteName>),
    /// The database takes no writes; it says why.
    #[error("{0}")]
    ReadOnly(String),
    /// The database sleeps, or is about to; it says so.
    #[error("{0}")]
    Asleep(String),
    /// The database will take it in a moment; it says why not now.
    #[error("{0}")]
    TryAgain(String),
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// What the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAllowed {
    #[error("only a pending or confirmed appointment can be cancelled")]
    Closed,
    #[error("only a pending appointment can be confirmed")]
    NotPending,
    #[error("only a confirmed appointment can be completed")]
    NotConfirmed,
    #[error("only a pending or confirmed appointment can be given to a consultant")]
    NotOpen,
    #[error("only a pending or confirmed appointment can be moved")]
    NotMovable,
    #[error("somebody else has just changed the appointment")]
    ChangedMeanwhile,
    #[error("the consultant has no slot at this time")]
    NoSlot,
    #[error("the consultant's slot at this time is not available")]
    SlotTaken,
    #[error("the consultant's slot at this time is over")]
    SlotOver,
    #[error("the edit changed no value, so there is nothing to take back")]
    NothingToUndo,
    #[error("the consultant is disabled and takes no new appointments")]
    ConsultantDisabled,
    #[error(
        "the row is gone, and of what this side had only some columns are known; take the other side"
    )]
    RowUnknown,
    #[error(
        "another row has the values that this one would get, and they must be unique; change that row first"
    )]
    InTheWay,
    #[error(
        "two rows have values that only one may have, so there is no side to take; change these values in one of \
         the two rows, here or at the site, and the conflict ends"
    )]
    Clashes,
}

impl ServiceError {
    pub(super) fn invalid(field: &str, wrong: impl Into<Wrong>) -> Self {
        Self::Invalid(vec![FieldError::new(field, wrong)])
    }

    /// What a failed change of a table's row means.
    pub(super) fn of_write(table: &Table, error: DbError) -> Self {
        match error {
            DbError::Clash { .. } => Self::Clash(None),
            DbError::Rejected { state, message } => match state.as_str() {
                "23505" if table.name.as_str() == APPOINTMENT => Self::Clash(None),
                "23505" => Self::NotUnique(message),
                "25006" if message.contains(SLEEPS) => Self::Asleep(message),
                "25006" => Self::ReadOnly(message),
                // The rest of its keys is used up.
                "2200H" => Self::TryAgain(message),
                _ => Self::Invalid(vec![broken_rule(table, &message)]),
            },
            error => Self::from(error),
        }
    }
}

impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        Self::Hub(error.into())
    }
}

fn days_are(days: u32) -> String {
    match days {
        1 => "1 day is".to_owned(),
        days => format!("{days} days are"),
    }
}

fn names(sites: &[SiteName]) -> String {
    let shown = sites.iter().take(SHOWN_SITES).map(SiteName::as_str);
    let shown = shown.collect::<Vec<_>>().join(" or site=");
    if sites.len() > SHOWN_SITES {
        format!("{shown} …")
    } else {
        shown
    }
}
