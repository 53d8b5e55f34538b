//! What follows a row in which a quote stands where none may.
//!
//! `1,"she said "hi` is one line that holds no whole row: either its quotes are wrong and the row
//! ends with the line, or the field goes on, and the next lines are the rest of it, however much
//! they look like rows. So the rows behind it wait until a quote tells: if the next line with one
//! has its quotes where quotes belong, they are rows; if not, they are refused with it, since one
//! of them may be a row that the file does not hold.

use causeway_shared::value::MAX_FIELD_BYTES;

use super::lexer::{Quotes, Record};

/// The rows behind one whose end is not certain.
pub(super) struct UncertainRows {
    /// The line on which that row begins.
    line: u64,
    waiting: Vec<Waiting>,
    bytes: usize,
}

/// A row that waits.
pub(super) struct Waiting {
    line: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// What becomes of the rows that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They wait on, with the one that was looked at.
    Wait,
    /// They are rows, and what was looked at is what it is.
    Rows,
    /// They are refused, and so is what was looked at.
    Refused {
        /// The line on which the row begins whose rest they may be.
        line: u64,
    },
}

impl UncertainRows {
    /// Behind this record, if its end is not certain.
    pub(super) fn behind(record: Record<'_>) -> Option<Self> {
        record.may_go_on.then(|| Self {
            line: record.line,
            waiting: Vec::new(),
            bytes: 0,
        })
    }

    /// Looks at the next record.
    pub(super) fn look_at(&mut self, record: Record<'_>, header_fields: usize) -> Verdict {
        match record.quotes {
            Quotes::None => {
                let (bytes, ends) = record.to_parts();
                self.bytes += bytes.len() + size_of_val(ends);
                // A field as long as that would be refused, so nobody can mean it.
                if record.problem.is_some() || self.bytes > MAX_FIELD_BYTES {
                    return Verdict::Rows;
                }
                self.waiting.push(Waiting {
                    line: record.line,
                    bytes: bytes.to_vec(),
                    ends: ends.to_vec(),
                });
                Verdict::Wait
            }
            Quotes::Proper if record.problem.is_none() && record.len() == header_fields => {
                Verdict::Rows
            }
            Quotes::Proper | Quotes::Stray => Verdict::Refused { line: self.line },
        }
    }

    /// The rows that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Record<'_>> {
        self.waiting.iter().map(|waiting| {
            let Waiting { line, bytes, ends } = waiting;
            Record::without_quotes(*line, bytes, ends)
        })
    }
}
