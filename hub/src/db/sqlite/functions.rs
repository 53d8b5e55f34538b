//! The functions that the triggers call. Only the hub's write connections have them, so that a change
//! by another program fails instead of being lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::runtime::{chance, clock};
use causeway_shared::value::{Type, Value};

use super::judge;
use super::value::from_sql;

/// What the error of a refusal begins with; its SQLSTATE and words follow. Functions raise it, since
/// SQLite before 3.47 cannot read a file whose triggers raise anything but a constant.
pub(super) const REFUSED: &str = "causeway refuses: ";

/// Fails where the tables take no changes. It is the first function that every trigger calls, so that
/// other programs are told its name: no such function.
pub(super) const REFUSAL: &str = "causeway_only_the_hub_changes_rows";

/// What the triggers of one transaction ask about it.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) dataset: Arc<Dataset>,
    pub(super) actor: String,
    pub(super) number: i64,
    /// Why the tables take no changes. Nobody else can change that while the transaction is open.
    pub(super) refusal: Option<String>,
    /// Whether the row that is being inserted was filled in.
    pub(super) fills: Arc<AtomicBool>,
}

/// Gives a connection the functions, as those of one transaction. A refusal is a text that begins
/// with its SQLSTATE; it fails the statement.
pub(super) fn register(connection: &Connection, transaction: Transaction) -> rusqlite::Result<()> {
    let Transaction {
        dataset,
        actor,
        number,
        refusal,
        fills,
    } = transaction;
    let refusal = refusal.map(|message| format!("25006 {message}"));
    // Innocuous, or a database that does not trust its own schema would refuse them.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(REFUSAL, 0, flags, move |_| refuse(refusal.clone()))?;
    connection.create_scalar_function("causeway_refuse", 1, flags, |arguments| {
        refuse(arguments.get(0)?)
    })?;
    connection.create_scalar_function("causeway_fills", 0, flags, move |_| {
        Ok(fills.load(Ordering::Relaxed))
    })?;
    connection.create_scalar_function("causeway_actor", 0, flags, move |_| Ok(actor.clone()))?;
    connection.create_scalar_function("causeway_transaction", 0, flags, move |_| Ok(number))?;
    connection.create_scalar_function(
        "causeway_now",
        0,
        flags,
        |_| Ok(clock::now().to_string()),
    )?;
    connection.create_scalar_function("causeway_uuid", 0, flags, |_| {
        uuid().map_err(|error| Error::UserFunctionError(error.into()))
    })?;
    // A table, the position of the first of its columns that follow, and their values.
    let of = Arc::clone(&dataset);
    connection.create_scalar_function("causeway_judge", -1, flags, move |arguments| {
        let (table, first) = columns(&of, arguments)?;
        let mut values = (2..arguments.len()).map(|at| (first + at - 2, arguments.get_raw(at)));
        refuse(values.find_map(|(at, value)| judge::refusal(table, at, value)))
    })?;
    // The same with two values for each column, the old one and the new one.
    let of = Arc::clone(&dataset);
    connection.create_scalar_function("causeway_judge_change", -1, flags, move |arguments| {
        let (table, first) = columns(&of, arguments)?;
        let values = (2..arguments.len()).step_by(2);
        let values = values.map(|at| (at, arguments.get_raw(at), arguments.get_raw(at + 1)));
        let mut changed = values.filter(|(_, old, new)| old != new);
        refuse(changed.find_map(|(at, _, new)| judge::refusal(table, first + at / 2 - 1, new)))
    })?;
    let of = Arc::clone(&dataset);
    connection.create_scalar_function("causeway_judge_width", 2, flags, move |arguments| {
        let (table, row): (String, String) = (arguments.get(0)?, arguments.get(1)?);
        let table = of.table(&table).ok_or_else(|| unknown(&table))?;
        refuse(judge::width_refusal(table, &row))
    })?;
    connection.create_scalar_function("causeway_members", -1, flags, move |arguments| {
        let (table, first) = columns(&dataset, arguments)?;
        let values = (2..arguments.len()).map(|at| (first + at - 2, arguments.get_raw(at)));
        Ok(members(table, values))
    })?;
    connection.create_scalar_function("causeway_compare", 3, flags, |arguments| {
        let ty: String = arguments.get(2)?;
        let ty = Type::from_name(&ty).ok_or_else(|| unknown(&ty))?;
        let value = |at| from_sql(arguments.get_raw(at), ty);
        Ok(match (value(0), value(1)) {
            (Value::Null, _) | (_, Value::Null) => None,
            (left, right) => Some(left.compare(&right) as i64),
        })
    })
}

/// Ends the statement where something is wrong.
fn refuse(refusal: Option<String>) -> rusqlite::Result<bool> {
    match refusal {
        None => Ok(true),
        Some(refusal) => Err(Error::UserFunctionError(
            format!("{REFUSED}{refusal}").into(),
        )),
    }
}

fn unknown(name: &str) -> Error {
    Error::UserFunctionError(format!("the dataset has no {name:?}").into())
}

/// The table that the first argument names, and the position of the first column, which is the second.
fn columns<'d>(
    dataset: &'d Dataset,
    arguments: &Context<'_>,
) -> rusqlite::Result<(&'d Table, usize)> {
    let (table, first): (String, usize) = (arguments.get(0)?, arguments.get(1)?);
    let declared = dataset.table(&table).ok_or_else(|| unknown(&table))?;
    Ok((declared, first))
}

/// Members of a JSON object, for the journal.
fn members<'v>(table: &Table, values: impl Iterator<Item = (usize, ValueRef<'v>)>) -> String {
    let members = values.filter_map(|(at, value)| {
        let column = table.columns.get(at)?;
        let text = serde_json::Value::from(canonical_text(&from_sql(value, column.ty)));
        Some(format!("\"{}\":{text}", column.name))
    });
    members.collect::<Vec<_>>().join(",")
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
    fn uuids_are_random_and_of_version_4() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
