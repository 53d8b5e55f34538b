//! From a raw value to a typed one. Only what is certain, or declared for its source, is taken:
//! nothing here guesses.

mod date_number;
mod dates;
mod phone;

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{MAX_DECIMAL_DIGITS, MAX_FIELD_BYTES, Raw, Type, Value};

/// Integers up to this size are exact in a float.
const EXACT_IN_FLOAT: i64 = 1 << 53;

pub use date_number::DateNumbers;
pub use dates::DateOrder;
pub use phone::PhoneCountry;

/// How a source writes what has more than one form. The default is what is certain without being
/// declared, and UTC as the zone.
#[derive(Debug, Clone)]
pub struct Forms {
    /// The zone that timestamps with an offset are converted to.
    pub zone: TimeZone,
    /// The order of day, month and year.
    pub dates: DateOrder,
    /// What a number in a date or timestamp column means, if it may stand there.
    pub date_numbers: Option<DateNumbers>,
    /// What stands before a number's fraction.
    pub decimals: DecimalMark,
    /// The country whose telephone numbers get their lost zero back.
    pub phone_country: Option<PhoneCountry>,
    /// Whether telephone numbers are refused of which a spreadsheet kept only some digits. What is
    /// stored already is taken as it is.
    pub refuse_cut_phones: bool,
}

impl Default for Forms {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            dates: DateOrder::default(),
            date_numbers: None,
            decimals: DecimalMark::default(),
            phone_country: None,
            refuse_cut_phones: false,
        }
    }
}

/// What stands before the fraction of a number that is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalMark {
    /// `1.5`
    #[default]
    Point,
    /// `1,5` and `1.234,5`. Points are taken only where they can but part thousands: before a comma,
    /// and before exactly three digits each.
    Comma,
}

impl DecimalMark {
    /// A text of a number with a decimal point in place of this mark, as far as that is certain.
    #[must_use]
    pub fn with_point(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Point => Some(Cow::Borrowed(text)),
            Self::Comma if text.contains('.') => without_thousands(text).map(Cow::Owned),
            Self::Comma => Some(Cow::Owned(text.replacen(',', ".", 1))),
        }
    }
}

/// Why a raw value is not a value of its column's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not of the type at all.
    #[error("{found} is not a value of type {wanted}")]
    NotOfType {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
    },
    /// It may be, if its form were declared.
    #[error(
        "{found} is a value of type {wanted} only where that is declared: write {settings} for its source"
    )]
    Undeclared {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
        /// The settings that would take it, each with what it would then be.
        settings: String,
    },
    /// A point in a number of a source whose decimal mark is the comma.
    #[error(
        "{found} is not a value of type {wanted} where `decimals = \"comma\"`, since its point may \
         part thousands or be a decimal mark; write 1234,5 or 1.234,5 there, or, where its source \
         writes 1234.5 throughout, take `decimals` away"
    )]
    PointBesideComma {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
    },
    /// A telephone number of which a spreadsheet kept only some digits.
    #[error(
        "{found} is a telephone number that a spreadsheet cut; give the column the format text \
         there, type the number again and export the file"
    )]
    PhoneCut {
        /// The value.
        found: String,
    },
    /// It cannot be held exactly.
    #[error("{found} does not fit type {wanted} exactly")]
    Inexact {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
    },
    /// A date outside 1900–2199.
    #[error("{found} is outside the years 1900 to 2199")]
    OutsideYears {
        /// The value.
        found: String,
    },
    /// Text with U+0000, which PostgreSQL cannot hold.
    #[error("the text holds a U+0000 character")]
    Nul,
    /// Bytes that are no text.
    #[error("{found} has bytes that are no character in its encoding")]
    NotUtf8 {
        /// The text with its bad bytes replaced, shortened.
        found: String,
    },
    /// A BLOB.
    #[error("a BLOB of {bytes} bytes is not taken")]
    Blob {
        /// Its size.
        bytes: usize,
    },
    /// A field over [`MAX_FIELD_BYTES`].
    #[error("the field is {bytes} bytes long, over the limit of {MAX_FIELD_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
}

/// Reads a raw value as a value of a type. A missing value is [`Value::Null`] for every type.
///
/// # Errors
/// The [`Refusal`] that a person is shown.
pub fn parse<'a>(raw: Raw<'a>, ty: Type, forms: &Forms) -> Result<Value<'a>, Refusal> {
    match raw {
        Raw::Null => return Ok(Value::Null),
        Raw::Blob(bytes) => return Err(Refusal::Blob { bytes: bytes.len() }),
        Raw::NotUtf8(_) => return Err(Refusal::NotUtf8 { found: raw.show() }),
        Raw::Text(text) if text.len() > MAX_FIELD_BYTES => {
            return Err(Refusal::TooLong { bytes: text.len() });
        }
        Raw::Real(real) if !real.is_finite() => return Err(not_of_type(raw, ty)),
        Raw::Text(_) | Raw::Int(_) | Raw::Real(_) => {}
    }
    let value = match ty {
        Type::Int => int(raw, forms.decimals),
        Type::Float => float(raw, forms.decimals),
        Type::Decimal(scale) => decimal(raw, scale, forms.decimals)?,
        Type::Bool => boolean(raw),
        Type::Text => return text(raw),
        Type::Phone => return phone::phone(raw, forms),
        Type::Date => return dates::date(raw, forms),
        Type::Time => as_text(raw)
            .and_then(|text| dates::time(text.as_bytes()))
            .map(Value::Time),
        Type::Timestamp => return dates::timestamp(raw, forms),
    };
    value.ok_or_else(|| match raw {
        // 12.5 in an int column or 2^60 + 1 in a float column is a number, only not this type's.
        Raw::Int(_) | Raw::Real(_) if matches!(ty, Type::Int | Type::Float) => inexact(raw, ty),
        Raw::Text(_)
            if ty == Type::Float
                && number_text(raw, forms.decimals).is_some_and(|text| finite(&text).is_some()) =>
        {
            inexact(raw, ty)
        }
        Raw::Text(text) if is_with_comma(text, ty, forms.decimals) => Refusal::Undeclared {
            wanted: ty.to_string(),
            found: raw.show(),
            settings: "`decimals = \"comma\"`".to_owned(),
        },
        Raw::Text(text)
            if matches!(ty, Type::Int | Type::Float | Type::Decimal(_))
                && forms.decimals == DecimalMark::Comma
                && is_pointed_number(text) =>
        {
            Refusal::PointBesideComma {
                wanted: ty.to_string(),
                found: raw.show(),
            }
        }
        _ => not_of_type(raw, ty),
    })
}

fn not_of_type(raw: Raw<'_>, ty: Type) -> Refusal {
    Refusal::NotOfType {
        wanted: ty.to_string(),
        found: raw.show(),
    }
}

fn inexact(raw: Raw<'_>, ty: Type) -> Refusal {
    Refusal::Inexact {
        wanted: ty.to_string(),
        found: raw.show(),
    }
}

/// The text of a raw value, without the white space around it.
fn as_text(raw: Raw<'_>) -> Option<&str> {
    match raw {
        Raw::Text(text) => Some(text.trim_ascii()),
        _ => None,
    }
}

/// Whether what stands behind a mark may be thousands: Vietnam writes 150.000 for what is 150000
/// elsewhere. Only a type that has a use for three digits behind the mark tells.
fn may_be_thousands(behind: &str) -> bool {
    behind.len() == 3
}

/// A text as a number with a decimal point, where the source's mark is what stands in it.
fn number_text(raw: Raw<'_>, mark: DecimalMark) -> Option<Cow<'_, str>> {
    mark.with_point(as_text(raw)?)
}

/// `1.234.567,89` as `1234567.89`: a comma, before it points that part groups of exactly three
/// digits, and nothing else that could be meant.
fn without_thousands(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',')?;
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (first, groups) = digits.split_once('.')?;
    let is_first = is_digits(first) && first.len() <= 3 && !first.starts_with('0');
    let are_groups = groups
        .split('.')
        .all(|group| is_digits(group) && group.len() == 3);
    (is_first && are_groups && is_digits(fraction))
        .then(|| format!("{}.{fraction}", whole.replace('.', "")))
}

/// Whether a text is made of digits with a point among them.
fn is_pointed_number(text: &str) -> bool {
    let text = text.trim_ascii();
    text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.,".contains(&b))
}

/// Whether a text is a number if its comma is a decimal mark, which was not declared.
fn is_with_comma(text: &str, ty: Type, mark: DecimalMark) -> bool {
    let is_number = matches!(ty, Type::Int | Type::Float | Type::Decimal(_));
    let comma = Forms {
        decimals: DecimalMark::Comma,
        ..Forms::default()
    };
    is_number
        && mark == DecimalMark::Point
        && text
            .split_once(',')
            .is_some_and(|(_, rest)| !may_be_thousands(rest))
        && parse(Raw::Text(text), ty, &comma).is_ok()
}

fn int<'a>(raw: Raw<'_>, mark: DecimalMark) -> Option<Value<'a>> {
    match raw {
        Raw::Int(v) => Some(v),
        Raw::Real(v) => whole(v),
        Raw::Text(_) => {
            let text = number_text(raw, mark)?;
            // `12.0` is how spreadsheets and data frames write an integer column with gaps.
            let digits = match text.split_once('.') {
                Some((digits, zeros))
                    if zeros.bytes().all(|b| b == b'0') && !may_be_thousands(zeros) =>
                {
                    digits
                }
                Some(_) => return None,
                None => &*text,
            };
            digits.parse().ok()
        }
        _ => None,
    }
    .map(Value::Int)
}

/// A float as an integer, if it is one and no other float is as near.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
fn whole(v: f64) -> Option<i64> {
    (v.fract() == 0.0 && v.abs() <= EXACT_IN_FLOAT as f64).then_some(v as i64)
}

fn float<'a>(raw: Raw<'_>, mark: DecimalMark) -> Option<Value<'a>> {
    let v = match raw {
        Raw::Int(int) => Some(int as f64).filter(|v| whole_of(*v) == Some(i128::from(int)))?,
        Raw::Real(v) => v,
        Raw::Text(_) => {
            let text = number_text(raw, mark)?;
            finite(&text).filter(|v| holds(*v, &text))?
        }
        _ => return None,
    };
    // One zero, so that equal values have equal bytes.
    Some(Value::Float(if v == 0.0 { 0.0 } else { v }))
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Whether the float that a text was read as holds all that it says. Below 2^53 it does: digits
/// that a float has no room for are a fraction's last ones, which nobody counts with, and so they
/// are where an exponent says that digits were left out. A whole number has to be that very number.
fn holds(v: f64, text: &str) -> bool {
    if v.abs() < EXACT_IN_FLOAT as f64 || text.contains(['e', 'E']) {
        return true;
    }
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = digits.parse::<i128>();
    fraction.bytes().all(|b| b == b'0') && whole.is_ok_and(|whole| whole_of(v) == Some(whole))
}

/// The whole number that a float is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
fn whole_of(v: f64) -> Option<i128> {
    (v.fract() == 0.0 && v.abs() < 1e38).then_some(v as i128)
}

fn boolean<'a>(raw: Raw<'_>) -> Option<Value<'a>> {
    const TRUE: [&str; 7] = ["true", "t", "yes", "y", "on", "1", "1.0"];
    const FALSE: [&str; 7] = ["false", "f", "no", "n", "off", "0", "0.0"];
    match raw {
        Raw::Int(0) => Some(false),
        Raw::Int(1) => Some(true),
        Raw::Real(0.0) => Some(false),
        Raw::Real(1.0) => Some(true),
        Raw::Text(_) => {
            let text = as_text(raw)?;
            let is_one_of = |words: [&str; 7]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
            if is_one_of(TRUE) {
                Some(true)
            } else if is_one_of(FALSE) {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
    .map(Value::Bool)
}

fn text(raw: Raw<'_>) -> Result<Value<'_>, Refusal> {
    let text = match raw {
        Raw::Text(text) if text.as_bytes().contains(&0) => return Err(Refusal::Nul),
        Raw::Text(text) => Cow::Borrowed(text),
        Raw::Int(v) => Cow::Owned(v.to_string()),
        Raw::Real(v) => Cow::Owned(v.to_string()),
        _ => return Err(not_of_type(raw, Type::Text)),
    };
    Ok(Value::Text(text))
}

/// `None` if it is no decimal number at all.
fn decimal<'a>(raw: Raw<'_>, scale: u8, mark: DecimalMark) -> Result<Option<Value<'a>>, Refusal> {
    let text = match raw {
        Raw::Int(v) => Cow::Owned(v.to_string()),
        // Display writes the shortest digits that round-trip, never an exponent.
        Raw::Real(v) => Cow::Owned(v.to_string()),
        _ => match number_text(raw, mark) {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if before.len() + after.len() == 0 || !all_digits(before) || !all_digits(after) {
        return Ok(None);
    }
    if scale < 3 && matches!(raw, Raw::Text(_)) && may_be_thousands(after) {
        return Err(inexact(raw, Type::Decimal(scale)));
    }
    let (kept, dropped) = after.split_at(after.len().min(usize::from(scale)));
    if dropped.bytes().any(|b| b != b'0') {
        return Err(inexact(raw, Type::Decimal(scale)));
    }
    let padding = std::iter::repeat_n(b'0', usize::from(scale) - kept.len());
    let mut units: i128 = 0;
    for digit in before.bytes().chain(kept.bytes()).chain(padding) {
        units = units
            .checked_mul(10)
            .and_then(|units| units.checked_add(i128::from(digit - b'0')))
            .filter(|units| *units < 10i128.pow(u32::from(MAX_DECIMAL_DIGITS)))
            .ok_or_else(|| inexact(raw, Type::Decimal(scale)))?;
    }
    Ok(Some(Value::Decimal(
        if negative { -units } else { units },
        scale,
    )))
}

#[cfg(test)]
mod tests;
