//! What a row that is born here gets beside the values of its writer: its key, defaults and part.
//! SQLite's triggers cannot change a row before it is stored, so this comes before the insert.

use jiff::civil::DateTime;

use causeway_shared::dataset::{Dataset, Default, TableId};
use causeway_shared::value::{Type, Value};

use crate::db::rules::{self, Rule};
use crate::db::{DbError, Row};

/// The whole row of a writer's values, by position. `next_key` takes a key from the database's block;
/// `now` is the present in the hub's zone, in whole seconds.
pub(super) fn row(
    dataset: &Dataset,
    id: TableId,
    values: &[(usize, Value<'static>)],
    next_key: impl FnOnce() -> Option<i64>,
    now: DateTime,
) -> Result<Row, DbError> {
    let table = &dataset.tables[id];
    let mut row: Row = vec![Value::Null; table.columns.len()];
    for (at, value) in values {
        row[*at] = value.clone();
    }
    if let Some(key) = rules::given_key(table) {
        if row[key].is_null() {
            row[key] = Value::Int(next_key().ok_or_else(no_keys)?);
        } else if rules::refuses_given_keys(dataset, id) {
            return Err(DbError::Rejected {
                state: "23514".to_owned(),
                message: rules::message_of_given_key(table, key),
            });
        }
    }
    // Constants first: a default from another column may be from one that has a constant.
    for (at, column) in table.columns.iter().enumerate() {
        if let (Value::Null, Some(default)) = (&row[at], &column.default) {
            row[at] = match default {
                // A row that is born here has the time of its birth.
                _ if column.ty == Type::Timestamp => Value::Timestamp(now),
                Default::Constant(constant) => constant.clone(),
                Default::Column(_) => continue,
            };
        }
    }
    for (at, column) in table.columns.iter().enumerate() {
        if let (Value::Null, Some(Default::Column(from))) = (&row[at], &column.default) {
            row[at] = row[*from].clone();
        }
    }
    // SQLite invents a number for a key that has none.
    match table.key.iter().find(|at| row[**at].is_null()) {
        None => Ok(row),
        Some(at) => Err(DbError::Rejected {
            state: Rule::NotNull(*at).state().to_owned(),
            message: Rule::NotNull(*at).message(table),
        }),
    }
}

fn no_keys() -> DbError {
    DbError::Rejected {
        state: "2200H".to_owned(),
        message: "this database has no keys left for new rows; a hub takes another block of keys \
                  within seconds: try again"
            .to_owned(),
    }
}
