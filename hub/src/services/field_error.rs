//! What is wrong with what a caller sends, member by member: a kind with its values, which the API says in
//! English and a page in its reader's language.

use std::fmt;

use causeway_shared::dataset::Table;
use causeway_shared::value::Type;
use jiff::civil::{Date, DateTime};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// What is wrong with a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Its name; empty where it is not about one alone.
    pub field: String,
    pub wrong: Wrong,
}

impl FieldError {
    pub(crate) fn new(field: &str, wrong: impl Into<Wrong>) -> Self {
        Self {
            field: field.to_owned(),
            wrong: wrong.into(),
        }
    }
}

impl Serialize for FieldError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("FieldError", 2)?;
        error.serialize_field("field", &self.field)?;
        error.serialize_field("message", &self.wrong.to_string())?;
        error.end()
    }
}

/// What is wrong with a value, and what to write. As a text it follows the member's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("is needed")]
    Needed,
    #[error("must have a value")]
    NoValue,
    #[error("must not be empty")]
    Empty,
    /// The members that are taken.
    #[error("is not taken; write some of {0}")]
    NotTaken(String),
    #[error("must be {}", form(*.0))]
    NotOfType(Type),
    /// A date beyond those that are stored.
    #[error("must be a date like 2025-11-28, from 1900 to 2199")]
    FarDate,
    /// The values that are taken.
    #[error("must be one of {0}")]
    NotListed(String),
    #[error("must have at most {0} characters")]
    TooLong(usize),
    #[error("must be at least {0}")]
    TooSmall(String),
    #[error("must be at most {0}")]
    TooLarge(String),
    #[error("must be from {0} to {1} minutes")]
    Minutes(i64, i64),
    #[error("is in the past: today is {0}")]
    Past(Date),
    #[error("is over: it is {} now", .0.strftime("%H:%M"))]
    Over(DateTime),
    #[error("is before `from`")]
    BeforeFrom,
    #[error("must be {0} minutes or more after `start`")]
    TooSoon(i64),
    #[error("make too many slots; at most {0} are made at a time")]
    TooManySlots(usize),
    #[error("is longer than the consultant's slot of {0} minutes")]
    LongerThanSlot(i64),
    #[error("must be a web address that begins with https:// or http://")]
    NoWebAddress,
    #[error("is no consultant's number")]
    NoConsultant,
    /// The value, as a message shows it, and the table that has no such row.
    #[error("{0} is not in {1}")]
    Unknown(String, String),
    /// Whatever else.
    #[error("{0}")]
    Other(String),
}

impl From<&str> for Wrong {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl Wrong {
    /// What a database says of a rule that was broken, behind table and column.
    fn of_rule(said: &str) -> Self {
        let number = |text: &str| text.parse::<usize>().ok();
        let between = |begin: &str, end: &str| said.strip_prefix(begin)?.strip_suffix(end);
        let wrong = match said {
            "must have a value" => Some(Self::NoValue),
            _ if said == Self::FarDate.to_string() => Some(Self::FarDate),
            _ => None,
        };
        wrong
            .or_else(|| {
                let most = between("must have at most ", " characters")?;
                Some(Self::TooLong(number(most)?))
            })
            .or_else(|| Some(Self::NotListed(between("must be one of ", "")?.to_owned())))
            .or_else(|| Some(Self::TooSmall(between("must be at least ", "")?.to_owned())))
            .or_else(|| Some(Self::TooLarge(between("must be at most ", "")?.to_owned())))
            .or_else(|| {
                let (value, table) = said.rsplit_once(" is not in ")?;
                let is_name = table
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_');
                is_name.then(|| Self::Unknown(value.to_owned(), table.to_owned()))
            })
            .unwrap_or_else(|| said.into())
    }
}

/// How JSON writes a type.
fn form(ty: Type) -> &'static str {
    match ty {
        Type::Int => "a whole number",
        Type::Float | Type::Decimal(_) => "a number",
        Type::Bool => "true or false",
        Type::Text => "a text without U+0000",
        Type::Phone => "a telephone number",
        Type::Date => "a date like \"2025-11-28\"",
        Type::Time => "a time like \"09:30\"",
        Type::Timestamp => "a date and time like \"2025-11-28T09:30:00\"",
    }
}

/// The error of a rule that the database found broken: its message begins with table and column.
pub(super) fn broken_rule(table: &Table, message: &str) -> FieldError {
    let own = message.strip_prefix(table.name.as_str());
    let named = own.and_then(|own| own.strip_prefix('.'));
    let column = named.and_then(|named| {
        let (name, rest) = named.split_once([' ', ':'])?;
        table.column(name)?;
        Some(FieldError::new(name, Wrong::of_rule(rest.trim_start())))
    });
    column.unwrap_or_else(|| FieldError::new("", message))
}

/// All that is wrong, as the API says it.
pub(super) struct Sentence<'e>(pub(super) &'e [FieldError]);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let begin = if at == 0 { "" } else { "; " };
            let space = if error.field.is_empty() { "" } else { " " };
            write!(f, "{begin}{}{space}{}", error.field, error.wrong)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;

    use super::*;

    #[test]
    fn a_broken_rule_is_about_the_column_that_it_names() {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("appointment").unwrap();
        for (message, field, wrong) in [
            (
                "appointment.meetingurl must have at most 255 characters",
                "meetingurl",
                Wrong::TooLong(255),
            ),
            (
                "appointment.customerid: \"c9\" is not in customer",
                "customerid",
                Wrong::Unknown("\"c9\"".to_owned(), "customer".to_owned()),
            ),
            (
                "appointment.status must be one of pending, confirmed",
                "status",
                Wrong::NotListed("pending, confirmed".to_owned()),
            ),
            (
                "appointment.date must be a date like 2025-11-28, from 1900 to 2199",
                "date",
                Wrong::FarDate,
            ),
            (
                "appointment.duration must be at least -1",
                "duration",
                Wrong::TooSmall("-1".to_owned()),
            ),
            (
                "appointment.nothing is odd",
                "",
                Wrong::Other("appointment.nothing is odd".to_owned()),
            ),
        ] {
            let error = broken_rule(table, message);
            assert_eq!(error, FieldError::new(field, wrong));
            assert!(message.ends_with(&error.wrong.to_string()), "{message}");
        }
    }
}
