//! Reading a dump: the rows of INSERT and COPY of known tables. Nothing is executed; other statements are
//! counted and named.
//!
//! One statement, or one line of COPY, is in memory at a time. Rows are put by on disk, each with the line on
//! which it begins, and are judged later, as a source's are.

mod copy;
mod create;
mod dialect;
mod error;
mod input;
mod insert;
mod rows;
mod splitter;
mod tokens;
mod values;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use causeway_agent::SpooledRows;
use causeway_shared::dataset::{Dataset, TableId};

use create::CreatedTables;
use dialect::Rules;
use rows::TableRows;
use splitter::Splitter;
use tokens::Tokens;

pub(crate) use dialect::Dialect;
pub(crate) use error::DumpError;
pub(crate) use rows::table_named;

/// Most kinds of statements that are named.
const MAX_KINDS: usize = 50;

/// Most columns and values that are looked at, which no table has: a statement of 16 MiB may have millions.
const MAX_COLUMNS: usize = 4_096;

/// How much of a statement tells what kind it is.
const HEAD_BYTES: usize = 200;

/// What a dump holds.
#[derive(Debug)]
pub(crate) struct Dump {
    /// The rows of the dataset's tables.
    pub(crate) tables: BTreeMap<TableId, SpooledRows>,
    /// How many rows they are, those among them that are none.
    pub(crate) rows: u64,
    /// The statements that were passed over, by their first words.
    pub(crate) skipped: BTreeMap<String, u64>,
}

/// Reads a dump. The rows are put by in `folder`.
///
/// # Errors
/// [`DumpError`]; then the dump as a whole is refused.
pub(crate) fn read_dump(
    file: impl Read,
    dataset: &Dataset,
    dialect: Option<Dialect>,
    folder: &Path,
) -> Result<Dump, DumpError> {
    let mut reader = DumpReader {
        rows: TableRows::new(dataset, folder),
        created: CreatedTables::default(),
        skipped: BTreeMap::new(),
        times_are_utc: false,
        database: None,
        in_transaction: false,
    };
    let mut splitter = Splitter::new(file, Rules::new(dialect))?;
    while splitter.advance()? {
        reader.statement(&mut splitter)?;
    }
    if (splitter.ends.announced && !splitter.ends.complete) || reader.in_transaction {
        return Err(DumpError::NoEnd);
    }
    let skipped = reader.skipped;
    let (tables, rows) = reader.rows.finish()?;
    Ok(Dump {
        tables,
        rows,
        skipped,
    })
}

/// Refuses files that are no SQL by what they begin with.
pub(crate) fn refuse_what_is_no_sql(file: impl Read) -> Result<(), DumpError> {
    Splitter::new(file, Rules::new(None)).map(drop)
}

struct DumpReader<'d> {
    rows: TableRows<'d>,
    created: CreatedTables,
    skipped: BTreeMap<String, u64>,
    /// Whether the dump set its session's zone to UTC, in which MySQL then writes what it keeps as instants.
    times_are_utc: bool,
    /// The database that the dump has turned to, of those that it is of.
    database: Option<String>,
    in_transaction: bool,
}

impl DumpReader<'_> {
    fn statement<R: Read>(&mut self, splitter: &mut Splitter<R>) -> Result<(), DumpError> {
        let head = head(&splitter.statement);
        let line = splitter.line;
        splitter.rules.statement(&head);
        let rules = splitter.rules;
        let mut words = head.split(' ');
        let verb = words.next().unwrap_or_default();
        match verb {
            "INSERT" | "REPLACE" => {
                let tokens = Tokens::new(&splitter.statement, line, rules);
                if let Some(table) = self.insert(tokens, rules, line)? {
                    self.skip(&format!("INSERT INTO {table}"));
                }
                return Ok(());
            }
            "COPY" => return self.copy(splitter, line),
            "CREATE" => {
                let tokens = Tokens::new(&splitter.statement, line, rules);
                let rows = &self.rows;
                self.created
                    .take(tokens, |table| rows.table(table).is_some());
            }
            "SET" => self.set(&head, line)?,
            "USE" | "\\CONNECT" | "\\C" => self.database = second_word(&splitter.statement),
            "BEGIN" | "START" => self.in_transaction = true,
            "COMMIT" | "END" => self.in_transaction = false,
            "ROLLBACK" => return Err(DumpError::RolledBack),
            _ => {}
        }
        let second = words.next().filter(|_| {
            matches!(
                verb,
                "CREATE" | "ALTER" | "DROP" | "LOCK" | "UNLOCK" | "COMMENT"
            )
        });
        let is_word = |word: &str| {
            !word.is_empty()
                && word.len() <= 20
                && word.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        match (is_word(verb), second.filter(|second| is_word(second))) {
            (true, Some(second)) => self.skip(&format!("{verb} {second}")),
            (true, None) => self.skip(verb),
            (false, _) if verb.starts_with('\\') => self.skip("psql's own commands"),
            (false, _) => self.skip("what is no statement"),
        }
        Ok(())
    }

    /// Takes note of what is set: the encoding, and the zone.
    fn set(&mut self, head: &str, line: u64) -> Result<(), DumpError> {
        let encoding = [
            "SET NAMES ",
            "SET CLIENT_ENCODING = ",
            "SET CLIENT_ENCODING TO ",
        ];
        if let Some(name) = encoding.iter().find_map(|set| head.strip_prefix(set)) {
            let name = name.split([' ', ';']).next().unwrap_or_default();
            let name = name.trim_matches(['\'', '"']);
            if !["UTF8", "UTF-8", "UTF8MB3", "UTF8MB4", "DEFAULT"].contains(&name) {
                let encoding = name.to_ascii_lowercase();
                return Err(DumpError::Encoding { line, encoding });
            }
        }
        let is_zone = head
            .strip_prefix("SET TIME_ZONE")
            .or(head.strip_prefix("SET @@TIME_ZONE"))
            .or(head.strip_prefix("SET SESSION TIME_ZONE"));
        if let Some(zone) = is_zone {
            let zone = zone.trim_matches([' ', '=', '\'', '"', ';']);
            self.times_are_utc = ["+00:00", "UTC"].contains(&zone);
            // What it was before, and the server's own, are the zone of a dump that says none.
            let is_usual = zone.starts_with('@') || ["SYSTEM", "DEFAULT"].contains(&zone);
            if !self.times_are_utc && !is_usual {
                let zone = zone.to_ascii_lowercase();
                return Err(DumpError::OtherZone { line, zone });
            }
        }
        Ok(())
    }

    /// A table's name as the dump has it, with the database where that says which.
    fn full_name(&self, name: &str) -> String {
        let name = name.trim();
        match &self.database {
            Some(database) => format!("{database}.{name}"),
            None => name.to_owned(),
        }
    }

    fn skip(&mut self, kind: &str) {
        let kind = match self.skipped.len() >= MAX_KINDS && !self.skipped.contains_key(kind) {
            true => "others",
            false => kind,
        };
        *self.skipped.entry(kind.to_owned()).or_default() += 1;
    }
}

/// A name that stands alone behind a command.
fn second_word(statement: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(statement);
    let name = text.split_whitespace().nth(1)?;
    Some(name.trim_matches(['`', '"']).to_owned())
}

/// A statement's beginning in upper case, with single spaces.
fn head(statement: &[u8]) -> String {
    let bytes = &statement[..statement.len().min(HEAD_BYTES)];
    let text = String::from_utf8_lossy(bytes).to_uppercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
