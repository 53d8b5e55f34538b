//! The hub's own statements, each in one round trip.
//!
//! Their parameters go with them, and the types of these: otherwise the server is asked for the types
//! first, and told afterwards that the statement is not needed any more.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

/// A parameter of a type that this program says.
pub(super) trait Parameter: Sync {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type);
}

macro_rules! parameters {
    ($($rust:ty => $postgres:ident,)*) => {
        $(impl Parameter for $rust {
            fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
                (self, Type::$postgres)
            }
        })*
    };
}

parameters! {
    bool => BOOL,
    Option<bool> => BOOL,
    Vec<bool> => BOOL_ARRAY,
    i64 => INT8,
    Option<i64> => INT8,
    Vec<i64> => INT8_ARRAY,
    &str => TEXT,
    Option<&str> => TEXT,
    String => TEXT,
    Option<String> => TEXT,
    &[String] => TEXT_ARRAY,
    Vec<&str> => TEXT_ARRAY,
    Vec<String> => TEXT_ARRAY,
    Vec<Option<String>> => TEXT_ARRAY,
    &[u8] => BYTEA,
    Vec<&[u8]> => BYTEA_ARRAY,
}

type Parameters<'p> = [&'p dyn Parameter];

fn typed<'p>(parameters: &Parameters<'p>) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
    parameters.iter().map(|of| of.typed()).collect()
}

/// A statement's rows.
pub(super) async fn rows(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Vec<Row>, Error> {
    client.query_typed(sql, &typed(parameters)).await
}

/// The one row of a statement.
pub(super) async fn row(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Row, Error> {
    client.query_typed_one(sql, &typed(parameters)).await
}

/// The row of a statement that has one at most.
pub(super) async fn row_if_any(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Option<Row>, Error> {
    client.query_typed_opt(sql, &typed(parameters)).await
}

/// Runs a statement. Returns how many rows it changed.
pub(super) async fn execute(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<u64, Error> {
    client.execute_typed(sql, &typed(parameters)).await
}
