//! The mark before a fraction in a source: one for all its columns, since that is what can be declared.

use causeway_shared::value::{DecimalMark, Type};

use super::profile::Profile;

/// What a file's columns say about the mark before a fraction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DecimalMarks {
    /// Columns of numbers with a decimal comma.
    commas: Vec<String>,
    /// Columns of numbers with a decimal point.
    points: Vec<String>,
}

impl DecimalMarks {
    pub(super) fn add(&mut self, column: &str, profile: &Profile) {
        if profile.commas.fits() || profile.commas.nearly_fits() {
            self.commas.push(column.to_owned());
        } else if profile.numbers.pointed && profile.trial(Type::Float, Default::default()).fits() {
            self.points.push(column.to_owned());
        }
    }

    /// Adds another file's.
    pub(super) fn merge(&mut self, other: &Self) {
        self.commas.extend_from_slice(&other.commas);
        self.points.extend_from_slice(&other.points);
    }

    /// The mark that loses nothing; `None` where no number has any. A point is what is read
    /// without being declared, so that it stands where both occur.
    pub(super) fn wanted(&self) -> Option<DecimalMark> {
        match (self.commas.is_empty(), self.points.is_empty()) {
            (true, true) => None,
            (false, true) => Some(DecimalMark::Comma),
            (_, false) => Some(DecimalMark::Point),
        }
    }

    /// Why the comma is declared.
    pub(super) fn why(&self) -> String {
        format!(
            "certain: the numbers of {} can only have a decimal comma",
            self.commas.join(", ")
        )
    }
}
