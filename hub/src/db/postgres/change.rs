//! The tables of a site whose dataset changed, brought to the newest within the load's transaction: new
//! tables, new columns, triggers and grants come with the rows, or not at all.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error};

use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::SiteName;

use super::{render, triggers, typed};
use crate::db::sql;

/// What a load does to the tables before it touches rows.
pub(super) struct TableChange {
    dataset: Dataset,
    /// Tables that are not there yet.
    missing: Vec<Table>,
    /// Columns that a table lacks.
    lacking: Vec<(Table, Vec<usize>)>,
    triggers: triggers::Statements,
}

impl TableChange {
    pub(super) fn new(
        dataset: &Dataset,
        missing: Vec<Table>,
        lacking: Vec<(Table, Vec<usize>)>,
        triggers: triggers::Statements,
    ) -> Self {
        Self {
            dataset: dataset.clone(),
            missing,
            lacking,
            triggers,
        }
    }

    fn makes(&self, table: &Table) -> bool {
        self.missing
            .iter()
            .any(|missing| missing.name == table.name)
    }

    /// Locks all tables that are there: those that get columns against readers as well, which would
    /// otherwise be waited for with writers locked out.
    pub(super) fn lock(&self, site: &SiteName, attempt: usize) -> String {
        let is_changed = |table: &&Table| {
            let mut lacking = self.lacking.iter();
            lacking.any(|(lacking, _)| lacking.name == table.name)
        };
        let there = self
            .dataset
            .tables
            .iter()
            .filter(|table| !self.makes(table));
        let (changed, others): (Vec<_>, Vec<_>) = there.partition(is_changed);
        render::lock_to_change(site, (&changed, &others), attempt)
    }

    /// The statements, for when the tables are locked.
    pub(super) fn statements(&self, site: &SiteName) -> String {
        let make = self.missing.iter();
        let make = make.map(|table| render::create_table(site, table) + ";\n");
        let add = self.lacking.iter();
        let add = add.map(|(table, columns)| render::add_columns(site, table, columns));
        make.chain(add).chain([self.triggers.sql.clone()]).collect()
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// By which the triggers are known.
    pub(super) fn triggers_md5(&self) -> &str {
        &self.triggers.md5
    }
}

/// How a table that is to be there is.
pub(super) enum Found {
    Missing,
    /// It is there, but for these columns.
    Lacking(Vec<usize>),
    /// It is another, in words.
    Another(String),
}

/// Name and type of each column of those of some tables that are there.
pub(super) async fn existing(
    client: &Client,
    targets: &[String],
) -> Result<BTreeMap<String, Vec<(String, String)>>, Error> {
    let columns = include_str!("sql/columns_read.sql");
    let mut existing: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in typed::rows(client, columns, &[&targets]).await? {
        let columns = existing.entry(row.try_get(0)?).or_default();
        columns.push((row.try_get(1)?, row.try_get(2)?));
    }
    Ok(existing)
}

/// Looks at a dataset's tables, in their order.
pub(super) async fn find(
    client: &Client,
    site: &SiteName,
    dataset: &Dataset,
) -> Result<Vec<Found>, Error> {
    let tables = &dataset.tables;
    let targets: Vec<String> = tables.iter().map(|of| render::target(site, of)).collect();
    let existing = existing(client, &targets).await?;
    let found = tables.iter().zip(&targets).map(|(table, target)| {
        let Some(existing) = existing.get(target) else {
            return Found::Missing;
        };
        let lacking = sql::lacking(table, &render::columns(table), existing);
        lacking.map_or_else(Found::Another, Found::Lacking)
    });
    Ok(found.collect())
}

/// Whether rows of another dataset are in the site's tables.
pub(super) async fn is_of_another(
    client: &Client,
    site: &SiteName,
    dataset: &Dataset,
) -> Result<bool, Error> {
    let sql = include_str!("sql/site_dataset.sql");
    let row = typed::row(client, sql, &[&site.as_str()]).await?;
    let loaded: Option<String> = row.try_get(0)?;
    Ok(loaded.is_some_and(|md5| md5 != dataset.md5().to_string()))
}
