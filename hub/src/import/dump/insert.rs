//! `INSERT INTO table (columns) VALUES (…), (…)`, in the forms that dump tools and people write.

use causeway_agent::RowSpool;

use super::dialect::Rules;
use super::error::DumpError;
use super::rows::{RowNames, Target};
use super::tokens::{Token, Tokens};
use super::values::{Cell, value};
use super::{DumpReader, MAX_COLUMNS};

const OTHER_INSERT: &str = "only rows behind VALUES are";

/// Why the rest of a statement is refused, as one row.
const NOT_READ: &str = "here the statement cannot be read, nor what follows in it";

/// Words that may follow the last row.
const BEHIND_ROWS: [&str; 3] = ["ON", "AS", "RETURNING"];

impl DumpReader<'_> {
    /// Takes the rows of an INSERT. Its table's name, where the dataset does not have it.
    pub(super) fn insert(
        &mut self,
        mut tokens: Tokens<'_>,
        rules: Rules,
        line: u64,
    ) -> Result<Option<String>, DumpError> {
        let not_read = |what: &str| DumpError::NotRead {
            line,
            what: what.to_owned(),
            remedy: OTHER_INSERT,
        };
        tokens.next();
        while [
            "IGNORE",
            "OR",
            "REPLACE",
            "ABORT",
            "FAIL",
            "ROLLBACK",
            "LOW_PRIORITY",
            "DELAYED",
            "HIGH_PRIORITY",
        ]
        .iter()
        .any(|word| tokens.take(word))
        {}
        tokens.take("INTO");
        let begun = tokens.at();
        let Some(last) = tokens.name() else {
            return Err(not_read("an INSERT without a table"));
        };
        let full = self.full_name(&tokens.since(begun));
        let Some(table) = self.rows.table(&last) else {
            return Ok(Some(last.chars().take(60).collect()));
        };
        let listed = match tokens.take_sign(b'(') {
            true => Some(names(&mut tokens).ok_or_else(|| not_read("this list of columns"))?),
            false => None,
        };
        if tokens.take("OVERRIDING") {
            while !tokens.take("VALUE") {
                tokens.next().ok_or_else(|| not_read("OVERRIDING"))?;
            }
        }
        if !(tokens.take("VALUES") || tokens.take("VALUE")) {
            return Err(not_read("an INSERT … SELECT, SET or DEFAULT VALUES"));
        }
        let names = RowNames {
            created: self.created.of(&last),
            name: full,
            listed,
            is_mysql: rules.is_mysql(),
            times_are_utc: self.times_are_utc,
            line,
        };
        let counting = tokens.clone();
        let (rows, target) = self.rows.begin(table, names, || count(counting, rules))?;
        take_rows(&mut tokens, rules, rows, &target).map_err(DumpError::Spool)?;
        Ok(None)
    }
}

/// Takes the rows behind VALUES.
fn take_rows(
    tokens: &mut Tokens<'_>,
    rules: Rules,
    rows: &mut RowSpool,
    target: &Target,
) -> std::io::Result<()> {
    let mut cells = Vec::new();
    loop {
        let line = tokens.line();
        let begun = tokens.at();
        tokens.take("ROW");
        let problem = row(tokens, rules, &mut cells);
        for (at, ty) in &target.of_mysql {
            if let Some(cell) = cells.get_mut(*at) {
                cell.read_as(*ty);
            }
        }
        match problem {
            None => {
                let raw: Vec<_> = cells.iter().map(Cell::raw).collect();
                rows.row(line, &target.statement, &raw)?;
            }
            Some(Problem::Value(reason)) => rows.malformed(line, &reason, &tokens.since(begun))?,
            Some(Problem::Row) => {
                while tokens.next().is_some() {}
                return rows.malformed(line, NOT_READ, &tokens.since(begun));
            }
        }
        if !tokens.take_sign(b',') {
            break;
        }
    }
    let line = tokens.line();
    let begun = tokens.at();
    let is_read = match tokens.next() {
        None => true,
        // What to do where a row of the key is there, or what to answer.
        Some(word) => BEHIND_ROWS.iter().any(|known| word.is(known)),
    };
    while tokens.next().is_some() {}
    match is_read {
        true => Ok(()),
        false => rows.malformed(line, NOT_READ, &tokens.since(begun)),
    }
}

enum Problem {
    /// A value is none; the row ends where it should.
    Value(String),
    /// The row does not end.
    Row,
}

/// Takes a row's values.
fn row<'s>(tokens: &mut Tokens<'s>, rules: Rules, cells: &mut Vec<Cell<'s>>) -> Option<Problem> {
    cells.clear();
    if !tokens.take_sign(b'(') {
        return Some(Problem::Row);
    }
    if tokens.take_sign(b')') {
        return None;
    }
    let mut problem = None;
    loop {
        match value(tokens, rules) {
            Ok(cell) if cells.len() < MAX_COLUMNS => cells.push(cell),
            Ok(_) => {
                let reason = format!("the row has more than {MAX_COLUMNS} values");
                problem.get_or_insert(Problem::Value(reason));
            }
            Err(reason) => {
                problem.get_or_insert(Problem::Value(reason));
            }
        }
        if tokens.take_sign(b')') {
            return problem;
        }
        if !tokens.take_sign(b',') {
            return Some(Problem::Row);
        }
    }
}

/// How many values the next row has.
fn count(mut tokens: Tokens<'_>, rules: Rules) -> usize {
    let mut cells = Vec::new();
    row(&mut tokens, rules, &mut cells);
    cells.len()
}

/// The names of a list of columns, behind its parenthesis.
pub(super) fn names(tokens: &mut Tokens<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    loop {
        names.push(match tokens.next()? {
            Token::Word(word) => word.to_owned(),
            Token::Name(name) => name,
            Token::Text(text) => String::from_utf8(text.into_owned()).ok()?,
            _ => return None,
        });
        if tokens.take_sign(b')') {
            return Some(names);
        }
        if !tokens.take_sign(b',') || names.len() >= MAX_COLUMNS {
            return None;
        }
    }
}
