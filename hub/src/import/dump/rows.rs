//! The rows of a dump on their way to disk, by table.

use std::collections::BTreeMap;
use std::path::Path;

use causeway_agent::{RowSpool, SpooledRows, Statement};
use causeway_shared::dataset::{Dataset, Table, TableId};
use causeway_shared::value::Type;

use super::create::{CreatedColumn, CreatedType};
use super::error::DumpError;

pub(super) struct TableRows<'d> {
    pub(super) dataset: &'d Dataset,
    folder: &'d Path,
    spools: BTreeMap<TableId, Spool>,
}

struct Spool {
    rows: RowSpool,
    /// The name that the dump has for the table.
    name: String,
    /// The columns of the last rows, as statements name them, and whether MySQL wrote instants in UTC.
    last: Option<(Vec<String>, bool, Target)>,
}

/// The columns of rows that were written together.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) statement: Statement,
    /// Which of their values MySQL writes in a form of its own.
    pub(super) of_mysql: Vec<(usize, CreatedType)>,
}

/// How a statement names its rows.
pub(super) struct RowNames<'n> {
    /// The table, as the dump has it.
    pub(super) name: String,
    /// The columns that the statement lists, if it does.
    pub(super) listed: Option<Vec<String>>,
    /// The table's columns, where the dump creates it.
    pub(super) created: Option<&'n [CreatedColumn]>,
    pub(super) is_mysql: bool,
    /// Whether MySQL wrote instants in UTC, without saying so at each.
    pub(super) times_are_utc: bool,
    pub(super) line: u64,
}

impl<'d> TableRows<'d> {
    pub(super) fn new(dataset: &'d Dataset, folder: &'d Path) -> Self {
        Self {
            dataset,
            folder,
            spools: BTreeMap::new(),
        }
    }

    /// The rows' table and columns, to be written to.
    pub(super) fn begin(
        &mut self,
        table: TableId,
        names: RowNames<'_>,
        values: impl FnOnce() -> usize,
    ) -> Result<(&mut RowSpool, Target), DumpError> {
        let declared = &self.dataset.tables[table];
        let spool = match self.spools.entry(table) {
            std::collections::btree_map::Entry::Occupied(spool) => spool.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let path = self.folder.join(format!("{}.rows", declared.name));
                let rows = RowSpool::create(path, declared).map_err(DumpError::Spool)?;
                vacant.insert(Spool {
                    rows,
                    name: names.name.clone(),
                    last: None,
                })
            }
        };
        if spool.name != names.name {
            return Err(DumpError::TwoTables {
                line: names.line,
                table: declared.name.to_string(),
                first: spool.name.clone(),
                second: names.name,
            });
        }
        let columns = match (names.listed, names.created) {
            (Some(listed), _) => listed,
            (None, Some(created)) => created.iter().map(|of| of.name.clone()).collect(),
            (None, None) if values() == declared.columns.len() => own_names(declared),
            (None, None) => {
                return Err(DumpError::NoColumns {
                    line: names.line,
                    table: names.name,
                });
            }
        };
        let target = match spool.last.take() {
            Some((last, were_utc, target))
                if last == columns && were_utc == names.times_are_utc =>
            {
                target
            }
            _ => {
                let line = names.line;
                let statement = spool.rows.statement(&columns);
                let statement =
                    statement.map_err(|problem| DumpError::Columns { line, problem })?;
                let of_mysql = match names.created.filter(|_| names.is_mysql) {
                    Some(created) => of_mysql(&columns, created, names.times_are_utc),
                    None if names.is_mysql && names.times_are_utc && has_times(declared) => {
                        return Err(DumpError::Zone {
                            line,
                            table: names.name,
                        });
                    }
                    None => Vec::new(),
                };
                Target {
                    statement,
                    of_mysql,
                }
            }
        };
        spool.last = Some((columns, names.times_are_utc, target.clone()));
        Ok((&mut spool.rows, target))
    }

    /// The table of the dataset that a name of the dump is.
    pub(super) fn table(&self, name: &str) -> Option<TableId> {
        table_named(self.dataset, name)
    }

    pub(super) fn finish(self) -> Result<(BTreeMap<TableId, SpooledRows>, u64), DumpError> {
        let mut count = 0;
        let mut tables = BTreeMap::new();
        for (table, spool) in self.spools {
            count += spool.rows.rows();
            let rows = spool.rows.finish().map_err(DumpError::Spool)?;
            tables.insert(table, rows);
        }
        Ok((tables, count))
    }
}

/// The table that a name is, in whatever case.
pub(crate) fn table_named(dataset: &Dataset, name: &str) -> Option<TableId> {
    let name = name.to_lowercase();
    let by = |of: fn(&Table) -> &str| {
        let mut tables = dataset.tables.with_ids();
        tables.find_map(|(id, table)| (of(table).to_lowercase() == name).then_some(id))
    };
    by(|table| table.source.as_deref().unwrap_or(table.name.as_str()))
        .or_else(|| by(|table| table.name.as_str()))
}

fn own_names(table: &Table) -> Vec<String> {
    let columns = table.columns.iter();
    columns.map(|column| column.name.to_string()).collect()
}

fn has_times(table: &Table) -> bool {
    let mut columns = table.columns.iter();
    columns.any(|column| column.ty == Type::Timestamp)
}

/// The positions and types of the columns that MySQL writes in a form of its own.
fn of_mysql(
    columns: &[String],
    created: &[CreatedColumn],
    times_are_utc: bool,
) -> Vec<(usize, CreatedType)> {
    let ty = |name: &String| {
        let mut created = created.iter();
        let of = created.find(|of| of.name.eq_ignore_ascii_case(name))?;
        match of.ty {
            CreatedType::Other => None,
            CreatedType::Instant if !times_are_utc => None,
            ty => Some(ty),
        }
    };
    let columns = columns.iter().enumerate();
    columns
        .filter_map(|(at, name)| Some((at, ty(name)?)))
        .collect()
}
