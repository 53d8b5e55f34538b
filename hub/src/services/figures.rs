//! Figures as tables, for CSV: a column for each status.

use causeway_shared::value::Value;

use super::consultants::ConsultantFigures;
use super::customers::MonthTotal;
use super::list::csv;
use super::programs::ProgramFigures;
use crate::stats::meetassist::{Day, StatusCounts};

/// Rows of values under names.
#[derive(Debug, Default)]
pub(crate) struct FigureTable {
    columns: Vec<String>,
    rows: Vec<Vec<Value<'static>>>,
}

impl FigureTable {
    fn new(before: &[&str], statuses: Vec<String>, behind: &[&str]) -> Self {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let before: Vec<String> = own(before);
        let columns = before.into_iter().chain(statuses);
        Self {
            columns: columns.chain(own(behind)).collect(),
            rows: Vec::new(),
        }
    }

    /// As a file.
    pub(crate) fn csv(&self) -> Vec<u8> {
        csv::table(&self.columns, &self.rows)
    }

    /// What each consultant did.
    pub(crate) fn of_consultants(figures: &[ConsultantFigures]) -> Self {
        let statuses = statuses(figures.iter().map(|of| &of.by_status));
        let mut table = Self::new(
            &["site", "consultantid", "fullname"],
            statuses.clone(),
            &["average_rating", "slots_offered", "slots_used"],
        );
        for of in figures {
            let mut row = vec![
                text(of.site.as_str()),
                Value::Int(of.consultantid),
                of.fullname.as_deref().map_or(Value::Null, text),
            ];
            row.extend(counts(&statuses, &of.by_status));
            row.push(of.average_rating.map_or(Value::Null, Value::Float));
            row.extend([of.slots.offered, of.slots.used].map(number));
            table.rows.push(row);
        }
        table
    }

    /// New customers by month.
    pub(crate) fn of_months(months: &[MonthTotal]) -> Self {
        let mut table = Self::new(&["month", "total"], Vec::new(), &[]);
        let rows = months.iter();
        table.rows = rows
            .map(|of| vec![text(&of.month), number(of.total)])
            .collect();
        table
    }

    /// Programs with their participants.
    pub(crate) fn of_programs(figures: &[ProgramFigures]) -> Self {
        let statuses = statuses(figures.iter().map(|of| &of.by_status));
        let before = ["site", "programid", "programname", "date", "status"];
        let mut table = Self::new(&before, statuses.clone(), &[]);
        for of in figures {
            let mut row = vec![
                text(of.site.as_str()),
                Value::Int(of.programid),
                text(&of.programname),
                text(&of.date),
                text(&of.status),
            ];
            row.extend(counts(&statuses, &of.by_status));
            table.rows.push(row);
        }
        table
    }

    /// Appointments by day.
    pub(crate) fn of_days(days: &[Day]) -> Self {
        let statuses = statuses(days.iter().map(|day| &day.by_status));
        let mut table = Self::new(&["date", "total"], statuses.clone(), &[]);
        for day in days {
            let mut row = vec![Value::Date(day.date), number(day.total)];
            row.extend(counts(&statuses, &day.by_status));
            table.rows.push(row);
        }
        table
    }
}

/// All statuses that some have, in the order in which they come.
fn statuses<'c>(all: impl Iterator<Item = &'c StatusCounts>) -> Vec<String> {
    let mut statuses: Vec<String> = Vec::new();
    for (status, _) in all.flat_map(StatusCounts::iter) {
        if !statuses.iter().any(|known| known == status) {
            statuses.push(status.to_owned());
        }
    }
    statuses
}

fn counts(statuses: &[String], of: &StatusCounts) -> Vec<Value<'static>> {
    let counts = statuses.iter().map(|status| number(of.get(status)));
    counts.collect()
}

fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_owned().into())
}

/// Counts stay far below what an `i64` holds.
fn number(count: u64) -> Value<'static> {
    Value::Int(count.try_into().unwrap_or(i64::MAX))
}
