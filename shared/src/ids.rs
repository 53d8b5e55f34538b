//! Names that both programs pass around, validated when they are made.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};

use crate::limits;

/// Schema names that a site's own schema would collide with, and what is refused with them.
const RESERVED_SITES: [&str; 3] = ["public", "causeway", "information-schema"];

/// A text that is not a name of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {kind}: {rule}")]
pub struct InvalidName {
    /// What was to be named.
    pub kind: &'static str,
    /// The text given.
    pub given: String,
    /// What such a name looks like.
    pub rule: &'static str,
}

/// Implements the string side of a validated name: parsing, display, and serde as a string.
macro_rules! string_forms {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    };
}

/// Implements writing a name that many rows and keys share.
macro_rules! shared_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

/// A site: `[a-z][a-z0-9-]{0,39}`, and not a name that the database needs for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SiteName(Arc<str>);

impl SiteName {
    /// Checks a site's name.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule it breaks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let refuse = |rule| InvalidName {
            kind: "site name",
            given: limits::quoted(text),
            rule,
        };
        let well_formed = text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !well_formed {
            return Err(refuse(
                "a lower-case letter, then up to 39 lower-case letters, digits or `-`",
            ));
        }
        if RESERVED_SITES.contains(&text) || text.starts_with("pg-") {
            return Err(refuse(
                "the database needs this name for itself; choose another",
            ));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The site's schema in the database: its name with `-` as `_`.
    #[must_use]
    pub fn schema(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

string_forms!(SiteName);
shared_text!(SiteName);

/// A table's or a column's name: `[a-z_][a-z0-9_]{0,62}`, which fits PostgreSQL's 63 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule it breaks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let refuse = |rule| InvalidName {
            kind: "table or column name",
            given: limits::quoted(text),
            rule,
        };
        let well_formed = text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !well_formed {
            return Err(refuse(
                "a lower-case letter, then up to 62 lower-case letters, digits or `_` \
                 (write the source's own name as `source`)",
            ));
        }
        if text.starts_with("causeway_") {
            return Err(refuse("names that begin with causeway_ are the hub's own"));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

string_forms!(Name);
shared_text!(Name);

/// The number of a commit in a site's log, from 1 to [`Seq::MAX`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seq(pub u64);

impl Seq {
    /// The place before the first commit: an empty log.
    pub const NONE: Self = Self(0);

    /// The last number that a commit may have: databases keep 63 bits.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The number after this one. No commit has the one after [`Seq::MAX`].
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl TryFrom<u64> for Seq {
    type Error = InvalidName;

    fn try_from(number: u64) -> Result<Self, InvalidName> {
        if number > Self::MAX.0 {
            return Err(InvalidName {
                kind: "commit number",
                given: number.to_string(),
                rule: "a number up to 9223372036854775807",
            });
        }
        Ok(Self(number))
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An MD5 digest, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Md5(pub [u8; 16]);

impl Md5 {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(md5::compute(bytes).0)
    }

    /// Reads 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidName`] for anything else.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let refuse = || InvalidName {
            kind: "MD5",
            given: limits::quoted(text),
            rule: "32 lower-case hexadecimal digits",
        };
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(refuse()),
        };
        if text.len() != 32 {
            return Err(refuse());
        }
        let mut digest = [0; 16];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

string_forms!(Md5);

/// Most buckets a table may have.
pub const MAX_BUCKETS: u32 = 4_096;

/// The years of dates.
pub const YEARS: RangeInclusive<i16> = 1900..=2199;

/// Which partition of its table: all rows of one date, or one bucket of keys.
///
/// Parts sort dates first, then by date or bucket, which is also the order of their names within
/// one table (a table has only one kind, and bucket numbers are padded to one width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Part {
    /// The rows of one date, `dt=2025-11-28`.
    Date(Date),
    /// One bucket of keys, `b=07of16`: index (from 0) and count.
    Bucket(u32, u32),
}

impl Part {
    /// Reads `dt=YYYY-MM-DD` or `b=<i>of<N>`, in exactly the form that [`fmt::Display`] writes.
    ///
    /// # Errors
    /// [`InvalidName`] for anything else.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let refuse = || InvalidName {
            kind: "partition",
            given: limits::quoted(text),
            rule: "`dt=YYYY-MM-DD`, of the years 1900 to 2199, or `b=<i>of<N>`, i padded to the \
                   width of N, N at most 4096",
        };
        let part = if let Some(date) = text.strip_prefix("dt=") {
            let date: Date = date.parse().map_err(|_| refuse())?;
            if !YEARS.contains(&date.year()) {
                return Err(refuse());
            }
            Self::Date(date)
        } else {
            let (index, of) = text
                .strip_prefix("b=")
                .and_then(|b| b.split_once("of"))
                .ok_or_else(refuse)?;
            let index: u32 = index.parse().map_err(|_| refuse())?;
            let of: u32 = of.parse().map_err(|_| refuse())?;
            if index >= of || of > MAX_BUCKETS {
                return Err(refuse());
            }
            Self::Bucket(index, of)
        };
        // One partition has one name, so that one name is one key in S3.
        if part.to_string() == text {
            Ok(part)
        } else {
            Err(refuse())
        }
    }

    /// The date, for a part that is one.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Bucket(..) => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "dt={date}"),
            Self::Bucket(index, of) => {
                let width = of.to_string().len();
                write!(f, "b={index:0width$}of{of}")
            }
        }
    }
}

string_forms!(Part);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_names() {
        assert_eq!(SiteName::new("hcm-01").unwrap().schema(), "hcm_01");
        for refused in [
            "",
            "Hcm",
            "1a",
            "public",
            "pg-1",
            "causeway",
            "a_b",
            &"a".repeat(41),
        ] {
            assert!(SiteName::new(refused).is_err(), "{refused:?} was taken");
        }
    }

    #[test]
    fn a_part_has_one_name() {
        for name in ["dt=2025-11-28", "b=07of16", "b=0of1", "b=1of4"] {
            assert_eq!(Part::new(name).unwrap().to_string(), name);
        }
        for refused in [
            "b=7of16",
            "b=16of16",
            "b=0000of4097",
            "dt=2025-1-2",
            "dt=1899-12-31",
            "dt=2200-01-01",
            "dt=-002025-01-01",
            "dt=2025-02-30",
            "b=of",
            "x",
            "",
        ] {
            assert!(Part::new(refused).is_err(), "{refused:?} was taken");
        }
    }

    #[test]
    fn md5_is_read_as_it_is_written() {
        let digest = Md5::of(b"abc");
        assert_eq!(digest.to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(Md5::new("900150983cd24fb0d6963f7d28e17f72"), Ok(digest));
        assert!(Md5::new("900150983CD24FB0D6963F7D28E17F72").is_err());
    }
}
