//! The values of a row in a statement. Nothing is computed but what dump tools write around texts.

use std::borrow::Cow;

use causeway_shared::value::Raw;

use super::create::CreatedType;
use super::dialect::Rules;
use super::tokens::{Token, Tokens};

/// Calls within calls that are followed.
const MAX_DEPTH: u32 = 64;
/// Arguments of a call that are looked at.
const MAX_ARGUMENTS: usize = 64;

#[derive(Debug, PartialEq)]
pub(super) enum Cell<'s> {
    Null,
    Int(i64),
    Text(Cow<'s, [u8]>),
    Blob(Cow<'s, [u8]>),
}

impl Cell<'_> {
    /// As a source would give it.
    pub(super) fn raw(&self) -> Raw<'_> {
        match self {
            Self::Null => Raw::Null,
            Self::Int(value) => Raw::Int(*value),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Raw::Text(text),
                Err(_) => Raw::NotUtf8(bytes),
            },
            Self::Blob(bytes) => Raw::Blob(bytes),
        }
    }

    /// Undoes the form in which MySQL writes values of some types.
    pub(super) fn read_as(&mut self, ty: CreatedType) {
        match (ty, &mut *self) {
            (CreatedType::Instant, Self::Text(text)) => {
                *text = Cow::Owned([&text[..], b"+00:00"].concat());
            }
            (CreatedType::Bit, Self::Text(bits)) => *self = Self::of_bits(bits.to_vec()),
            _ => {}
        }
    }

    fn text(text: &str) -> Self {
        Self::Text(Cow::Owned(text.as_bytes().to_vec()))
    }

    /// What MySQL writes in bits: of a boolean 0 or 1, else bytes.
    fn of_bits(bytes: Vec<u8>) -> Self {
        match bytes[..] {
            [0] => Self::Int(0),
            [1] => Self::Int(1),
            _ => Self::Blob(bytes.into()),
        }
    }
}

/// Takes a value. What follows it is a comma or a closing parenthesis, or the value is none.
///
/// # Errors
/// Why it is none; it has been passed over.
pub(super) fn value<'s>(tokens: &mut Tokens<'s>, rules: Rules) -> Result<Cell<'s>, String> {
    let begun = tokens.at();
    let whole = tokens.clone();
    let taken = operand(tokens, rules, 0).and_then(|cell| {
        while casts(tokens) {}
        match tokens.peek() {
            None | Some(Token::Sign(b',' | b')')) => Ok(cell),
            Some(_) => Err(()),
        }
    });
    taken.map_err(|()| {
        *tokens = whole;
        tokens.skip_expression();
        let shown: String = tokens.since(begun).trim().chars().take(60).collect();
        format!("{shown} is not a value, and nothing is computed")
    })
}

/// Passes over PostgreSQL's `::type`.
fn casts(tokens: &mut Tokens<'_>) -> bool {
    let mut ahead = tokens.clone();
    if !(ahead.take_sign(b':') && ahead.take_sign(b':')) {
        return false;
    }
    while matches!(
        ahead.peek(),
        Some(Token::Word(_) | Token::Name(_) | Token::Sign(b'.'))
    ) {
        ahead.next();
    }
    if ahead.take_sign(b'(') {
        ahead.skip_expression();
        if !ahead.take_sign(b')') {
            return false;
        }
    }
    *tokens = ahead;
    true
}

fn operand<'s>(tokens: &mut Tokens<'s>, rules: Rules, depth: u32) -> Result<Cell<'s>, ()> {
    if depth > MAX_DEPTH {
        return Err(());
    }
    match tokens.next().ok_or(())? {
        Token::Text(text) => Ok(Cell::Text(text)),
        Token::Number(digits) => Ok(number("", digits)),
        Token::Blob(bytes) => Ok(Cell::Blob(bytes.into())),
        Token::Bits(bytes) => Ok(Cell::of_bits(bytes)),
        Token::Sign(sign @ (b'-' | b'+')) => match tokens.next().ok_or(())? {
            Token::Number(digits) if sign == b'-' => Ok(number("-", digits)),
            Token::Number(digits) => Ok(number("", digits)),
            _ => Err(()),
        },
        Token::Word(word) => named(word, tokens, rules, depth),
        Token::Name(_) | Token::Sign(_) => Err(()),
    }
}

/// A whole number as such; any other, and one with zeros before it, as its text, which has all its digits.
fn number<'s>(sign: &str, digits: &str) -> Cell<'s> {
    let text = format!("{sign}{digits}");
    match text.parse::<i64>() {
        Ok(value) if value.to_string() == text => Cell::Int(value),
        _ => Cell::text(&text),
    }
}

/// What begins with a word.
fn named<'s>(
    word: &str,
    tokens: &mut Tokens<'s>,
    rules: Rules,
    depth: u32,
) -> Result<Cell<'s>, ()> {
    let lower = word.to_ascii_lowercase();
    if matches!(tokens.peek(), Some(Token::Text(_))) {
        let Some(Token::Text(text)) = tokens.next() else {
            return Err(());
        };
        return match lower.as_str() {
            "date" | "time" | "timestamp" | "timestamptz" => Ok(Cell::Text(text)),
            "_binary" if std::str::from_utf8(&text).is_err() || text.len() == 1 => {
                Ok(match text[..] {
                    [0 | 1] => Cell::of_bits(text.into_owned()),
                    _ => Cell::Text(text),
                })
            }
            _ if lower.starts_with('_') && rules.is_mysql() => Ok(Cell::Text(text)),
            _ => Err(()),
        };
    }
    if lower == "_binary" && matches!(tokens.peek(), Some(Token::Bits(_) | Token::Blob(_))) {
        return operand(tokens, rules, depth + 1);
    }
    if tokens.peek().is_some_and(|token| token.is_sign(b'(')) {
        return call(&lower, tokens, rules, depth);
    }
    match lower.as_str() {
        "null" => Ok(Cell::Null),
        "true" | "false" => Ok(Cell::text(&lower)),
        _ => Err(()),
    }
}

/// The calls that sqlite3 writes around texts with line ends, and casts.
fn call<'s>(
    function: &str,
    tokens: &mut Tokens<'s>,
    rules: Rules,
    depth: u32,
) -> Result<Cell<'s>, ()> {
    tokens.take_sign(b'(');
    let mut arguments = Vec::new();
    loop {
        if arguments.len() >= MAX_ARGUMENTS {
            return Err(());
        }
        arguments.push(operand(tokens, rules, depth + 1)?);
        while casts(tokens) {}
        if function == "cast" && tokens.take("as") {
            tokens.skip_expression();
        }
        if !tokens.take_sign(b',') {
            break;
        }
    }
    if !tokens.take_sign(b')') {
        return Err(());
    }
    match (function, &mut arguments[..]) {
        ("cast", [_]) => arguments.pop().ok_or(()),
        ("replace", [Cell::Text(text), Cell::Text(from), Cell::Text(to)]) if !from.is_empty() => {
            let (from, to) = (text_of(from)?, text_of(to)?);
            Ok(Cell::text(&text_of(text)?.replace(from, to)))
        }
        ("char", codes) => {
            let char = |cell: &Cell<'_>| match cell {
                Cell::Int(code) => char::from_u32(u32::try_from(*code).ok()?),
                _ => None,
            };
            let text: Option<String> = codes.iter().map(char).collect();
            text.map(|text| Cell::text(&text)).ok_or(())
        }
        ("unistr", [Cell::Text(text)]) => unistr(text_of(text)?).map(|text| Cell::text(&text)),
        _ => Err(()),
    }
}

fn text_of(text: &[u8]) -> Result<&str, ()> {
    std::str::from_utf8(text).map_err(|_| ())
}

/// SQLite's `unistr`: behind `\` or `\u` four hexadecimal digits, behind `\+` six, behind `\U` eight; `\\` is
/// one backslash.
fn unistr(text: &str) -> Result<String, ()> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let (digits, behind) = match escaped.chars().next() {
            Some('\\') => {
                out.push('\\');
                rest = &escaped[1..];
                continue;
            }
            Some('u') => (4, &escaped[1..]),
            Some('+') => (6, &escaped[1..]),
            Some('U') => (8, &escaped[1..]),
            _ => (4, escaped),
        };
        let code = behind.get(..digits).ok_or(())?;
        let code = u32::from_str_radix(code, 16).map_err(|_| ())?;
        out.push(char::from_u32(code).ok_or(())?);
        rest = &behind[digits..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Dialect;
    use super::*;

    fn shown(text: &str, dialect: Dialect) -> String {
        let rules = Rules::new(Some(dialect));
        let mut tokens = Tokens::new(text.as_bytes(), 1, rules);
        match value(&mut tokens, rules) {
            Ok(cell) => format!("{:?}", cell.raw()),
            Err(reason) => reason,
        }
    }

    #[test]
    fn values_are_taken_as_each_database_writes_them() {
        use Dialect::{MySql, PostgreSql, Sqlite};
        for (text, dialect, expected) in [
            ("NULL", Sqlite, "Null"),
            ("-7", Sqlite, "Int(-7)"),
            ("007", Sqlite, "Text(\"007\")"),
            ("1.50", PostgreSql, "Text(\"1.50\")"),
            ("1e-3", PostgreSql, "Text(\"1e-3\")"),
            (
                "99999999999999999999",
                MySql,
                "Text(\"99999999999999999999\")",
            ),
            ("true", PostgreSql, "Text(\"true\")"),
            ("'it''s'", Sqlite, "Text(\"it's\")"),
            (r"'a\nb'", Sqlite, r#"Text("a\\nb")"#),
            (r"'a\nb\'c\\'", MySql, r#"Text("a\nb'c\\")"#),
            (r"'100\% \_'", MySql, r#"Text("100\\% \\_")"#),
            (r"E'a\tb\x41\101\u1EC7'", PostgreSql, r#"Text("a\tbAAệ")"#),
            (r"E'\uD83D\uDE00'", PostgreSql, "Text(\"😀\")"),
            (r"E'a\uD83Db'", PostgreSql, "NotUtf8([97, 255, 98])"),
            (r#""a\"b""#, MySql, r#"Text("a\"b")"#),
            ("_utf8mb4'ệ'", MySql, "Text(\"ệ\")"),
            (r"_binary '\0'", MySql, "Int(0)"),
            ("_binary 0x01", MySql, "Int(1)"),
            ("b'1'", MySql, "Int(1)"),
            ("0xC3A1", MySql, "Blob([195, 161])"),
            ("X'00FF'", Sqlite, "Blob([0, 255])"),
            ("'2025-11-28'::date", PostgreSql, "Text(\"2025-11-28\")"),
            ("'x'::character varying(20)", PostgreSql, "Text(\"x\")"),
            ("CAST('7' AS integer)", PostgreSql, "Text(\"7\")"),
            (
                "TIMESTAMP '2025-11-28 09:00:00'",
                PostgreSql,
                "Text(\"2025-11-28 09:00:00\")",
            ),
            (
                r"replace(replace('a\nb\rc','\n',char(10)),'\r',char(13))",
                Sqlite,
                r#"Text("a\nb\rc")"#,
            ),
            (r"unistr('a\u000ab\\c')", Sqlite, r#"Text("a\nb\\c")"#),
            (
                "now()",
                PostgreSql,
                "now() is not a value, and nothing is computed",
            ),
            (
                "DEFAULT",
                PostgreSql,
                "DEFAULT is not a value, and nothing is computed",
            ),
            (
                "1 + 2, 3",
                PostgreSql,
                "1 + 2 is not a value, and nothing is computed",
            ),
            (
                "'a' || 'b')",
                PostgreSql,
                "'a' || 'b' is not a value, and nothing is computed",
            ),
            (
                "(SELECT 1, 2)",
                PostgreSql,
                "(SELECT 1, 2) is not a value, and nothing is computed",
            ),
        ] {
            assert_eq!(shown(text, dialect), expected, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_utf8_stay_bytes() {
        let rules = Rules::new(Some(Dialect::MySql));
        let mut tokens = Tokens::new(b"'Nguy\xe1n'", 1, rules);
        let cell = value(&mut tokens, rules).unwrap();
        assert_eq!(cell.raw(), Raw::NotUtf8(b"Nguy\xe1n"));
    }

    #[test]
    fn calls_within_calls_are_followed_so_far() {
        let text = format!("{}1{}", "cast(".repeat(100_000), " as x)".repeat(100_000));
        assert!(shown(&text, Dialect::Sqlite).ends_with("nothing is computed"));
    }
}
