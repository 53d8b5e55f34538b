//! What a site's catalog adds up to: once for each change of a catalog, and not for each question.

use std::collections::BTreeMap;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::Name;
use causeway_shared::summary::Summary;
use jiff::civil::Date;

/// Over all history, by table.
#[derive(Debug, Clone, Default)]
pub(crate) struct SiteTotals(BTreeMap<Name, TableTotals>);

#[derive(Debug, Clone, Default)]
pub(crate) struct TableTotals {
    pub(crate) rows: u64,
    pub(crate) partitions: u64,
    /// What its declared summaries come to.
    pub(crate) summary: Summary,
    /// The first and the last date that has a partition.
    pub(crate) dates: Option<(Date, Date)>,
}

impl SiteTotals {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let mut totals: BTreeMap<Name, TableTotals> = BTreeMap::new();
        for ((table, part), entry) in &catalog.partitions {
            let of = totals.entry(table.clone()).or_default();
            of.rows = of.rows.saturating_add(entry.object.rows);
            of.partitions += 1;
            of.summary.add(&entry.object.summary);
            if let Some(date) = part.date() {
                let (first, last) = of.dates.unwrap_or((date, date));
                of.dates = Some((first.min(date), last.max(date)));
            }
        }
        Self(totals)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &TableTotals)> {
        self.0.iter()
    }

    /// A table's; nothing for one that has no partition.
    pub(crate) fn table(&self, table: &str) -> Option<&TableTotals> {
        self.iter()
            .find(|(name, _)| name.as_str() == table)
            .map(|(_, totals)| totals)
    }
}
