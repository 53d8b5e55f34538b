//! How much a date column says, by its name, about the day on which a row is of interest.

use crate::init::names::{fold, stem, words};

/// Dates that say nothing about that day, or that change.
const OTHER_DATES: [&str; 26] = [
    "birth",
    "birthday",
    "sinh",
    "dob",
    "hire",
    "hired",
    "join",
    "joined",
    "expiry",
    "expire",
    "expires",
    "expiration",
    "valid",
    "until",
    "due",
    "required",
    "end",
    "deleted",
    "closed",
    "founded",
    "release",
    "released",
    "updated",
    "update",
    "modified",
    "last",
];

/// Dates that say when a row was written: the day of an event, but not of standing data.
const WRITTEN_DATES: [&str; 11] = [
    "tao",
    "created",
    "create",
    "added",
    "registered",
    "register",
    "registration",
    "inserted",
    "entered",
    "imported",
    "signup",
];

/// Names of nothing but a date or a moment.
const PLAIN_DATES: [&str; 7] = [
    "date",
    "day",
    "ngay",
    "datetime",
    "timestamp",
    "time",
    "dateandtime",
];

/// What a date column is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DateMeaning {
    /// It is called `date`.
    Plain,
    /// It is called after the table: `InvoiceDate`.
    OfTheTable,
    /// Some other date.
    Unclear,
    /// When the row was written.
    Written,
    /// Something else, or it changes.
    Other,
}

/// What a column of a table is, by their names.
pub(super) fn date_meaning(column: &str, table: &str) -> DateMeaning {
    let words = words(column);
    let has = |things: &[&str]| {
        let is = |word: &String, thing: &&str| {
            word == thing || (thing.len() >= 4 && word.contains(thing))
        };
        words
            .iter()
            .any(|word| things.iter().any(|thing| is(word, thing)))
    };
    let folded = fold(column);
    if has(&OTHER_DATES) {
        DateMeaning::Other
    } else if has(&WRITTEN_DATES) {
        DateMeaning::Written
    } else if PLAIN_DATES.contains(&folded.as_str()) {
        DateMeaning::Plain
    } else if folded.contains(&stem(table)) {
        DateMeaning::OfTheTable
    } else {
        DateMeaning::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_mean_what_they_are_called() {
        for (column, table, meaning) in [
            ("Date", "visits", DateMeaning::Plain),
            ("timestamp", "readings", DateMeaning::Plain),
            ("InvoiceDate", "Invoices", DateMeaning::OfTheTable),
            ("rental_date", "rental", DateMeaning::OfTheTable),
            ("shipped_at", "orders", DateMeaning::Unclear),
            ("created_at", "orders", DateMeaning::Written),
            ("BirthDate", "visits", DateMeaning::Other),
            ("last_update", "rental", DateMeaning::Other),
            ("Ngày sinh", "hoc_vien", DateMeaning::Other),
            ("Ngày tạo", "hoc_vien", DateMeaning::Written),
        ] {
            assert_eq!(date_meaning(column, table), meaning, "{column} of {table}");
        }
    }
}
