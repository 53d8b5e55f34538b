//! From a raw value to a typed one. Only what is certain, or declared for its source, is taken:
//! nothing here guesses.

mod date_number;
mod dates;
mod numbers;
mod phone;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::{MAX_FIELD_BYTES, Raw, Type, Value};
use crate::runtime::program::count;
use numbers::{decimal, finite, float, int, is_pointed_number, is_with_comma, number_text};

pub use date_number::DateNumbers;
pub use dates::DateOrder;
pub use numbers::DecimalMark;
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
    /// Whether a whole number's leading zeros and plus mean nothing: what its column declares.
    pub drop_leading_zeros: bool,
    /// Whether telephone numbers are refused of which a spreadsheet kept only some digits. What is
    /// stored already is taken as it is.
    pub refuse_cut_phones: bool,
    /// Whether the source has settings, by which somebody can declare another form.
    pub has_settings: bool,
}

impl Default for Forms {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            dates: DateOrder::default(),
            date_numbers: None,
            decimals: DecimalMark::default(),
            phone_country: None,
            drop_leading_zeros: false,
            refuse_cut_phones: false,
            has_settings: true,
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
    /// Likewise, of a source without settings.
    #[error("{found} is not certain as a value of type {wanted}; in the file, write {instead}")]
    Uncertain {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
        /// What would be certain.
        instead: String,
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
    /// A whole number's text with leading zeros or a plus, which are no part of the number.
    #[error(
        "{found} would lose its {what} as a value of type {wanted}: declare the column as text, or, \
         if that loses nothing, write `leading_zeros = \"drop\"` for it in the dataset"
    )]
    LosesDigits {
        /// The column's type.
        wanted: String,
        /// The value, shortened.
        found: String,
        /// What would be lost.
        what: &'static str,
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
    #[error("a BLOB of {} is not taken", count(*bytes as u64, "byte"))]
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
        Type::Int => int(raw, forms)?,
        Type::Float => float(raw, forms.decimals),
        Type::Decimal(scale) => decimal(raw, scale, forms)?,
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
        Raw::Text(text) if is_with_comma(text, ty, forms.decimals) => {
            let (wanted, found) = (ty.to_string(), raw.show());
            match forms.has_settings {
                true => Refusal::Undeclared {
                    wanted,
                    found,
                    settings: "`decimals = \"comma\"`".to_owned(),
                },
                false => Refusal::Uncertain {
                    wanted,
                    found,
                    instead: "its decimal mark as a point".to_owned(),
                },
            }
        }
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

#[cfg(test)]
mod tests;
