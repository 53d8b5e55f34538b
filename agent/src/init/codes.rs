//! Texts that read as numbers and may be none: `01067`, `+15`, `1E2`, `1.10`.

use causeway_shared::value::Raw;

use super::samples::{Cell, Samples};

/// What a number would lose of a column's texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Codes {
    /// Leading zeros, or a plus.
    pub(super) padded: Samples,
    /// `1E2`: whole digits before an exponent without a sign, as rooms and parts are numbered.
    pub(super) exponents: Samples,
    /// `1.10`: zeros at the end of a fraction, as versions have them. `1.0` is how programs write a
    /// whole number.
    pub(super) trailing_zeros: Samples,
    /// Fewest digits of a whole number.
    pub(super) fewest_digits: Option<usize>,
}

impl Codes {
    pub(super) fn look(&mut self, cell: Cell<'_>) {
        let Raw::Text(text) = cell.raw else {
            return;
        };
        let text = text.trim_ascii();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = match digits.find(|c: char| !c.is_ascii_digit()) {
            Some(end) => digits.split_at(end),
            None => (digits, ""),
        };
        if whole.is_empty() {
            return;
        }
        let fraction = rest.strip_prefix('.').unwrap_or_default();
        let exponent = rest.strip_prefix(['e', 'E']).unwrap_or_default();
        if text.starts_with('+') || (whole.len() > 1 && whole.starts_with('0')) {
            self.padded.add(cell);
        }
        if is_digits(exponent) {
            self.exponents.add(cell);
        }
        if is_digits(fraction) && fraction.len() > 1 && fraction.ends_with('0') {
            self.trailing_zeros.add(cell);
        }
        if rest.is_empty() {
            let fewest = self.fewest_digits.unwrap_or(whole.len());
            self.fewest_digits = Some(fewest.min(whole.len()));
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> [bool; 3] {
        let mut codes = Codes::default();
        codes.look(Raw::Text(text).into());
        [codes.padded, codes.exponents, codes.trailing_zeros].map(|samples| samples.added > 0)
    }

    #[test]
    fn what_a_number_would_lose() {
        for text in ["007", "-05", "+15", "01.5"] {
            assert_eq!(of(text), [true, false, false], "{text}");
        }
        for text in ["1E2", "20e1"] {
            assert_eq!(of(text), [false, true, false], "{text}");
        }
        for text in ["1.10", "2.00", "-3.1400"] {
            assert_eq!(of(text), [false, false, true], "{text}");
        }
        for text in [
            "0", "10", "0.5", "2.0", "1e-5", "1.5E2", "1E+2", "E2", ".50", "x",
        ] {
            assert_eq!(of(text), [false, false, false], "{text}");
        }
    }
}
