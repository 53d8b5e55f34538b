//! Counts by status, in the order in which the dataset declares the statuses.

use causeway_shared::canonical_csv::unquoted;
use causeway_shared::dataset::Dataset;
use causeway_shared::summary::Summary;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::STATUS;
use crate::sync::SiteView;

/// How many rows have each status: the declared ones first, in declared order, then others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StatusCounts(Vec<(String, u64)>);

impl StatusCounts {
    /// Zero of every status that the sites' datasets declare for a table, or `declared` where no
    /// site has the table.
    #[must_use]
    pub(crate) fn declared(declared: &Dataset, sites: &[&SiteView], table: &str) -> Self {
        let of_sites = sites
            .iter()
            .map(|view| &*view.dataset)
            .filter(|d| d.table(table).is_some());
        let mut counts = Self::default();
        for dataset in of_sites {
            counts.add_declared(dataset, table);
        }
        if counts.0.is_empty() {
            counts.add_declared(declared, table);
        }
        counts
    }

    fn add_declared(&mut self, dataset: &Dataset, table: &str) {
        let Some(table) = dataset.table(table) else {
            return;
        };
        let Some(column) = table.column(STATUS) else {
            return;
        };
        table.columns[column]
            .values
            .iter()
            .for_each(|status| self.add(status, 0));
    }

    /// Adds rows of a status.
    pub(crate) fn add(&mut self, status: &str, rows: u64) {
        match self.0.iter_mut().find(|(known, _)| known == status) {
            Some((_, count)) => *count = count.saturating_add(rows),
            None => self.0.push((status.to_owned(), rows)),
        }
    }

    /// Adds the rows that a summary counts.
    pub(crate) fn add_summary(&mut self, summary: &Summary) {
        let counted = summary.count_by.get(STATUS);
        for (status, rows) in counted.into_iter().flat_map(|counted| &counted.values) {
            self.add(&unquoted(status), *rows);
        }
    }

    /// The rows of a status.
    #[must_use]
    pub(crate) fn get(&self, status: &str) -> u64 {
        self.iter()
            .find(|(known, _)| *known == status)
            .map_or(0, |(_, rows)| rows)
    }

    /// Each status and its rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(status, rows)| (status.as_str(), *rows))
    }
}

impl Serialize for StatusCounts {
    /// As an object, in this order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.iter()
            .try_for_each(|(status, rows)| map.serialize_entry(status, &rows))?;
        map.end()
    }
}
