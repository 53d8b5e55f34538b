//! What is read from PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};

use deadpool_postgres::Object;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tokio_postgres::types::Type as PgType;
use tokio_postgres::{Client, Error, Row, Statement};

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::value::{Raw, Type, Value};

use super::typed::{self, Parameter};
use crate::db::known_sites::KnownSites;
use crate::db::records::{
    AskedRecord, CatalogRecords, EditsRecord, HoldingRecords, MarkRecord, OutlineRecords,
    PartitionRecord, Recorded, Records, SiteRecord,
};
use crate::db::value::{self, counted};
use crate::db::{self, LoadedCount, LoadedCounts};

const BATCH_ROWS: usize = 1_000;

/// The rows of all sites, or of one.
pub(super) async fn sites(
    client: &Client,
    site: Option<&SiteName>,
) -> Result<Vec<SiteRecord>, Error> {
    let site = site.map(SiteName::as_str);
    let rows = typed::rows(client, include_str!("sql/site_list.sql"), &[&site]).await?;
    site_records(&rows)
}

/// The same of all, which each request asks for: on a connection that is used again the statement stays prepared.
pub(super) async fn all_sites(client: &Object) -> Result<Vec<SiteRecord>, Error> {
    if Object::metrics(client).recycle_count == 0 {
        return sites(client, None).await;
    }
    let sql = include_str!("sql/site_list.sql");
    let statement = client.prepare_typed_cached(sql, &[PgType::TEXT]).await?;
    let rows = client.query(&statement, &[&None::<&str>]).await?;
    site_records(&rows)
}

fn site_records(rows: &[Row]) -> Result<Vec<SiteRecord>, Error> {
    let record = |row: &Row| {
        Ok(SiteRecord {
            site: row.try_get(0)?,
            revision: row.try_get(1)?,
            seq: row.try_get(2)?,
            at: row.try_get(3)?,
            epoch: row.try_get(4)?,
            writer_id: row.try_get(5)?,
            writer_host: row.try_get(6)?,
            dataset: row.try_get(7)?,
            edits_head: row.try_get(8)?,
            settled: row.try_get(9)?,
            loaded_seq: row.try_get(10)?,
            loaded_edits_seq: row.try_get(11)?,
            writable: row.try_get(12)?,
            start_known: row.try_get(13)?,
            restored: row.try_get(14)?,
            edits_waiting: row.try_get(15)?,
            loaded_at: row.try_get(16)?,
            log_head: row.try_get(17)?,
            last_error: row.try_get(18)?,
            wanted: row.try_get(19)?,
        })
    };
    rows.iter().map(record).collect()
}

/// All that is held of a site besides its rows; the caller's transaction makes it of one instant.
pub(super) async fn records(
    client: &Client,
    of: &SiteName,
    known: &KnownSites,
) -> Result<Option<Records>, Error> {
    let Some(site) = sites(client, Some(of)).await?.pop() else {
        return Ok(None);
    };
    if site.seq.is_none() {
        return Ok(Some(Records::of(site)));
    }
    let name = of.as_str();
    let known = site.known(known);
    let catalog = async {
        if let Some(known) = known.site {
            return Ok(Recorded::Known(known));
        }
        let read = typed::both(dataset(client, &site), partitions(client, name, &None));
        read.await.map(|(dataset, partitions)| {
            Recorded::Read(CatalogRecords {
                dataset,
                partitions,
            })
        })
    };
    let edits = async {
        match known.edits {
            Some(known) => Ok(Recorded::Known(known)),
            None => edits(client, name, &None).await.map(Recorded::Read),
        }
    };
    let holdings = async {
        if let Some(known) = known.holdings {
            return Ok(Recorded::Known(known));
        }
        let read = typed::both(asked(client, name), marks(client, name, &None));
        read.await
            .map(|(asked, marks)| Recorded::Read(HoldingRecords { asked, marks }))
    };
    // The server is asked for all at once, so that it works while its answers are on their way.
    let (catalog, (edits, holdings)) = typed::both(catalog, typed::both(edits, holdings)).await?;
    Ok(Some(Records {
        site,
        catalog,
        edits,
        holdings,
    }))
}

/// The same as far as a load of what changed has to know it.
pub(super) async fn outline(
    client: &Client,
    of: &SiteName,
    changed: &BTreeSet<Part>,
) -> Result<Option<OutlineRecords>, Error> {
    let name = of.as_str();
    let (mut site, asked) = typed::both(sites(client, Some(of)), asked(client, name)).await?;
    let Some(site) = site.pop() else {
        return Ok(None);
    };
    let changed = Some(changed.iter().map(Part::to_string).collect());
    let of_site: [&dyn Parameter; 1] = [&name];
    let rest = include_str!("sql/outline_rest.sql");
    let catalog = typed::both(dataset(client, &site), partitions(client, name, &changed));
    let loaded = typed::both(
        marks(client, name, &changed),
        typed::row(client, rest, &of_site),
    );
    let read = typed::both(catalog, typed::both(edits(client, name, &changed), loaded));
    let ((dataset, partitions), (edits, (marks, rest))) = read.await?;
    Ok(Some(OutlineRecords {
        loaded: rest.try_get(0)?,
        keeps: rest.try_get(1)?,
        records: Records {
            site,
            catalog: Recorded::Read(CatalogRecords {
                dataset,
                partitions,
            }),
            edits: Recorded::Read(edits),
            holdings: Recorded::Read(HoldingRecords { asked, marks }),
        },
    }))
}

/// The partitions that an outline has; `None`: all.
type Changed = Option<Vec<String>>;

async fn marks(client: &Client, site: &str, changed: &Changed) -> Result<Vec<MarkRecord>, Error> {
    let record = |row: &Row| {
        Ok(MarkRecord {
            table: row.try_get(0)?,
            part: row.try_get(1)?,
            known: row.try_get(2)?,
            object: row.try_get(3)?,
            edits: row.try_get(4)?,
            rows: row.try_get(5)?,
            clashes: row.try_get(6)?,
        })
    };
    typed::rows(
        client,
        include_str!("sql/loaded_read.sql"),
        &[&site, changed],
    )
    .await?
    .iter()
    .map(record)
    .collect()
}

async fn dataset(client: &Client, site: &SiteRecord) -> Result<Option<String>, Error> {
    let Some(md5) = &site.dataset else {
        return Ok(None);
    };
    let sql = include_str!("sql/dataset_read.sql");
    let found = typed::row_if_any(client, sql, &[&site.site, md5]).await?;
    found.map(|row| row.try_get(0)).transpose()
}

async fn partitions(
    client: &Client,
    site: &str,
    changed: &Changed,
) -> Result<Vec<PartitionRecord>, Error> {
    let record = |row: &Row| {
        Ok(PartitionRecord {
            table: row.try_get(0)?,
            part: row.try_get(1)?,
            md5: row.try_get(2)?,
            rows: row.try_get(3)?,
            bytes: row.try_get(4)?,
            summary: row.try_get(5)?,
            dataset: row.try_get(6)?,
            seq: row.try_get(7)?,
        })
    };
    typed::rows(
        client,
        include_str!("sql/partition_read.sql"),
        &[&site, changed],
    )
    .await?
    .iter()
    .map(record)
    .collect()
}

async fn edits(client: &Client, site: &str, changed: &Changed) -> Result<Vec<EditsRecord>, Error> {
    let record = |row: &Row| {
        Ok(EditsRecord {
            table: row.try_get(0)?,
            part: row.try_get(1)?,
            object: row.try_get(2)?,
            dataset: row.try_get(3)?,
            seq: row.try_get(4)?,
        })
    };
    typed::rows(
        client,
        include_str!("sql/edits_partition_read.sql"),
        &[&site, changed],
    )
    .await?
    .iter()
    .map(record)
    .collect()
}

async fn asked(client: &Client, site: &str) -> Result<Vec<AskedRecord>, Error> {
    let record = |row: &Row| {
        Ok(AskedRecord {
            date: row.try_get(0)?,
            hour: row.try_get(1)?,
        })
    };
    typed::rows(client, include_str!("sql/asked_read.sql"), &[&site])
        .await?
        .iter()
        .map(record)
        .collect()
}

/// The statement of [`are_loaded`], which stays prepared on the connection.
pub(super) async fn prepare_are_loaded(client: &Object) -> Result<Statement, Error> {
    let types = [PgType::TEXT, PgType::TEXT_ARRAY, PgType::TEXT_ARRAY];
    let sql = include_str!("sql/loaded_count.sql");
    client.prepare_typed_cached(sql, &types).await
}

/// Whether the rows of all these partitions are there and known.
pub(super) async fn are_loaded(
    client: &Client,
    statement: &Statement,
    (site, parts): (&SiteName, &BTreeSet<(Name, Part)>),
) -> Result<bool, Error> {
    if parts.is_empty() {
        return Ok(true);
    }
    let tables: Vec<String> = parts.iter().map(|(table, _)| table.to_string()).collect();
    let names: Vec<String> = parts.iter().map(|(_, part)| part.to_string()).collect();
    let counted: i64 = client
        .query_one(statement, &[&site.as_str(), &tables, &names])
        .await?
        .try_get(0)?;
    Ok(counted.unsigned_abs() == parts.len() as u64)
}

/// Rows per part, as the rows say it.
pub(super) async fn part_counts(
    client: &Client,
    sql: &str,
) -> Result<Vec<(Option<String>, u64)>, Error> {
    let count = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs()));
    typed::rows(client, sql, &[])
        .await?
        .iter()
        .map(count)
        .collect()
}

/// Bytes of each table in a schema, its indexes included.
pub(super) async fn sizes(client: &Client, schema: &str) -> Result<BTreeMap<String, u64>, Error> {
    let size = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs()));
    let sql = include_str!("sql/sizes_read.sql");
    let rows = typed::rows(client, sql, &[&schema]).await?;
    rows.iter().map(size).collect()
}

/// Rows per part and value; the caller's transaction makes them of one instant with the revision.
pub(super) async fn counts(
    client: &Client,
    site: &SiteName,
    sql: &str,
    ty: Type,
) -> Result<LoadedCounts, Error> {
    let revision = sites(client, Some(site)).await?.pop();
    let revision = revision.map_or(0, |site| site.revision.unsigned_abs());
    let mut counts = Vec::new();
    for row in typed::rows(client, sql, &[]).await? {
        // A part that is no part is not the loader's.
        let Ok(part) = Part::new(row.try_get(0)?) else {
            continue;
        };
        counts.push(LoadedCount {
            part,
            value: counted(&text(row.try_get(1)?, ty)),
            rows: row.try_get::<_, i64>(2)?.unsigned_abs(),
        });
    }
    counts.sort();
    Ok(LoadedCounts { revision, counts })
}

/// The rows of one part in key order.
pub(super) async fn rows(
    client: Object,
    sql: String,
    table: &Table,
    part: Part,
) -> Result<impl Stream<Item = Result<Vec<db::Row>, Error>> + Send + 'static, Error> {
    let types: Vec<Type> = table.columns.iter().map(|column| column.ty).collect();
    let rows = client.query_raw(&sql, [part.to_string()]).await?;
    let values = rows.map(move |row| {
        let row = row?;
        // The connection goes back to the pool when the last row was read.
        let _kept = &client;
        types
            .iter()
            .enumerate()
            .map(|(at, ty)| Ok(text(row.try_get(at)?, *ty)))
            .collect()
    });
    Ok(values
        .try_chunks(BATCH_ROWS)
        .map_err(|incomplete| incomplete.1))
}

fn text(text: Option<&str>, ty: Type) -> Value<'static> {
    value::read(text.map_or(Raw::Null, Raw::Text), ty)
}
