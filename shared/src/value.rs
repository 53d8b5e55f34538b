//! Typed values: what a field of a row can hold, how a source's raw value becomes one, and how
//! values sort.
//!
//! A value borrows its text from the row that it was read from, so that a scan allocates nothing
//! per field.

mod parse;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use jiff::civil::{Date, DateTime, Time};

use crate::runtime::program::count;

pub use parse::{DateNumbers, DateOrder, DecimalMark, Forms, PhoneCountry, Refusal, parse};

/// Most bytes a field may have, in canonical form. Longer ones are quarantined.
pub const MAX_FIELD_BYTES: usize = 1024 * 1024;

/// Most bytes that a key, or the values of one unique rule, may have together: PostgreSQL takes
/// index rows of up to 2 704 bytes.
pub const MAX_KEY_BYTES: usize = 2_000;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A 64-bit integer.
    Int,
    /// A 64-bit float, never NaN or infinite.
    Float,
    /// A decimal number with this many digits after the point (at most [`MAX_SCALE`]).
    Decimal(u8),
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// A telephone number, kept as text.
    Phone,
    /// A calendar date from 1900 to 2199.
    Date,
    /// A time of day, to the microsecond.
    Time,
    /// A date and time of day, local to the site's declared zone, to the microsecond.
    Timestamp,
}

/// Most digits after a decimal's point.
pub const MAX_SCALE: u8 = 18;

/// Most digits of a decimal, before and after the point together: what `numeric(38)` and an
/// `i128` both hold.
pub const MAX_DECIMAL_DIGITS: u8 = 38;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Decimal(scale) => write!(f, "decimal({scale})"),
            Self::Bool => f.write_str("bool"),
            Self::Text => f.write_str("text"),
            Self::Phone => f.write_str("phone"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

impl Type {
    /// Reads a type as a dataset file writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "text" => Self::Text,
            "phone" => Self::Phone,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            _ => {
                let scale = name.strip_prefix("decimal(")?.strip_suffix(')')?;
                Self::Decimal(scale.parse().ok().filter(|scale| *scale <= MAX_SCALE)?)
            }
        })
    }

    /// Whether its values are text.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Phone)
    }
}

/// A field's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// An integer.
    Int(i64),
    /// A finite float; never −0.
    Float(f64),
    /// A decimal: its digits without the point, and how many of them stand after it.
    Decimal(i128, u8),
    /// True or false.
    Bool(bool),
    /// Text (also of type `phone`), without U+0000.
    Text(Cow<'a, str>),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A local date and time.
    Timestamp(DateTime),
}

impl Value<'_> {
    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same value, owning its text.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Null => Value::Null,
            Self::Int(v) => Value::Int(v),
            Self::Float(v) => Value::Float(v),
            Self::Decimal(v, scale) => Value::Decimal(v, scale),
            Self::Bool(v) => Value::Bool(v),
            Self::Date(v) => Value::Date(v),
            Self::Time(v) => Value::Time(v),
            Self::Timestamp(v) => Value::Timestamp(v),
        }
    }

    /// Orders two values of one type: numbers and times by value, text by bytes, NULL first.
    ///
    /// Values of different types order by type; a dataset never compares them.
    #[must_use]
    pub fn compare(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Decimal(a, _), Value::Decimal(b, _)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int(_) => 1,
            Self::Float(_) => 2,
            Self::Decimal(..) => 3,
            Self::Bool(_) => 4,
            Self::Text(_) => 5,
            Self::Date(_) => 6,
            Self::Time(_) => 7,
            Self::Timestamp(_) => 8,
        }
    }

    /// Appends bytes that sort, compared byte by byte, as [`compare`](Self::compare) does, and
    /// that are no prefix of another value's: so keys of several columns are these one after
    /// another.
    pub fn write_sort_key(&self, out: &mut Vec<u8>) {
        // Flipping the sign bit makes two's complement sort as unsigned.
        match self {
            Self::Null => {
                out.push(0);
                return;
            }
            _ => out.push(1),
        }
        match self {
            Self::Null => {}
            Self::Int(v) => out.extend((v ^ i64::MIN).to_be_bytes()),
            Self::Float(v) => {
                let bits = v.to_bits();
                let sortable = if bits >> 63 == 1 {
                    !bits
                } else {
                    bits | 1 << 63
                };
                out.extend(sortable.to_be_bytes());
            }
            Self::Decimal(v, _) => out.extend((v ^ i128::MIN).to_be_bytes()),
            Self::Bool(v) => out.push(u8::from(*v)),
            // U+0000 never occurs in a value, so it can end one.
            Self::Text(v) => {
                out.extend(v.as_bytes());
                out.push(0);
            }
            Self::Date(v) => out.extend(sortable_date(*v)),
            Self::Time(v) => out.extend(sortable_time(*v)),
            Self::Timestamp(v) => {
                out.extend(sortable_date(v.date()));
                out.extend(sortable_time(v.time()));
            }
        }
    }
}

fn sortable_date(date: Date) -> [u8; 4] {
    let year = date.year().to_be_bytes();
    // Years are 1900–2199, so the sign never matters.
    [
        year[0],
        year[1],
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    ]
}

fn sortable_time(time: Time) -> [u8; 8] {
    let part = |part: i8| u64::from(part.unsigned_abs());
    let seconds = (part(time.hour()) * 60 + part(time.minute())) * 60 + part(time.second());
    let nanoseconds = u64::from(time.subsec_nanosecond().unsigned_abs());
    (seconds * 1_000_000_000 + nanoseconds).to_be_bytes()
}

/// A row's values in sort-key form, several columns one after another.
#[must_use]
pub fn sort_key<'v, 'a: 'v>(values: impl IntoIterator<Item = &'v Value<'a>>) -> Vec<u8> {
    let mut key = Vec::with_capacity(32);
    values
        .into_iter()
        .for_each(|value| value.write_sort_key(&mut key));
    key
}

/// A value as a source holds it, before it has its declared type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw<'a> {
    /// No value. An empty field of a source's CSV is this, quoted or not.
    Null,
    /// SQLite's integer.
    Int(i64),
    /// SQLite's real.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Text that is not UTF-8.
    NotUtf8(&'a [u8]),
    /// Bytes; no column takes them.
    Blob(&'a [u8]),
}

impl Raw<'_> {
    /// As it is shown to a person, at most 60 characters of it.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Int(v) => v.to_string(),
            Self::Real(v) => v.to_string(),
            Self::Text(v) => shorten(v),
            Self::NotUtf8(v) => shorten(&String::from_utf8_lossy(v)),
            Self::Blob(v) => format!("a BLOB of {}", count(v.len() as u64, "byte")),
        }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value(of: u8) -> BoxedStrategy<Value<'static>> {
        match of {
            0 => any::<i64>().prop_map(Value::Int).boxed(),
            1 => any::<f64>()
                .prop_filter("finite", |v| v.is_finite())
                .prop_map(|v| Value::Float(if v == 0.0 { 0.0 } else { v }))
                .boxed(),
            2 => any::<i128>().prop_map(|v| Value::Decimal(v, 2)).boxed(),
            3 => "[^\0]{0,8}".prop_map(|v| Value::Text(v.into())).boxed(),
            4 => (0i64..86_400_000_000)
                .prop_map(|us| Value::Time(Time::midnight() + jiff::Span::new().microseconds(us)))
                .boxed(),
            _ => (1900i16..2200, 1i8..=12, 1i8..=28)
                .prop_map(|(y, m, d)| Value::Date(jiff::civil::date(y, m, d)))
                .boxed(),
        }
    }

    proptest! {
        #[test]
        fn sort_keys_order_as_values(
            (a, b) in (0u8..6).prop_flat_map(|of| (any_value(of), any_value(of)))
        ) {
            prop_assert_eq!(sort_key([&a]).cmp(&sort_key([&b])), a.compare(&b));
        }

        #[test]
        fn two_columns_sort_by_the_first_then_the_second(
            a in (any_value(3), any_value(0)),
            b in (any_value(3), any_value(0)),
        ) {
            let expected = a.0.compare(&b.0).then_with(|| a.1.compare(&b.1));
            prop_assert_eq!(sort_key([&a.0, &a.1]).cmp(&sort_key([&b.0, &b.1])), expected);
        }
    }
}
