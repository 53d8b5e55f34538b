//! Numbers with a decimal comma, `1,5` or `1.234,50`: whether a column's are such, and of which
//! type they are then. One setting holds for all columns of a source, as with the order of dates.

use causeway_shared::value::{DecimalMark, Forms, Raw, Type, parse};

use super::numbers::Numbers;
use super::samples::{Cell, Samples};
use super::trial::{MAX_ODD, WORTH_TRYING, forms};

/// What a column's numbers are if their mark is a comma.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Commas {
    /// Values that are numbers then.
    taken: u64,
    /// Values that are not.
    pub(super) refused: u64,
    pub(super) refused_samples: Samples,
    /// Those of them that have digits in them.
    refused_with_digits: u64,
    /// Texts that are numbers only then: `1,5` and `1.234,50`, but not `1,500`, whose comma may
    /// part thousands.
    certain: u64,
    /// Those numbers with a point in place of the comma.
    numbers: Numbers,
}

impl Commas {
    /// Looks at a value; `forms` are those of a decimal comma.
    pub(super) fn look(&mut self, cell: Cell<'_>, forms: &Forms) {
        if parse(cell.raw, Type::Float, forms).is_err() {
            self.refused += 1;
            self.refused_samples.add(cell);
            self.refused_with_digits += u64::from(cell.has_digits());
            return;
        }
        self.taken += 1;
        let Raw::Text(text) = cell.raw else {
            return self.numbers.look(cell.raw);
        };
        if let Some((before, after)) = text.trim_ascii().split_once(',') {
            self.certain += u64::from(before.contains('.') || after.len() != 3);
        }
        if let Some(text) = DecimalMark::Comma.with_point(text.trim_ascii()) {
            self.numbers.look(Raw::Text(&text));
        }
    }

    /// Every value is a number with a decimal comma or without any.
    pub(super) fn fits(&self) -> bool {
        self.certain > 0 && self.refused == 0
    }

    /// Every value is, but for a few odd ones.
    pub(super) fn fits_but_for_few(&self) -> bool {
        self.nearly_fits() && self.refused <= MAX_ODD && self.refused_with_digits == 0
    }

    /// Nearly every value is.
    pub(super) fn nearly_fits(&self) -> bool {
        self.certain > 0 && self.refused > 0 && self.taken >= WORTH_TRYING * self.refused
    }

    /// The type that takes them all; `None` where a number would lose digits.
    pub(super) fn ty(&self) -> Option<Type> {
        let numbers = &self.numbers;
        if numbers.padded {
            return None;
        }
        let exact = numbers
            .most_written()
            .and_then(|scale| numbers.decimal_scale(scale.max(1)));
        exact
            .map(Type::Decimal)
            .or((!numbers.too_long_for_float).then_some(Type::Float))
    }
}

/// The forms of a source whose decimal mark is the comma.
pub(super) fn comma_forms() -> Forms {
    Forms {
        decimals: DecimalMark::Comma,
        ..forms(Default::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Commas {
        let (mut commas, forms) = (Commas::default(), comma_forms());
        texts
            .iter()
            .for_each(|text| commas.look(Raw::Text(text).into(), &forms));
        commas
    }

    #[test]
    fn only_what_can_be_nothing_else_is_a_decimal_comma() {
        assert!(of(&["58.500,50", "12", "1,5"]).fits());
        assert!(!of(&["1,500", "12"]).fits(), "thousands, perhaps");
        assert!(of(&["1,500", "1,5"]).fits());
        assert!(!of(&["1.5", "1,5"]).fits() && !of(&["a,5"]).fits());
    }

    #[test]
    fn its_type_takes_every_value() {
        assert_eq!(of(&["58.500,50", "12"]).ty(), Some(Type::Decimal(2)));
        assert_eq!(of(&["1,500", "1,5"]).ty(), Some(Type::Decimal(3)));
        assert_eq!(of(&["1,5e3"]).ty(), Some(Type::Float));
        assert_eq!(of(&["007,5"]).ty(), None);
    }
}
