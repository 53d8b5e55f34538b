//! The rules of one column, for a value as SQLite holds it.

use std::cmp::Ordering;

use rusqlite::types::ValueRef;

use causeway_shared::dataset::{Column, MAX_ROW_WIDTH, Table, row_width};
use causeway_shared::edits_object::Texts;
use causeway_shared::value::{Forms, Raw, Value, parse};

use super::value::as_loaded;
use crate::db::rules::Rule;

/// SQLSTATE and words, where a new value of a column breaks a rule.
pub(super) fn refusal(table: &Table, at: usize, stored: ValueRef<'_>) -> Option<String> {
    let broken = broken(table.columns.get(at)?, at, stored)?;
    Some(format!("{} {}", broken.state(), broken.message(table)))
}

/// The same for a row as the journal has it that is too wide for a page of PostgreSQL, to which it may
/// go one day.
pub(super) fn width_refusal(table: &Table, row: &str) -> Option<String> {
    let texts: Texts = serde_json::from_str(row).ok()?;
    let values = table.columns.iter().map(|column| {
        let text = texts.get(column.name.as_str())?.as_deref();
        let raw = text.map_or(Raw::Null, Raw::Text);
        parse(raw, column.ty, &Forms::default()).ok()
    });
    let values: Vec<_> = values.map(|value| value.unwrap_or(Value::Null)).collect();
    let width = row_width(&values);
    (width > MAX_ROW_WIDTH).then(|| {
        format!(
            "23514 {}: the row takes {width} bytes in a page of PostgreSQL, which has {MAX_ROW_WIDTH}",
            table.name
        )
    })
}

fn broken(column: &Column, at: usize, stored: ValueRef<'_>) -> Option<Rule<'static>> {
    if stored == ValueRef::Null {
        return column.not_null.then_some(Rule::NotNull(at));
    }
    let Some(value) = as_loaded(stored, column.ty) else {
        return Some(Rule::OfType(at));
    };
    let is_beyond = |bound: &Option<Value<'_>>, is_beyond: fn(Ordering) -> bool| {
        bound
            .as_ref()
            .is_some_and(|bound| is_beyond(value.compare(bound)))
    };
    if is_beyond(&column.min, Ordering::is_lt) {
        return Some(Rule::Least(at));
    }
    if is_beyond(&column.max, Ordering::is_gt) {
        return Some(Rule::Greatest(at));
    }
    let Value::Text(text) = &value else {
        return None;
    };
    match column.max_chars {
        Some(max) if text.chars().count() > max as usize => return Some(Rule::MaxChars(at, max)),
        _ => {}
    }
    let is_listed = column.values.is_empty() || column.values.iter().any(|value| value == text);
    (!is_listed).then_some(Rule::OneOf(at))
}

#[cfg(test)]
mod tests {
    use causeway_shared::value::Type;

    use super::*;
    use causeway_shared::canonical_csv::canonical_text;

    fn text_of(stored: ValueRef<'_>, ty: Type) -> Option<String> {
        canonical_text(&as_loaded(stored, ty)?)
    }

    #[test]
    fn only_values_as_a_load_stores_them_are_of_their_type() {
        let text = |value: &'static str| ValueRef::Text(value.as_bytes());
        let nothing = [
            (text("12"), Type::Int),
            (ValueRef::Real(12.5), Type::Int),
            (ValueRef::Integer(12), Type::Float),
            (ValueRef::Real(f64::INFINITY), Type::Float),
            (text("1.5"), Type::Decimal(2)),
            (text("+1.50"), Type::Decimal(2)),
            (ValueRef::Real(1.5), Type::Decimal(2)),
            (text("true"), Type::Bool),
            (ValueRef::Integer(2), Type::Bool),
            (text("a\0b"), Type::Text),
            (ValueRef::Blob(b"a"), Type::Text),
            (ValueRef::Text(b"\xff"), Type::Text),
            (ValueRef::Integer(7), Type::Phone),
            (text("2025-1-2"), Type::Date),
            (text("1899-12-31"), Type::Date),
            (text("2025-02-30"), Type::Date),
            (text("2025-01-02T00:00:00"), Type::Date),
            (text("9:30"), Type::Time),
            (text("09:30:00.5"), Type::Time),
            (text("24:00:00"), Type::Time),
            (text("2025-01-02 09:30:00"), Type::Timestamp),
            (text("2025-01-02T09:30:00Z"), Type::Timestamp),
        ];
        for (value, ty) in nothing {
            assert_eq!(text_of(value, ty), None, "{value:?} as {ty}");
        }
        let long = "x".repeat(causeway_shared::value::MAX_FIELD_BYTES + 1);
        assert_eq!(text_of(ValueRef::Text(long.as_bytes()), Type::Text), None);
        let taken = [
            (
                ValueRef::Integer(i64::MIN),
                Type::Int,
                "-9223372036854775808",
            ),
            (ValueRef::Real(3.0), Type::Float, "3"),
            (ValueRef::Real(1e300), Type::Float, "1e300"),
            (ValueRef::Real(-0.0), Type::Float, "0"),
            (text("-0.05"), Type::Decimal(2), "-0.05"),
            (ValueRef::Integer(1), Type::Bool, "true"),
            (text(""), Type::Text, ""),
            (text("a,\"b\""), Type::Text, "a,\"b\""),
            (text(" +84 9 "), Type::Phone, " +84 9 "),
            (text("2199-12-31"), Type::Date, "2199-12-31"),
            (text("09:30:00.120000"), Type::Time, "09:30:00.120000"),
            (
                text("2025-01-02T09:30:00"),
                Type::Timestamp,
                "2025-01-02T09:30:00",
            ),
        ];
        for (value, ty, expected) in taken {
            assert_eq!(
                text_of(value, ty).as_deref(),
                Some(expected),
                "{value:?} as {ty}"
            );
        }
    }
}
