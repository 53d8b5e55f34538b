//! PostgreSQL's function `textregexeq(text, pattern)`, as far as the hub's own patterns go:
//! alternatives of characters, classes in brackets, and `*` behind a class. All else is refused.

use std::iter::Peekable;
use std::str::Chars;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    alternatives: Vec<Vec<Atom>>,
}

/// A character of a class; with a star any number of them, or none.
#[derive(Debug)]
struct Atom {
    /// A bit for each ASCII character.
    ascii: u128,
    /// The others, in order.
    ranges: Vec<(char, char)>,
    is_repeated: bool,
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is not understood.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let mut chars = pattern.chars().peekable();
        let mut alternatives = vec![Vec::new()];
        while let Some(c) = chars.next() {
            if c == '|' {
                alternatives.push(Vec::new());
                continue;
            }
            let ranges = match c {
                '[' => class(&mut chars)?,
                '\\' => match chars.next() {
                    Some(c) if c.is_ascii_punctuation() => vec![(c, c)],
                    other => return Err(format!("the escape {other:?}")),
                },
                c if c.is_ascii_punctuation() => return Err(format!("{c:?}")),
                c => vec![(c, c)],
            };
            let is_repeated = chars.next_if_eq(&'*').is_some();
            if let Some(atoms) = alternatives.last_mut() {
                atoms.push(Atom::new(ranges, is_repeated));
            }
        }
        Ok(Self { alternatives })
    }

    /// Whether some part of a text is as the pattern says.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let mut starts = starts.map(|at| &text[at..]);
        starts.any(|rest| self.alternatives.iter().any(|atoms| begins(atoms, rest)))
    }
}

/// The characters of a class, behind its bracket.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<Vec<(char, char)>, String> {
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next() {
            None => return Err("a class without its end".to_owned()),
            Some(']') => break,
            Some(c @ ('^' | '[' | '\\')) => return Err(format!("{c:?} in a class")),
            Some(c) => c,
        };
        let mut ahead = chars.clone();
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) if last != ']' => {
                *chars = ahead;
                last
            }
            _ => first,
        };
        ranges.push((first, last));
    }
    Ok(ranges)
}

impl Atom {
    fn new(mut ranges: Vec<(char, char)>, is_repeated: bool) -> Self {
        let mut ascii = 0;
        for (first, last) in &ranges {
            for c in (*first..=*last).take_while(char::is_ascii) {
                ascii |= 1 << u32::from(c);
            }
        }
        ranges.retain(|(_, last)| !last.is_ascii());
        ranges.sort_unstable();
        Self {
            ascii,
            ranges,
            is_repeated,
        }
    }

    fn has(&self, c: char) -> bool {
        if c.is_ascii() {
            return self.ascii >> u32::from(c) & 1 == 1;
        }
        let behind = self.ranges.partition_point(|(first, _)| *first <= c);
        self.ranges[..behind]
            .last()
            .is_some_and(|(_, last)| c <= *last)
    }

    /// What is left of a text behind a character of the class.
    fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut chars = text.chars();
        chars.next().filter(|c| self.has(*c))?;
        Some(chars.as_str())
    }
}

/// Whether a text begins as these say.
fn begins(atoms: &[Atom], mut text: &str) -> bool {
    let Some((atom, atoms)) = atoms.split_first() else {
        return true;
    };
    if !atom.is_repeated {
        return atom.strip(text).is_some_and(|rest| begins(atoms, rest));
    }
    loop {
        if begins(atoms, text) {
            return true;
        }
        match atom.strip(text) {
            Some(rest) => text = rest,
            None => return false,
        }
    }
}

/// Gives a connection the function.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("textregexeq", 2, flags, finds)
}

/// NULL where either is.
fn finds(arguments: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let (ValueRef::Text(text), ValueRef::Text(_)) = (arguments.get_raw(0), arguments.get_raw(1))
    else {
        return Ok(None);
    };
    // Read once for each statement.
    let pattern = arguments.get_or_create_aux(1, |pattern| {
        let pattern = pattern.as_str().map_err(|error| error.to_string())?;
        Pattern::parse(pattern)
            .map_err(|what| format!("a pattern has {what}, which is not known here"))
    });
    let pattern = pattern.map_err(|error: Error| error)?;
    Ok(Some(pattern.finds(&String::from_utf8_lossy(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused() {
        for pattern in [
            "a+", "(a)", "[^a]", "[a", "\\d", "\\", ".", "a{2}", "^a", "[\\]]",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_repeated_class_takes_as_much_as_the_rest_leaves() {
        for (pattern, text, expected) in [
            ("[ab]*b", "aab", true),
            ("x[ab]*b", "xaa", false),
            ("[a-c-]z", "-z", true),
            ("a|bc", "xbc", true),
            ("a|bc", "xb", false),
            ("[\u{300}-\u{36f}]*x", "\u{301}x", true),
            ("[é]", "e", false),
            ("", "", true),
        ] {
            let found = Pattern::parse(pattern).unwrap().finds(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_long_run_of_what_is_repeated_ends() {
        let text = " ".repeat(100_000);
        let pattern = Pattern::parse("a[ ][ ]*b").unwrap();
        assert!(!pattern.finds(&format!("a{text}")));
    }
}
