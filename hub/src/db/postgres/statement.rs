//! Statements whose parameters and results are texts, whatever their types are.

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{Format, IsNull, ToSql, Type as PgType};
use tokio_postgres::{Client, Error, Statement};

use causeway_shared::value::{Raw, Type};

use super::render;
use crate::db::{Row, value};

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
    let texts: Vec<Text<'_>> = parameters.iter().map(|p| Text(p.as_deref())).collect();
    let texts: Vec<&(dyn ToSql + Sync)> = texts.iter().map(|text| text as _).collect();
    if types.is_empty() {
        let statement: Statement = client.prepare(sql).await?;
        client.execute(&statement, &texts).await?;
        return Ok(Vec::new());
    }
    let statement = client.prepare(&render::as_texts(sql, types.len())).await?;
    let rows = client.query(&statement, &texts).await?;
    let row = |row: &tokio_postgres::Row| {
        let values = types.iter().enumerate().map(|(at, ty)| {
            let text: Option<&str> = row.try_get(at)?;
            Ok(value::read(text.map_or(Raw::Null, Raw::Text), *ty))
        });
        values.collect()
    };
    rows.iter().map(row).collect()
}
