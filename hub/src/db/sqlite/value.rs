//! A field of canonical CSV as SQLite holds it, and back.

use causeway_shared::canonical_csv::Field;
use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::value::{Forms, Raw, Type, Value, parse};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};

use crate::db::value::read;

/// A field as its column's value; `None` where it is not of the column's type.
pub(super) fn to_sql<'f>(field: &'f Field<'_>, ty: Type) -> Option<ToSqlOutput<'f>> {
    let Some(text) = field.as_deref() else {
        return Some(ToSqlOutput::Owned(Owned::Null));
    };
    Some(match ty {
        Type::Int => ToSqlOutput::Owned(Owned::Integer(text.parse().ok()?)),
        Type::Float => ToSqlOutput::Owned(Owned::Real(text.parse().ok()?)),
        Type::Bool => ToSqlOutput::Owned(Owned::Integer(match text {
            "true" => 1,
            "false" => 0,
            _ => return None,
        })),
        Type::Decimal(_) | Type::Text | Type::Phone | Type::Date | Type::Time | Type::Timestamp => {
            ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
        }
    })
}

/// A column's value; what is not of the column's type comes as text.
pub(super) fn from_sql(value: ValueRef<'_>, ty: Type) -> Value<'static> {
    read(raw(value), ty)
}

/// A value that is stored as a load would store it. `None` for every other: SQLite keeps any value in
/// any column.
pub(super) fn as_loaded(stored: ValueRef<'_>, ty: Type) -> Option<Value<'_>> {
    let value = parse(raw(stored), ty, &Forms::default()).ok()?;
    let field = canonical_text(&value).map(Into::into);
    let is_same = match to_sql(&field, ty)? {
        ToSqlOutput::Owned(loaded) => ValueRef::from(&loaded) == stored,
        ToSqlOutput::Borrowed(loaded) => loaded == stored,
        _ => false,
    };
    is_same.then_some(value)
}

fn raw(value: ValueRef<'_>) -> Raw<'_> {
    match value {
        ValueRef::Null => Raw::Null,
        ValueRef::Integer(v) => Raw::Int(v),
        ValueRef::Real(v) => Raw::Real(v),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Raw::Text(text),
            Err(_) => Raw::NotUtf8(bytes),
        },
        ValueRef::Blob(bytes) => Raw::Blob(bytes),
    }
}
