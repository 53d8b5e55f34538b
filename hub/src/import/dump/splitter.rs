//! A dump's statements, one after the other, without their comments.

use std::io::{self, Read};

use super::dialect::{Dialect, Rules};
use super::error::DumpError;
use super::input::Input;

/// Most bytes of a statement, or of a line of COPY.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// How much of a comment is looked at.
const MAX_COMMENT_BYTES: usize = 200;

const MAX_DELIMITER_BYTES: usize = 16;

pub(super) struct Splitter<R> {
    input: Input<R>,
    pub(super) rules: Rules,
    /// The statement that was read last.
    pub(super) statement: Vec<u8>,
    /// The line on which it begins.
    pub(super) line: u64,
    /// What ends statements.
    delimiter: Vec<u8>,
    /// What the comments said of the dump's beginning and end.
    pub(super) ends: Ends,
}

/// Marks of a whole dump.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The tool writes a last comment.
    pub(super) announced: bool,
    /// That comment was there.
    pub(super) complete: bool,
}

impl Ends {
    fn comment(&mut self, text: &str) {
        let complete = ["PostgreSQL database dump complete", "Dump completed"];
        let begun = ["PostgreSQL database dump", "MySQL dump", "MariaDB dump"];
        if complete.iter().any(|mark| text.contains(mark)) {
            self.complete = true;
        } else if begun.iter().any(|mark| text.contains(mark)) {
            self.announced = true;
        }
    }
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(reader: R, rules: Rules) -> Result<Self, DumpError> {
        let mut input = Input::new(reader);
        refuse_other_files(input.peek(MAX_COMMENT_BYTES).map_err(DumpError::Read)?)?;
        if input.is_before(b"\xef\xbb\xbf").map_err(DumpError::Read)? {
            for _ in 0..3 {
                input.next().map_err(DumpError::Read)?;
            }
        }
        Ok(Self {
            input,
            rules,
            statement: Vec::new(),
            line: 1,
            delimiter: b";".to_vec(),
            ends: Ends::default(),
        })
    }

    /// Reads the next statement; `false` at the end. A comment that MySQL executes is one, too.
    pub(super) fn advance(&mut self) -> Result<bool, DumpError> {
        self.statement.clear();
        loop {
            if self.statement.len() > MAX_BYTES {
                return Err(DumpError::TooLarge { line: self.line });
            }
            if self.is_delimiter_command()? {
                self.obey_delimiter()?;
            }
            if self.is_before_delimiter()? {
                (0..self.delimiter.len()).try_for_each(|_| self.next().map(drop))?;
                match self.is_at_start() {
                    true => self.statement.clear(),
                    false if self.is_within_trigger() => self.statement.push(b';'),
                    false => return Ok(true),
                }
                continue;
            }
            let Some(byte) = self.next()? else {
                return match self.is_at_start() {
                    true => Ok(false),
                    false => Err(DumpError::CutOff { line: self.line }),
                };
            };
            match byte {
                b'\'' | b'"' | b'`' => self.quoted(byte)?,
                b'-' if self.is_dashes()? => self.line_comment()?,
                // No statement begins so.
                b'#' if self.rules.is_mysql() || self.is_at_start() => self.line_comment()?,
                b'/' if self.is_before(b"*")? => self.block_comment()?,
                b'$' if !self.rules.is_mysql() => self.dollar()?,
                b'\\' if self.is_at_start() => {
                    self.push(byte);
                    self.rest_of_line()?;
                    return Ok(true);
                }
                _ => self.push(byte),
            }
        }
    }

    /// Reads a line of COPY's rows, without its end; `false` at their end.
    pub(super) fn copy_line(&mut self) -> Result<bool, DumpError> {
        let begun = self.line;
        self.statement.clear();
        self.line = self.input.line;
        while let Some(byte) = self.next()? {
            if byte == b'\n' {
                if self.statement.last() == Some(&b'\r') {
                    self.statement.pop();
                }
                return Ok(self.statement != b"\\.");
            }
            self.statement.push(byte);
            if self.statement.len() > MAX_BYTES {
                return Err(DumpError::TooLarge { line: self.line });
            }
        }
        match self.statement == b"\\." {
            true => Ok(false),
            false => Err(DumpError::CutOff { line: begun }),
        }
    }

    /// Passes over the rest of the line on which COPY ends.
    pub(super) fn end_of_line(&mut self) -> Result<(), DumpError> {
        while let Some(byte) = self.next()? {
            if byte == b'\n' {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<u8>, DumpError> {
        self.input.next().map_err(DumpError::Read)
    }

    fn is_before(&mut self, bytes: &[u8]) -> Result<bool, DumpError> {
        self.input.is_before(bytes).map_err(DumpError::Read)
    }

    fn is_before_delimiter(&mut self) -> Result<bool, DumpError> {
        let delimiter = &self.delimiter;
        self.input.is_before(delimiter).map_err(DumpError::Read)
    }

    /// Whether nothing of a statement was read.
    fn is_at_start(&self) -> bool {
        self.statement.trim_ascii().is_empty()
    }

    fn push(&mut self, byte: u8) {
        if self.statement.is_empty() {
            if byte.is_ascii_whitespace() {
                return;
            }
            self.line = self.input.line - u64::from(byte == b'\n');
        }
        self.statement.push(byte);
    }

    /// Takes a string or a quoted name, behind its opening quote. Two quotes within it are one.
    fn quoted(&mut self, quote: u8) -> Result<(), DumpError> {
        if quote == b'`' {
            self.rules.is(Dialect::MySql);
        }
        let is_string = quote == b'\'' || quote == b'"' && self.rules.is_mysql();
        let is_escape_string = quote == b'\'' && self.is_behind_e();
        let begun = self.input.line;
        self.push(quote);
        while let Some(byte) = self.next()? {
            self.statement.push(byte);
            if byte == quote {
                return Ok(());
            }
            if byte == b'\\' && is_string {
                let escapes = match self.rules.backslash() {
                    _ if is_escape_string => true,
                    Some(escapes) => escapes,
                    None => return Err(DumpError::Backslash { line: begun }),
                };
                if escapes && let Some(escaped) = self.next()? {
                    self.statement.push(escaped);
                }
            }
            if self.statement.len() > MAX_BYTES {
                return Err(DumpError::TooLarge { line: self.line });
            }
        }
        Err(DumpError::CutOff { line: begun })
    }

    /// Whether the string that begins here is one of PostgreSQL's with escapes.
    fn is_behind_e(&self) -> bool {
        match self.statement[..] {
            [.., before, b'e' | b'E'] => !is_of_word(before),
            [b'e' | b'E'] => true,
            _ => false,
        }
    }

    /// Whether the dash just read begins a comment. MySQL wants a space behind two.
    fn is_dashes(&mut self) -> Result<bool, DumpError> {
        let is_mysql = self.rules.is_mysql();
        let next = self.input.peek(2).map_err(DumpError::Read)?;
        Ok(match next {
            [b'-', behind, ..] if is_mysql => behind.is_ascii_whitespace(),
            [b'-', ..] => true,
            _ => false,
        })
    }

    fn line_comment(&mut self) -> Result<(), DumpError> {
        let mut text = Vec::new();
        while let Some(byte) = self.next()? {
            if byte == b'\n' {
                break;
            }
            if text.len() < MAX_COMMENT_BYTES {
                text.push(byte);
            }
        }
        self.commented(&text);
        self.push(b'\n');
        Ok(())
    }

    /// Passes over a comment, behind its slash. What MySQL executes stays as a statement's words, if
    /// nothing else stands in the statement.
    fn block_comment(&mut self) -> Result<(), DumpError> {
        let begun = self.input.line;
        self.next()?;
        let mut text = Vec::new();
        let (mut depth, mut before) = (1_u32, 0);
        while let Some(byte) = self.next()? {
            match (before, byte) {
                (b'*', b'/') => depth -= 1,
                // Only PostgreSQL nests them.
                (b'/', b'*') if self.rules.dialect == Some(Dialect::PostgreSql) => depth += 1,
                _ => {}
            }
            before = match (before, byte) {
                (b'*', b'/') | (b'/', b'*') => 0,
                _ => byte,
            };
            if depth == 0 {
                text.pop();
                self.executed(&text);
                self.push(b' ');
                return Ok(());
            }
            if text.len() < MAX_COMMENT_BYTES {
                text.push(byte);
            }
        }
        Err(DumpError::CutOff { line: begun })
    }

    fn executed(&mut self, text: &[u8]) {
        let Some(code) = text.strip_prefix(b"!").or(text.strip_prefix(b"M!")) else {
            self.commented(text);
            return;
        };
        self.rules.is(Dialect::MySql);
        let code = code.trim_ascii_start();
        let digits = code.iter().take_while(|byte| byte.is_ascii_digit());
        let code = &code[digits.count()..];
        // MariaDB's sandbox mode is a command of its client.
        if self.is_at_start() && !code.starts_with(b"\\") {
            code.trim_ascii().iter().for_each(|byte| self.push(*byte));
        }
    }

    fn commented(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        self.rules.comment(&text);
        self.ends.comment(&text);
    }

    /// Takes a string between dollar signs, if one begins here, behind the first of them.
    fn dollar(&mut self) -> Result<(), DumpError> {
        let begun = self.input.line;
        self.push(b'$');
        let next = self.input.peek(64).map_err(DumpError::Read)?;
        let tag = next.iter().take_while(|byte| is_of_word(**byte)).count();
        let is_tag = next.get(tag) == Some(&b'$') && !next.first().is_some_and(u8::is_ascii_digit);
        if !is_tag {
            return Ok(());
        }
        let end = [b"$", &next[..=tag]].concat();
        for _ in 0..=tag {
            let byte = self.next()?.unwrap_or_default();
            self.statement.push(byte);
        }
        while !self.is_before(&end)? {
            let Some(byte) = self.next()? else {
                return Err(DumpError::CutOff { line: begun });
            };
            self.statement.push(byte);
            if self.statement.len() > MAX_BYTES {
                return Err(DumpError::TooLarge { line: self.line });
            }
        }
        for _ in 0..end.len() {
            let byte = self.next()?.unwrap_or_default();
            self.statement.push(byte);
        }
        Ok(())
    }

    /// Takes the rest of the line into the statement.
    fn rest_of_line(&mut self) -> Result<(), DumpError> {
        while let Some(byte) = self.next()? {
            if byte == b'\n' {
                break;
            }
            if self.statement.len() < MAX_COMMENT_BYTES {
                self.statement.push(byte);
            }
        }
        Ok(())
    }

    /// Obeys MySQL's client command DELIMITER, whose word is all of the statement so far.
    fn obey_delimiter(&mut self) -> Result<(), DumpError> {
        self.statement.clear();
        self.rest_of_line()?;
        let delimiter = self.statement.trim_ascii();
        if !delimiter.is_empty() && delimiter.len() <= MAX_DELIMITER_BYTES {
            self.delimiter = delimiter.to_vec();
        }
        self.statement.clear();
        Ok(())
    }

    fn is_delimiter_command(&mut self) -> Result<bool, DumpError> {
        Ok(self.statement.eq_ignore_ascii_case(b"DELIMITER") && self.is_before(b" ")?)
    }

    /// Whether a semicolon stands within the body of a trigger: its end is `END` behind another one.
    fn is_within_trigger(&self) -> bool {
        let head = &self.statement[..self.statement.len().min(MAX_COMMENT_BYTES)];
        let head = String::from_utf8_lossy(head).to_ascii_uppercase();
        let mut words = head.split_ascii_whitespace();
        let is_trigger = words.next() == Some("CREATE")
            && words.take(2).any(|word| word == "TRIGGER")
            && self.rules.dialect != Some(Dialect::PostgreSql)
            && self.delimiter == b";";
        if !is_trigger {
            return false;
        }
        let text = self.statement.trim_ascii_end();
        let body = match text.split_last_chunk::<3>() {
            Some((body, end)) if end.eq_ignore_ascii_case(b"END") => body.trim_ascii_end(),
            _ => return true,
        };
        body.last() != Some(&b';')
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Refuses files that are no SQL by what they begin with.
fn refuse_other_files(head: &[u8]) -> Result<(), DumpError> {
    let (what, remedy) = match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            "in UTF-16",
            "write it as UTF-8: PowerShell's `>` makes UTF-16, `mysqldump --result-file` does not",
        ),
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            ("compressed", "unpack it before")
        }
        [b'P', b'G', b'D', b'M', b'P', ..] => (
            "in pg_dump's own format",
            "dump with `pg_dump --format=plain`",
        ),
        _ if head.starts_with(b"SQLite format 3\0") => (
            "a SQLite database",
            "import what `sqlite3 FILE .dump` writes, or let an agent carry it",
        ),
        _ if head.contains(&0) => ("no text", "import SQL or CSV"),
        _ => return Ok(()),
    };
    Err(DumpError::NotSql { what, remedy })
}

impl From<io::Error> for DumpError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}
