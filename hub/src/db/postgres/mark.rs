//! What a load writes down beside the rows, in a handful of statements whatever its size.

use tokio::join;
use tokio_postgres::{Client, Error};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, SiteName};

use super::typed;
use crate::db::records::stored_count;
use crate::db::{CatalogDelta, PartVersion, SiteChange};

/// One column of the rows of a statement.
fn texts<T, D: std::fmt::Display>(rows: &[T], column: impl Fn(&T) -> D) -> Vec<String> {
    rows.iter().map(|row| column(row).to_string()).collect()
}

fn counts<T>(rows: &[T], column: impl Fn(&T) -> u64) -> Vec<i64> {
    rows.iter().map(|row| stored_count(column(row))).collect()
}

/// Writes down the catalog and what is loaded, in the load's transaction. The server is told of each at once,
/// and takes one after the other.
pub(super) async fn write(
    client: &Client,
    site: &SiteName,
    change: &SiteChange<'_>,
) -> Result<(), Error> {
    let site = site.as_str();
    let delta = CatalogDelta::between(change.was, change.now);
    let written = join!(
        write_partitions(client, site, &delta),
        write_edits(client, site, change.edits_was, change.edits),
        write_loaded(client, site, change),
        write_asked(client, site, change),
        remove_flushed(client, site, change.flushed),
        add_dataset(client, site, change.dataset),
        mark_site(client, site, change)
    );
    typed::all(written.into())
}

async fn write_loaded(client: &Client, site: &str, change: &SiteChange<'_>) -> Result<(), Error> {
    let evicted = change.evicted;
    if !evicted.is_empty() {
        let (tables, parts) = (texts(evicted, |k| k.0.clone()), texts(evicted, |k| k.1));
        let sql = include_str!("sql/loaded_remove.sql");
        typed::execute(client, sql, &[&site, &tables, &parts]).await?;
    }
    let loaded = change.loaded;
    if loaded.is_empty() {
        return Ok(());
    }
    let (tables, parts) = (texts(loaded, |l| l.0.0.clone()), texts(loaded, |l| l.0.1));
    let known: Vec<bool> = loaded.iter().map(|l| l.1.version.is_some()).collect();
    let md5s = |of: fn(PartVersion) -> Option<Md5>| -> Vec<Option<String>> {
        let md5s = loaded.iter().map(|l| l.1.version.and_then(of));
        md5s.map(|md5| md5.map(|md5| md5.to_string())).collect()
    };
    let (objects, edits) = (md5s(|v| v.object), md5s(|v| v.edits));
    let rows = counts(loaded, |l| l.1.rows);
    let clashes = counts(loaded, |l| l.1.clashes);
    let sql = include_str!("sql/loaded_put.sql");
    typed::execute(
        client,
        sql,
        &[
            &site, &tables, &parts, &known, &objects, &edits, &rows, &clashes,
        ],
    )
    .await?;
    Ok(())
}

async fn write_asked(client: &Client, site: &str, change: &SiteChange<'_>) -> Result<(), Error> {
    if !change.asked.is_empty() {
        let (dates, at) = (texts(change.asked, |date| *date), change.at.to_string());
        let sql = include_str!("sql/asked_put.sql");
        typed::execute(client, sql, &[&site, &dates, &at]).await?;
    }
    if !change.forgotten.is_empty() {
        let dates = texts(change.forgotten, |date| *date);
        let sql = include_str!("sql/asked_remove.sql");
        typed::execute(client, sql, &[&site, &dates]).await?;
    }
    Ok(())
}

async fn remove_flushed(client: &Client, site: &str, flushed: &[String]) -> Result<(), Error> {
    if !flushed.is_empty() {
        let sql = include_str!("sql/journal_remove.sql");
        typed::execute(client, sql, &[&site, &flushed]).await?;
    }
    Ok(())
}

async fn add_dataset(client: &Client, site: &str, dataset: &Dataset) -> Result<(), Error> {
    let (md5, json) = (dataset.md5().to_string(), dataset.canonical_json());
    let sql = include_str!("sql/dataset_add.sql");
    typed::execute(client, sql, &[&site, &md5, &json]).await?;
    Ok(())
}

async fn mark_site(client: &Client, site: &str, change: &SiteChange<'_>) -> Result<(), Error> {
    let Some(head) = &change.now.head else {
        return Ok(());
    };
    let (seq, epoch) = (stored_count(head.seq.0), stored_count(head.epoch));
    let (at, dataset) = (head.at.to_string(), head.dataset.to_string());
    let (writer, loaded_at) = (&head.writer, change.at.to_string());
    let wanted = change.wanted.to_string();
    // Its members are texts and numbers, so it is always JSON.
    let edits_head = change.edits.head.as_ref();
    let edits_head = edits_head.map(|head| serde_json::to_string(head).unwrap_or_default());
    let settled = (!change.settled.is_empty())
        .then(|| serde_json::to_string(change.settled).unwrap_or_default());
    let edits_seq = stored_count(change.edits.seq().0);
    let stands_at = async {
        let sql = include_str!("sql/site_mark.sql");
        typed::execute(
            client,
            sql,
            &[
                &site,
                &seq,
                &at,
                &epoch,
                &writer.id,
                &writer.host,
                &dataset,
                &loaded_at,
                &wanted,
            ],
        )
        .await
    };
    let edits = async {
        let sql = include_str!("sql/site_edits_mark.sql");
        typed::execute(
            client,
            sql,
            &[&site, &edits_head, &settled, &edits_seq, &change.writable],
        )
        .await
    };
    // In this order: the first may make the row that the second changes.
    typed::both(stands_at, edits).await.map(drop)
}

/// Brings the catalog of edits from one state to another.
pub(super) async fn write_edits(
    client: &Client,
    site: &str,
    was: &Catalog<EditsLog>,
    now: &Catalog<EditsLog>,
) -> Result<(), Error> {
    let delta = CatalogDelta::between(was, now);
    let gone = &delta.removed_partitions;
    if !gone.is_empty() {
        let (tables, parts) = (texts(gone, |k| k.0.clone()), texts(gone, |k| k.1));
        let sql = include_str!("sql/edits_partition_remove.sql");
        typed::execute(client, sql, &[&site, &tables, &parts]).await?;
    }
    let put = &delta.partitions;
    if put.is_empty() {
        return Ok(());
    }
    // A summary's keys are texts and its numbers finite, so it is always JSON.
    let objects = texts(put, |(_, entry)| {
        serde_json::to_string(&entry.object).unwrap_or_default()
    });
    typed::execute(
        client,
        include_str!("sql/edits_partition_put.sql"),
        &[
            &site,
            &texts(put, |(key, _)| key.0.clone()),
            &texts(put, |(key, _)| key.1),
            &objects,
            &texts(put, |(_, entry)| entry.dataset),
            &counts(put, |(_, entry)| entry.seq.0),
        ],
    )
    .await?;
    Ok(())
}

async fn write_partitions(
    client: &Client,
    site: &str,
    delta: &CatalogDelta<'_>,
) -> Result<(), Error> {
    let gone = &delta.removed_partitions;
    if !gone.is_empty() {
        let (tables, parts) = (texts(gone, |k| k.0.clone()), texts(gone, |k| k.1));
        let sql = include_str!("sql/partition_remove.sql");
        typed::execute(client, sql, &[&site, &tables, &parts]).await?;
    }
    let put = &delta.partitions;
    if put.is_empty() {
        return Ok(());
    }
    // A summary's keys are texts and its numbers finite, so it is always JSON.
    let summaries = texts(put, |(_, entry)| {
        serde_json::to_string(&entry.object.summary).unwrap_or_default()
    });
    typed::execute(
        client,
        include_str!("sql/partition_put.sql"),
        &[
            &site,
            &texts(put, |(key, _)| key.0.clone()),
            &texts(put, |(key, _)| key.1),
            &texts(put, |(_, entry)| entry.object.md5),
            &counts(put, |(_, entry)| entry.object.rows),
            &counts(put, |(_, entry)| entry.object.bytes),
            &summaries,
            &texts(put, |(_, entry)| entry.dataset),
            &counts(put, |(_, entry)| entry.seq.0),
        ],
    )
    .await?;
    Ok(())
}
