//! What the numbers of a column look like: whether decimals and floats hold them exactly.

use causeway_shared::value::{MAX_DECIMAL_DIGITS, MAX_SCALE, Raw};

/// Any decimal number of this many digits comes back from a float as it was.
const SAFE_FLOAT_DIGITS: usize = 15;

/// What has been seen of a column's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Every number is written in plain digits, so that a decimal may hold it.
    plain: bool,
    /// Values that are no numbers; nothing else here is about them.
    pub(super) others: u64,
    /// Most digits before the point, zeros in front left out.
    whole_digits: usize,
    /// Most digits after the point, zeros at the end left out.
    scale: usize,
    /// Fewest and most digits after the point as texts write them.
    written: Option<(usize, usize)>,
    /// Some text has a point in it.
    pub(super) pointed: bool,
    /// Some text begins with a zero or a plus that a number would lose.
    pub(super) padded: bool,
    /// A float would change some value.
    pub(super) too_long_for_float: bool,
    /// How many texts are numbers with a comma for the point.
    pub(super) comma: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            plain: true,
            others: 0,
            whole_digits: 0,
            scale: 0,
            written: None,
            pointed: false,
            padded: false,
            too_long_for_float: false,
            comma: 0,
        }
    }
}

impl Numbers {
    pub(super) fn look(&mut self, raw: Raw<'_>) {
        match raw {
            Raw::Int(v) => self.look_at_digits(&v.to_string()),
            Raw::Real(v) => self.look_at_digits(&v.to_string()),
            Raw::Text(text) => self.look_at_text(text.trim_ascii()),
            Raw::Null | Raw::NotUtf8(_) | Raw::Blob(_) => {}
        }
    }

    fn look_at_text(&mut self, text: &str) {
        let digits = text.trim_start_matches(['-', '+']);
        self.comma += u64::from(has_decimal_comma(digits));
        let is_number = text.contains(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok();
        if !is_number {
            self.others += 1;
            return;
        }
        let first = digits.as_bytes().first();
        let second = digits.as_bytes().get(1);
        self.padded |= text.starts_with('+')
            || (first == Some(&b'0') && second.is_some_and(u8::is_ascii_digit));
        if let Some((_, after)) = text.split_once('.') {
            self.pointed = true;
            let (least, most) = self.written.unwrap_or((after.len(), after.len()));
            self.written = Some((least.min(after.len()), most.max(after.len())));
        } else {
            self.written = Some((0, self.written.map_or(0, |(_, most)| most)));
        }
        self.too_long_for_float |= !is_same_as_float(text);
        self.look_at_digits(text);
    }

    fn look_at_digits(&mut self, text: &str) {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if before.len() + after.len() == 0 || !is_digits(before) || !is_digits(after) {
            self.plain = false;
            return;
        }
        let before = before.trim_start_matches('0');
        self.whole_digits = self.whole_digits.max(before.len());
        self.scale = self.scale.max(after.trim_end_matches('0').len());
    }

    /// The least scale, from `least` on, with which a decimal holds every number.
    pub(super) fn decimal_scale(&self, least: u8) -> Option<u8> {
        let scale = u8::try_from(self.scale).ok()?.max(least);
        let digits = self.whole_digits + usize::from(scale);
        (self.plain && scale <= MAX_SCALE && digits <= usize::from(MAX_DECIMAL_DIGITS))
            .then_some(scale)
    }

    /// Most digits after the point as texts write them, and as other numbers have them.
    pub(super) fn most_written(&self) -> Option<u8> {
        let written = self.written.map_or(0, |(_, most)| most);
        u8::try_from(written.max(self.scale)).ok()
    }

    /// The digits after the point, where every text has the same number of them.
    pub(super) fn written_scale(&self) -> Option<u8> {
        match self.written {
            Some((least, most)) if least == most => u8::try_from(most).ok(),
            _ => None,
        }
    }
}

/// `1,5` or `1.234,50`.
fn has_decimal_comma(digits: &str) -> bool {
    let Some((before, after)) = digits.split_once(',') else {
        return false;
    };
    let is_digit = |b: u8| b.is_ascii_digit();
    !before.is_empty()
        && !after.is_empty()
        && before.bytes().all(|b| is_digit(b) || b == b'.')
        && after.bytes().all(is_digit)
}

/// Whether a text's number is the one that a float holds. True of what is no number.
fn is_same_as_float(text: &str) -> bool {
    if text.bytes().filter(u8::is_ascii_digit).count() <= SAFE_FLOAT_DIGITS {
        return true;
    }
    match text.parse::<f64>() {
        Ok(v) if v.is_finite() => scientific(text) == scientific(&format!("{v:e}")),
        _ => true,
    }
}

/// A number's significant digits and the place of the first one.
fn scientific(text: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let leading_zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let place = exponent + i64::try_from(before.len()).ok()? - leading_zeros;
    Some((significant.trim_end_matches('0').to_owned(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Numbers {
        let mut numbers = Numbers::default();
        texts.iter().for_each(|text| numbers.look(Raw::Text(text)));
        numbers
    }

    #[test]
    fn scales() {
        assert_eq!(of(&["1.50", "-2.00"]).written_scale(), Some(2));
        assert_eq!(of(&["1.50", "-2.00"]).decimal_scale(0), Some(1));
        assert_eq!(of(&["1.5", "2"]).written_scale(), None);
        assert_eq!(of(&["1e5"]).decimal_scale(0), None);
        assert_eq!(of(&[&"9".repeat(38)]).decimal_scale(1), None);
    }

    #[test]
    fn digits_that_a_number_would_lose() {
        assert!(of(&["007"]).padded && of(&["+84"]).padded);
        assert!(!of(&["0", "0.5", "-0.1"]).padded);
        assert!(of(&["12345678901234567"]).too_long_for_float);
        assert!(
            !of(&[
                "0.30000000000000004",
                "1234567890123456",
                "100000000000000000000"
            ])
            .too_long_for_float
        );
    }

    #[test]
    fn decimal_commas() {
        assert_eq!(of(&["1,5", "1.234,50", "1.5", "a,5", ","]).comma, 2);
    }
}
