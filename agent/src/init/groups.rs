//! Numbers whose digits stand in groups of three, as `1,250` or `150.000`: whether the mark between
//! them parts thousands, or may be a decimal mark.

use causeway_shared::value::Raw;

use super::samples::{Cell, Samples};
use super::trial::WORTH_TRYING;

/// What may stand between groups of three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Point,
    Comma,
    Space,
    Apostrophe,
}

pub(super) const MARKS: [Mark; 4] = [Mark::Point, Mark::Comma, Mark::Space, Mark::Apostrophe];

impl Mark {
    fn is(self, c: char) -> bool {
        match self {
            Self::Point => c == '.',
            Self::Comma => c == ',',
            Self::Space => matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}'),
            Self::Apostrophe => matches!(c, '\'' | '’'),
        }
    }

    /// The marks before a fraction that show that this one parts thousands. `1.234,50` is not
    /// among them: with `decimals = "comma"` it is a number.
    fn is_before_fraction(self, c: char) -> bool {
        match self {
            Self::Point => false,
            Self::Comma => c == '.',
            Self::Space | Self::Apostrophe => matches!(c, '.' | ','),
        }
    }

    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Point => "points",
            Self::Comma => "commas",
            Self::Space => "spaces",
            Self::Apostrophe => "apostrophes",
        }
    }
}

/// What has been seen of one mark in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// Numbers with groups.
    pub(super) samples: Samples,
    /// The first of them, without its marks.
    pub(super) first_without_marks: Option<String>,
    /// Some number shows that the mark parts thousands.
    pub(super) is_certain: bool,
    /// Values made of digits, or of groups.
    numbers: u64,
    others: u64,
    /// The mark also stands where it parts no thousands.
    stands_elsewhere: bool,
}

impl Groups {
    pub(super) fn look(&mut self, cell: Cell<'_>, mark: Mark) {
        match cell.raw {
            Raw::Int(_) => self.numbers += 1,
            Raw::Real(_) => self.stands_elsewhere |= mark == Mark::Point,
            Raw::Text(text) => self.look_at_text(text.trim(), cell, mark),
            Raw::Null | Raw::NotUtf8(_) | Raw::Blob(_) => {}
        }
    }

    fn look_at_text(&mut self, text: &str, cell: Cell<'_>, mark: Mark) {
        let digits = text.trim_start_matches(['-', '+']);
        if let Some(is_certain) = parted(digits, mark) {
            self.numbers += 1;
            self.is_certain |= is_certain;
            self.samples.add(cell);
            self.first_without_marks
                .get_or_insert_with(|| text.replace(|c| mark.is(c), "").replace(',', "."));
        } else if is_digits(digits) {
            self.numbers += 1;
        } else {
            self.others += 1;
            self.stands_elsewhere |= digits.contains(|c| mark.is(c));
        }
    }

    /// Whether there are groups, nearly all values are numbers, and no other value shows that the
    /// mark stands before decimals.
    pub(super) fn may_be_thousands(&self) -> bool {
        self.first_without_marks.is_some()
            && !self.stands_elsewhere
            && self.numbers >= WORTH_TRYING * self.others
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a number's digits are parted into groups of three: `Some(true)` where its mark can but
/// part thousands. Thousands never begin with a zero.
fn parted(digits: &str, mark: Mark) -> Option<bool> {
    let (whole, fraction) = match digits.split_once(|c| mark.is_before_fraction(c)) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let (first, groups) = whole.split_once(|c| mark.is(c))?;
    let is_first = (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0');
    let are_groups = groups
        .split(|c| mark.is(c))
        .all(|group| group.len() == 3 && is_digits(group));
    if !is_first || !are_groups || !fraction.is_none_or(is_digits) {
        return None;
    }
    let is_decimal_mark = matches!(mark, Mark::Point | Mark::Comma);
    Some(!is_decimal_mark || fraction.is_some() || groups.len() > 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], mark: Mark) -> Groups {
        let mut groups = Groups::default();
        texts
            .iter()
            .for_each(|text| groups.look(Raw::Text(text).into(), mark));
        groups
    }

    #[test]
    fn points_that_may_part_thousands() {
        let asked = |texts: &[&str]| of(texts, Mark::Point).may_be_thousands();
        assert!(asked(&["500", "-150.000"]));
        assert!(asked(&["1.250.000", "20.500"]));
        for told in [
            &["150.000", "1.5"][..],
            &["150.000", "0.846"],
            &["1.234,50", "150.000"],
            &["150.000", "a", "b"],
            &["1500.000"],
            &["150", "20"],
        ] {
            assert!(!asked(told), "{told:?}");
        }
    }

    #[test]
    fn what_can_but_part_thousands_is_certain() {
        for (text, mark, is_certain) in [
            ("1,250", Mark::Comma, Some(false)),
            ("-1,250.5", Mark::Comma, Some(true)),
            ("1,250,000", Mark::Comma, Some(true)),
            ("1,25", Mark::Comma, None),
            ("0,125", Mark::Comma, None),
            ("150.000", Mark::Point, Some(false)),
            ("1.250.000", Mark::Point, Some(true)),
            ("1.250,50", Mark::Point, None),
            ("1 250,50", Mark::Space, Some(true)),
            ("1\u{202f}250", Mark::Space, Some(true)),
            ("12 34", Mark::Space, None),
            ("1'250.00", Mark::Apostrophe, Some(true)),
        ] {
            let parted = parted(text.trim_start_matches('-'), mark);
            assert_eq!(parted, is_certain, "{text}");
        }
        let groups = of(&["-1,250.50"], Mark::Comma);
        assert_eq!(groups.first_without_marks.as_deref(), Some("-1250.50"));
    }
}
