//! Dates, times and timestamps.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::date_number::{DateNumbers, Number};
use super::{Forms, Raw, Refusal, Value, as_text, inexact, not_of_type};
use crate::ids::YEARS;
use crate::value::Type;

/// The order in which a source writes a date. A date of the form `2025-11-28` is taken whatever
/// is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// `2025-11-28` and nothing else: what is certain without being declared.
    #[default]
    Iso,
    /// `2025/11/28`
    Ymd,
    /// `28/11/2025`
    Dmy,
    /// `11/28/2025`
    Mdy,
}

impl DateOrder {
    /// The orders that can be declared, with their names in a source's settings.
    const DECLARED: [(Self, &str); 3] =
        [(Self::Ymd, "ymd"), (Self::Dmy, "dmy"), (Self::Mdy, "mdy")];
}

/// The first year that a hint at a setting for numbers gives: as Unix seconds, nearly any number
/// is a time soon after 1970.
const FIRST_HINTED_YEAR: i16 = 1980;
/// `2025-11-28`.
const DATE_CHARS: usize = 10;

/// Reads a date.
pub(super) fn date<'a>(raw: Raw<'_>, forms: &Forms) -> Result<Value<'a>, Refusal> {
    if let (Some(kind), Some(number)) = (forms.date_numbers, Number::of(raw)) {
        let moment = kind
            .moment(number)
            .ok_or_else(|| not_of_type(raw, Type::Date))?;
        let date = moment
            .date(&forms.zone)
            .ok_or_else(|| inexact(raw, Type::Date))?;
        return in_years(date, raw).map(Value::Date);
    }
    let refuse = || undeclared(raw, Type::Date, forms);
    let text = as_text(raw).ok_or_else(refuse)?;
    let (date, rest) = leading_date(text.as_bytes(), forms.dates).ok_or_else(refuse)?;
    // Many programs store a date as the midnight that begins it, in UTC or wherever they are: the
    // date is the one that is written.
    let midnight = match rest {
        [] => true,
        [b'T' | b' ', rest @ ..] => {
            let (clock, offset) = clock_and_offset(rest);
            time(clock) == Some(Time::midnight())
                && (offset.is_empty() || offset_of(offset).is_some())
        }
        _ => false,
    };
    if midnight {
        in_years(date, raw).map(Value::Date)
    } else {
        Err(not_of_type(raw, Type::Date))
    }
}

/// Why a date or timestamp was not understood: its form may be one that has to be declared. The
/// settings that would take it are named, each with the date that it would give.
fn undeclared(raw: Raw<'_>, ty: Type, forms: &Forms) -> Refusal {
    let mut settings: Vec<(String, String)> = Vec::new();
    if let (None, Some(number)) = (forms.date_numbers, Number::of(raw)) {
        let readings = DateNumbers::ALL.into_iter().filter_map(|kind| {
            let local = kind.moment(number)?.local(&forms.zone);
            (FIRST_HINTED_YEAR..=2199)
                .contains(&local.year())
                .then_some(())?;
            let setting = format!("`date_numbers = \"{}\"`", kind.name());
            Some((setting, local.to_string()))
        });
        settings.extend(readings);
    }
    if let (DateOrder::Iso, Some(text)) = (forms.dates, as_text(raw)) {
        let readings = DateOrder::DECLARED.into_iter().filter_map(|(order, name)| {
            let (date, _) = leading_date(text.as_bytes(), order)?;
            in_years(date, raw).ok()?;
            Some((format!("`dates = \"{name}\"`"), date.to_string()))
        });
        settings.extend(readings);
    }
    if settings.is_empty() {
        return not_of_type(raw, ty);
    }
    let (wanted, found) = (ty.to_string(), raw.show());
    let one_of = |all: Vec<String>| all.join(" or ");
    let settings = settings.into_iter();
    if !forms.has_settings {
        let mut dates: Vec<String> = settings.map(|(_, date)| date).collect();
        if ty == Type::Date {
            // One with a time of day is none.
            dates.iter_mut().for_each(|date| date.truncate(DATE_CHARS));
        }
        dates.dedup();
        let dates = one_of(dates);
        return Refusal::Uncertain {
            wanted,
            found,
            instead: format!("its date as {dates}"),
        };
    }
    let settings = settings.map(|(setting, date)| format!("{setting} ({date})"));
    Refusal::Undeclared {
        wanted,
        found,
        settings: one_of(settings.collect()),
    }
}

fn in_years(date: Date, raw: Raw<'_>) -> Result<Date, Refusal> {
    if YEARS.contains(&date.year()) {
        Ok(date)
    } else {
        Err(Refusal::OutsideYears { found: raw.show() })
    }
}

/// A date at the start of a text, and what comes after it.
fn leading_date(text: &[u8], order: DateOrder) -> Option<(Date, &[u8])> {
    if let Some(iso) = leading_iso_date(text) {
        return Some(iso);
    }
    let end = text
        .iter()
        .position(|b| matches!(b, b' ' | b'T'))
        .unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let mut parts = head.split(|b| matches!(b, b'/' | b'-' | b'.'));
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match order {
        DateOrder::Iso => return None,
        DateOrder::Ymd => (first, second, third),
        DateOrder::Dmy => (third, second, first),
        DateOrder::Mdy => (third, first, second),
    };
    // Of which century two digits are is nobody's to guess.
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Some((civil(year, month, day)?, rest))
}

fn leading_iso_date(text: &[u8]) -> Option<(Date, &[u8])> {
    let (head, rest) = text.split_at_checked(10)?;
    if head[4] != b'-' || head[7] != b'-' {
        return None;
    }
    Some((civil(&head[..4], &head[5..7], &head[8..])?, rest))
}

fn civil(year: &[u8], month: &[u8], day: &[u8]) -> Option<Date> {
    let year = i16::try_from(number(year)?).ok()?;
    let month = i8::try_from(number(month)?).ok()?;
    let day = i8::try_from(number(day)?).ok()?;
    Date::new(year, month, day).ok()
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

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f`, of 24 hours, or of 12 with the half of the day behind it;
/// fraction digits past the sixth are dropped, since a microsecond is all that PostgreSQL holds
/// (.NET writes seven).
pub(super) fn time(text: &[u8]) -> Option<Time> {
    let (text, half) = half_of_day(text);
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
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half.hours(),
        Some(_) => return None,
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

/// A half of the day.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    fn hours(self) -> u32 {
        match self {
            Self::Morning => 0,
            Self::Afternoon => 12,
        }
    }
}

/// A time without the half of the day behind it, as English and Vietnamese spreadsheets write it
/// (`SA` is sáng, the morning; `CH` is chiều).
fn half_of_day(text: &[u8]) -> (&[u8], Option<Half>) {
    let Some((clock, half)) = text.split_last_chunk::<2>() else {
        return (text, None);
    };
    let half = match &half.to_ascii_uppercase()[..] {
        b"AM" | b"SA" => Half::Morning,
        b"PM" | b"CH" => Half::Afternoon,
        _ => return (text, None),
    };
    (clock.trim_ascii_end(), Some(half))
}

/// Reads a timestamp.
pub(super) fn timestamp<'a>(raw: Raw<'_>, forms: &Forms) -> Result<Value<'a>, Refusal> {
    if let (Some(kind), Some(number)) = (forms.date_numbers, Number::of(raw)) {
        let moment = kind
            .moment(number)
            .ok_or_else(|| not_of_type(raw, Type::Timestamp))?;
        let local = moment.local(&forms.zone);
        return in_years(local.date(), raw).map(|_| Value::Timestamp(local));
    }
    let maybe_declared = || undeclared(raw, Type::Timestamp, forms);
    let refuse = || not_of_type(raw, Type::Timestamp);
    let text = as_text(raw).ok_or_else(maybe_declared)?;
    let (date, rest) = leading_date(text.as_bytes(), forms.dates).ok_or_else(maybe_declared)?;
    let local = match rest {
        [] => date.to_datetime(Time::midnight()),
        [b'T' | b' ', rest @ ..] => {
            let (clock, offset) = clock_and_offset(rest);
            let written = date.to_datetime(time(clock).ok_or_else(refuse)?);
            match offset {
                [] => written,
                _ => in_zone(written, offset, &forms.zone).ok_or_else(refuse)?,
            }
        }
        _ => return Err(refuse()),
    };
    in_years(local.date(), raw).map(|_| Value::Timestamp(local))
}

/// A time, and the offset from UTC behind it, if there is one.
fn clock_and_offset(text: &[u8]) -> (&[u8], &[u8]) {
    let sign = text
        .iter()
        .position(|b| matches!(b, b'+' | b'-' | b'Z' | b'z'));
    let (clock, offset) = text.split_at(sign.unwrap_or(text.len()));
    (clock.trim_ascii(), offset)
}

/// The local time in a zone of a time written with an offset.
fn in_zone(written: DateTime, offset: &[u8], zone: &TimeZone) -> Option<DateTime> {
    let instant = offset_of(offset)?.to_timestamp(written).ok()?;
    Some(zone.to_datetime(instant))
}

/// `Z`, `+07`, `+0700` or `+07:00`. None was ever 16 hours or more, which PostgreSQL refuses too.
fn offset_of(text: &[u8]) -> Option<Offset> {
    let seconds = match text {
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
            if hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            if *sign == b'-' { -seconds } else { seconds }
        }
        [] => return None,
    };
    Offset::from_seconds(seconds).ok()
}
