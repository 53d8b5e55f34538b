//! For tests: a site that commits whatever it is told to, and a hub that loads it.
//!
//! The hub of a test that is not about a database has SQLite; the suite that both databases pass is
//! `db/conformance.rs`.

#[cfg(feature = "delta")]
pub mod delta;
mod hub;
pub mod model;
pub(crate) mod pausing_store;
mod site;

use std::error::Error;

use causeway_shared::store::Store;

use crate::archive::Archive;
use crate::config::{ArchiveFormats, HubConfig};

pub use crate::db::conformance;
pub use hub::{HubDatabase, TestHub};
pub use site::TestSite;

/// How a test ends; what it does not expect is an error, not a panic.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// An archive that publishes in these formats.
pub(crate) fn archive_as(store: &Store, formats: &[&str]) -> Outcome<Archive> {
    let formats = formats.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut config = HubConfig::default();
    config.archive.formats = ArchiveFormats::try_from(formats)?;
    Ok(Archive::new(Store::clone(store), config))
}

/// The texts by which what somebody wrote is looked for, as a list's parameters.
#[must_use]
pub fn search_texts(text: &str) -> [Option<String>; 3] {
    crate::services::search::texts_of(text)
}

/// Gives a connection to SQLite the function that looks for it, as PostgreSQL has it.
///
/// # Errors
/// SQLite's.
pub fn register_search(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    crate::db::sqlite::register_search(connection)
}

/// Noon of 2025-11-28 in Ho Chi Minh City, so that the default window is the 27th to the 29th.
pub const NOON: &str = "2025-11-28T05:00:00Z";

/// A dataset with one dated table, one bucketed one, and a unique rule.
pub const SHOP: &str = r#"
name = "shop"
version = 1
[[table]]
name = "item"
key = ["id"]
partition = { buckets = 2 }
column = [
  { name = "id", type = "int" },
  { name = "name", type = "text" },
]
[[table]]
name = "sale"
key = ["id"]
partition = { by = "day" }
unique = [{ columns = ["day", "slot"], unless = { state = ["void"] } }]
summary = { count_by = ["state"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", not_null = true },
  { name = "slot", type = "text" },
  { name = "state", type = "text" },
]
"#;
