//! Rows on their way into quarantine: counted, and described for a person.

use std::borrow::Cow;
use std::fmt;
use std::io;

use causeway_shared::canonical_csv::write_value;
use causeway_shared::dataset::{Table, TableId};
use causeway_shared::ids::Name;
use causeway_shared::quarantine::RefusedRow;
use causeway_shared::value::{Raw, Type, Value};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::judge::RowProblem;
use super::record::CanonicalRecord;
use super::refused::RefusedLists;
use super::stored::Stored;
use super::unique::{Contest, Loser};
use crate::source::{KeptRows, LineOf, Malformed, is_kept};

/// Most characters of a row that are shown.
const MAX_SHOWN_CHARS: usize = 300;

/// The source of a row that an import found in the store.
const STORED: &str = "imported before";

/// The refused rows of one table.
pub(super) struct Refusals<'d> {
    lists: &'d mut RefusedLists,
    table: &'d Table,
    position: TableId,
    source: String,
    /// By which rows are found again; else by their key.
    lines: Option<LineOf>,
    /// Rows of the store that those of the source take the place of.
    kept: Option<&'d KeptRows>,
    /// The zone that instants are converted to.
    zone: TimeZone,
    count: u64,
}

impl<'d> Refusals<'d> {
    pub(super) fn new(
        lists: &'d mut RefusedLists,
        table: &'d Table,
        position: TableId,
        source: String,
        lines: Option<LineOf>,
        kept: Option<&'d KeptRows>,
        zone: TimeZone,
    ) -> Self {
        Self {
            lists,
            table,
            position,
            source,
            lines,
            kept,
            zone,
            count: 0,
        }
    }

    /// How many rows have been refused.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A SQLite row is named by its key, as far as it has one.
    fn raw_key(&self, raw: &[Raw<'_>]) -> String {
        let shown = self.table.key.iter().map(|column| match raw[*column] {
            Raw::Null => "NULL".to_owned(),
            other => show(other),
        });
        shown.collect::<Vec<_>>().join(",")
    }

    fn refuse(&mut self, place: RowPlace, row: &str, problem: RowProblem) {
        self.count += 1;
        let column = problem.column.map(|at| &self.table.columns[at].name);
        let source = match place {
            RowPlace::Stored(_) => STORED.to_owned(),
            _ => self.source.clone(),
        };
        let row = RefusedRow {
            since: self.lists.now(),
            source,
            place: place.to_string(),
            column: column.map(Name::to_string),
            reason: problem.reason,
            row: shortened(row),
        };
        self.lists.add(self.position, row);
    }

    /// Refuses a row as the source has it.
    pub(super) fn raw(&mut self, at: u64, raw: &[Raw<'_>], problem: RowProblem) {
        let place = if is_kept(at) {
            RowPlace::Stored(self.raw_key(raw))
        } else if let Some(line_of) = self.lines {
            RowPlace::Line(line_of(at))
        } else {
            RowPlace::Key(self.raw_key(raw))
        };
        let mut row = Vec::new();
        for (at, field) in raw.iter().enumerate() {
            if at > 0 {
                row.push(b',');
            }
            // As the rows that had been stored, so that a person sees where each field ends.
            if !matches!(field, Raw::Null) {
                write_value(&Value::Text(field_text(*field)), &mut row);
            }
        }
        self.refuse(place, &String::from_utf8_lossy(&row), problem);
    }

    /// Refuses a row whose fields cannot be told apart.
    pub(super) fn malformed(&mut self, at: u64, row: Malformed) {
        let line = self.lines.map_or(at, |line_of| line_of(at));
        self.refuse(
            RowPlace::Line(line),
            &row.text,
            RowProblem::of_row(row.reason),
        );
    }

    /// Refuses a row that had been stored.
    fn stored(&mut self, row: Stored<'_>, problem: RowProblem) -> io::Result<()> {
        if let Some(kept) = self.kept.filter(|_| !is_kept(row.at)) {
            kept.refuse(row.at, problem.column, &problem.reason)?;
        }
        let shown = String::from_utf8_lossy(row.record).into_owned();
        self.refuse(self.place(row), shown.trim_end_matches('\n'), problem);
        Ok(())
    }

    /// Refuses a row whose parent was not found.
    pub(super) fn orphan(&mut self, row: Stored<'_>, on: usize, parent: &Table) -> io::Result<()> {
        let held = CanonicalRecord::default().read(row.record).show_of(&[on]);
        let reason = format!(
            "{} {held} is not in the source, or is itself refused",
            parent.name
        );
        self.stored(
            row,
            RowProblem {
                column: Some(on),
                reason,
            },
        )
    }

    /// Refuses a row that shares a key or unique values with one that stays.
    pub(super) fn loser(&mut self, contest: Contest<'_>, loser: Loser<'_>) -> io::Result<()> {
        let winner = match self.place(loser.winner) {
            RowPlace::Key(key) | RowPlace::Stored(key) => format!("the row with key {key}"),
            place @ RowPlace::Line(_) => format!("the row of {place}"),
        };
        let (columns, mut reason) = match contest {
            Contest::Key if self.lines.is_some() => (
                &self.table.key[..],
                format!("{winner} has the same key, and stays"),
            ),
            Contest::Key => (
                &self.table.key[..],
                "another row has the same key, and stays".into(),
            ),
            Contest::Values(rule) => (
                rule.columns(),
                format!(
                    "{winner} has the same {}, and stays",
                    rule.names(self.table)
                ),
            ),
        };
        let column = columns[0];
        if let Some(remark) = self.time_that_comes_twice(columns, loser.row) {
            reason.push_str(&remark);
        }
        self.stored(
            loser.row,
            RowProblem {
                column: Some(column),
                reason,
            },
        )
    }

    /// What to say where rows share a time of the hour that comes twice, when clocks go back: two
    /// instants are one time then.
    fn time_that_comes_twice(&self, columns: &[usize], row: Stored<'_>) -> Option<String> {
        let mut record = CanonicalRecord::default();
        let fields = record.read(row.record);
        let zone = self.zone.iana_name()?;
        columns.iter().find_map(|column| {
            let declared = &self.table.columns[*column];
            let time = std::str::from_utf8(fields.get(*column)).ok()?;
            let local: DateTime = time.parse().ok()?;
            let offset = self.zone.to_ambiguous_timestamp(local).offset();
            let comes_twice = matches!(offset, AmbiguousOffset::Fold { .. });
            (declared.ty == Type::Timestamp && comes_twice).then(|| {
                let name = &declared.name;
                format!(
                    "; {time} comes twice in {zone}, when clocks go back: if the source has two \
                     instants there, declare {name} as text, or write `timezone = \"UTC\"`"
                )
            })
        })
    }

    fn place(&self, row: Stored<'_>) -> RowPlace {
        if let Some(line_of) = self.lines.filter(|_| !is_kept(row.at)) {
            return RowPlace::Line(line_of(row.at));
        }
        let mut record = CanonicalRecord::default();
        let key = record.read(row.record).show_of(&self.table.key);
        match is_kept(row.at) {
            true => RowPlace::Stored(key),
            false => RowPlace::Key(key),
        }
    }
}

/// Where a refused row is in its source.
enum RowPlace {
    /// The line of a CSV file on which the row begins, from 1.
    Line(u64),
    /// The key of a row in a SQLite table, its columns separated by commas.
    Key(String),
    /// The key of a row that an import found in the store.
    Stored(String),
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Key(key) | Self::Stored(key) => write!(f, "key {key}"),
        }
    }
}

fn show(raw: Raw<'_>) -> String {
    match raw {
        Raw::Null => String::new(),
        Raw::Text(text) if text.len() <= MAX_SHOWN_CHARS => text.to_owned(),
        other => other.show(),
    }
}

/// A field as its source has it.
fn field_text(raw: Raw<'_>) -> Cow<'_, str> {
    match raw {
        Raw::Text(text) => text
            .char_indices()
            .nth(MAX_SHOWN_CHARS)
            .map_or(text, |(end, _)| &text[..end])
            .into(),
        Raw::NotUtf8(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_SHOWN_CHARS)]),
        other => show(other).into(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
