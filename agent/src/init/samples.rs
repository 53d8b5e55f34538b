//! Values that are shown with a question, so that a person need not look for them.

use std::fmt;

use causeway_shared::value::Raw;

/// How many are shown.
const SHOWN: usize = 2;

/// Most characters of a row that are shown.
const MAX_ROW_CHARS: usize = 80;

/// A value, and the line of its file, where it has lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'r> {
    pub(super) raw: Raw<'r>,
    pub(super) line: Option<u64>,
}

impl Cell<'_> {
    pub(super) fn has_digits(self) -> bool {
        match self.raw {
            Raw::Text(text) => text.contains(|c: char| c.is_ascii_digit()),
            Raw::Int(_) | Raw::Real(_) => true,
            Raw::Null | Raw::NotUtf8(_) | Raw::Blob(_) => false,
        }
    }
}

impl<'r> From<Raw<'r>> for Cell<'r> {
    fn from(raw: Raw<'r>) -> Self {
        Self { raw, line: None }
    }
}

/// The first different values of some kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Samples {
    /// How many were added.
    pub(super) added: u64,
    shown: Vec<(String, Option<u64>)>,
}

impl Samples {
    pub(super) fn add(&mut self, cell: Cell<'_>) {
        self.add_shown(|| cell.raw.show(), cell.line);
    }

    /// As many as are shown, of others where there are too few.
    pub(super) fn and_of(&self, others: &Self) -> Self {
        let mut samples = self.clone();
        for (shown, line) in &others.shown {
            samples.add_shown(|| shown.clone(), *line);
        }
        samples
    }

    /// Adds a whole row.
    pub(super) fn add_row(&mut self, row: &[Raw<'_>], line: Option<u64>) {
        let shown = || {
            let fields: Vec<String> = row.iter().map(Raw::show).collect();
            let mut shown = fields.join(", ");
            if let Some((end, _)) = shown.char_indices().nth(MAX_ROW_CHARS) {
                shown.truncate(end);
                shown.push('…');
            }
            format!("({shown})")
        };
        self.add_shown(shown, line);
    }

    fn add_shown(&mut self, shown: impl FnOnce() -> String, line: Option<u64>) {
        self.added += 1;
        if self.shown.len() < SHOWN {
            let shown = shown();
            if self.shown.iter().all(|(other, _)| *other != shown) {
                self.shown.push((shown, line));
            }
        }
    }
}

/// `"1,250" in line 2 and "2,500" in line 3`
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (shown, line)) in self.shown.iter().enumerate() {
            if at > 0 {
                f.write_str(" and ")?;
            }
            f.write_str(shown)?;
            if let Some(line) = line {
                write!(f, " in line {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_values_are_shown_with_their_lines() {
        let mut samples = Samples::default();
        for (line, text) in [(2, "1,250"), (3, "1,250"), (4, "2,500"), (5, "9,000")] {
            samples.add(Cell {
                raw: Raw::Text(text),
                line: Some(line),
            });
        }
        assert_eq!(
            samples.to_string(),
            r#""1,250" in line 2 and "2,500" in line 4"#
        );
        let mut samples = Samples::default();
        samples.add(Raw::Int(7).into());
        assert_eq!(samples.to_string(), "7");
    }
}
