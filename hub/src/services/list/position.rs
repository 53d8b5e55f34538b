//! The place of a row in a list. As a text it is the cursor of an answer.

use std::fmt;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::SiteName;
use serde::{Serialize, Serializer};

use super::List;
use crate::services::error::ServiceError;
use crate::services::fields::text_value;
use crate::services::record::Record;

/// A row's site, and its values of the columns by which the list comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(super) site: SiteName,
    /// Canonical texts.
    values: Vec<String>,
}

impl Position {
    /// Where a row stands; `None` where it has no place.
    pub(super) fn of(record: &Record, list: &List) -> Option<Self> {
        let values = list.order.iter();
        let values = values.map(|name| canonical_text(record.value(name)));
        Some(Self {
            site: record.site.clone(),
            values: values.collect::<Option<_>>()?,
        })
    }

    /// Whether a row has a place: not one of NULLs, which says that there is none.
    pub(super) fn is_of(record: &Record, list: &List) -> bool {
        let mut order = list.order.iter();
        order.all(|name| !record.value(name).is_null())
    }

    /// # Errors
    /// [`ServiceError::Unreadable`]
    pub(in crate::services) fn parse(cursor: &str, list: &List) -> Result<Self, ServiceError> {
        let mut parts = cursor.split('~').map(unescaped);
        let mut read = || {
            let site = SiteName::new(&parts.next()??).ok()?;
            let value = |name: &&str| {
                let mut columns = list.columns().iter();
                let (_, ty) = columns.find(|(column, _)| column == name)?;
                canonical_text(&text_value(&parts.next()??, *ty).ok()?)
            };
            let values = list.order.iter().map(value).collect::<Option<_>>()?;
            parts.next().is_none().then_some(Self { site, values })
        };
        read().ok_or_else(|| {
            let what = "write the cursor as `next` of the answer before has it";
            ServiceError::Unreadable(what.to_owned())
        })
    }

    pub(super) fn values(&self) -> &[String] {
        &self.values
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        for value in &self.values {
            f.write_str("~")?;
            for byte in value.bytes() {
                match byte {
                    // What an address holds as it is.
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'-' | b'.' | b'_' => {
                        write!(f, "{}", char::from(byte))?;
                    }
                    byte => write!(f, "!{byte:02x}")?,
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A part of a cursor as the text that it was written for.
fn unescaped(part: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'!' {
            bytes.push(*byte);
            continue;
        }
        let (digits, behind) = behind.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}
