//! From what was found to the tables of a dataset: which are carried, under which names, and how
//! they are divided.

use std::collections::BTreeMap;

use super::inspection::{Inspection, Table};
use super::keys::Key;
use super::names::{NameOf, ProposedName, dataset_names};
use super::partition::{ColumnFacts, Partition, ProposedPartition, TableFacts, propose_partitions};
use super::references::Reference;
use super::summary;

/// A table to declare.
pub(super) struct PlannedTable<'i> {
    /// What was found of it.
    pub(super) table: &'i Table,
    pub(super) named: ProposedName,
    /// The names of all its columns, by position.
    pub(super) columns: Vec<ProposedName>,
    /// Its key's columns; empty if none was found, so that it can only be shown.
    pub(super) key: Vec<usize>,
    /// Where its rows are, and why.
    pub(super) partition: Partition,
    pub(super) partition_why: Vec<String>,
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

impl PlannedTable<'_> {
    /// Whether every row must have a value in a column.
    pub(super) fn not_null(&self, column: usize) -> bool {
        let needed = match self.partition {
            Partition::By(by) => by == column,
            Partition::Via(_, on) => on == column,
            Partition::Buckets(_) => false,
        };
        let profile = &self.table.profiles[column];
        let declared = self.table.shape.columns[column].not_null;
        needed || self.key.contains(&column) || (declared && profile.nulls == 0)
    }
}

/// What is to be declared, and the tables that a person could bring in.
pub(super) struct DatasetPlan<'i> {
    pub(super) tables: Vec<PlannedTable<'i>>,
    pub(super) left_out: Vec<(PlannedTable<'i>, WhyLeftOut)>,
}

/// Why a table that could be read is not declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WhyLeftOut {
    /// No key was found.
    NoKey(String),
    /// The agent would refuse the dataset with it.
    Refused(String),
}

impl WhyLeftOut {
    /// What a person has to decide to bring the table in.
    pub(super) fn question(&self) -> String {
        match self {
            Self::NoKey(why) => format!(
                "{why}. PLEASE DECIDE: if some columns will always tell its rows apart, name them as \
                 `key` and take the comment signs away; else give the table a PRIMARY KEY in its \
                 application, or the file a column of numbers that stay with their rows."
            ),
            Self::Refused(why) => format!(
                "it {why}. PLEASE DECIDE: change the table accordingly and take the comment signs \
                 away."
            ),
        }
    }
}

/// Plans the dataset of an inspection, without the tables, by position, that the agent refuses.
pub(super) fn plan<'i>(
    inspection: &'i Inspection,
    refused: &BTreeMap<usize, String>,
) -> DatasetPlan<'i> {
    let why_left_out = |at: usize| match (refused.get(&at), &inspection.tables[at].key) {
        (Some(why), _) => Some(WhyLeftOut::Refused(why.clone())),
        (None, Key::None { why }) => Some(WhyLeftOut::NoKey(why.clone())),
        (None, Key::Columns { .. }) => None,
    };
    let readable = || {
        let tables = inspection.tables.iter().enumerate();
        tables
            .filter(|(_, table)| table.trouble.is_none())
            .map(|(at, _)| at)
    };
    let declared: Vec<usize> = readable()
        .filter(|at| why_left_out(*at).is_none())
        .collect();
    let left_out: Vec<(usize, WhyLeftOut)> = readable()
        .filter_map(|at| Some((at, why_left_out(at)?)))
        .collect();
    let place = |table: usize| declared.iter().position(|at| *at == table);
    let references: Vec<Vec<(Reference, usize)>> = declared
        .iter()
        .map(|at| {
            let references = &inspection.tables[*at].references;
            references
                .iter()
                .filter_map(|r| Some((*r, place(r.parent)?)))
                .collect()
        })
        .collect();
    let all: Vec<&Table> = declared
        .iter()
        .chain(left_out.iter().map(|(at, _)| at))
        .map(|at| &inspection.tables[*at])
        .collect();
    let names: Vec<&str> = all.iter().map(|table| table.shape.name.as_str()).collect();
    let mut named = dataset_names(&names, NameOf::Table).into_iter();
    let (all, without) = all.split_at(declared.len());
    let partitions = partitions(all, &references);
    let declared = all.iter().zip(partitions.into_iter().zip(references));
    let tables = declared
        .map(|(table, (partition, references))| planned(table, named.next(), partition, references))
        .collect();
    let without = without.iter().zip(left_out);
    let left_out = without
        .map(|(table, (_, why))| {
            (
                planned(table, named.next(), buckets(table), Vec::new()),
                why,
            )
        })
        .collect();
    DatasetPlan { tables, left_out }
}

fn partitions(tables: &[&Table], references: &[Vec<(Reference, usize)>]) -> Vec<ProposedPartition> {
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
    let facts: Vec<TableFacts<'_>> = tables
        .iter()
        .zip(&references)
        .map(|(table, references)| table_facts(table, references))
        .collect();
    propose_partitions(&facts)
}

fn buckets(table: &Table) -> ProposedPartition {
    let mut alone = propose_partitions(&[table_facts(table, &[])]);
    alone.pop().unwrap_or(ProposedPartition {
        partition: Partition::Buckets(1),
        why: Vec::new(),
    })
}

fn table_facts<'t>(table: &'t Table, references: &'t [Reference]) -> TableFacts<'t> {
    let columns = table.shape.columns.iter().enumerate();
    let columns = columns.map(|(at, column)| ColumnFacts {
        name: &column.name,
        ty: table.pick(at).map(|pick| pick.ty),
        full: table.is_full(at),
        spread: table.spreads.get(&at).copied(),
    });
    TableFacts {
        name: &table.shape.name,
        rows: table.rows,
        key: table.key().unwrap_or_default(),
        columns: columns.collect(),
        references,
    }
}

fn planned<'i>(
    table: &'i Table,
    named: Option<ProposedName>,
    ProposedPartition { partition, why }: ProposedPartition,
    references: Vec<(Reference, usize)>,
) -> PlannedTable<'i> {
    let key = table.key().unwrap_or_default().to_vec();
    let (unique, no_unique) = unique(table, &key, &partition);
    let columns: Vec<Option<summary::SummaryColumn<'_>>> = (0..table.shape.columns.len())
        .map(|at| {
            Some(summary::SummaryColumn {
                name: &table.shape.columns[at].name,
                ty: table.pick(at)?.ty,
                profile: &table.profiles[at],
                identifies: key.contains(&at) || references.iter().any(|(r, _)| r.column == at),
            })
        })
        .collect();
    // Who knows the key knows the date, where the key is the date.
    let is_dated = matches!(partition, Partition::By(by) if key != [by]);
    PlannedTable {
        table,
        named: named.unwrap_or(ProposedName {
            name: String::new(),
            source: None,
        }),
        columns: dataset_names(&table.shape.names(), NameOf::Column),
        has_lookup: is_dated && key.len() == 1,
        count_by: summary::count_by(&columns),
        sum: summary::sum(&columns),
        key,
        partition,
        partition_why: why,
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
