//! The functions by which lists search. The column that `strpos(text, part)` is asked of is folded in PostgreSQL, and
//! here as it is read.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

use crate::searched::fold;

/// Gives a connection the functions.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("strpos", 2, flags, position)?;
    // What it is asked of is folded by the other one.
    connection.create_scalar_function("causeway_folded", 1, flags, |arguments| {
        arguments.get::<Option<String>>(0)
    })
}

/// From which byte on a text has a folded part, counted from 1; 0: it does not. NULL where either is.
fn position(arguments: &Context<'_>) -> rusqlite::Result<Option<i64>> {
    let (ValueRef::Text(text), ValueRef::Text(part)) = (arguments.get_raw(0), arguments.get_raw(1))
    else {
        return Ok(None);
    };
    let (text, part) = (String::from_utf8_lossy(text), String::from_utf8_lossy(part));
    let at = fold(&text).find(&*part);
    Ok(Some(
        at.map_or(0, |at| i64::try_from(at + 1).unwrap_or(i64::MAX)),
    ))
}
