//! Telephone numbers that a spreadsheet took for numbers.
//!
//! A spreadsheet drops the zero that a national number begins with. Whether one was there can be
//! told only where the country is declared, and only from numbers as long as that country's are.
//! Everything else is kept as it is written: `+84 912 345 678` and `84912345678` too.

use std::borrow::Cow;

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
    /// Which numbers have lost their zero: how many digits are left, and the first of them.
    fn without_zero(self) -> &'static [(usize, &'static [u8])] {
        match self {
            Self::Au => &[(9, b"23478")],
            Self::Fr => &[(9, b"123456789")],
            Self::Gb => &[(10, b"7")],
            Self::Th => &[(9, b"689")],
            // Mobile numbers have ten digits with their zero, landlines eleven.
            Self::Vn => &[(9, b"35789"), (10, b"2")],
        }
    }

    fn has_lost_zero(self, digits: &str) -> bool {
        digits.bytes().all(|b| b.is_ascii_digit())
            && self.without_zero().iter().any(|(length, first)| {
                digits.len() == *length && first.contains(&digits.as_bytes()[0])
            })
    }
}

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
