//! What numbers add up to: exact for integers and decimals.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{MAX_SCALE, Value};

/// What the lower digits of a [`Decimal`] stay below: 19 digits, so that an `i64` has no others.
const BASE: i128 = 10_000_000_000_000_000_000;

/// The digits of [`BASE`]'s remainder.
const LOW_DIGITS: usize = 19;

/// Most digits of a number: those of the lower part, and what an `i128` holds.
const MAX_DIGITS: usize = LOW_DIGITS + 38;

/// The upper part of a number of that many digits is below this.
const HIGH_END: u128 = 10u128.pow(38);

/// The largest integer that JSON's readers take without rounding: 2^53 − 1.
const MAX_JSON_INTEGER: i128 = 9_007_199_254_740_991;

/// What the values of a column come to.
///
/// In JSON an exact one is an integer, or, where it has decimals or is past ±(2^53 − 1), a string;
/// a float is a number with a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Of integers or decimals.
    Exact(Decimal),
    /// Of floats. Each addition rounds, so that the order in which they are added matters.
    Float(f64),
}

impl Default for Amount {
    fn default() -> Self {
        Self::Exact(Decimal::default())
    }
}

impl Amount {
    /// A number as an amount; `None`: it is no number.
    #[must_use]
    pub fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(v) => Some(Self::Exact(Decimal::new(i128::from(*v), 0))),
            Value::Decimal(units, scale) => Some(Self::Exact(Decimal::new(*units, *scale))),
            Value::Float(v) => Some(Self::Float(*v)),
            _ => None,
        }
    }

    /// Adds another amount. What is no longer exact becomes a float; a float past the largest one
    /// stays there, since JSON has no infinity.
    pub fn add(&mut self, other: Self) {
        if let (Self::Exact(ours), Self::Exact(theirs)) = (*self, other)
            && let Some(sum) = ours.plus(theirs)
        {
            *self = Self::Exact(sum);
        } else {
            let sum = self.to_float() + other.to_float();
            *self = Self::Float(sum.clamp(f64::MIN, f64::MAX));
        }
    }

    /// The nearest float.
    #[must_use]
    pub fn to_float(self) -> f64 {
        match self {
            Self::Float(v) => v,
            // Digits with a point always are a float.
            Self::Exact(v) => v.to_string().parse().unwrap_or(0.0),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Float(v) => serializer.serialize_f64(*v),
            Self::Exact(v) => match v.as_json_integer() {
                Some(v) => serializer.serialize_i64(v),
                None => serializer.collect_str(v),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or its digits as a string")
            }

            fn visit_i64<E: Error>(self, v: i64) -> Result<Amount, E> {
                Ok(Amount::Exact(Decimal::new(i128::from(v), 0)))
            }

            fn visit_u64<E: Error>(self, v: u64) -> Result<Amount, E> {
                Ok(Amount::Exact(Decimal::new(i128::from(v), 0)))
            }

            fn visit_f64<E: Error>(self, v: f64) -> Result<Amount, E> {
                Ok(Amount::Float(v))
            }

            fn visit_str<E: Error>(self, v: &str) -> Result<Amount, E> {
                v.parse().map(Amount::Exact).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// A decimal number of up to 57 digits: more than a sum of 10^19 values can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decimal {
    /// The number is `(high · BASE + low) / 10^scale`.
    high: i128,
    /// From 0 to below [`BASE`].
    low: i128,
    scale: u8,
}

impl Decimal {
    /// The number `units / 10^scale`.
    #[must_use]
    pub fn new(units: i128, scale: u8) -> Self {
        let (high, low) = carried(units);
        Self { high, low, scale }
    }

    /// The sum, or `None` where it has too many digits.
    fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (ours, theirs) = (self.rescaled(scale)?, other.rescaled(scale)?);
        let (carry, low) = carried(ours.low + theirs.low);
        let high = ours.high.checked_add(theirs.high)?.checked_add(carry)?;
        (high.unsigned_abs() < HIGH_END).then_some(Self { high, low, scale })
    }

    /// The same number with more digits after the point.
    fn rescaled(self, scale: u8) -> Option<Self> {
        let mut number = self;
        while number.scale < scale {
            let (carry, low) = carried(number.low * 10);
            let high = number.high.checked_mul(10)?.checked_add(carry)?;
            number = Self {
                high,
                low,
                scale: number.scale + 1,
            };
        }
        Some(number)
    }

    fn as_json_integer(self) -> Option<i64> {
        let units = match (self.scale, self.high) {
            (0, 0) => self.low,
            (0, -1) => self.low - BASE,
            _ => return None,
        };
        let is_safe = units.abs() <= MAX_JSON_INTEGER;
        i64::try_from(units).ok().filter(|_| is_safe)
    }

    fn negated(self) -> Self {
        let (carry, low) = carried(-self.low);
        Self {
            high: carry - self.high,
            low,
            scale: self.scale,
        }
    }
}

/// Units as a multiple of [`BASE`] and a remainder that is not negative.
fn carried(units: i128) -> (i128, i128) {
    // Most need no division, and a scan passes here with each row.
    match units {
        0..BASE => (0, units),
        _ if (-BASE..0).contains(&units) => (-1, units + BASE),
        _ => (units.div_euclid(BASE), units.rem_euclid(BASE)),
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, number) = match self.high < 0 {
            true => ("-", self.negated()),
            false => ("", *self),
        };
        let digits = match number.high {
            0 => number.low.to_string(),
            high => format!("{high}{:0LOW_DIGITS$}", number.low),
        };
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, decimals) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{decimals}")
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| {
            let shown: String = text.chars().take(MAX_DIGITS).collect();
            format!(
                "{shown:?} is no decimal number of at most {MAX_DIGITS} digits, {MAX_SCALE} of \
                 them after the point"
            )
        })
    }
}

fn read(text: &str) -> Option<Decimal> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let scale = u8::try_from(decimals.len()).ok()?;
    let digits = format!("{whole}{decimals}");
    let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits || digits.len() > MAX_DIGITS || scale > MAX_SCALE {
        return None;
    }
    let (high, low) = digits.split_at(digits.len().saturating_sub(LOW_DIGITS));
    let number = Decimal {
        high: if high.is_empty() {
            0
        } else {
            high.parse().ok()?
        },
        low: low.parse().ok()?,
        scale,
    };
    Some(if is_negative {
        number.negated()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[Value<'_>]) -> Amount {
        let mut sum = Amount::default();
        for value in values {
            sum.add(Amount::of(value).unwrap());
        }
        sum
    }

    fn json(values: &[Value<'_>]) -> String {
        serde_json::to_string(&sum(values)).unwrap()
    }

    #[test]
    fn integers_and_decimals_add_up_exactly() {
        assert_eq!(json(&[Value::Int(1), Value::Int(-3)]), "-2");
        assert_eq!(
            json(&[Value::Int(9_007_199_254_740_991)]),
            "9007199254740991"
        );
        // 2^53 + 1 is not a float.
        let past = [Value::Int(9_007_199_254_740_992), Value::Int(1)];
        assert_eq!(json(&past), r#""9007199254740993""#);
        let ends = [Value::Int(i64::MIN), Value::Int(i64::MIN), Value::Int(1)];
        assert_eq!(json(&ends), r#""-18446744073709551615""#);
        let cents = [(); 3].map(|()| Value::Decimal(10, 2));
        assert_eq!(json(&cents), r#""0.30""#);
        assert_eq!(json(&[Value::Decimal(-5, 2)]), r#""-0.05""#);
        let most = 10i128.pow(38) - 1;
        let most = [(); 3].map(|()| Value::Decimal(most, 18));
        assert_eq!(json(&most), r#""299999999999999999999.999999999999999997""#);
    }

    #[test]
    fn floats_stay_floats() {
        assert_eq!(json(&[Value::Float(0.5), Value::Float(11.5)]), "12.0");
        assert_eq!(
            serde_json::from_str::<Amount>("12.5").unwrap(),
            Amount::Float(12.5)
        );
        // A column whose type changed, in a total of old and new partitions.
        assert_eq!(json(&[Value::Decimal(125, 1), Value::Float(0.25)]), "12.75");
        let most = [Value::Float(f64::MAX), Value::Float(f64::MAX)];
        assert_eq!(sum(&most), Amount::Float(f64::MAX));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(58);
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1e3",
            "+1",
            "0.1234567890123456789",
            &long,
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        insta::assert_snapshot!("a".parse::<Decimal>().unwrap_err(), @r#""a" is no decimal number of at most 57 digits, 18 of them after the point"#);
    }

    #[test]
    fn too_many_digits_are_a_float_and_no_panic() {
        let most: Decimal = "9".repeat(57).parse().unwrap();
        let mut sum = Amount::Exact(most);
        for _ in 0..2 {
            sum.add(Amount::Exact(most));
        }
        assert_eq!(sum, Amount::Float(3e57));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_units_in_any_order(
            units in prop::collection::vec(-10i128.pow(36)..10i128.pow(36), 0..20), scale in 0u8..=18,
        ) {
            let values: Vec<_> = units.iter().map(|v| Value::Decimal(*v, scale)).collect();
            let backwards: Vec<_> = values.iter().rev().cloned().collect();
            let mut expected = Amount::Exact(Decimal::new(units.iter().sum(), scale));
            if units.is_empty() {
                expected = Amount::default();
            }
            prop_assert_eq!(sum(&values), expected);
            prop_assert_eq!(sum(&backwards), expected);
        }

        #[test]
        fn what_is_written_is_read(units in any::<i128>(), scale in 0u8..=18) {
            let amount = Amount::Exact(Decimal::new(units, scale));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }
    }
}
