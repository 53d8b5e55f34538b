//! Telephone numbers that a spreadsheet took for numbers.
//!
//! A spreadsheet drops the zero that a national number begins with. Whether one was there can be
//! told only where the country is declared, and only from numbers as long as that country's are.
//! Everything else is kept as it is written: `+84 912 345 678` and `84912345678` too.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Forms, Raw, Refusal, Value, not_of_type, text};
use crate::value::Type;

/// A country whose national numbers begin with a zero and have a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PhoneCountry {
    /// Australia.
    Au,
    /// France.
    Fr,
    /// Great Britain; mobile numbers only, the others differ in length.
    Gb,
    /// Thailand; mobile numbers only.
    Th,
    /// Vietnam.
    Vn,
}

impl PhoneCountry {
    /// Which numbers have lost their zero: how many digits are left, and the first three of them.
    fn without_zero(self) -> &'static [(usize, &'static [RangeInclusive<u16>])] {
        match self {
            Self::Au => &[(9, &[200..=499, 700..=899])],
            Self::Fr => &[(9, &[100..=999])],
            Self::Gb => &[(10, &[700..=799])],
            Self::Th => &[(9, &[600..=699, 800..=999])],
            // Mobile numbers have ten digits with their zero, landlines eleven.
            Self::Vn => &[
                (9, &[300..=399, 500..=599, 700..=999]),
                (10, VIETNAMESE_AREAS),
            ],
        }
    }

    fn has_lost_zero(self, digits: &str) -> bool {
        let first = || digits.get(..3)?.parse::<u16>().ok();
        digits.bytes().all(|b| b.is_ascii_digit())
            && self.without_zero().iter().any(|(length, areas)| {
                digits.len() == *length
                    && first().is_some_and(|first| areas.iter().any(|area| area.contains(&first)))
            })
    }
}

/// Vietnam's area codes since 2017, without their zero: 24 is Hanoi and 28 Ho Chi Minh City, with
/// eight digits behind them, the others are of three digits, one for each of the 61 other provinces
/// of then, with seven (Decision 2036/QĐ-BTTTT of 21 November 2016, of the Ministry of Information
/// and Communications; the codes outlived the merging of provinces in 2025).
const VIETNAMESE_AREAS: &[RangeInclusive<u16>] = &[
    203..=216,
    218..=222,
    225..=229,
    232..=249,
    251..=252,
    254..=263,
    269..=277,
    280..=294,
    296..=297,
    299..=299,
];

/// Reads a telephone number: text, in which a declared country's lost zero is put back.
pub(super) fn phone<'a>(raw: Raw<'a>, forms: &Forms) -> Result<Value<'a>, Refusal> {
    let Value::Text(number) = text(raw)? else {
        return Err(not_of_type(raw, Type::Phone));
    };
    let trimmed = number.trim_ascii();
    if forms.refuse_cut_phones && is_scientific(trimmed) {
        return Err(Refusal::PhoneCut { found: raw.show() });
    }
    // `912345678.0` is how data frames write a column of numbers with gaps.
    let digits = trimmed.strip_suffix(".0").unwrap_or(trimmed);
    let country = forms.phone_country;
    if country.is_some_and(|country| country.has_lost_zero(digits)) {
        return Ok(Value::Text(Cow::Owned(format!("0{digits}"))));
    }
    Ok(Value::Text(number))
}

/// Whether a text is a number like `9.12E+08`, of whose digits only some are left.
fn is_scientific(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let is_number = |text: &str, marks: &[char]| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || marks.contains(&c))
    };
    is_number(digits, &['.', ',']) && is_number(exponent.trim_start_matches('+'), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(phone_country: Option<PhoneCountry>) -> Forms {
        Forms {
            phone_country,
            refuse_cut_phones: true,
            ..Forms::default()
        }
    }

    fn read(number: &str, country: Option<PhoneCountry>) -> String {
        match phone(Raw::Text(number), &forms(country)) {
            Ok(Value::Text(text)) => text.into_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_lost_zero_comes_back_where_the_country_is_declared() {
        let vietnam = |number| read(number, Some(PhoneCountry::Vn));
        assert_eq!(vietnam("912345678"), "0912345678");
        assert_eq!(vietnam(" 357123456 "), "0357123456");
        assert_eq!(vietnam("912345678.0"), "0912345678");
        assert_eq!(vietnam("2438251234"), "02438251234");
        assert_eq!(vietnam("2993822123"), "02993822123");
        assert_eq!(read("912345678", None), "912345678");
        assert_eq!(read("412345678", Some(PhoneCountry::Au)), "0412345678");
        assert_eq!(read("612345678", Some(PhoneCountry::Fr)), "0612345678");
        assert_eq!(read("7911123456", Some(PhoneCountry::Gb)), "07911123456");
        assert_eq!(read("812345678", Some(PhoneCountry::Th)), "0812345678");
        let real = phone(Raw::Real(912_345_678.0), &forms(Some(PhoneCountry::Vn)));
        assert_eq!(real, Ok(Value::Text("0912345678".into())));
        let int = phone(Raw::Int(912_345_678), &forms(Some(PhoneCountry::Vn)));
        assert_eq!(int, Ok(Value::Text("0912345678".into())));
    }

    #[test]
    fn every_other_number_stays_as_it_is_written() {
        for number in [
            "0912345678",
            "+84912345678",
            "0084912345678",
            "84912345678",
            "912 345 678",
            "112345678",
            "91234567",
            // New Jersey and British Columbia.
            "2015550123",
            "2505550123",
            "19001234",
            "hỏi chị Lan",
            "",
        ] {
            assert_eq!(read(number, Some(PhoneCountry::Vn)), number);
        }
    }

    #[test]
    fn digits_that_a_spreadsheet_cut_are_not_made_up() {
        for number in ["9.12E+08", "9,12E+08", "9e8"] {
            assert!(phone(Raw::Text(number), &forms(None)).is_err(), "{number}");
        }
        insta::assert_snapshot!(
            phone(Raw::Text("9.12E+08"), &forms(None)).unwrap_err(),
            @r#""9.12E+08" is a telephone number that a spreadsheet cut; give the column the format text there, type the number again and export the file"#
        );
        let stored = phone(Raw::Text("9.12E+08"), &Forms::default());
        assert_eq!(stored, Ok(Value::Text("9.12E+08".into())));
    }
}
