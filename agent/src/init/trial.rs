//! How the values of a column take to a type, and when a few that do not are odd ones.

use causeway_shared::value::{DateOrder, Forms, Type, parse};

use super::samples::{Cell, Samples};

/// A type is tried no more once it has refused this many values …
const ENOUGH_REFUSALS: u64 = 64;

/// … and has not taken this many times as many.
pub(super) const WORTH_TRYING: u64 = 10;

/// Most values of a column that may be odd among many others.
pub(super) const MAX_ODD: u64 = 3;

/// How the values of a column took to one type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trial {
    /// Values of that type.
    pub(super) taken: u64,
    /// Values that are not.
    pub(super) refused: u64,
    pub(super) refused_samples: Samples,
    /// Values that are not, with digits in them.
    refused_with_digits: u64,
    /// It refused so many that it was tried no more.
    given_up: bool,
}

impl Trial {
    /// Every value is of the type, and there is one.
    pub(super) fn fits(&self) -> bool {
        self.taken > 0 && self.refused == 0
    }

    /// Every value is of the type but for a few odd ones, as a line of totals has them. One with
    /// digits among numbers may be one of them, as `12a` among the numbers of houses.
    pub(super) fn fits_but_for_few(&self, ty: Type) -> bool {
        let is_number = matches!(ty, Type::Int | Type::Float);
        self.nearly_fits()
            && self.refused <= MAX_ODD
            && (!is_number || self.refused_with_digits == 0)
    }

    /// Nearly every value is of the type.
    pub(super) fn nearly_fits(&self) -> bool {
        !self.given_up && self.refused > 0 && self.taken >= WORTH_TRYING * self.refused
    }

    pub(super) fn look(&mut self, cell: Cell<'_>, ty: Type, forms: &Forms) {
        if self.given_up {
            return;
        }
        if parse(cell.raw, ty, forms).is_ok() {
            self.taken += 1;
            return;
        }
        self.refused += 1;
        self.refused_samples.add(cell);
        self.refused_with_digits += u64::from(cell.has_digits());
        self.given_up = self.refused >= ENOUGH_REFUSALS && self.taken < WORTH_TRYING * self.refused;
    }
}

/// The forms of a source with this order of dates. Which zone offsets are converted to does not
/// matter to what a value's type is.
pub(super) fn forms(dates: DateOrder) -> Forms {
    Forms {
        dates,
        refuse_cut_phones: true,
        ..Forms::default()
    }
}
