//! Figures of every declared table, whatever the dataset: rows over all history, what its
//! summaries add up to, days, and what of it is loaded.

use std::collections::HashMap;

use causeway_shared::canonical_csv::unquoted;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Name;
use causeway_shared::summary::{Counts, Summary};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::sync::DateRange;
use crate::sync::{SiteView, TableTotals};

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TableFigures {
    pub table: Name,
    /// Whether its rows lie on dates: by a date of their own, or by their parent's.
    pub daily: bool,
    /// Rows over all history.
    pub rows: u64,
    /// Partitions over all history.
    pub partitions: u64,
    /// What of it is in the database.
    pub loaded: LoadedFigures,
    /// The first and the last date that has rows.
    pub dates: Option<DateRange>,
    /// What its declared summaries come to over all history.
    pub summary: Summary,
    /// Each day of the range asked for; empty unless it is daily.
    pub per_day: Vec<TableDay>,
}

/// What of a table is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub(crate) struct LoadedFigures {
    pub partitions: u64,
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TableDay {
    pub date: Date,
    /// Its rows, loaded or not.
    pub rows: u64,
    /// What its declared summaries come to.
    pub summary: Summary,
}

impl TableFigures {
    fn none(table: &Name, daily: bool, days: DateRange) -> Self {
        let day = |date| TableDay {
            date,
            rows: 0,
            summary: Summary::default(),
        };
        Self {
            table: table.clone(),
            daily,
            rows: 0,
            partitions: 0,
            loaded: LoadedFigures::default(),
            dates: None,
            summary: Summary::default(),
            per_day: match daily {
                true => days.dates().map(day).collect(),
                false => Vec::new(),
            },
        }
    }

    fn counts_mut(&mut self) -> impl Iterator<Item = &mut Counts> {
        let days = self.per_day.iter_mut().map(|day| &mut day.summary);
        let summaries = [&mut self.summary].into_iter().chain(days);
        summaries.flat_map(|summary| summary.count_by.values_mut())
    }

    fn add(&mut self, totals: &TableTotals) {
        self.rows = self.rows.saturating_add(totals.rows);
        self.partitions += totals.partitions;
        self.summary.add(&totals.summary);
        if let Some((first, last)) = totals.dates {
            let known = self.dates;
            let (from, to) = known.map_or((first, last), |known| (known.from(), known.to()));
            self.dates = DateRange::new(from.min(first), to.max(last)).ok();
        }
    }

    fn add_date(&mut self, date: Date, rows: u64, summary: &Summary) {
        // Every day is listed, so that they are in order.
        if let Ok(place) = self.per_day.binary_search_by_key(&date, |day| day.date) {
            let day = &mut self.per_day[place];
            day.rows = day.rows.saturating_add(rows);
            day.summary.add(summary);
        }
    }
}

/// The figures of every table that the sites declare, or `declared` where there is no site yet, in
/// declared order, with each of `days`. Tables of one name are one table.
#[must_use]
pub(crate) fn per_table(
    days: DateRange,
    declared: &Dataset,
    sites: &[&SiteView],
) -> Vec<TableFigures> {
    let of_sites = sites.iter().map(|view| &*view.dataset);
    let datasets: Vec<&Dataset> = match sites {
        [] => vec![declared],
        _ => of_sites.collect(),
    };
    let mut figures: Vec<TableFigures> = Vec::new();
    let mut places: HashMap<Name, usize> = HashMap::new();
    for dataset in datasets {
        for (id, table) in dataset.tables.with_ids() {
            let place = *places.entry(table.name.clone()).or_insert(figures.len());
            if place == figures.len() {
                figures.push(TableFigures::none(&table.name, dataset.is_dated(id), days));
            }
        }
    }
    for view in sites {
        for (table, totals) in view.totals.iter() {
            let Some(place) = places.get(table) else {
                continue;
            };
            let figures = &mut figures[*place];
            figures.add(totals);
            let (from, to) = (days.from(), days.to());
            for (date, entry) in view.catalog.dates(table.as_str(), from, to) {
                figures.add_date(date, entry.object.rows, &entry.object.summary);
            }
        }
        for part in view.loaded.iter() {
            if let Some(place) = places.get(&part.table) {
                let loaded = &mut figures[*place].loaded;
                loaded.partitions += 1;
                loaded.rows = loaded.rows.saturating_add(part.rows);
            }
        }
    }
    for figures in &mut figures {
        for counts in figures.counts_mut() {
            *counts = shown(std::mem::take(counts));
        }
    }
    figures
}

/// A column's counts with its values as people read them, without the quotes of canonical CSV.
fn shown(counts: Counts) -> Counts {
    let values = counts.values.into_iter();
    Counts {
        values: values
            .map(|(value, rows)| (unquoted(&value).into_owned(), rows))
            .collect(),
        ..counts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::Part;
    use jiff::civil::date;

    use super::*;
    use crate::stats::samples::{json, site_of};
    use crate::sync::LoadedPart;
    use crate::testing::SHOP;

    fn shop() -> SiteView {
        let state = |value: &str, rows: u64| {
            format!(
                r#"{{"count_by":{{"state":{{"values":{{"{value}":{rows}}}}}}},"sum":{{"amount":{{"sum":"{rows}.50","count":{rows}}}}}}}"#
            )
        };
        let (paid, void) = (state("paid", 5), state("void", 1));
        let dataset = Dataset::from_toml(SHOP).unwrap();
        let mut view = site_of(
            "a",
            dataset,
            &[
                ("item", "b=0of2", "{}", 3),
                ("item", "b=1of2", "{}", 4),
                ("sale", "dt=2020-01-01", &void, 1),
                ("sale", "dt=2025-11-28", &paid, 5),
            ],
        );
        let loaded = |table: &str, part: &str, rows| LoadedPart {
            table: Name::new(table).unwrap(),
            part: Part::new(part).unwrap(),
            rows,
        };
        view.loaded = Arc::new([
            loaded("item", "b=0of2", 3),
            loaded("sale", "dt=2025-11-28", 5),
        ]);
        view
    }

    fn days() -> DateRange {
        DateRange::new(date(2025, 11, 28), date(2025, 11, 29)).unwrap()
    }

    #[test]
    fn any_dataset_has_figures() {
        let figures = per_table(days(), &Dataset::meetassist().unwrap(), &[&shop()]);
        insta::assert_snapshot!(json(&figures), @r#"
    [{"table":"item","daily":false,"rows":7,"partitions":2,"loaded":{"partitions":1,"rows":3},
    "dates":null,"summary":{},
    "per_day":[]},
    {"table":"sale","daily":true,"rows":6,"partitions":2,"loaded":{"partitions":1,"rows":5},
    "dates":{"from":"2020-01-01","to":"2025-11-28"},
    "summary":{"count_by":{"state":{"values":{"paid":5,"void":1},
    "null":0}},
    "sum":{"amount":{"sum":"7.00","count":6}}},
    "per_day":[{"date":"2025-11-28","rows":5,"summary":{"count_by":{"state":{"values":{"paid":5},
    "null":0}},
    "sum":{"amount":{"sum":"5.50","count":5}}}},
    {"date":"2025-11-29","rows":0,"summary":{}}]}]
    "#);
    }

    #[test]
    fn sites_add_up_by_the_names_of_their_tables() {
        let figures = per_table(days(), &Dataset::meetassist().unwrap(), &[&shop(), &shop()]);
        let rows: Vec<(u64, u64)> = figures.iter().map(|f| (f.rows, f.loaded.rows)).collect();
        assert_eq!(rows, [(14, 6), (12, 10)]);
        assert_eq!(figures[1].per_day[0].rows, 10);
    }

    #[test]
    fn figures_past_the_greatest_number_are_that_number() {
        let summary = format!(
            r#"{{"count_by":{{"state":{{"values":{{"paid":{}}}}}}}}}"#,
            1_u64 << 40
        );
        let day = ("sale", "dt=2025-11-28", &*summary, u64::MAX);
        let site = || {
            site_of(
                "a",
                Dataset::from_toml(SHOP).unwrap(),
                &[day, ("sale", "dt=2025-11-29", "{}", 1)],
            )
        };
        let figures = per_table(days(), &site().dataset, &[&site(), &site()]);
        let sale = &figures[1];
        assert_eq!((sale.rows, sale.per_day[0].rows), (u64::MAX, u64::MAX));
        assert_eq!(
            (sale.per_day[1].rows, sale.summary.count("state", "paid")),
            (2, 1 << 41)
        );
    }

    #[test]
    fn without_a_site_the_declared_tables_are_empty() {
        let figures = per_table(days(), &Dataset::meetassist().unwrap(), &[]);
        let daily: Vec<&str> = figures
            .iter()
            .filter(|figures| figures.daily && figures.rows == 0)
            .map(|figures| figures.table.as_str())
            .collect();
        assert_eq!(
            daily,
            ["consultantschedule", "appointment", "appointmentfeedback"]
        );
    }

    #[test]
    fn values_are_shown_without_the_quotes_of_csv() {
        let summary = r#"{"count_by":{"state":{"values":{"\"a, b\"":2,"\"say \"\"hi\"\"\"":1}}}}"#;
        let dataset = Dataset::from_toml(SHOP).unwrap();
        let site = site_of("a", dataset, &[("sale", "dt=2025-11-28", summary, 3)]);
        let figures = per_table(days(), &site.dataset, &[&site]);
        insta::assert_snapshot!(json(&figures[1].per_day), @r#"
        [{"date":"2025-11-28","rows":3,"summary":{"count_by":{"state":{"values":{"a, b":2,"say \"hi\"":1},
        "null":0}}}},
        {"date":"2025-11-29","rows":0,"summary":{}}]
        "#);
        assert_eq!(figures[1].summary, figures[1].per_day[0].summary);
    }
}
