//! Any table's figures as the page shows them: its rows, what they add up to, and a chart where
//! they lie on dates.

use std::collections::BTreeMap;

use causeway_shared::limits;
use causeway_shared::summary::{Counts, Sum};
use jiff::civil::Date;

use super::chart::{Chart, DayBar, chart};
use super::language::Language;
use super::share::Share;
use crate::stats::any_table::{TableDay, TableFigures};
use crate::sync::DateRange;

/// The colours of a column's most frequent values; the others share one.
const CLASSES: [&str; 5] = ["v1", "v2", "v3", "v4", "v5"];
const OTHERS: &str = "other";

/// A table, ready to be shown.
#[derive(Debug)]
pub(super) struct TableView {
    pub(super) name: String,
    pub(super) rows: String,
    /// Its rows in the database.
    pub(super) loaded: String,
    /// The first and the last date with rows.
    pub(super) dates: Option<(String, String)>,
    /// Today's rows, where they lie on dates.
    pub(super) today: Option<String>,
    pub(super) sums: Vec<SumView>,
    pub(super) counts: Vec<CountView>,
    /// Its rows in quarantine, if there are any.
    pub(super) refused: Option<String>,
    /// Why there is nothing to draw, if so.
    pub(super) empty: Option<String>,
    /// Rows per day, where they lie on dates.
    pub(super) chart: Option<Chart>,
    pub(super) days: Vec<DayView>,
}

/// A declared sum.
#[derive(Debug)]
pub(super) struct SumView {
    pub(super) column: String,
    pub(super) total: String,
    /// Today's, where rows lie on dates.
    pub(super) today: Option<String>,
}

/// A declared count.
#[derive(Debug)]
pub(super) struct CountView {
    pub(super) column: String,
    pub(super) shares: Vec<Share>,
}

/// A day under the chart.
#[derive(Debug)]
pub(super) struct DayView {
    pub(super) date: String,
    pub(super) is_loaded: bool,
    pub(super) rows: String,
    /// One for each of the table's sums.
    pub(super) sums: Vec<String>,
}

impl TableView {
    /// The figures of a table in a language.
    pub(super) fn new(
        figures: &TableFigures,
        refused: u64,
        (today, window): (Date, DateRange),
        language: Language,
    ) -> Self {
        let shown = figures.per_day.iter().find(|day| day.date == today);
        let ranks = ranks(figures);
        let sums: Vec<&String> = figures.summary.sum.keys().collect();
        let day = |day: &TableDay| DayView {
            date: language.date(day.date),
            is_loaded: window.contains(day.date),
            rows: language.number(day.rows),
            sums: sums
                .iter()
                .map(|column| sum(&day.summary.sum, column, language))
                .collect(),
        };
        let bars = figures.per_day.iter().map(|day| bar(day, &ranks, language));
        let bars: Vec<DayBar> = bars.collect();
        let empty = empty(figures, language);
        let draws = empty.is_none() && !bars.is_empty();
        Self {
            name: figures.table.to_string(),
            rows: language.number(figures.rows),
            loaded: language.number(figures.loaded.rows),
            dates: figures
                .dates
                .map(|dates| (language.day(dates.from()), language.day(dates.to()))),
            today: shown.map(|day| language.number(day.rows)),
            sums: sums
                .iter()
                .map(|column| SumView {
                    column: (*column).clone(),
                    total: sum(&figures.summary.sum, column, language),
                    today: shown.map(|day| sum(&day.summary.sum, column, language)),
                })
                .collect(),
            counts: figures
                .summary
                .count_by
                .iter()
                .map(|(column, counts)| CountView {
                    column: column.clone(),
                    shares: shares(counts, figures.rows, language),
                })
                .collect(),
            refused: (refused > 0).then(|| language.number(refused)),
            empty,
            chart: draws.then(|| chart(&bars, today, window, language)),
            days: match draws {
                true => figures.per_day.iter().map(day).collect(),
                false => Vec::new(),
            },
        }
    }
}

/// Why a table has no rows to show.
fn empty(figures: &TableFigures, language: Language) -> Option<String> {
    let t = language.texts();
    if figures.rows == 0 {
        return Some(t.table_empty.to_owned());
    }
    let is_bare = figures.daily && figures.per_day.iter().all(|day| day.rows == 0);
    let last = figures.dates.filter(|_| is_bare)?.to();
    Some(format!("{} {}", t.days_empty, language.day(last)))
}

fn sum(sums: &BTreeMap<String, Sum>, column: &str, language: Language) -> String {
    let sum = sums.get(column).map(|sum| sum.sum);
    language.amount(sum.unwrap_or_default())
}

/// The most frequent values of a column first.
fn ranked(counts: &Counts) -> Vec<(&str, u64)> {
    let mut ranked: Vec<(&str, u64)> = counts
        .values
        .iter()
        .map(|(value, rows)| (value.as_str(), *rows))
        .collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    ranked
}

/// The column that the chart's bars are divided by, and its values that have a colour.
fn ranks(figures: &TableFigures) -> Option<(&str, Vec<&str>)> {
    let (column, counts) = figures.summary.count_by.iter().next()?;
    let values = ranked(counts).into_iter().map(|(value, _)| value);
    Some((column, values.take(CLASSES.len()).collect()))
}

/// A column's most frequent values, and the others together, of a hundred units.
fn shares(counts: &Counts, rows: u64, language: Language) -> Vec<Share> {
    let t = language.texts();
    let ranked = ranked(counts);
    let (coloured, rest) = ranked.split_at(ranked.len().min(CLASSES.len()));
    let others = limits::total(rest.iter().map(|(_, rows)| *rows).chain([counts.other]));
    let named = coloured.iter().zip(CLASSES);
    let all = named
        .map(|((value, rows), class)| (class, *value, *rows))
        .chain([
            (OTHERS, t.others, others),
            ("none", t.no_value, counts.null),
        ])
        .filter(|(_, _, rows)| *rows > 0);
    Share::row(all, rows, language)
}

fn bar(day: &TableDay, ranks: &Option<(&str, Vec<&str>)>, language: Language) -> DayBar {
    let mut parts = Vec::new();
    let mut words = Vec::new();
    if let Some((column, values)) = ranks
        && let Some(counts) = day.summary.count_by.get(*column)
    {
        for (value, class) in values.iter().zip(CLASSES) {
            if let Some(rows) = counts.values.get(*value) {
                parts.push((class, *rows));
                words.push(format!("{value} {}", language.number(*rows)));
            }
        }
    }
    let sums = day.summary.sum.iter();
    words.extend(sums.map(|(column, sum)| format!("{column} {}", language.amount(sum.sum))));
    DayBar {
        date: day.date,
        total: day.rows,
        parts,
        words,
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::ids::Name;
    use causeway_shared::summary::Summary;
    use jiff::civil::date;

    use super::*;
    use crate::stats::any_table::LoadedFigures;

    fn sale(rows_today: u64) -> TableFigures {
        let summary = r#"{"count_by":{"state":{"values":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6},"null":2,"other":3}},
            "sum":{"amount":{"sum":1234.5,"count":7}}}"#;
        let summary: Summary = serde_json::from_str(summary).unwrap();
        let days = [date(2025, 11, 27), date(2025, 11, 28)];
        let of = |day: Date| TableDay {
            date: day,
            rows: if day == days[1] { rows_today } else { 0 },
            summary: Summary::default(),
        };
        TableFigures {
            table: Name::new("sale").unwrap(),
            daily: true,
            rows: 26,
            partitions: 2,
            loaded: LoadedFigures {
                partitions: 1,
                rows: 5,
            },
            dates: DateRange::new(date(2020, 1, 1), days[1]).ok(),
            summary,
            per_day: days.map(of).to_vec(),
        }
    }

    fn view(figures: &TableFigures) -> TableView {
        let today = date(2025, 11, 28);
        let window = DateRange::day(today);
        TableView::new(figures, 0, (today, window), Language::English)
    }

    #[test]
    fn values_past_the_colours_are_shown_together() {
        let view = view(&sale(5));
        let shares = view.counts[0].shares.iter();
        let shares: Vec<String> = shares
            .map(|share| format!("{} {} {}", share.class, share.label, share.count))
            .collect();
        insta::assert_snapshot!(shares.join("\n"), @r"
    v1 f 6
    v2 e 5
    v3 d 4
    v4 c 3
    v5 b 2
    other others 4
    none (empty) 2
    ");
        assert_eq!(view.sums[0].total, "1,234.5");
    }

    #[test]
    fn days_are_drawn_only_where_there_is_something() {
        let drawn = view(&sale(5));
        assert_eq!((drawn.empty, drawn.chart.is_some()), (None, true));
        assert_eq!(drawn.days[1].rows, "5");

        let bare = view(&sale(0));
        assert!(bare.chart.is_none() && bare.days.is_empty());
        insta::assert_snapshot!(bare.empty.unwrap(), @"No row lies within two weeks of today; the last day with rows is 28 Nov 2025");
    }
}
