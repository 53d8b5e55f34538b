//! The functions by which lists search. The column that `strpos(text, part)` is asked of is folded in PostgreSQL, and
//! here as it is read.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

use crate::searched::fold_into;

/// The text that was folded last: a search may look for several parts of each, and folding is most of its work.
#[derive(Default)]
struct LastFolded {
    text: String,
    folded: String,
}

impl LastFolded {
    fn of(&mut self, text: &str) -> &str {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.folded.clear();
            fold_into(&mut self.folded, text);
        }
        &self.folded
    }
}

/// Gives a connection the functions.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let last = RefCell::<LastFolded>::default();
    connection.create_scalar_function("strpos", 2, flags, move |arguments| {
        position(arguments, &mut last.borrow_mut())
    })?;
    // What it is asked of is folded by the other one.
    connection.create_scalar_function("causeway_folded", 1, flags, |arguments| {
        arguments.get::<Option<String>>(0)
    })
}

/// From which byte on a text has a folded part, counted from 1; 0: it does not. NULL where either is.
fn position(arguments: &Context<'_>, last: &mut LastFolded) -> rusqlite::Result<Option<i64>> {
    let (ValueRef::Text(text), ValueRef::Text(part)) = (arguments.get_raw(0), arguments.get_raw(1))
    else {
        return Ok(None);
    };
    let (text, part) = (String::from_utf8_lossy(text), String::from_utf8_lossy(part));
    let at = last.of(&text).find(&*part);
    Ok(Some(
        at.map_or(0, |at| i64::try_from(at + 1).unwrap_or(i64::MAX)),
    ))
}
