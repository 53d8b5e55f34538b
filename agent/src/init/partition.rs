//! Which partition the rows of each table belong to.
//!
//! Rows that happen on a day are partitioned by it. Rows that belong to such a row are where it is.
//! Customers and other data that stands, whatever the day, goes to buckets.

mod date_meaning;

use causeway_shared::runtime::program::count;
use causeway_shared::value::Type;

use super::evidence::Spread;
use super::people::is_of_people;
use super::references::Reference;
use date_meaning::{DateMeaning, date_meaning};

/// Rows per bucket, about, and most buckets.
const ROWS_PER_BUCKET: u64 = 5_000;
const MAX_BUCKETS: u64 = 64;

/// A table of more rows than this, all on one date, has its date from an export.
const MAX_ROWS_ON_ONLY_DATE: u64 = 1_000;

/// With fewer rows than this, a short list with dates in it looks like rows that come day by day.
const MIN_ROWS_TO_TELL: u64 = 20;

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partition {
    /// By a date or timestamp column, by position.
    By(usize),
    /// Via a parent table, on a column, both by position.
    Via(usize, usize),
    /// By the hash of the key.
    Buckets(u64),
}

/// A partition, and why it is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProposedPartition {
    pub(super) partition: Partition,
    pub(super) why: Vec<String>,
}

/// What is known of a table that has a key.
pub(super) struct TableFacts<'t> {
    pub(super) name: &'t str,
    pub(super) rows: u64,
    pub(super) key: &'t [usize],
    pub(super) columns: Vec<ColumnFacts<'t>>,
    pub(super) references: &'t [Reference],
}

/// What is known of a column.
pub(super) struct ColumnFacts<'t> {
    pub(super) name: &'t str,
    pub(super) ty: Option<Type>,
    /// Every row has a value.
    pub(super) full: bool,
    /// The dates of its values, if it is a date or a timestamp.
    pub(super) spread: Option<Spread>,
}

/// Proposes a partition for every table.
pub(super) fn propose_partitions(tables: &[TableFacts<'_>]) -> Vec<ProposedPartition> {
    let mut proposed: Vec<Option<ProposedPartition>> = tables
        .iter()
        .map(|table| by(table, DateMeaning::Unclear))
        .collect();
    via(tables, &mut proposed);
    for (at, table) in tables.iter().enumerate() {
        if proposed[at].is_none() && !stands(at, tables) {
            proposed[at] = by(table, DateMeaning::Written);
        }
    }
    via(tables, &mut proposed);
    let rest = proposed.into_iter().zip(tables);
    rest.map(|(proposed, table)| proposed.unwrap_or_else(|| buckets(table)))
        .collect()
}

/// Whether a table holds standing data: people, or what other tables refer to.
fn stands(at: usize, tables: &[TableFacts<'_>]) -> bool {
    let refers = |table: &TableFacts<'_>| {
        let mut parents = table.references.iter().map(|reference| reference.parent);
        parents.any(|parent| parent == at)
    };
    let others = || tables.iter().enumerate().filter(|(other, _)| *other != at);
    is_of_people(tables[at].name) || others().any(|(_, table)| refers(table))
}

/// By the table's most telling date column, if that tells at least this much.
fn by(table: &TableFacts<'_>, least: DateMeaning) -> Option<ProposedPartition> {
    let (column, meaning) = (0..table.columns.len())
        .filter(|column| table.columns[*column].full && is_spread(&table.columns[*column]))
        .map(|column| (column, date_meaning(table.columns[column].name, table.name)))
        .min_by_key(|(column, meaning)| (*meaning, *column))?;
    let spread = table.columns[column].spread?;
    if meaning > least {
        return None;
    }
    let rows = table.rows;
    let mut why = match spread.dates {
        1 => format!("{}, all on {}", count(rows, "row"), spread.first),
        dates => format!(
            "{rows} rows on {dates} dates from {} to {}, at most {} on one",
            spread.first, spread.last, spread.most_rows
        ),
    };
    if table.columns[column].ty == Some(Type::Timestamp) {
        why.push_str(", by the date of each timestamp");
    }
    if rows < MIN_ROWS_TO_TELL {
        why.push_str(
            "; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole \
             whatever the day is, write { buckets = 1 }",
        );
    }
    Some(ProposedPartition {
        partition: Partition::By(column),
        why: vec![why],
    })
}

fn is_spread(column: &ColumnFacts<'_>) -> bool {
    column
        .spread
        .is_some_and(|spread| spread.dates > 1 || spread.most_rows <= MAX_ROWS_ON_ONLY_DATE)
}

/// Via parents that are dated, until no more are found.
fn via(tables: &[TableFacts<'_>], proposed: &mut [Option<ProposedPartition>]) {
    loop {
        let next = (0..tables.len())
            .filter(|table| proposed[*table].is_none())
            .find_map(|table| Some((table, dated_parent(table, tables, proposed)?)));
        let Some((table, reference)) = next else {
            return;
        };
        let parent = tables[reference.parent].name;
        let how = match reference.declared {
            true => "declared FOREIGN KEY",
            false => "its name says so",
        };
        proposed[table] = Some(ProposedPartition {
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
    tables: &[TableFacts<'_>],
    proposed: &[Option<ProposedPartition>],
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
                && proposed[reference.parent].is_some()
        })
        .min_by_key(|reference| (!child.key.contains(&reference.column), reference.column))
        .copied()
}

fn buckets(table: &TableFacts<'_>) -> ProposedPartition {
    let buckets = table.rows.div_ceil(ROWS_PER_BUCKET).clamp(1, MAX_BUCKETS);
    let mut why = vec![format!(
        "{}, about {ROWS_PER_BUCKET} a bucket",
        count(table.rows, "row")
    )];
    let dated = table
        .columns
        .iter()
        .filter_map(|column| Some((column, column.spread?)));
    why.extend(dated.map(|(column, spread)| {
        let why_not = if !column.full {
            "it is empty in some rows".to_owned()
        } else if !is_spread(column) {
            format!("all rows are on {}", spread.first)
        } else {
            "it does not look like the day on which a row is of interest".to_owned()
        };
        format!("not by {:?}: {why_not}", column.name)
    }));
    ProposedPartition {
        partition: Partition::Buckets(buckets),
        why,
    }
}
