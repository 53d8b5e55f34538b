//! The functions that the triggers call. Only the hub's write connections have them, so that a change
//! by another program fails instead of being lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

use causeway_shared::runtime::{chance, clock};
use causeway_shared::value::{Type, Value};

use super::value::{as_loaded, from_sql};
use crate::db::value::canonical_text;

/// What the triggers of one transaction ask about it.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) actor: String,
    pub(super) number: i64,
    /// Whether this process has read the log since it opened the database.
    pub(super) start_known: bool,
    /// Whether the row that is being inserted was filled in.
    pub(super) fills: Arc<AtomicBool>,
}

/// Gives a connection the functions, as those of one transaction.
pub(super) fn register(connection: &Connection, transaction: Transaction) -> rusqlite::Result<()> {
    let Transaction {
        actor,
        number,
        start_known,
        fills,
    } = transaction;
    // Innocuous, or a database that does not trust its own schema would refuse them.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let pure = flags | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("causeway_actor", 0, flags, move |_| Ok(actor.clone()))?;
    connection.create_scalar_function("causeway_transaction", 0, flags, move |_| Ok(number))?;
    connection
        .create_scalar_function("causeway_start_known", 0, flags, move |_| Ok(start_known))?;
    connection.create_scalar_function("causeway_fills", 0, flags, move |_| {
        Ok(fills.load(Ordering::Relaxed))
    })?;
    connection.create_scalar_function(
        "causeway_now",
        0,
        flags,
        |_| Ok(clock::now().to_string()),
    )?;
    connection.create_scalar_function("causeway_uuid", 0, flags, |_| {
        uuid().map_err(|error| Error::UserFunctionError(error.into()))
    })?;
    connection.create_scalar_function("causeway_text", 2, pure, |arguments| {
        let ty = type_of(arguments, 1)?;
        Ok(stored_text(arguments.get_raw(0), ty))
    })?;
    connection.create_scalar_function("causeway_compare", 3, pure, |arguments| {
        let ty = type_of(arguments, 2)?;
        let value = |at| from_sql(arguments.get_raw(at), ty);
        Ok(match (value(0), value(1)) {
            (Value::Null, _) | (_, Value::Null) => None,
            (left, right) => Some(left.compare(&right) as i64),
        })
    })?;
    connection.create_scalar_function("causeway_members", -1, pure, members)
}

fn type_of(arguments: &Context<'_>, at: usize) -> rusqlite::Result<Type> {
    let name: String = arguments.get(at)?;
    Type::from_name(&name)
        .ok_or_else(|| Error::UserFunctionError(format!("no type {name:?}").into()))
}

/// Members of a JSON object, for the journal: column, type and value of each.
fn members(arguments: &Context<'_>) -> rusqlite::Result<String> {
    let mut members = String::new();
    for at in (0..arguments.len()).step_by(3) {
        let column: String = arguments.get(at)?;
        let ty = type_of(arguments, at + 1)?;
        let text = canonical_text(&from_sql(arguments.get_raw(at + 2), ty));
        let comma = if at == 0 { "" } else { "," };
        let (column, text) = (
            serde_json::Value::from(column),
            serde_json::Value::from(text),
        );
        members += &format!("{comma}{column}:{text}");
    }
    Ok(members)
}

/// The canonical text of a value that is stored as a load would store it.
fn stored_text(stored: ValueRef<'_>, ty: Type) -> Option<String> {
    canonical_text(&as_loaded(stored, ty)?)
}

/// A random UUID, of version 4.
fn uuid() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    chance::fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut uuid = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        uuid += &format!("{byte:02x}");
    }
    Ok(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(stored_text(value, ty), None, "{value:?} as {ty}");
        }
        let long = "x".repeat(causeway_shared::value::MAX_FIELD_BYTES + 1);
        assert_eq!(
            stored_text(ValueRef::Text(long.as_bytes()), Type::Text),
            None
        );
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
                stored_text(value, ty).as_deref(),
                Some(expected),
                "{value:?} as {ty}"
            );
        }
    }

    #[test]
    fn uuids_are_random_and_of_version_4() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
