//! `COPY table (columns) FROM stdin`, and the lines behind it in PostgreSQL's text format.

use std::borrow::Cow;
use std::io::Read;

use super::dialect::Dialect;
use super::error::DumpError;
use super::insert::names;
use super::rows::RowNames;
use super::splitter::Splitter;
use super::tokens::Tokens;
use super::values::Cell;
use super::{DumpReader, MAX_COLUMNS};

impl DumpReader<'_> {
    pub(super) fn copy<R: Read>(
        &mut self,
        splitter: &mut Splitter<R>,
        line: u64,
    ) -> Result<(), DumpError> {
        let not_read = |what: &str| DumpError::NotRead {
            line,
            what: what.to_owned(),
            remedy: "only COPY … FROM stdin in pg_dump's form is",
        };
        splitter.rules.is(Dialect::PostgreSql);
        let mut tokens = Tokens::new(&splitter.statement, line, splitter.rules);
        tokens.next();
        let begun = tokens.at();
        let last = tokens
            .name()
            .ok_or_else(|| not_read("a COPY without a table"))?;
        let full = self.full_name(&tokens.since(begun));
        let listed = match tokens.take_sign(b'(') {
            true => Some(names(&mut tokens).ok_or_else(|| not_read("this list of columns"))?),
            false => None,
        };
        if !(tokens.take("FROM") && tokens.take("STDIN")) {
            return Err(not_read("a COPY from elsewhere"));
        }
        if tokens.next().is_some() {
            return Err(not_read("a COPY with options"));
        }
        splitter.end_of_line()?;
        let Some(table) = self.rows.table(&last) else {
            while splitter.copy_line()? {}
            let last: String = last.chars().take(60).collect();
            self.skip(&format!("COPY {last}"));
            return Ok(());
        };
        if !splitter.copy_line()? {
            return Ok(());
        }
        let names = RowNames {
            created: self.created.of(&last),
            name: full,
            listed,
            is_mysql: false,
            times_are_utc: false,
            line,
        };
        let values = || splitter.statement.split(|byte| *byte == b'\t').count();
        let (rows, target) = self.rows.begin(table, names, values)?;
        loop {
            let cells: Vec<Cell<'_>> = splitter
                .statement
                .split(|byte| *byte == b'\t')
                .take(MAX_COLUMNS + 1)
                .map(cell)
                .collect();
            let raw: Vec<_> = cells.iter().map(Cell::raw).collect();
            rows.row(splitter.line, &target.statement, &raw)
                .map_err(DumpError::Spool)?;
            if !splitter.copy_line()? {
                return Ok(());
            }
        }
    }
}

/// A field, its escapes undone.
fn cell(field: &[u8]) -> Cell<'_> {
    if field == b"\\N" {
        return Cell::Null;
    }
    if !field.contains(&b'\\') {
        return Cell::Text(Cow::Borrowed(field));
    }
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let (b'\\', Some((escaped, behind))) = (*byte, rest.split_first()) else {
            text.push(*byte);
            continue;
        };
        rest = behind;
        match escaped {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'v' => text.push(11),
            b'x' => numbered(&mut rest, 16, 2, b'x', &mut text),
            b'0'..=b'7' => {
                let digit = u32::from(*escaped - b'0');
                let (value, len) = digits(rest, 8, 2);
                rest = &rest[len..];
                let value = digit * 8_u32.pow(u32::try_from(len).unwrap_or(0)) + value;
                text.push(value.to_le_bytes()[0]);
            }
            other => text.push(*other),
        }
    }
    Cell::Text(Cow::Owned(text))
}

/// Takes a byte written as digits, or, where there is none, the letter before them.
fn numbered(rest: &mut &[u8], radix: u32, most: usize, letter: u8, text: &mut Vec<u8>) {
    let (value, len) = digits(rest, radix, most);
    *rest = &rest[len..];
    text.push(if len == 0 {
        letter
    } else {
        value.to_le_bytes()[0]
    });
}

/// The value of up to so many digits, and how many there are.
fn digits(text: &[u8], radix: u32, most: usize) -> (u32, usize) {
    let digits = text.iter().take(most);
    let digits = digits.map_while(|byte| char::from(*byte).to_digit(radix));
    digits.fold((0, 0), |(value, len), digit| {
        (value * radix + digit, len + 1)
    })
}
