//! Numbers, as texts and as numbers of another type.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Forms, Refusal, as_text, inexact, parse};
use crate::value::{MAX_DECIMAL_DIGITS, Raw, Type, Value};

/// Integers up to this size are exact in a float.
const EXACT_IN_FLOAT: i64 = 1 << 53;

/// What stands before the fraction of a number that is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalMark {
    /// `1.5`
    #[default]
    Point,
    /// `1,5`, `1.234,5` and `1.234.567`. Points are taken only where they can but part thousands:
    /// before a comma or where there are several, and before exactly three digits each.
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

/// Whether what stands behind a mark may be thousands: Vietnam writes 150.000 for what is 150000
/// elsewhere. Only a type that has a use for three digits behind the mark tells.
fn may_be_thousands(behind: &str) -> bool {
    behind.len() == 3
}

/// A text as a number with a decimal point, where the source's mark is what stands in it.
pub(super) fn number_text(raw: Raw<'_>, mark: DecimalMark) -> Option<Cow<'_, str>> {
    mark.with_point(as_text(raw)?)
}

/// `1.234.567,89` as `1234567.89`, and `1.234.567` as `1234567`: points that part groups of exactly
/// three digits, and a comma behind them or more than one point, so that none can be a decimal mark.
fn without_thousands(text: &str) -> Option<String> {
    let (whole, fraction) = match text.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if fraction.is_none() && whole.matches('.').count() < 2 {
        return None;
    }
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (first, groups) = digits.split_once('.')?;
    let is_first = is_digits(first) && first.len() <= 3 && !first.starts_with('0');
    let are_groups = groups
        .split('.')
        .all(|group| is_digits(group) && group.len() == 3);
    if !is_first || !are_groups || !fraction.is_none_or(is_digits) {
        return None;
    }
    let whole = whole.replace('.', "");
    Some(fraction.map_or(whole.clone(), |fraction| format!("{whole}.{fraction}")))
}

/// Whether a text is made of digits with a point among them.
pub(super) fn is_pointed_number(text: &str) -> bool {
    let text = text.trim_ascii();
    text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.,".contains(&b))
}

/// Whether a text is a number if its comma is a decimal mark, which was not declared.
pub(super) fn is_with_comma(text: &str, ty: Type, mark: DecimalMark) -> bool {
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

/// `None` if it is no integer of 64 bits at all.
pub(super) fn int<'a>(raw: Raw<'_>, forms: &Forms) -> Result<Option<Value<'a>>, Refusal> {
    let v = match raw {
        Raw::Int(v) => Some(v),
        Raw::Real(v) => whole(v),
        Raw::Text(_) => {
            let text = number_text(raw, forms.decimals);
            let v = text.as_deref().and_then(whole_text);
            if let (Some(_), Some(text)) = (v, text) {
                keeps_its_digits(raw, &text, Type::Int, forms)?;
            }
            v
        }
        _ => None,
    };
    Ok(v.map(Value::Int))
}

/// `12` and `12.0`, which is how spreadsheets and data frames write an integer column with gaps.
fn whole_text(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') && !may_be_thousands(zeros) => {
            digits
        }
        Some(_) => return None,
        None => text,
    };
    digits.parse().ok()
}

/// Refuses the text of a whole number that would lose leading zeros or a plus: 01067 is a postal
/// code and +15 a country's prefix, unless the column says otherwise.
fn keeps_its_digits(raw: Raw<'_>, text: &str, ty: Type, forms: &Forms) -> Result<(), Refusal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let what = if text.starts_with('+') {
        "plus"
    } else if whole.len() > 1 && whole.starts_with('0') {
        "leading zeros"
    } else {
        return Ok(());
    };
    if forms.drop_leading_zeros {
        return Ok(());
    }
    Err(Refusal::LosesDigits {
        wanted: ty.to_string(),
        found: raw.show(),
        what,
    })
}

/// A float as an integer, if it is one and no other float is as near.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
fn whole(v: f64) -> Option<i64> {
    (v.fract() == 0.0 && v.abs() <= EXACT_IN_FLOAT as f64).then_some(v as i64)
}

pub(super) fn float<'a>(raw: Raw<'_>, mark: DecimalMark) -> Option<Value<'a>> {
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

pub(super) fn finite(text: &str) -> Option<f64> {
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

/// `None` if it is no decimal number at all.
pub(super) fn decimal<'a>(
    raw: Raw<'_>,
    scale: u8,
    forms: &Forms,
) -> Result<Option<Value<'a>>, Refusal> {
    let text = match raw {
        Raw::Int(v) => Cow::Owned(v.to_string()),
        // Display writes the shortest digits that round-trip, never an exponent.
        Raw::Real(v) => Cow::Owned(v.to_string()),
        _ => match number_text(raw, forms.decimals) {
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
    if scale == 0 && matches!(raw, Raw::Text(_)) {
        keeps_its_digits(raw, &text, Type::Decimal(0), forms)?;
    }
    Ok(Some(Value::Decimal(
        if negative { -units } else { units },
        scale,
    )))
}
