//! What people look for, as parts of the texts that a database keeps folded ([`crate::searched`]).
//!
//! Texts are found without regard to case and diacritics, composed or decomposed, and telephone numbers
//! by their digits, however they are written.

use super::error::ServiceError;
use super::field_error::Wrong;
use crate::searched::{SEPARATORS, fold};

/// Most characters that are looked for.
pub(crate) const MAX_SEARCH: usize = 100;

/// Fewest digits that may be a part of a telephone number.
const MIN_DIGITS: usize = 3;
/// Vietnam's prefix, which stands for the zero of a national number.
const COUNTRY: &str = "84";

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Search {
    text: String,
}

impl Search {
    /// What somebody wrote; nothing but spaces finds every row.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] where it is too long.
    pub(super) fn new(field: &str, text: &str) -> Result<Self, ServiceError> {
        // No text of a row holds U+0000, nor can it be sent to a database: it finds nobody.
        let text = text.replace('\0', "\u{fffd}");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > MAX_SEARCH {
            return Err(ServiceError::invalid(field, Wrong::TooLong(MAX_SEARCH)));
        }
        Ok(Self { text })
    }

    /// As parameters of a statement: three texts of which a row has to have one, and what a key is compared with.
    pub(super) fn parameters(&self) -> [Option<String>; 4] {
        if self.text.is_empty() {
            return [const { None }; 4];
        }
        let [digits, other] = self.digits();
        let folded = fold(&self.text);
        let digits = digits.filter(|digits| *digits != folded);
        [Some(folded), digits, other, Some(self.text.clone())]
    }

    /// The digits of what may be a telephone number, and the same with or without the country's prefix.
    fn digits(&self) -> [Option<String>; 2] {
        let is_of_phone = |c: char| c.is_ascii_digit() || SEPARATORS.contains(c);
        let digits: String = self.text.chars().filter(char::is_ascii_digit).collect();
        if !self.text.chars().all(is_of_phone) || digits.len() < MIN_DIGITS {
            return [None, None];
        }
        let other = match digits.strip_prefix('0') {
            Some(national) => Some(format!("{COUNTRY}{national}")),
            None => digits
                .strip_prefix(COUNTRY)
                .filter(|national| national.len() >= MIN_DIGITS)
                .map(|national| format!("0{national}")),
        };
        [Some(digits), other]
    }
}

/// The texts by which what somebody wrote is looked for.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn texts_of(text: &str) -> [Option<String>; 3] {
    let text = text.to_owned();
    let [folded, digits, other, _] = Search { text }.parameters();
    [folded, digits, other]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a row is found whose folded text this is.
    fn finds(asked: &str, text: &str) -> bool {
        let search = Search::new("q", asked).unwrap();
        let [texts @ .., _] = search.parameters();
        texts.iter().flatten().any(|part| text.contains(part))
    }

    #[test]
    fn texts_are_found_without_case_and_diacritics() {
        for asked in [
            "nguyen",
            "Nguyễn",
            "GUYE",
            "nguyen  duc",
            "đức",
            "Duc",
            " yen d",
        ] {
            assert!(finds(asked, "nguyen duc"), "{asked}");
        }
        for asked in ["nguyn", "nguyenduc", "duc nguyen", ".", "n*", "%", "_"] {
            assert!(!finds(asked, "nguyen duc"), "{asked}");
        }
        assert!(finds("a.b+c@example.vn", "a.b+c@example.vn"));
        assert!(!finds("a.b", "axb"));
    }

    #[test]
    fn a_text_that_no_row_can_hold_finds_nobody() {
        assert!(!finds("\0", "nguyen duc"));
        assert!(!finds("ngu\0yen", "nguyen duc"));
    }

    #[test]
    fn telephone_numbers_are_found_by_their_digits() {
        for number in ["0912345678", "84912345678"] {
            for asked in [
                "0912",
                "912345",
                "0912345678",
                "+84912",
                "84 912 345",
                "0912-345",
            ] {
                assert!(finds(asked, number), "{asked} in {number}");
            }
            assert!(!finds("0913", number));
        }
        // Digits that are no telephone number are found as they are written.
        assert!(finds("2025-11-28", "from 2025-11-28 on"));
        // Of two numbers none is made.
        assert!(!finds("0912", "user09\n12"));
    }

    #[test]
    fn nothing_finds_all_and_too_much_is_refused() {
        for nothing in ["", "  "] {
            assert_eq!(
                Search::new("q", nothing).unwrap().parameters(),
                [const { None }; 4]
            );
        }
        assert!(Search::new("q", &"é".repeat(100)).is_ok());
        assert!(Search::new("q", &"é".repeat(101)).is_err());
    }
}
