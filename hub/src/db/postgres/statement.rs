//! Statements whose parameters and results are texts, whatever their types are.

use std::borrow::Cow;
use std::pin::pin;

use bytes::{BufMut as _, BytesMut};
use deadpool_postgres::Object;
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use tokio_postgres::types::{Format, IsNull, ToSql, Type as PgType};
use tokio_postgres::{Client, Error, Statement};

use causeway_shared::ids::SiteName;
use causeway_shared::value::{Raw, Type};

use super::{render, typed};
use crate::db::{Query, Row, value};

/// A text that PostgreSQL reads as the type that it expects there.
#[derive(Debug)]
struct Text<'a>(Option<&'a str>);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &PgType,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0 else {
            return Ok(IsNull::Yes);
        };
        out.put_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &PgType) -> bool {
        true
    }

    fn encode_format(&self, _: &PgType) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Runs a statement and answers its rows, each value of the type named; none where no type is.
pub(super) async fn run(
    client: &Client,
    sql: &str,
    parameters: &[Option<String>],
    types: &[Type],
) -> Result<Vec<Row>, Error> {
    let texts = render::as_texts(sql, types.len());
    let statement = client.prepare(&texts).await?;
    run_prepared(client, &statement, parameters, types).await
}

/// The same of a site's queries, and the end of the transaction in which they run. Those that are not made for their
/// caller stay prepared on the connection: the server need not read them again, and is asked for all at once.
pub(super) async fn query_all_and_commit(
    client: &Object,
    site: &SiteName,
    queries: &[Query],
) -> Result<Vec<Vec<Row>>, Error> {
    let mut statements = Vec::with_capacity(queries.len());
    for Query { sql, types, .. } in queries {
        // Named, since the types of its parameters are those of this site's columns.
        let texts = format!("-- {site}\n{}", render::as_texts(sql, types.len()));
        statements.push(match sql {
            Cow::Borrowed(_) => client.prepare_cached(&texts).await?,
            Cow::Owned(_) => client.prepare(&texts).await?,
        });
    }
    let run = statements
        .iter()
        .zip(queries)
        .map(|(statement, query)| run_prepared(client, statement, &query.parameters, &query.types));
    let (answers, ()) = typed::both(try_join_all(run), client.batch_execute("COMMIT")).await?;
    Ok(answers)
}

async fn run_prepared(
    client: &Client,
    statement: &Statement,
    parameters: &[Option<String>],
    types: &[Type],
) -> Result<Vec<Row>, Error> {
    let texts = parameters.iter().map(|text| Text(text.as_deref()));
    if types.is_empty() {
        client.execute_raw(statement, texts).await?;
        return Ok(Vec::new());
    }
    // Each is read while the server makes the next.
    let mut found = pin!(client.query_raw(statement, texts).await?);
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await? {
        let mut values = Row::with_capacity(types.len());
        for (at, ty) in types.iter().enumerate() {
            let text: Option<&str> = row.try_get(at)?;
            values.push(value::read(text.map_or(Raw::Null, Raw::Text), *ty));
        }
        rows.push(values);
    }
    Ok(rows)
}
