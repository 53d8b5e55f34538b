//! Dates and times that a source writes as numbers.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Raw;

const MICROS_PER_SECOND: f64 = 1e6;
const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// The Julian day of 1970-01-01T00:00:00Z.
const JULIAN_OF_UNIX: f64 = 2_440_587.5;

/// What a number means in a date or timestamp column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateNumbers {
    /// Seconds since 1970-01-01T00:00:00Z.
    Unix,
    /// Milliseconds since then.
    UnixMs,
    /// Julian days, as SQLite's `julianday` gives them: in UTC, a day begins at noon.
    Julian,
    /// Days of a spreadsheet, in local time: 45989 is 2025-11-28.
    Excel,
    /// The digits of a date: 20251128.
    #[serde(rename = "yyyymmdd")]
    Digits,
}

impl DateNumbers {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Unix,
        Self::UnixMs,
        Self::Julian,
        Self::Excel,
        Self::Digits,
    ];

    /// As it is written in a source's settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::UnixMs => "unix-ms",
            Self::Julian => "julian",
            Self::Excel => "excel",
            Self::Digits => "yyyymmdd",
        }
    }

    /// What a number means, if it means anything.
    pub(super) fn moment(self, number: Number) -> Option<Moment> {
        match self {
            _ if is_part_of_a_date(number) => None,
            Self::Unix | Self::UnixMs if reads_otherwise(number) => None,
            Self::Unix => instant(match number {
                Number::Whole(seconds) => seconds.checked_mul(1_000_000)?,
                Number::Real(seconds) => rounded(seconds * MICROS_PER_SECOND)?,
            }),
            Self::UnixMs => instant(match number {
                Number::Whole(millis) => millis.checked_mul(1_000)?,
                Number::Real(millis) => rounded(millis * 1_000.0)?,
            }),
            // A float holds a day of this century to about a tenth of a millisecond, and SQLite
            // itself counts no finer than milliseconds.
            Self::Julian => {
                let millis = rounded((number.real() - JULIAN_OF_UNIX) * MILLIS_PER_DAY)?;
                instant(millis.checked_mul(1_000)?)
            }
            Self::Excel => spreadsheet(number.real()),
            Self::Digits => digits(match number {
                Number::Whole(digits) => digits,
                Number::Real(digits) => rounded(digits).filter(|_| digits.fract() == 0.0)?,
            }),
        }
    }
}

/// Whether a number is rather what a person wrote of a date: a year, `11.2025` or `2025.11`,
/// `28.11`. As days of a spreadsheet that would be moments of 1900 or 1905, as seconds the first of
/// 1970.
fn is_part_of_a_date(number: Number) -> bool {
    match number {
        Number::Whole(year) => (1900..2200).contains(&year),
        Number::Real(v) => {
            v.fract() != 0.0 && ((0.0..32.0).contains(&v) || (1900.0..2200.0).contains(&v))
        }
    }
}

/// Whether a number of seconds or milliseconds since 1970 is rather a day of a spreadsheet (of 1954 to 2119, which
/// would be hours or minutes of 1970-01-01) or the digits of a date (20251128, which would be in 1970): a
/// source declares one meaning for all its columns, and not all of them may have it.
fn reads_otherwise(number: Number) -> bool {
    match number {
        Number::Whole(seconds) => {
            (20_000..80_000).contains(&seconds) || (19_000_101..21_991_232).contains(&seconds)
        }
        Number::Real(_) => false,
    }
}

fn instant(micros: i64) -> Option<Moment> {
    Timestamp::from_microsecond(micros)
        .ok()
        .map(Moment::Instant)
}

/// A spreadsheet believes that 1900 was a leap year, so its days up to 1900-02-28 count from
/// another beginning, and its day 60 never was.
fn spreadsheet(days: f64) -> Option<Moment> {
    let day_zero = match days {
        1.0..60.0 => date(1899, 12, 31),
        61.0.. => date(1899, 12, 30),
        _ => return None,
    };
    let millis = SignedDuration::from_millis(rounded(days * MILLIS_PER_DAY)?);
    let midnight = day_zero.to_datetime(jiff::civil::Time::midnight());
    midnight.checked_add(millis).ok().map(Moment::Local)
}

/// The date of eight digits, at midnight.
fn digits(digits: i64) -> Option<Moment> {
    let year = i16::try_from(digits / 10_000).ok()?;
    let month = i8::try_from(digits / 100 % 100).ok()?;
    let day = i8::try_from(digits % 100).ok()?;
    let date = (year >= 1000).then(|| Date::new(year, month, day).ok())??;
    Some(Moment::Local(
        date.to_datetime(jiff::civil::Time::midnight()),
    ))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
fn rounded(v: f64) -> Option<i64> {
    (v.abs() < 9e18).then_some(v.round() as i64)
}

/// A number in a date or timestamp column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    /// The number that a raw value is, by type or, in CSV, by its digits.
    pub(super) fn of(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Int(v) => Some(Self::Whole(v)),
            Raw::Real(v) => Some(Self::Real(v)),
            Raw::Text(text) => {
                let text = text.trim_ascii();
                let unsigned = text.strip_prefix('-').unwrap_or(text);
                let digits = |b: u8| b.is_ascii_digit() || b == b'.';
                if !unsigned.starts_with(|c: char| c.is_ascii_digit())
                    || !unsigned.bytes().all(digits)
                {
                    return None;
                }
                let whole = text.parse().map(Self::Whole).ok();
                whole.or_else(|| text.parse().map(Self::Real).ok())
            }
            Raw::Null | Raw::NotUtf8(_) | Raw::Blob(_) => None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "days and milliseconds of years near ours are far below 2^53"
    )]
    fn real(self) -> f64 {
        match self {
            Self::Whole(v) => v as f64,
            Self::Real(v) => v,
        }
    }
}

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A moment, the same everywhere.
    Instant(Timestamp),
    /// What a clock on the wall shows.
    Local(DateTime),
}

impl Moment {
    /// The local date and time.
    pub(super) fn local(self, zone: &TimeZone) -> DateTime {
        match self {
            Self::Instant(instant) => zone.to_datetime(instant),
            Self::Local(local) => local,
        }
    }

    /// The date, if it is a midnight: of the zone, or of UTC, in which many programs compute dates.
    pub(super) fn date(self, zone: &TimeZone) -> Option<Date> {
        let utc = match self {
            Self::Instant(instant) => Some(TimeZone::UTC.to_datetime(instant)),
            Self::Local(_) => None,
        };
        let midnight = |at: &DateTime| at.time() == jiff::civil::Time::midnight();
        [Some(self.local(zone)), utc]
            .into_iter()
            .flatten()
            .find(midnight)
            .map(DateTime::date)
    }
}
