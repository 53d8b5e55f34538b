//! The hub's own statements, each in one round trip.
//!
//! Their parameters go with them, and the types of these: otherwise the server is asked for the types
//! first, and told afterwards that the statement is not needed any more.
//!
//! What waits for an answer lies in the heap: several such within another, one behind the other, are more than
//! the stack of a thread holds.

use tokio::join;
use tokio_postgres::error::SqlState;
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
    Option<Vec<String>> => TEXT_ARRAY,
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
    Box::pin(client.query_typed(sql, &typed(parameters))).await
}

/// The one row of a statement.
pub(super) async fn row(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Row, Error> {
    Box::pin(client.query_typed_one(sql, &typed(parameters))).await
}

/// The row of a statement that has one at most.
pub(super) async fn row_if_any(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Option<Row>, Error> {
    Box::pin(client.query_typed_opt(sql, &typed(parameters))).await
}

/// Runs a statement. Returns how many rows it changed.
pub(super) async fn execute(
    client: &Client,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<u64, Error> {
    Box::pin(client.execute_typed(sql, &typed(parameters))).await
}

/// What two statements answer that are sent at once, the first one first.
pub(super) async fn both<A, B>(
    first: impl Future<Output = Result<A, Error>>,
    second: impl Future<Output = Result<B, Error>>,
) -> Result<(A, B), Error> {
    match join!(Box::pin(first), Box::pin(second)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => Err(match follows_another(&first) {
            true => second,
            false => first,
        }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Whether all statements succeeded that were sent at once; else the failure from which the others follow.
pub(super) fn all<const N: usize>(done: [Result<(), Error>; N]) -> Result<(), Error> {
    let failed = done.into_iter().filter_map(Result::err);
    let (others, causes): (Vec<Error>, Vec<Error>) = failed.partition(follows_another);
    causes.into_iter().chain(others).next().map_or(Ok(()), Err)
}

/// Whether a statement failed only since one before it had, in the same transaction.
fn follows_another(error: &Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}
