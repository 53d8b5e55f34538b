//! Statements whose parameters and results are texts, whatever their types are.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use deadpool_postgres::Transaction;
use tokio_postgres::types::{Format, IsNull, ToSql, Type as PgType};
use tokio_postgres::{Client, Error, Statement};

use causeway_shared::ids::SiteName;
use causeway_shared::value::{Raw, Type};

use super::render;
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

/// Runs a statement and answers its rows, each value of the type named.
pub(super) async fn run(
    client: &Client,
    sql: &str,
    parameters: &[Option<String>],
    types: &[Type],
) -> Result<Vec<Row>, Error> {
    let statement = match types {
        [] => client.prepare(sql).await?,
        types => client.prepare(&render::as_texts(sql, types.len())).await?,
    };
    run_prepared(client, &statement, parameters, types).await
}

/// The same of a query of a site's. One that is not made for its caller stays prepared on the connection: the server
/// need not read it again.
pub(super) async fn query(
    transaction: &Transaction<'_>,
    site: &SiteName,
    query: &Query,
) -> Result<Vec<Row>, Error> {
    let Query {
        sql,
        parameters,
        types,
    } = query;
    // Named, since the types of its parameters are those of this site's columns.
    let texts = format!("-- {site}\n{}", render::as_texts(sql, types.len()));
    let statement = match sql {
        Cow::Borrowed(_) => transaction.prepare_cached(&texts).await?,
        Cow::Owned(_) => transaction.client().prepare(&texts).await?,
    };
    run_prepared(transaction.client(), &statement, parameters, types).await
}

async fn run_prepared(
    client: &Client,
    statement: &Statement,
    parameters: &[Option<String>],
    types: &[Type],
) -> Result<Vec<Row>, Error> {
    let texts: Vec<Text<'_>> = parameters.iter().map(|p| Text(p.as_deref())).collect();
    let texts: Vec<&(dyn ToSql + Sync)> = texts.iter().map(|text| text as _).collect();
    if types.is_empty() {
        client.execute(statement, &texts).await?;
        return Ok(Vec::new());
    }
    let rows = client.query(statement, &texts).await?;
    let row = |row: &tokio_postgres::Row| {
        let values = types.iter().enumerate().map(|(at, ty)| {
            let text: Option<&str> = row.try_get(at)?;
            Ok(value::read(text.map_or(Raw::Null, Raw::Text), *ty))
        });
        values.collect()
    };
    rows.iter().map(row).collect()
}
