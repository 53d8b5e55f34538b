//! Refused rows by kind: a thousand rows with one fault are one thing to a person.

use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use serde::{Deserialize, Serialize};

/// Rows that are refused alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedKind {
    /// How many of the listed rows.
    pub rows: u64,
    /// The column that does not fit, if it is one.
    pub column: Option<String>,
    /// Why the first of them is refused.
    pub reason: String,
    /// The file that holds the first.
    pub source: String,
    /// Where in it the first is.
    pub place: String,
}

/// The kinds of some refused rows, the most frequent first.
#[must_use]
pub(crate) fn kinds(refused: &RefusedRows) -> Vec<RefusedKind> {
    let mut kinds: Vec<((Option<&str>, String), RefusedKind)> = Vec::new();
    for row in &refused.listed {
        let key = (row.column.as_deref(), without_values(&row.reason));
        match kinds.iter_mut().find(|(known, _)| *known == key) {
            Some((_, kind)) => kind.rows += 1,
            None => kinds.push((key, first_of_kind(row))),
        }
    }
    let mut kinds: Vec<RefusedKind> = kinds.into_iter().map(|(_, kind)| kind).collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.rows));
    kinds
}

fn first_of_kind(row: &RefusedRow) -> RefusedKind {
    RefusedKind {
        rows: 1,
        column: row.column.clone(),
        reason: row.reason.clone(),
        source: row.source.clone(),
        place: row.place.clone(),
    }
}

/// A reason without the values that it names: what is in quotes, and words with digits in them.
fn without_values(reason: &str) -> String {
    let mut outside = String::with_capacity(reason.len());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in reason.chars() {
        match c {
            '"' if !is_escaped => is_quoted = !is_quoted,
            c if !is_quoted => outside.push(c),
            _ => {}
        }
        is_escaped = is_quoted && c == '\\' && !is_escaped;
    }
    let words = outside.split_whitespace();
    let kept = words.filter(|word| !word.bytes().any(|b| b.is_ascii_digit()));
    kept.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(column: &str, reason: &str, place: &str) -> RefusedRow {
        RefusedRow {
            since: jiff::Timestamp::UNIX_EPOCH,
            source: "a.csv".into(),
            place: place.into(),
            column: Some(column.into()),
            reason: reason.into(),
            row: String::new(),
        }
    }

    #[test]
    fn rows_with_one_fault_are_one_kind() {
        let refused = RefusedRows {
            total: 4,
            listed: vec![
                row("sku", "product SP7 is not in the source", "line 2"),
                row(
                    "price",
                    r#""a \"b\" c" is not a value of type int"#,
                    "line 3",
                ),
                row("price", "\"x\" is not a value of type int", "line 4"),
                row("qty", "\"x\" is not a value of type int", "line 5"),
                row("price", "1.5 is not a value of type int", "line 6"),
                row("sku", "product SP8 is not in the source", "line 7"),
            ],
        };
        let kinds = kinds(&refused);
        let shown: Vec<String> = kinds
            .iter()
            .map(|kind| format!("{} {:?} {}", kind.rows, kind.column, kind.place))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
    3 Some("price") line 3
    2 Some("sku") line 2
    1 Some("qty") line 5
    "#);
    }
}
