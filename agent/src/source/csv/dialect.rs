//! What stands between a file's fields. The header has to prove it: `auto` takes the one delimiter
//! with which the first line names declared columns, and no other.

use causeway_shared::dataset::Table;

use super::encoding::show;
use super::lexer::{Lexer, RecordProblem};
use super::records::MAX_HEADER_BYTES;
use crate::source::columns::{self, ColumnsError};
use crate::source::{Columns, Delimiter};

/// How a file is written, as its beginning says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What stands between fields.
    pub(super) delimiter: u8,
    /// The length of a line before the header that only names the delimiter.
    pub(super) first_line_bytes: usize,
    /// Where the declared columns are.
    pub(super) columns: Columns,
}

/// Why a file's beginning says nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialectError {
    /// There is nothing in the file.
    #[error("it is empty; a table without rows still has its header")]
    Empty,
    #[error(transparent)]
    Columns(#[from] ColumnsError),
    /// Where the names end in the first line cannot be told.
    #[error("its first line cannot be read: {0}")]
    Malformed(RecordProblem),
    /// The first line names no column.
    #[error(
        "its first line names no column of table {table}, with `,` `;` `|` or a tab between the names; it begins {lines}; write the columns' names into the first line, or declare what they are called there as the columns' `source` in the dataset"
    )]
    NoNames { table: String, lines: String },
    /// The first line names no column with the declared delimiter, but does with others.
    #[error(
        "with `delimiter = \"{declared}\"` its first line names no column of table {table}; it begins {lines}; write {settings} for this source"
    )]
    OtherDelimiter {
        table: String,
        declared: &'static str,
        lines: String,
        settings: String,
    },
    /// The first line names columns with several delimiters.
    #[error(
        "what stands between its fields is not certain; it begins {lines}; write {settings} for this source"
    )]
    Undeclared { lines: String, settings: String },
    /// Likewise, where nobody can write a setting.
    #[error(
        "what stands between its fields is not certain; it begins {lines}; put a line before it that says so, like `sep=;`"
    )]
    Uncertain { lines: String },
    /// The first line says that a delimiter is used which is not read.
    #[error(
        "its first line says that {delimiter:?} stands between the fields, which is not read; use `,` `;` `|` or a tab"
    )]
    UnknownDelimiter { delimiter: char },
    /// The header does not end.
    #[error(
        "its first line has more than {MAX_HEADER_BYTES} bytes; it has to be a header, with a line end behind it"
    )]
    Endless,
    /// The header ends within quotes.
    #[error(
        "its first line opens a quote that is never closed: the file is still being written, or a quote is missing"
    )]
    OpenQuote,
}

impl DialectError {
    /// The same, where nobody can write a setting.
    pub(super) fn without_settings(self) -> Self {
        match self {
            Self::Undeclared { lines, .. } => Self::Uncertain { lines },
            other => other,
        }
    }
}

/// Reads the header at the beginning of a file. `is_whole`: there is no more of the file.
pub(super) fn prove(
    head: &[u8],
    is_whole: bool,
    wanted: Delimiter,
    table: &Table,
) -> Result<Dialect, DialectError> {
    let (named, first_line_bytes) = named_delimiter(head)?;
    let text = &head[first_line_bytes..];
    // What a person wrote stands above what a spreadsheet wrote.
    let wanted = match (wanted, named) {
        (Delimiter::Auto, Some(named)) => named,
        (wanted, _) => wanted,
    };
    let found = fitting(wanted, text, is_whole, table)?;
    let table_name = || table.name.to_string();
    let lines = || first_lines(text);
    let chosen = match &found[..] {
        [] => {
            let others = fitting(Delimiter::Auto, text, is_whole, table)?;
            let (table, lines) = (table_name(), lines());
            return Err(if others.is_empty() {
                DialectError::NoNames { table, lines }
            } else {
                DialectError::OtherDelimiter {
                    table,
                    declared: wanted.name(),
                    lines,
                    settings: settings(&others),
                }
            });
        }
        // One name is the same with any delimiter.
        [first, others @ ..]
            if first.names.len() == 1 && others.iter().all(|other| other.names == first.names) =>
        {
            first
        }
        [only] => only,
        _ => {
            return Err(DialectError::Undeclared {
                lines: lines(),
                settings: settings(&found),
            });
        }
    };
    if let Some(problem) = chosen.problem {
        return Err(DialectError::Malformed(problem));
    }
    Ok(Dialect {
        delimiter: chosen.byte,
        first_line_bytes,
        columns: chosen.columns.clone()?,
    })
}

/// A header as it reads with one delimiter.
struct HeaderReading {
    byte: u8,
    delimiter: Delimiter,
    names: Vec<String>,
    problem: Option<RecordProblem>,
    columns: Result<Columns, ColumnsError>,
}

impl HeaderReading {
    /// How many declared columns it names. A name that is there twice is there.
    fn known(&self) -> usize {
        match &self.columns {
            Ok(columns) => columns.found.iter().flatten().count(),
            Err(_) => 1,
        }
    }
}

/// The candidates with which the header names declared columns.
fn fitting(
    candidates: Delimiter,
    text: &[u8],
    is_whole: bool,
    table: &Table,
) -> Result<Vec<HeaderReading>, DialectError> {
    let candidates = candidates.candidates().iter();
    let readings = candidates.map(|candidate| with(*candidate, text, is_whole, table));
    let (mut fitting, mut error) = (Vec::new(), None);
    for reading in readings {
        match reading {
            Ok(reading) => fitting.push(reading),
            Err(problem) => error = Some(problem),
        }
    }
    fitting.retain(|reading: &HeaderReading| reading.known() > 0);
    match error {
        // With a delimiter that is not the file's, quotes may seem to be open.
        Some(error) if fitting.is_empty() => Err(error),
        _ => Ok(fitting),
    }
}

fn with(
    (byte, delimiter): (u8, Delimiter),
    text: &[u8],
    is_whole: bool,
    table: &Table,
) -> Result<HeaderReading, DialectError> {
    let mut lexer = Lexer::new(byte);
    let (_, ended) = lexer.feed(text);
    if !ended && !is_whole {
        return Err(DialectError::Endless);
    }
    if !ended && !lexer.finish().map_err(|_| DialectError::OpenQuote)? {
        return Err(DialectError::Empty);
    }
    let record = lexer.record();
    let names: Vec<String> = record
        .fields()
        .map(|name| cleaned(&String::from_utf8_lossy(name)))
        .collect();
    let columns = columns::columns(table, &names);
    Ok(HeaderReading {
        byte,
        delimiter,
        names,
        problem: record.problem,
        columns,
    })
}

/// A name without what is no part of it: white space around it, quotes, and byte order marks.
pub(crate) fn cleaned(name: &str) -> String {
    // The last is a UTF-8 mark that something took for Windows-1252.
    let name = name
        .trim_start_matches('\u{feff}')
        .trim_start_matches("ï»¿");
    let is_dirt = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '"');
    name.trim_matches(is_dirt).to_owned()
}

/// The delimiter that a spreadsheet names in a first line of its own (`sep=;`), and that line's
/// length.
pub(crate) fn named_delimiter(head: &[u8]) -> Result<(Option<Delimiter>, usize), DialectError> {
    let Some((name, rest)) = head.split_at_checked(4) else {
        return Ok((None, 0));
    };
    let line_end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let line = String::from_utf8_lossy(&rest[..line_end.unwrap_or(rest.len())]);
    let mut characters = line.chars();
    let (Some(delimiter), None) = (characters.next(), characters.next()) else {
        return Ok((None, 0));
    };
    if !name.eq_ignore_ascii_case(b"sep=") {
        return Ok((None, 0));
    }
    let candidates = Delimiter::Auto.candidates();
    let known = candidates
        .iter()
        .find(|(byte, _)| char::from(*byte) == delimiter);
    let (_, known) = known.ok_or(DialectError::UnknownDelimiter { delimiter })?;
    let end_bytes = match rest.get(line.len()..) {
        Some([b'\r', b'\n', ..]) => 2,
        Some([_, ..]) => 1,
        _ => 0,
    };
    Ok((Some(*known), name.len() + line.len() + end_bytes))
}

/// The first two lines, to show.
fn first_lines(text: &[u8]) -> String {
    let lines = text
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .filter(|line| !line.is_empty());
    let lines: Vec<String> = lines
        .take(2)
        .map(|line| show(&String::from_utf8_lossy(line)))
        .collect();
    lines.join(" and ")
}

/// What to write for the delimiter to be one of these.
fn settings(readings: &[HeaderReading]) -> String {
    let settings: Vec<String> = readings
        .iter()
        .map(|reading| format!("`delimiter = \"{}\"`", reading.delimiter.name()))
        .collect();
    settings.join(" or ")
}

#[cfg(test)]
mod tests;
