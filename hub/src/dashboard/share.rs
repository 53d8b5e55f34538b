//! The parts of a total, as a bar of a hundred units.

use super::language::Language;

/// A part of a total.
#[derive(Debug)]
pub(super) struct Share {
    /// What it stands for: its colour.
    pub(super) class: String,
    pub(super) label: String,
    pub(super) count: String,
    pub(super) x: f64,
    pub(super) width: f64,
}

impl Share {
    /// The parts of a total side by side: class, label and rows of each.
    pub(super) fn row<'p>(
        parts: impl Iterator<Item = (&'p str, &'p str, u64)>,
        total: u64,
        language: Language,
    ) -> Vec<Self> {
        let mut x = 0.0;
        let share = |(class, label, rows): (&str, &str, u64)| {
            #[expect(clippy::cast_precision_loss, reason = "a drawing")]
            let width = rows as f64 * 100.0 / total.max(1) as f64;
            let share = Self {
                class: class.to_owned(),
                label: label.to_owned(),
                count: language.number(rows),
                x,
                width,
            };
            x += width;
            share
        };
        parts.map(share).collect()
    }
}
