//! TOML as text: quoted strings, and comments that stay within the line.

/// Width that comments are wrapped to.
const WIDTH: usize = 100;

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A TOML array of strings.
pub(super) fn array<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

/// A text as it may stand in a comment: on one line, and without control characters.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Writes a comment of whole lines, wrapped.
pub(super) fn comment(out: &mut String, indent: &str, text: &str) {
    let mut line = format!("{indent}#");
    let empty = line.chars().count();
    for word in harmless(text).split_whitespace() {
        let width = line.chars().count();
        if width > empty && width + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.truncate(indent.len() + 1);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

/// Writes a comment behind what a line holds already.
pub(super) fn behind(out: &mut String, text: &str) {
    out.push_str("  # ");
    out.push_str(harmless(text).trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back(text in ".{0,60}") {
            let line = format!("a = {}", quoted(&text));
            let read: toml::Table = toml::from_str(&line).unwrap();
            proptest::prop_assert_eq!(read["a"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn any_comment_is_one(text in "(.|\n|\r){0,300}") {
            let mut out = String::new();
            comment(&mut out, "  ", &text);
            behind(&mut out, &text);
            proptest::prop_assert_eq!(toml::from_str::<toml::Table>(&out), Ok(toml::Table::new()));
        }
    }

    #[test]
    fn comments_are_wrapped() {
        let mut out = String::new();
        comment(&mut out, "", &"word ".repeat(25));
        assert_eq!(out.lines().map(str::len).collect::<Vec<_>>(), [96, 31]);
    }
}
