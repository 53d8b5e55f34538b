//! Which partition the rows of each table belong to.
//!
//! Rows that happen on a day are partitioned by it; rows that belong to such a row are where it
//! is; what stands whatever the day is, customers and the like, goes to buckets.

use causeway_shared::runtime::program::count;
use causeway_shared::value::{DateOrder, Type};

use super::evidence::Spread;
use super::names::{fold, stem, words};
use super::references::Reference;

/// Rows per bucket, about, and most buckets.
const ROWS_PER_BUCKET: u64 = 5_000;
const MAX_BUCKETS: u64 = 64;

/// A table of more rows than this, all on one date, was dated by its export.
const MOST_ROWS_ON_ONLY_DATE: u64 = 1_000;

/// Fewer rows than this do not tell rows that come day by day from a short list with dates in it.
const LEAST_ROWS_TO_TELL: u64 = 20;

/// Dates that say nothing about the day on which a row is of interest, or that change.
const OTHER_DATES: [&str; 25] = [
    "birth",
    "birthday",
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
const WRITTEN_DATES: [&str; 10] = [
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

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partition {
    /// By a date column, by position.
    By(usize),
    /// Via a parent table, on a column, both by position.
    Via(usize, usize),
    /// By the hash of the key.
    Buckets(u64),
}

/// A partitioning, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Division {
    pub(super) partition: Partition,
    pub(super) why: Vec<String>,
}

/// What is known of a table that has a key.
pub(super) struct Ground<'t> {
    /// Its name in the source.
    pub(super) name: &'t str,
    pub(super) rows: u64,
    pub(super) key: &'t [usize],
    pub(super) columns: Vec<Column<'t>>,
    pub(super) references: &'t [Reference],
}

/// What is known of a column.
pub(super) struct Column<'t> {
    pub(super) name: &'t str,
    /// Its type, if it is carried.
    pub(super) ty: Option<Type>,
    /// Every row has a value.
    pub(super) full: bool,
    /// The dates of its rows, if every value is one.
    pub(super) spread: Option<Spread>,
}

/// How much a date column says about the day on which a row is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// The column is called `date`.
    TheDate,
    /// It is called after the table: `InvoiceDate`.
    OfTheTable,
    /// Some other date.
    ADate,
    /// When the row was written.
    Written,
    /// Something else, or it changes.
    Other,
}

/// Divides every table.
pub(super) fn divide(tables: &[Ground<'_>]) -> Vec<Division> {
    let mut divided: Vec<Option<Division>> = tables
        .iter()
        .map(|table| by(table, Meaning::ADate))
        .collect();
    via(tables, &mut divided);
    for (at, table) in tables.iter().enumerate() {
        let is_referred_to = tables.iter().enumerate().any(|(other, child)| {
            other != at
                && child
                    .references
                    .iter()
                    .any(|reference| reference.parent == at)
        });
        if divided[at].is_none() && !is_referred_to {
            divided[at] = by(table, Meaning::Written);
        }
    }
    via(tables, &mut divided);
    let rest = divided.into_iter().zip(tables);
    rest.map(|(division, table)| division.unwrap_or_else(|| buckets(table)))
        .collect()
}

/// By the table's most telling date column, if that tells at least this much.
fn by(table: &Ground<'_>, least: Meaning) -> Option<Division> {
    let usable = |column: &Column<'_>| column.full && is_spread(column);
    let (column, meaning) = (0..table.columns.len())
        .filter(|column| usable(&table.columns[*column]))
        .map(|column| (column, meaning(table.columns[column].name, table.name)))
        .min_by_key(|(column, meaning)| (*meaning, *column))?;
    let spread = table.columns[column].spread?;
    if meaning > least {
        return None;
    }
    let rows = table.rows;
    let dates = match spread.dates {
        1 => format!("{}, all on {}", count(rows, "row"), spread.first),
        dates => format!(
            "{rows} rows on {dates} dates from {} to {}, at most {} on one",
            spread.first, spread.last, spread.most_rows
        ),
    };
    let mut why = vec![match rows {
        0..LEAST_ROWS_TO_TELL => format!(
            "{dates}; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole \
             whatever the day is, write {{ buckets = 1 }}"
        ),
        _ => dates,
    }];
    if table.columns[column].ty == Some(Type::Timestamp) {
        why.push(
            "its values are all midnights, so that its type is date; rows with a time of day would \
             go to quarantine"
                .to_owned(),
        );
    }
    Some(Division {
        partition: Partition::By(column),
        why,
    })
}

fn is_spread(column: &Column<'_>) -> bool {
    column
        .spread
        .is_some_and(|s| s.dates > 1 || s.most_rows <= MOST_ROWS_ON_ONLY_DATE)
}

fn meaning(column: &str, table: &str) -> Meaning {
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
        Meaning::Other
    } else if has(&WRITTEN_DATES) {
        Meaning::Written
    } else if matches!(folded.as_str(), "date" | "day" | "ngay") {
        Meaning::TheDate
    } else if folded.contains(&stem(table)) {
        Meaning::OfTheTable
    } else {
        Meaning::ADate
    }
}

/// Via parents that are dated, until no more are found.
fn via(tables: &[Ground<'_>], divided: &mut [Option<Division>]) {
    loop {
        let next = (0..tables.len())
            .filter(|table| divided[*table].is_none())
            .find_map(|table| Some((table, dated_parent(table, tables, divided)?)));
        let Some((table, reference)) = next else {
            return;
        };
        let parent = tables[reference.parent].name;
        let how = match reference.declared {
            true => "declared FOREIGN KEY",
            false => "its name says so",
        };
        divided[table] = Some(Division {
            partition: Partition::Via(reference.parent, reference.column),
            why: vec![format!(
                "{how}, and each of its {} different values is a key of {parent:?}, which is dated: \
                 rows are where their parent is",
                reference.distinct
            )],
        });
    }
}

/// The reference to a dated table that every row has; one that is part of the key before others.
fn dated_parent(
    table: usize,
    tables: &[Ground<'_>],
    divided: &[Option<Division>],
) -> Option<Reference> {
    let child = &tables[table];
    child
        .references
        .iter()
        .filter(|reference| {
            reference.parent != table
                && reference.missing == 0
                && reference.distinct > 0
                && child.columns[reference.column].full
                && divided[reference.parent].is_some()
        })
        .min_by_key(|reference| (!child.key.contains(&reference.column), reference.column))
        .copied()
}

fn buckets(table: &Ground<'_>) -> Division {
    let buckets = table.rows.div_ceil(ROWS_PER_BUCKET).clamp(1, MAX_BUCKETS);
    let mut why = vec![format!(
        "{}, about {ROWS_PER_BUCKET} a bucket",
        count(table.rows, "row")
    )];
    for column in &table.columns {
        match (column.ty, column.spread) {
            (Some(Type::Date), Some(_)) if !column.full => why.push(format!(
                "not by {:?}: it is empty in some rows",
                column.name
            )),
            (_, Some(spread)) if !is_spread(column) => why.push(format!(
                "not by {:?}: all rows are on {}",
                column.name, spread.first
            )),
            (Some(Type::Date), Some(_)) => why.push(format!(
                "not by {:?}: it does not look like the day on which a row is of interest",
                column.name
            )),
            (Some(Type::Timestamp), _)
                if column.full && meaning(column.name, table.name) <= Meaning::ADate =>
            {
                why.push(format!(
                    "not by {:?}: it has times of day. To partition by its date, give the agent a \
                     view with date({}) as a column of its own",
                    column.name, column.name
                ));
            }
            _ => {}
        }
    }
    Division {
        partition: Partition::Buckets(buckets),
        why,
    }
}

/// Whether a column's values can all be read as dates, so that rows may be partitioned by it.
pub(super) fn may_be_date(
    ty: Type,
    fits: impl Fn(Type, DateOrder) -> bool,
    order: DateOrder,
) -> bool {
    matches!(ty, Type::Date | Type::Timestamp) && fits(Type::Date, order)
}
