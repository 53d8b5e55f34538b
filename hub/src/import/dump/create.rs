//! What a dump's CREATE TABLE says of its columns: their names, and which are instants.

use std::collections::BTreeMap;

use super::MAX_COLUMNS;
use super::tokens::{Token, Tokens};

/// Words with which an item of CREATE TABLE begins that is no column.
const NO_COLUMN: [&str; 12] = [
    "PRIMARY",
    "UNIQUE",
    "KEY",
    "INDEX",
    "CONSTRAINT",
    "FOREIGN",
    "CHECK",
    "FULLTEXT",
    "SPATIAL",
    "EXCLUDE",
    "LIKE",
    "PERIOD",
];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct CreatedColumn {
    pub(super) name: String,
    pub(super) ty: CreatedType,
}

/// A column's type, as far as MySQL writes its values in a form of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CreatedType {
    /// `timestamp`: an instant, written in the session's zone.
    Instant,
    /// `bit`: written as bytes between quotes.
    Bit,
    Other,
}

/// The tables of the dataset that a dump has created so far.
#[derive(Debug, Default)]
pub(super) struct CreatedTables(BTreeMap<String, Vec<CreatedColumn>>);

impl CreatedTables {
    pub(super) fn of(&self, table: &str) -> Option<&[CreatedColumn]> {
        self.0.get(&table.to_lowercase()).map(Vec::as_slice)
    }

    /// Takes note of a known table's CREATE TABLE with a list of columns; of other statements nothing.
    pub(super) fn take(&mut self, tokens: Tokens<'_>, is_known: impl Fn(&str) -> bool) {
        if let Some((name, columns)) = read(tokens).filter(|(name, _)| is_known(name)) {
            self.0.insert(name.to_lowercase(), columns);
        }
    }
}

fn read(mut tokens: Tokens<'_>) -> Option<(String, Vec<CreatedColumn>)> {
    if !tokens.take("CREATE") {
        return None;
    }
    while [
        "GLOBAL",
        "LOCAL",
        "TEMPORARY",
        "TEMP",
        "UNLOGGED",
        "OR",
        "REPLACE",
    ]
    .iter()
    .any(|word| tokens.take(word))
    {}
    if !tokens.take("TABLE") {
        return None;
    }
    if tokens.take("IF") {
        tokens.take("NOT");
        tokens.take("EXISTS");
    }
    let name = tokens.name()?;
    if !tokens.take_sign(b'(') {
        return None;
    }
    let mut columns = Vec::new();
    loop {
        let column = match tokens.peek()? {
            Token::Name(name) => Some(name),
            Token::Word(word) => {
                let is_column = !NO_COLUMN
                    .iter()
                    .any(|other| other.eq_ignore_ascii_case(word));
                is_column.then(|| word.to_owned())
            }
            // SQLite takes a string for a name.
            Token::Text(text) => Some(String::from_utf8_lossy(&text).into_owned()),
            _ => return None,
        };
        if let Some(name) = column {
            tokens.next();
            let ty = match tokens.peek() {
                Some(ty) if ty.is("timestamp") => CreatedType::Instant,
                Some(ty) if ty.is("bit") => CreatedType::Bit,
                _ => CreatedType::Other,
            };
            columns.push(CreatedColumn { name, ty });
        }
        tokens.skip_expression();
        if !tokens.take_sign(b',') {
            break;
        }
        if columns.len() >= MAX_COLUMNS {
            return None;
        }
    }
    tokens.take_sign(b')').then_some((name, columns))
}
