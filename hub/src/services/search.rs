//! What people look for, as a pattern that both databases match alike.
//!
//! Texts are found without regard to case and diacritics, composed or decomposed, and telephone numbers
//! by their digits, however they are written. That takes no column and no index of its own: the
//! databases' function `textregexeq(text, pattern)` reads each row once.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::error::ServiceError;
use super::field_error::Wrong;

/// Most characters that are looked for.
pub(crate) const MAX_SEARCH: usize = 100;

/// Marks that may follow a letter.
const MARKS: &str = "[\u{300}-\u{36f}]*";
/// What a text has between its words.
const SPACES: &str = "[ \t\u{a0}][ \t\u{a0}]*";
/// What may stand between the digits of a telephone number.
const SEPARATORS: &str = "[ .()/-]*";
/// Fewest digits that may be a part of a telephone number.
const MIN_DIGITS: usize = 3;
/// Vietnam's prefix, which stands for the zero of a national number.
const COUNTRY: &str = "84";

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Search {
    text: String,
}

impl Search {
    /// What somebody wrote; nothing but spaces finds every row.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] where it is too long.
    pub(super) fn new(field: &str, text: &str) -> Result<Self, ServiceError> {
        // No text of a row holds U+0000.
        let text = text.replace('\0', "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > MAX_SEARCH {
            return Err(ServiceError::invalid(field, Wrong::TooLong(MAX_SEARCH)));
        }
        Ok(Self { text })
    }

    /// As parameters of a statement: a pattern, and what a key is compared with.
    pub(super) fn parameters(&self) -> [Option<String>; 2] {
        let is_asked = !self.text.is_empty();
        [self.pattern(), self.text.clone()].map(|text| is_asked.then_some(text))
    }

    /// Alternatives of characters, classes in brackets, and `*` behind a class.
    fn pattern(&self) -> String {
        let Some(digits) = self.digits() else {
            let mut pattern = String::new();
            for c in self.text.nfd().filter(|c| !is_combining_mark(*c)) {
                push(&mut pattern, c);
            }
            return pattern;
        };
        let spaced = |digits: &str| {
            let digits: Vec<String> = digits.chars().map(String::from).collect();
            digits.join(SEPARATORS)
        };
        let other = match digits.strip_prefix('0') {
            Some(national) => Some(format!("{COUNTRY}{national}")),
            None => digits
                .strip_prefix(COUNTRY)
                .filter(|national| national.len() >= MIN_DIGITS)
                .map(|national| format!("0{national}")),
        };
        let forms = [Some(digits), other].into_iter().flatten();
        let forms: Vec<String> = forms.map(|digits| spaced(&digits)).collect();
        forms.join("|")
    }

    /// The digits of what may be a telephone number.
    fn digits(&self) -> Option<String> {
        let is_of_phone = |c: char| c.is_ascii_digit() || "+ .()/-".contains(c);
        let digits: String = self.text.chars().filter(char::is_ascii_digit).collect();
        (self.text.chars().all(is_of_phone) && digits.len() >= MIN_DIGITS).then_some(digits)
    }
}

/// The pattern of what somebody wrote.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn pattern_of(text: &str) -> String {
    let search = Search {
        text: text.to_owned(),
    };
    search.pattern()
}

/// Appends what a character without its marks is found by.
fn push(pattern: &mut String, c: char) {
    if c == ' ' {
        pattern.push_str(SPACES);
        return;
    }
    for base in base(c) {
        match VARIANTS.get(&base) {
            Some(variants) => {
                pattern.push('[');
                pattern.extend(variants);
                pattern.push(']');
                pattern.push_str(MARKS);
            }
            None => {
                if base.is_ascii_punctuation() {
                    pattern.push('\\');
                }
                pattern.push(base);
            }
        }
    }
}

/// A character without case and stroke.
fn base(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'đ' { 'd' } else { c })
}

/// For each letter all that differ from it by case and diacritics alone, as far as Latin, Greek and
/// Cyrillic go.
static VARIANTS: LazyLock<HashMap<char, Vec<char>>> = LazyLock::new(|| {
    let mut variants: HashMap<char, Vec<char>> = HashMap::new();
    for c in ('A'..='\u{52f}').chain('\u{1e00}'..='\u{1fff}') {
        let mut bases = c
            .nfd()
            .filter(|part| !is_combining_mark(*part))
            .flat_map(base);
        if let (Some(base), None) = (bases.next(), bases.next())
            && base.is_alphabetic()
        {
            variants.entry(base).or_default().push(c);
        }
    }
    variants
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sqlite::Pattern;

    fn finds(asked: &str, text: &str) -> bool {
        let search = Search::new("q", asked).unwrap();
        let [pattern, _] = search.parameters();
        Pattern::parse(&pattern.unwrap()).unwrap().finds(text)
    }

    #[test]
    fn texts_are_found_without_case_and_diacritics() {
        let decomposed: String = "Nguyễn Đức".nfd().collect();
        for text in ["Nguyễn Đức", &decomposed, "NGUYEN DUC", "nguyển đưc"] {
            for asked in [
                "nguyen",
                "Nguyễn",
                "GUYE",
                "nguyen  duc",
                "đức",
                "Duc",
                " yen d",
            ] {
                assert!(finds(asked, text), "{asked} in {text}");
            }
            for asked in ["nguyn", "nguyenduc", "duc nguyen", ".", "n*", "%", "_"] {
                assert!(!finds(asked, text), "{asked} in {text}");
            }
        }
        assert!(finds("a.b+c@example.vn", "A.B+C@EXAMPLE.VN"));
        assert!(!finds("a.b", "axb"));
        assert!(finds("[x]|(y)*\\", "-[X]|(Y)*\\-"));
        assert!(finds("山", "山田") && finds("ΑΘΗΝΑ", "αθήνα"));
    }

    #[test]
    fn telephone_numbers_are_found_by_their_digits() {
        for text in [
            "0912345678",
            "0912 345 678",
            "+84 912.345.678",
            "84912345678",
            "(0912) 345-678",
        ] {
            for asked in [
                "0912",
                "912345",
                "0912345678",
                "+84912",
                "84 912 345",
                "0912-345",
            ] {
                assert!(finds(asked, text), "{asked} in {text}");
            }
            assert!(!finds("0913", text));
        }
        // Of two numbers none is made.
        assert!(!finds("0912", "user09\n12"));
    }

    #[test]
    fn nothing_finds_all_and_too_much_is_refused() {
        for nothing in ["", "  ", "\0"] {
            assert_eq!(
                Search::new("q", nothing).unwrap().parameters(),
                [None, None]
            );
        }
        assert!(Search::new("q", &"é".repeat(100)).is_ok());
        assert!(Search::new("q", &"é".repeat(101)).is_err());
    }
}
