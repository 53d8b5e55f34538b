//! What a load or a flush writes down beside the rows: statements and their values, owned so that a
//! thread can run them.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use rusqlite::types::Value;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::ids::{Md5, SiteName};

use crate::db::records::stored_count;
use crate::db::stored::asked_at;
use crate::db::{CatalogDelta, FlushChange, SiteChange};

#[derive(Debug, Default)]
pub(super) struct Statements(Vec<(&'static str, Vec<Value>)>);

fn text(value: &dyn Display) -> Value {
    value.to_string().into()
}

fn md5(md5: Option<Md5>) -> Value {
    md5.map(|md5| md5.to_string()).into()
}

/// The head of the log of edits, as JSON.
fn edits_head(catalog: &Catalog<EditsLog>) -> Value {
    let head = catalog.head.as_ref();
    // Its members are texts and numbers, so it is always JSON.
    head.map(|head| serde_json::to_string(head).unwrap_or_default())
        .into()
}

impl Statements {
    /// Of a load.
    pub(super) fn of_load(site: &SiteName, change: &SiteChange<'_>) -> Self {
        let mut statements = Self::default();
        statements.catalog(change);
        statements.loaded(change);
        statements.edits(change.edits_was, change.edits);
        statements.flushed(change.flushed);
        statements.asked(change.asked, change.at);
        for date in change.forgotten {
            statements.add(include_str!("sql/asked_remove.sql"), vec![text(date)]);
        }
        let json = change.dataset.canonical_json().to_owned();
        statements.add(
            include_str!("sql/dataset_add.sql"),
            vec![text(&change.dataset.md5()), json.into()],
        );
        let Some(head) = &change.now.head else {
            return statements;
        };
        statements.add(
            include_str!("sql/site_mark.sql"),
            vec![
                text(site),
                stored_count(head.seq.0).into(),
                text(&head.at),
                stored_count(head.epoch).into(),
                text(&head.writer.id),
                text(&head.writer.host),
                text(&head.dataset),
                text(&change.at),
                text(&change.wanted),
            ],
        );
        let settled = (!change.settled.is_empty())
            .then(|| serde_json::to_string(change.settled).unwrap_or_default());
        statements.add(
            include_str!("sql/site_edits_mark.sql"),
            vec![
                text(site),
                edits_head(change.edits),
                settled.into(),
                stored_count(change.edits.seq().0).into(),
                change.writable.into(),
            ],
        );
        statements
    }

    fn asked(&mut self, dates: &[Date], at: Timestamp) {
        for date in dates {
            self.add(
                include_str!("sql/asked_put.sql"),
                vec![text(date), text(&asked_at(at))],
            );
        }
    }

    /// Of a flush. `moves_edits`: whether the catalog of edits is still the one that the flush began
    /// with.
    pub(super) fn of_flush(site: &SiteName, change: &FlushChange<'_>, moves_edits: bool) -> Self {
        let mut statements = Self::default();
        statements.flushed(change.flushed);
        if change.hold {
            statements.add(include_str!("sql/journal_hold.sql"), Vec::new());
        }
        if moves_edits {
            statements.edits(change.was, change.now);
            let seq = change
                .moves_loaded_seq
                .then(|| stored_count(change.now.seq().0));
            statements.add(
                include_str!("sql/flush_edits.sql"),
                vec![text(site), edits_head(change.now), seq.into()],
            );
        }
        for ((table, part), versions) in change.versions {
            let key = [text(table), text(part)];
            let versions = match versions {
                Some((was, now)) => [
                    true.into(),
                    md5(was.object),
                    md5(was.edits),
                    md5(now.object),
                    md5(now.edits),
                ],
                None => [
                    false.into(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                ],
            };
            let values = key.clone().into_iter().chain(versions).collect();
            statements.add(include_str!("sql/flush_version.sql"), values);
            if change.empties_partitions() {
                let remove = include_str!("sql/flush_partition_remove.sql");
                statements.add(remove, key.into());
            }
        }
        statements.asked(change.asked, change.at);
        statements.add(
            include_str!("sql/flush_site.sql"),
            vec![text(site), change.writable.into()],
        );
        statements
    }

    fn add(&mut self, sql: &'static str, values: Vec<Value>) {
        self.0.push((sql, values));
    }

    fn catalog(&mut self, change: &SiteChange<'_>) {
        let delta = CatalogDelta::between(change.was, change.now);
        for ((table, part), entry) in delta.partitions {
            let object = &entry.object;
            // A summary's keys are texts and its numbers finite, so it is always JSON.
            let summary = serde_json::to_string(&object.summary).unwrap_or_default();
            self.add(
                include_str!("sql/partition_put.sql"),
                vec![
                    text(table),
                    text(part),
                    text(&object.md5),
                    stored_count(object.rows).into(),
                    stored_count(object.bytes).into(),
                    summary.into(),
                    text(&entry.dataset),
                    stored_count(entry.seq.0).into(),
                ],
            );
        }
        for (table, part) in delta.removed_partitions {
            let key = vec![text(table), text(part)];
            self.add(include_str!("sql/partition_remove.sql"), key);
        }
    }

    fn loaded(&mut self, change: &SiteChange<'_>) {
        for (table, part) in change.evicted {
            let key = vec![text(table), text(part)];
            self.add(include_str!("sql/loaded_remove.sql"), key);
        }
        for ((table, part), mark) in change.loaded {
            let version = mark.version.unwrap_or_default();
            self.add(
                include_str!("sql/loaded_put.sql"),
                vec![
                    text(table),
                    text(part),
                    mark.version.is_some().into(),
                    md5(version.object),
                    md5(version.edits),
                    stored_count(mark.rows).into(),
                    stored_count(mark.clashes).into(),
                ],
            );
        }
    }

    fn edits(&mut self, was: &Catalog<EditsLog>, now: &Catalog<EditsLog>) {
        let delta = CatalogDelta::between(was, now);
        for ((table, part), entry) in delta.partitions {
            // A summary's keys are texts and its numbers finite, so it is always JSON.
            let object = serde_json::to_string(&entry.object).unwrap_or_default();
            self.add(
                include_str!("sql/edits_partition_put.sql"),
                vec![
                    text(table),
                    text(part),
                    object.into(),
                    text(&entry.dataset),
                    stored_count(entry.seq.0).into(),
                ],
            );
        }
        for (table, part) in delta.removed_partitions {
            let key = vec![text(table), text(part)];
            self.add(include_str!("sql/edits_partition_remove.sql"), key);
        }
    }

    fn flushed(&mut self, ids: &[String]) {
        let ids = serde_json::Value::from(ids).to_string();
        self.add(include_str!("sql/journal_remove.sql"), vec![ids.into()]);
    }

    pub(super) fn execute(&self, connection: &Connection) -> rusqlite::Result<()> {
        for (sql, values) in &self.0 {
            connection
                .prepare_cached(sql)?
                .execute(rusqlite::params_from_iter(values))?;
        }
        Ok(())
    }
}
