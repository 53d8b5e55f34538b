//! What a caller sends for a row: the members of a JSON object as values of a table's columns.
//!
//! Only types are judged here, and which members there may be. The rules of the columns are the
//! database's.

use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::value::{Forms, Raw, Type, Value, parse};
use serde_json::{Map, Value as Json};

use causeway_shared::canonical_csv::canonical_text;

use super::field_error::{FieldError, Wrong};

/// Which columns have to have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// All that need one and have no default.
    All,
    /// Those among them that are given.
    Given,
}

/// Values of columns, by position.
pub(super) type Fields = Vec<(usize, Value<'static>)>;

/// The members as values of the columns that a caller may set.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn read(
    table: &Table,
    settable: &[&str],
    given: &Map<String, Json>,
    needs: Needs,
) -> Result<Fields, Vec<FieldError>> {
    let mut fields = Fields::new();
    let mut errors = Vec::new();
    for (name, value) in given {
        let at = table
            .column(name)
            .filter(|_| settable.contains(&name.as_str()));
        let Some(at) = at else {
            errors.push(FieldError::new(name, Wrong::NotTaken(settable.join(", "))));
            continue;
        };
        match value_of(value, table.columns[at].ty) {
            Ok(value) => fields.push((at, value)),
            Err(wrong) => errors.push(FieldError::new(name, wrong)),
        }
    }
    let is_needed = |name: &&&str| {
        let column = table.column(name).map(|at| &table.columns[at]);
        column.is_some_and(|column| {
            let has_default = column.default.is_some() && needs == Needs::All;
            column.not_null && !has_default
        })
    };
    for name in settable.iter().filter(is_needed) {
        let is_missing = match given.get(*name) {
            None => needs == Needs::All,
            Some(value) => value.is_null(),
        };
        if is_missing {
            errors.push(FieldError::new(name, Wrong::Needed));
        }
    }
    if errors.is_empty() {
        Ok(fields)
    } else {
        Err(errors)
    }
}

/// A member's value, where it is one of the type; else what to write.
fn value_of(given: &Json, ty: Type) -> Result<Value<'static>, Wrong> {
    let value = match (given, ty) {
        (Json::Null, _) => Ok(Value::Null),
        (Json::Bool(is), Type::Bool) => Ok(Value::Bool(*is)),
        (Json::Number(number), Type::Int | Type::Float | Type::Decimal(_)) => {
            text_value(&number.to_string(), ty)
        }
        (Json::String(text), Type::Text | Type::Phone | Type::Decimal(_)) => text_value(text, ty),
        (Json::String(text), Type::Date | Type::Time | Type::Timestamp) => plain_moment(text, ty),
        _ => Err(String::new()),
    };
    value.map_err(|message| match ty {
        // Which of its digits, it says.
        Type::Decimal(_) | Type::Phone if !message.is_empty() => message.into(),
        _ => Wrong::NotOfType(ty),
    })
}

/// A date, a time or both, in the form that answers have. Seconds that are none may be left out.
fn plain_moment(given: &str, ty: Type) -> Result<Value<'static>, String> {
    let value = text_value(given, ty)?;
    let canonical = canonical_text(&value).unwrap_or_default();
    let rest = canonical.strip_prefix(given).ok_or_else(String::new)?;
    let has_fraction = given.contains('.');
    match rest {
        "" | ":00" => Ok(value),
        zeros if has_fraction && zeros.bytes().all(|b| b == b'0') => Ok(value),
        _ => Err(String::new()),
    }
}

/// A text as a value of a type.
///
/// # Errors
/// Why it is none.
pub(crate) fn text_value(text: &str, ty: Type) -> Result<Value<'static>, String> {
    let value = parse(Raw::Text(text), ty, &Forms::default());
    value
        .map(Value::into_owned)
        .map_err(|refusal| refusal.to_string())
}

/// Refuses a value that a column's declaration does not list.
///
/// # Errors
/// Which ones there are.
pub(super) fn require_value(
    dataset: &Dataset,
    (table, column): (&str, &str),
    value: Option<&str>,
) -> Result<(), Vec<FieldError>> {
    let declared = dataset.table(table).and_then(|table| {
        let values = &table.columns[table.column(column)?].values;
        (!values.is_empty()).then_some(values)
    });
    match (declared, value) {
        (Some(values), Some(value)) if !values.iter().any(|known| known == value) => {
            let wrong = Wrong::NotListed(values.join(", "));
            Err(vec![FieldError::new(column, wrong)])
        }
        _ => Ok(()),
    }
}

/// A member of a body that is no row: its name, its type, and what it is where it is left out.
pub(super) type Member = (&'static str, Type, Option<Value<'static>>);

/// The values of members, in their order.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn members<const N: usize>(
    taken: [Member; N],
    given: &Map<String, Json>,
) -> Result<[Value<'static>; N], Vec<FieldError>> {
    let names = taken.each_ref().map(|(name, ..)| *name);
    let unknown = given.keys().filter(|name| !names.contains(&name.as_str()));
    let refused = |name: &String| FieldError::new(name, Wrong::NotTaken(names.join(", ")));
    let mut errors: Vec<FieldError> = unknown.map(refused).collect();
    let values = taken.map(|(name, ty, usual)| {
        let value = match given.get(name) {
            None | Some(Json::Null) => usual.ok_or(Wrong::Needed),
            Some(given) => value_of(given, ty),
        };
        value.unwrap_or_else(|wrong| {
            errors.push(FieldError::new(name, wrong));
            Value::Null
        })
    });
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;
    use serde_json::json;

    use super::*;

    const SETTABLE: [&str; 4] = ["customerid", "date", "consultantid", "description"];

    fn read_json(given: &Json) -> Result<Fields, Vec<FieldError>> {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("appointment").unwrap();
        read(table, &SETTABLE, given.as_object().unwrap(), Needs::All)
    }

    #[test]
    fn members_become_values_of_their_columns() {
        let given = json!({"customerid": "c1", "date": "2025-11-28", "consultantid": 3, "description": null});
        let read = read_json(&given).unwrap();
        let values: Vec<_> = read
            .iter()
            .map(|(at, value)| format!("{at} {value:?}"))
            .collect();
        insta::assert_snapshot!(values.join("\n"), @r#"
        1 Int(3)
        2 Text("c1")
        3 Date(2025-11-28)
        8 Null
        "#);
    }

    #[test]
    fn each_wrong_member_is_named() {
        let given = json!({"customerid": 5, "date": "tomorrow", "consultantid": 1.5, "status": "completed", "x": 1});
        let errors = read_json(&given).unwrap_err();
        let errors: Vec<_> = errors
            .iter()
            .map(|e| format!("{}: {}", e.field, e.wrong))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        consultantid: must be a whole number
        customerid: must be a text without U+0000
        date: must be a date like "2025-11-28"
        status: is not taken; write some of customerid, date, consultantid, description
        x: is not taken; write some of customerid, date, consultantid, description
        "#);
        let errors =
            read_json(&json!({"date": null, "customerid": "a\u{0}b", "consultantid": "3"}))
                .unwrap_err();
        let errors: Vec<_> = errors
            .iter()
            .map(|e| format!("{}: {}", e.field, e.wrong))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        consultantid: must be a whole number
        customerid: must be a text without U+0000
        date: is needed
        "#);
    }

    #[test]
    fn dates_and_times_have_one_form() {
        for (given, ty, is_taken) in [
            ("2026-11-28", Type::Date, true),
            ("2026-11-28T00:00", Type::Date, false),
            (" 2026-11-28", Type::Date, false),
            ("28.11.2026", Type::Date, false),
            ("09:30", Type::Time, true),
            ("09:30:15", Type::Time, true),
            ("09:30:15.5", Type::Time, true),
            ("09:30:15.123456", Type::Time, true),
            ("09:30:15.1234567", Type::Time, false),
            ("9:30", Type::Time, false),
            ("09:30 AM", Type::Time, false),
            ("09:30 ", Type::Time, false),
            ("2026-11-28T09:30", Type::Timestamp, true),
            ("2026-11-28 09:30:00", Type::Timestamp, false),
            ("2026-11-28T09:30:00Z", Type::Timestamp, false),
        ] {
            assert_eq!(value_of(&json!(given), ty).is_ok(), is_taken, "{given:?}");
        }
    }
}
