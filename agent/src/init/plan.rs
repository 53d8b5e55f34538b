//! From what was found to the tables of a dataset: which are carried, under which names, and how
//! they are divided.

use causeway_shared::value::Type;

use super::inspection::{Inspection, Table};
use super::names::{Named, dataset_names};
use super::partition::{self, Division, Partition, divide};
use super::references::Reference;
use super::summary;

/// A table to declare.
pub(super) struct Planned<'i> {
    /// What was found of it.
    pub(super) table: &'i Table,
    /// Its name.
    pub(super) named: Named,
    /// The names of all its columns, by position.
    pub(super) columns: Vec<Named>,
    /// Its key's columns; empty if none was found, so that it can only be shown.
    pub(super) key: Vec<usize>,
    /// How it is divided.
    pub(super) division: Division,
    /// References that can be declared: the column, and the planned table.
    pub(super) references: Vec<(Reference, usize)>,
    /// Unique rules that can be declared.
    pub(super) unique: Vec<Vec<usize>>,
    /// Unique rules that cannot, and why.
    pub(super) no_unique: Vec<String>,
    /// Columns to count by and to sum.
    pub(super) count_by: Vec<usize>,
    pub(super) sum: Vec<usize>,
    /// Whether rows are to be found by the key in all dates.
    pub(super) has_lookup: bool,
}

impl Planned<'_> {
    /// The type that a column is to have; a table is partitioned by a date.
    pub(super) fn ty(&self, column: usize) -> Option<Type> {
        match self.division.partition {
            Partition::By(by) if by == column => Some(Type::Date),
            _ => self.table.pick(column).map(|pick| pick.ty),
        }
    }

    /// Whether every row must have a value in a column.
    pub(super) fn not_null(&self, column: usize) -> bool {
        let needed = match self.division.partition {
            Partition::By(by) => by == column,
            Partition::Via(_, on) => on == column,
            Partition::Buckets(_) => false,
        };
        let profile = &self.table.profiles[column];
        let declared = self.table.shape.columns[column].not_null;
        needed || self.key.contains(&column) || (declared && profile.nulls == 0)
    }
}

/// What is to be declared: tables with a key, and those that only lack one.
pub(super) struct Plan<'i> {
    pub(super) tables: Vec<Planned<'i>>,
    pub(super) without_key: Vec<Planned<'i>>,
}

/// Plans the dataset of an inspection.
pub(super) fn plan(inspection: &Inspection) -> Plan<'_> {
    let readable = || {
        inspection
            .tables
            .iter()
            .enumerate()
            .filter(|(_, t)| t.trouble.is_none())
    };
    let with_key: Vec<usize> = readable()
        .filter(|(_, t)| t.key().is_some())
        .map(|(at, _)| at)
        .collect();
    let without: Vec<usize> = readable()
        .filter(|(_, t)| t.key().is_none())
        .map(|(at, _)| at)
        .collect();
    let place = |table: usize| with_key.iter().position(|at| *at == table);
    let references: Vec<Vec<(Reference, usize)>> = with_key
        .iter()
        .map(|at| {
            let references = &inspection.tables[*at].references;
            references
                .iter()
                .filter_map(|r| Some((*r, place(r.parent)?)))
                .collect()
        })
        .collect();
    let all: Vec<&Table> = with_key
        .iter()
        .chain(&without)
        .map(|at| &inspection.tables[*at])
        .collect();
    let names: Vec<&str> = all.iter().map(|table| table.shape.name.as_str()).collect();
    let mut named = dataset_names(&names, "table").into_iter();
    let divisions = divisions(&all[..with_key.len()], &references);
    let declared = all.iter().zip(divisions.into_iter().zip(references));
    let tables = declared
        .map(|(table, (division, references))| planned(table, named.next(), division, references))
        .collect();
    let without_key = all[with_key.len()..]
        .iter()
        .map(|table| planned(table, named.next(), buckets(table), Vec::new()))
        .collect();
    Plan {
        tables,
        without_key,
    }
}

fn divisions(tables: &[&Table], references: &[Vec<(Reference, usize)>]) -> Vec<Division> {
    // Parents by their place among the tables that are declared.
    let references: Vec<Vec<Reference>> = references
        .iter()
        .map(|references| {
            let placed = references.iter().map(|(reference, parent)| Reference {
                parent: *parent,
                ..*reference
            });
            placed.collect()
        })
        .collect();
    let grounds: Vec<partition::Ground<'_>> = tables
        .iter()
        .zip(&references)
        .map(|(table, references)| ground(table, references))
        .collect();
    divide(&grounds)
}

fn buckets(table: &Table) -> Division {
    let mut alone = divide(&[ground(table, &[])]);
    alone.pop().unwrap_or(Division {
        partition: Partition::Buckets(1),
        why: Vec::new(),
    })
}

fn ground<'t>(table: &'t Table, references: &'t [Reference]) -> partition::Ground<'t> {
    let columns = table.shape.columns.iter().enumerate().map(|(at, column)| {
        let ty = table.pick(at).map(|pick| pick.ty);
        // Its type would change, and with it no longer be the other table's.
        let is_tied = table.key().unwrap_or_default() == [at]
            || references.iter().any(|reference| reference.column == at);
        let stays = ty == Some(Type::Date) || !is_tied;
        partition::Column {
            name: &column.name,
            ty,
            full: table.is_full(at),
            spread: table.spreads.get(&at).copied().filter(|_| stays),
        }
    });
    partition::Ground {
        name: &table.shape.name,
        rows: table.rows,
        key: table.key().unwrap_or_default(),
        columns: columns.collect(),
        references,
    }
}

fn planned<'i>(
    table: &'i Table,
    named: Option<Named>,
    division: Division,
    references: Vec<(Reference, usize)>,
) -> Planned<'i> {
    let key = table.key().unwrap_or_default().to_vec();
    let (unique, no_unique) = unique(table, &key, &division.partition);
    let columns: Vec<Option<summary::Column<'_>>> = (0..table.shape.columns.len())
        .map(|at| {
            Some(summary::Column {
                name: &table.shape.columns[at].name,
                ty: table.pick(at)?.ty,
                profile: &table.profiles[at],
                identifies: key.contains(&at) || references.iter().any(|(r, _)| r.column == at),
            })
        })
        .collect();
    let is_dated = matches!(division.partition, Partition::By(_));
    Planned {
        table,
        named: named.unwrap_or(Named {
            name: String::new(),
            source: None,
        }),
        columns: dataset_names(&table.shape.names(), "column"),
        has_lookup: is_dated && key.len() == 1,
        count_by: summary::count_by(&columns),
        sum: summary::sum(&columns),
        key,
        division,
        references,
        unique,
        no_unique,
    }
}

/// The table's unique rules that can be declared, and why others cannot.
fn unique(table: &Table, key: &[usize], partition: &Partition) -> (Vec<Vec<usize>>, Vec<String>) {
    let (mut rules, mut not) = (Vec::new(), Vec::new());
    for (index, shown) in table.shape.unique.iter().zip(&table.unique) {
        let name = &index.name;
        let Some(columns) = &index.columns else {
            not.push(format!(
                "{name:?}: it is on an expression, or on some rows only"
            ));
            continue;
        };
        if key.iter().all(|column| columns.contains(column)) && !key.is_empty() {
            // The key says it already.
            continue;
        }
        let names: Vec<&str> = columns
            .iter()
            .map(|column| table.shape.columns[*column].name.as_str())
            .collect();
        let what = format!("{name:?} ({})", names.join(", "));
        let needed = match partition {
            Partition::By(by) => Some(*by),
            Partition::Via(_, on) => Some(*on),
            Partition::Buckets(_) => None,
        };
        match shown {
            None => not.push(format!("{what}: not all of its columns are carried")),
            Some(shown) if !shown.unique => {
                not.push(format!(
                    "{what}: some rows are the same once they have their types"
                ));
            }
            Some(shown) if shown.too_long => {
                not.push(format!("{what}: some values are longer than 2000 bytes"));
            }
            Some(_) if needed.is_some_and(|needed| !columns.contains(&needed)) => {
                not.push(format!("{what}: it cannot be judged date by date"));
            }
            Some(_) => rules.push(columns.clone()),
        }
    }
    (rules, not)
}
