//! Cells of CSV files that people open in a spreadsheet, which would compute what looks like a
//! formula: `=HYPERLINK(…)` in a name that a stranger typed. A `'` in front makes it text.

use std::borrow::Cow;

/// Fewest digits of a telephone number with a country's prefix.
const PHONE_DIGITS: usize = 7;

/// A text as a cell that no spreadsheet computes.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text of a [`guarded`] cell.
#[must_use]
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if needs_guard(text) => text,
        _ => cell,
    }
}

/// A formula, or a text that would be taken for a guarded one.
fn needs_guard(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    match text.as_bytes() {
        [b'=' | b'@' | b'\t' | b'\r' | b'\n', ..] => true,
        [b'+' | b'-', rest @ ..] => !is_number(rest) && !is_phone(text),
        _ => false,
    }
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty()
        && digits
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
}

fn is_phone(text: &str) -> bool {
    let Some(number) = text.strip_prefix('+') else {
        return false;
    };
    let is_of_phone = |byte: u8| byte.is_ascii_digit() || b" .-()".contains(&byte);
    number.bytes().all(is_of_phone)
        && number.bytes().filter(u8::is_ascii_digit).count() >= PHONE_DIGITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_texts_and_nothing_else_changes() {
        for formula in [
            "=1+1",
            "@SUM(A1)",
            "\tx",
            "\r=1",
            "+1+cmd|' /C calc'!A0",
            "-2+3",
            "+",
            "-",
            "-x",
            "+12-34",
            "'=1",
            "''@",
        ] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for text in [
            "",
            "'",
            "'t Hof",
            "a=b",
            "-12",
            "+1,5",
            "-1.234,50",
            "+84 912 345 678",
            "+1 (555) 010-9999",
            "2025-11-28",
        ] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "['=@+\\-0-9 \\ta\\r]{0,12}") {
            let cell = guarded(&text).into_owned();
            prop_assert_eq!(unguarded(&cell), &text);
        }
    }
}
