//! From a raw value to a typed one. Only what is certain is taken: nothing here guesses.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::{MAX_DECIMAL_DIGITS, MAX_FIELD_BYTES, Raw, Type, Value};

/// Integers up to this size are exact in a float.
const EXACT_IN_FLOAT: i64 = 1 << 53;

/// How a source writes what has more than one form.
#[derive(Debug, Clone)]
pub struct Forms {
    /// The zone that timestamps with an offset are converted to.
    pub zone: TimeZone,
    /// The order of day, month and year.
    pub dates: DateOrder,
}

impl Default for Forms {
    /// ISO dates, and UTC as the zone.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            dates: DateOrder::Ymd,
        }
    }
}

/// The order in which a source writes a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// `2025-11-28`, the only order taken without being declared.
    #[default]
    Ymd,
    /// `28/11/2025`
    Dmy,
    /// `11/28/2025`
    Mdy,
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
    /// Bytes that are not UTF-8.
    #[error("{found} is not valid UTF-8")]
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
        Type::Int => int(raw),
        Type::Float => float(raw),
        Type::Decimal(scale) => return decimal(raw, scale),
        Type::Bool => boolean(raw),
        Type::Text | Type::Phone => return text(raw),
        Type::Date => return date(raw, forms),
        Type::Time => as_text(raw)
            .and_then(|text| time(text.as_bytes()))
            .map(Value::Time),
        Type::Timestamp => return timestamp(raw, forms),
    };
    value.ok_or_else(|| match raw {
        // 12.5 in an int column or 2^60 in a float column is a number, only not this type's.
        Raw::Int(_) | Raw::Real(_) if matches!(ty, Type::Int | Type::Float) => inexact(raw, ty),
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

fn int<'a>(raw: Raw<'_>) -> Option<Value<'a>> {
    match raw {
        Raw::Int(v) => Some(v),
        Raw::Real(v) => whole(v),
        Raw::Text(_) => {
            let text = as_text(raw)?;
            // `12.0` is how spreadsheets and data frames write an integer column with gaps.
            let digits = match text.split_once('.') {
                Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits,
                Some(_) => return None,
                None => text,
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

fn float<'a>(raw: Raw<'_>) -> Option<Value<'a>> {
    let v = match raw {
        Raw::Int(v) if v.unsigned_abs() <= EXACT_IN_FLOAT.unsigned_abs() => v as f64,
        Raw::Real(v) => v,
        Raw::Text(_) => as_text(raw)?
            .parse::<f64>()
            .ok()
            .filter(|v| v.is_finite())?,
        _ => return None,
    };
    // One zero, so that equal values have equal bytes.
    Some(Value::Float(if v == 0.0 { 0.0 } else { v }))
}

fn boolean<'a>(raw: Raw<'_>) -> Option<Value<'a>> {
    const TRUE: [&str; 5] = ["true", "t", "yes", "y", "1"];
    const FALSE: [&str; 5] = ["false", "f", "no", "n", "0"];
    match raw {
        Raw::Int(0) => Some(false),
        Raw::Int(1) => Some(true),
        Raw::Real(0.0) => Some(false),
        Raw::Real(1.0) => Some(true),
        Raw::Text(_) => {
            let text = as_text(raw)?;
            let is_one_of = |words: [&str; 5]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
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

fn decimal<'a>(raw: Raw<'_>, scale: u8) -> Result<Value<'a>, Refusal> {
    let ty = Type::Decimal(scale);
    let shown;
    let text = match raw {
        Raw::Int(v) => {
            shown = v.to_string();
            shown.as_str()
        }
        Raw::Real(v) => {
            // Display writes the shortest digits that round-trip, never an exponent.
            shown = v.to_string();
            shown.as_str()
        }
        _ => as_text(raw).ok_or_else(|| not_of_type(raw, ty))?,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if before.len() + after.len() == 0 || !all_digits(before) || !all_digits(after) {
        return Err(not_of_type(raw, ty));
    }
    let (kept, dropped) = after.split_at(after.len().min(usize::from(scale)));
    let fits = dropped.bytes().all(|b| b == b'0');
    let padding = std::iter::repeat_n(b'0', usize::from(scale) - kept.len());
    let mut units: i128 = 0;
    for digit in before.bytes().chain(kept.bytes()).chain(padding) {
        units = units
            .checked_mul(10)
            .and_then(|units| units.checked_add(i128::from(digit - b'0')))
            .filter(|units| *units < 10i128.pow(u32::from(MAX_DECIMAL_DIGITS)))
            .ok_or_else(|| inexact(raw, ty))?;
    }
    if fits {
        Ok(Value::Decimal(if negative { -units } else { units }, scale))
    } else {
        Err(inexact(raw, ty))
    }
}

fn date<'a>(raw: Raw<'_>, forms: &Forms) -> Result<Value<'a>, Refusal> {
    let refuse = || not_of_type(raw, Type::Date);
    let text = as_text(raw).ok_or_else(refuse)?;
    let (date, rest) = leading_date(text.as_bytes(), forms.dates).ok_or_else(refuse)?;
    // Many programs store a date as the midnight that begins it.
    let midnight = match rest {
        [] => true,
        [b'T' | b' ', rest @ ..] => time(rest) == Some(Time::midnight()),
        _ => false,
    };
    if midnight {
        in_years(date, raw).map(Value::Date)
    } else {
        Err(refuse())
    }
}

fn in_years(date: Date, raw: Raw<'_>) -> Result<Date, Refusal> {
    if (1900..=2199).contains(&date.year()) {
        Ok(date)
    } else {
        Err(Refusal::OutsideYears { found: raw.show() })
    }
}

/// A date at the start of a text, and what comes after it.
fn leading_date(text: &[u8], order: DateOrder) -> Option<(Date, &[u8])> {
    let (year, month, day, rest) = match order {
        DateOrder::Ymd => {
            let (head, rest) = text.split_at_checked(10)?;
            if head[4] != b'-' || head[7] != b'-' {
                return None;
            }
            (
                number(&head[..4])?,
                number(&head[5..7])?,
                number(&head[8..])?,
                rest,
            )
        }
        DateOrder::Dmy | DateOrder::Mdy => {
            let end = text
                .iter()
                .position(|b| matches!(b, b' ' | b'T'))
                .unwrap_or(text.len());
            let (head, rest) = text.split_at(end);
            let mut parts = head.split(|b| matches!(b, b'/' | b'-' | b'.'));
            let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() || year.len() != 4 {
                return None;
            }
            let (first, second) = (number(first)?, number(second)?);
            let (day, month) = if order == DateOrder::Dmy {
                (first, second)
            } else {
                (second, first)
            };
            (number(year)?, month, day, rest)
        }
    };
    let date = Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    );
    Some((date.ok()?, rest))
}

/// One to nine decimal digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |n, digit| n * 10 + u32::from(digit - b'0')),
    )
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f`; fraction digits past the sixth are dropped, since a
/// microsecond is all that PostgreSQL holds (.NET writes seven).
fn time(text: &[u8]) -> Option<Time> {
    let (clock, fraction) = match text.iter().position(|b| *b == b'.') {
        Some(point) => (&text[..point], Some(&text[point + 1..])),
        None => (text, None),
    };
    let (hour, minute, second) = match clock {
        [h @ .., b':', _, _] if h.len() <= 2 && fraction.is_none() => {
            (number(h)?, number(&clock[h.len() + 1..])?, 0)
        }
        [h @ .., b':', _, _, b':', _, _] if h.len() <= 2 => {
            let rest = &clock[h.len() + 1..];
            (number(h)?, number(&rest[..2])?, number(&rest[3..])?)
        }
        _ => return None,
    };
    let mut micros = 0;
    if let Some(fraction) = fraction {
        if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        for place in 0..6 {
            micros = micros * 10 + u32::from(fraction.get(place).map_or(0, |digit| digit - b'0'));
        }
    }
    Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        i32::try_from(micros * 1_000).ok()?,
    )
    .ok()
}

fn timestamp<'a>(raw: Raw<'_>, forms: &Forms) -> Result<Value<'a>, Refusal> {
    let refuse = || not_of_type(raw, Type::Timestamp);
    let text = as_text(raw).ok_or_else(refuse)?;
    let (date, rest) = leading_date(text.as_bytes(), forms.dates).ok_or_else(refuse)?;
    let local = match rest {
        [] => date.to_datetime(Time::midnight()),
        [b'T' | b' ', rest @ ..] => {
            let sign = rest
                .iter()
                .position(|b| matches!(b, b'+' | b'-' | b'Z' | b'z'));
            let (clock, offset) = rest.split_at(sign.unwrap_or(rest.len()));
            let written = date.to_datetime(time(clock.trim_ascii()).ok_or_else(refuse)?);
            match offset {
                [] => written,
                _ => in_zone(written, offset, &forms.zone).ok_or_else(refuse)?,
            }
        }
        _ => return Err(refuse()),
    };
    in_years(local.date(), raw).map(|_| Value::Timestamp(local))
}

/// The local time in a zone of a time written with an offset.
fn in_zone(written: DateTime, offset: &[u8], zone: &TimeZone) -> Option<DateTime> {
    let seconds = match offset {
        b"Z" | b"z" => 0,
        [sign, digits @ ..] => {
            let (hours, minutes) = match digits {
                [_, _] => (number(digits)?, 0),
                [_, _, b':', minutes @ ..] if minutes.len() == 2 => {
                    (number(&digits[..2])?, number(minutes)?)
                }
                [_, _, minutes @ ..] if minutes.len() == 2 => {
                    (number(&digits[..2])?, number(minutes)?)
                }
                _ => return None,
            };
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            if *sign == b'-' { -seconds } else { seconds }
        }
        [] => return None,
    };
    let instant = Offset::from_seconds(seconds)
        .ok()?
        .to_timestamp(written)
        .ok()?;
    Some(zone.to_datetime(instant))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date as ymd, time as hms};

    use super::*;

    fn from(text: &str, ty: Type) -> Result<Value<'_>, Refusal> {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        parse(
            Raw::Text(text),
            ty,
            &Forms {
                zone,
                dates: DateOrder::Ymd,
            },
        )
    }

    #[test]
    fn integers_may_come_as_text_or_whole_floats() {
        for raw in [
            Raw::Int(12),
            Raw::Real(12.0),
            Raw::Text(" 12 "),
            Raw::Text("12.0"),
        ] {
            assert_eq!(
                parse(raw, Type::Int, &Forms::default()),
                Ok(Value::Int(12)),
                "{raw:?}"
            );
        }
        for raw in [
            Raw::Real(12.5),
            Raw::Text("12.5"),
            Raw::Text("1e3"),
            Raw::Text("x"),
        ] {
            assert!(parse(raw, Type::Int, &Forms::default()).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn decimals_are_never_rounded() {
        assert_eq!(from("-1.5", Type::Decimal(2)), Ok(Value::Decimal(-150, 2)));
        assert_eq!(from("1.500", Type::Decimal(2)), Ok(Value::Decimal(150, 2)));
        assert!(from("1.505", Type::Decimal(2)).is_err());
        assert!(from(".", Type::Decimal(2)).is_err());
        assert!(from(&"9".repeat(39), Type::Decimal(0)).is_err());
        let real = parse(Raw::Real(0.1), Type::Decimal(2), &Forms::default());
        assert_eq!(real, Ok(Value::Decimal(10, 2)));
    }

    #[test]
    fn floats_have_one_zero_and_no_infinity() {
        assert_eq!(
            from("-0", Type::Float).map(|v| format!("{v:?}")),
            Ok("Float(0.0)".into())
        );
        assert!(from("inf", Type::Float).is_err());
        assert!(parse(Raw::Int(i64::MIN), Type::Float, &Forms::default()).is_err());
        assert!(from("NaN", Type::Float).is_err());
    }

    #[test]
    fn timestamps_with_an_offset_become_local() {
        let nine = ymd(2025, 11, 28).to_datetime(hms(9, 30, 0, 0));
        for text in [
            "2025-11-28T02:30:00Z",
            "2025-11-28 09:30",
            "2025-11-28T04:30:00+02:00",
        ] {
            assert_eq!(
                from(text, Type::Timestamp),
                Ok(Value::Timestamp(nine)),
                "{text}"
            );
        }
        assert_eq!(
            from("2025-11-28 09:30:00.1234567", Type::Timestamp),
            Ok(Value::Timestamp(ymd(2025, 11, 28).to_datetime(hms(
                9,
                30,
                0,
                123_456_000
            )))),
        );
    }

    #[test]
    fn dates_are_iso_unless_declared() {
        assert_eq!(
            from("2025-11-28", Type::Date),
            Ok(Value::Date(ymd(2025, 11, 28)))
        );
        assert_eq!(
            from("2025-11-28 00:00:00", Type::Date),
            Ok(Value::Date(ymd(2025, 11, 28)))
        );
        for refused in [
            "28/11/2025",
            "2025-11-28 10:00:00",
            "2025-02-30",
            "1899-12-31",
            "x",
        ] {
            assert!(from(refused, Type::Date).is_err(), "{refused}");
        }
        let forms = Forms {
            dates: DateOrder::Dmy,
            ..Forms::default()
        };
        assert_eq!(
            parse(Raw::Text("8/11/2025"), Type::Date, &forms),
            Ok(Value::Date(ymd(2025, 11, 8)))
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}", ty in 0usize..9) {
            let types = [
                Type::Int, Type::Float, Type::Decimal(3), Type::Bool, Type::Text, Type::Phone,
                Type::Date, Type::Time, Type::Timestamp,
            ];
            for dates in [DateOrder::Ymd, DateOrder::Dmy, DateOrder::Mdy] {
                let forms = Forms { dates, ..Forms::default() };
                let _ = parse(Raw::Text(&text), types[ty], &forms);
            }
        }
    }
}
