//! From text to records: where fields and rows end, and which rows are malformed.
//!
//! A line ends with CR, LF or both; a field in quotes may hold line ends, delimiters, and quotes
//! written twice. Spaces before an opening quote and behind a closing one are no part of the
//! field. Anything else behind a closing quote makes the row malformed: it is given out, to be
//! refused, since nobody can tell where its fields end. Lines with nothing on them are no rows.

use super::encoding::count_line_ends;

/// Most bytes that a record may have. A longer one is given out as malformed, without its text.
pub(super) const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;

/// Most fields that a record may have.
pub(super) const MAX_FIELDS: usize = 16 * 1024;

/// How much of a malformed record is shown, and kept of one that is too long.
const MAX_SHOWN_BYTES: usize = 2 * 1024;

/// Cuts text into records, piece by piece.
#[derive(Debug)]
pub(crate) struct Lexer {
    delimiter: u8,
    state: State,
    /// The record's fields one after another, without quotes.
    bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    ends: Vec<usize>,
    problem: Option<RecordProblem>,
    quotes: Quotes,
    /// Whether a quote that closes nothing leaves it open whether the field goes on.
    may_go_on: bool,
    /// The line that is being read, from 1.
    line: u64,
    /// The line on which the record begins.
    starts_on: u64,
    /// Whether the last byte was a CR.
    after_cr: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    Start,
    /// After spaces that a quote may follow.
    Spaces,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the field, or the first half of a quote.
    Quote,
    /// Behind the closing quote.
    Closed,
}

/// What makes a record malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordProblem {
    /// Something stands behind the closing quote of a field, counted from 1.
    #[error(
        "something stands behind the quote that closes field {field}; a quote within quotes is written twice"
    )]
    BehindQuote { field: usize },
    /// It is over [`MAX_RECORD_BYTES`] or [`MAX_FIELDS`].
    #[error(
        "the row has more than {MAX_RECORD_BYTES} bytes or {MAX_FIELDS} fields; look for a quote that is not closed"
    )]
    TooLong,
}

/// The quotes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quotes {
    None,
    /// Around fields, or twice within them.
    Proper,
    /// In other places too.
    Stray,
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'r> {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) problem: Option<RecordProblem>,
    pub(super) quotes: Quotes,
    /// Whether the next lines may be the rest of it: behind a quote that closes nothing, no field
    /// of it ends with a quote.
    pub(super) may_go_on: bool,
    bytes: &'r [u8],
    ends: &'r [usize],
}

/// The text ended within quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenQuote {
    /// The line on which the record begins.
    pub(crate) line: u64,
}

impl Lexer {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::Start,
            bytes: Vec::new(),
            ends: Vec::new(),
            problem: None,
            quotes: Quotes::None,
            may_go_on: false,
            line: 1,
            starts_on: 1,
            after_cr: false,
        }
    }

    /// Says that a line was read by somebody else.
    pub(super) fn skip_line(&mut self) {
        self.line += 1;
    }

    /// Forgets the record that was given out.
    pub(crate) fn begin(&mut self) {
        self.state = State::Start;
        self.bytes.clear();
        // What one giant row took is not kept for the others.
        self.bytes.shrink_to(1024 * 1024);
        self.ends.clear();
        self.problem = None;
        self.quotes = Quotes::None;
        self.may_go_on = false;
        self.starts_on = self.line;
    }

    /// Takes text up to the end of a record. Returns how many bytes it took, and whether a record
    /// ended; then it can be seen with [`Self::record`] and has to be forgotten with
    /// [`Self::begin`].
    pub(crate) fn feed(&mut self, text: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(byte) = text.get(at).copied() {
            if self.after_cr && self.state != State::Quoted {
                self.after_cr = false;
                if byte == b'\n' {
                    at += 1;
                    continue;
                }
            }
            match self.state {
                State::Quoted => at += self.quoted(&text[at..]),
                State::Plain if !self.is_end(byte) => at += self.plain(&text[at..]),
                _ if byte == self.delimiter => {
                    at += 1;
                    self.end_field();
                    self.state = State::Start;
                }
                _ if matches!(byte, b'\n' | b'\r') => {
                    at += 1;
                    self.line += 1;
                    self.after_cr = byte == b'\r';
                    if self.end_record() {
                        return (at, true);
                    }
                    self.begin();
                }
                _ => {
                    at += 1;
                    self.other(byte);
                }
            }
        }
        (at, false)
    }

    /// Says that the text has ended. Returns whether a record ended with it.
    pub(crate) fn finish(&mut self) -> Result<bool, OpenQuote> {
        if self.state == State::Quoted {
            return Err(OpenQuote {
                line: self.starts_on,
            });
        }
        Ok(self.end_record())
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            line: self.starts_on,
            problem: self.problem,
            quotes: self.quotes,
            may_go_on: self.may_go_on,
            bytes: &self.bytes,
            ends: &self.ends,
        }
    }

    /// Memory that is held, in bytes.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == self.delimiter || matches!(byte, b'\n' | b'\r')
    }

    /// Takes plain text up to the end of its field.
    fn plain(&mut self, text: &[u8]) -> usize {
        let end = text.iter().position(|byte| self.is_end(*byte));
        let end = end.unwrap_or(text.len());
        if text[..end].contains(&b'"') {
            self.quotes = Quotes::Stray;
        }
        self.push(&text[..end]);
        end
    }

    /// Takes text within quotes, with the quote that ends it.
    fn quoted(&mut self, text: &[u8]) -> usize {
        let quote = text.iter().position(|byte| *byte == b'"');
        let inside = &text[..quote.unwrap_or(text.len())];
        self.line += count_line_ends(inside, &mut self.after_cr);
        self.push(inside);
        match quote {
            Some(quote) => {
                self.after_cr = false;
                self.state = State::Quote;
                quote + 1
            }
            None => text.len(),
        }
    }

    /// Takes a byte that ends nothing.
    fn other(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Start | State::Spaces, b'"') => {
                let start = self.field_start();
                self.bytes.truncate(start);
                self.quotes = self.quotes.max(Quotes::Proper);
                State::Quoted
            }
            (State::Quote, b'"') => {
                self.push(b"\"");
                State::Quoted
            }
            (State::Quote | State::Closed, b' ') => State::Closed,
            (State::Quote | State::Closed, _) => {
                let field = self.ends.len() + 1;
                self.problem
                    .get_or_insert(RecordProblem::BehindQuote { field });
                self.quotes = Quotes::Stray;
                self.may_go_on = true;
                self.push(&[byte]);
                State::Plain
            }
            (State::Start | State::Spaces, b' ') => {
                self.push(b" ");
                State::Spaces
            }
            _ => {
                self.push(&[byte]);
                State::Plain
            }
        };
    }

    fn push(&mut self, text: &[u8]) {
        if self.problem == Some(RecordProblem::TooLong) {
            return;
        }
        if self.bytes.len() + text.len() > MAX_RECORD_BYTES {
            self.too_long();
            return;
        }
        self.bytes.extend_from_slice(text);
    }

    fn too_long(&mut self) {
        self.problem = Some(RecordProblem::TooLong);
        self.bytes.truncate(MAX_SHOWN_BYTES);
        self.ends.retain(|end| *end <= MAX_SHOWN_BYTES);
        self.ends.truncate(MAX_FIELDS);
    }

    fn field_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn end_field(&mut self) {
        self.may_go_on &= !self.ends_with_quote();
        if self.problem == Some(RecordProblem::TooLong) {
            return;
        }
        if self.ends.len() == MAX_FIELDS {
            self.too_long();
            return;
        }
        self.ends.push(self.bytes.len());
    }

    /// Whether a quote is the last thing in the field that is being read, but for spaces.
    fn ends_with_quote(&self) -> bool {
        match self.state {
            State::Quote | State::Closed => true,
            State::Plain => self.bytes.trim_ascii_end().ends_with(b"\""),
            State::Start | State::Spaces | State::Quoted => false,
        }
    }

    /// Ends the last field. Returns whether there is a record: not if the line has nothing on it.
    fn end_record(&mut self) -> bool {
        if self.state == State::Start && self.ends.is_empty() && self.problem.is_none() {
            return false;
        }
        self.end_field();
        true
    }
}

impl<'r> Record<'r> {
    /// A record in which there are no quotes, of its parts.
    pub(super) fn without_quotes(line: u64, bytes: &'r [u8], ends: &'r [usize]) -> Self {
        Self {
            line,
            problem: None,
            quotes: Quotes::None,
            may_go_on: false,
            bytes,
            ends,
        }
    }

    /// Its fields one after another, and where each of them ends.
    pub(super) fn to_parts(self) -> (&'r [u8], &'r [usize]) {
        (self.bytes, self.ends)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, field: usize) -> Option<&'r [u8]> {
        let end = *self.ends.get(field)?;
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    pub(crate) fn fields(self) -> impl Iterator<Item = &'r [u8]> {
        (0..self.len()).filter_map(move |field| self.get(field))
    }

    /// Its beginning, to show.
    pub(crate) fn text(&self, delimiter: u8) -> String {
        let mut text = Vec::new();
        for (at, field) in self.fields().enumerate() {
            if at > 0 {
                text.push(delimiter);
            }
            let room = MAX_SHOWN_BYTES.saturating_sub(text.len());
            text.extend_from_slice(&field[..field.len().min(room)]);
            if text.len() >= MAX_SHOWN_BYTES {
                break;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests;
