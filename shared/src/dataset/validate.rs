//! From the written dataset to the validated one.

mod column;
mod numbers;
mod table;

use std::collections::BTreeSet;

use super::{Column, Dataset, Partitioning, Table, file};
use crate::ids::InvalidName;
use table::TableReader;

/// PostgreSQL takes 1 600 columns; two are the hub's.
pub const MAX_COLUMNS: usize = 1_500;

/// Most bytes of a dataset's canonical JSON.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// PostgreSQL takes as many in an index.
const MAX_INDEXED_COLUMNS: usize = 32;

/// Most tables in a dataset.
const MAX_TABLES: usize = 500;

/// Why a dataset cannot be used. Each says where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file is not TOML or JSON of the right shape.
    #[error("the dataset cannot be read: {detail}")]
    Syntax {
        /// The parser's words, with line and column.
        detail: String,
    },
    /// A name that cannot be a table's or a column's.
    #[error("dataset: {0}")]
    Name(#[from] InvalidName),
    /// Something about the dataset as a whole or one table.
    #[error("dataset, table {table}: {problem}")]
    Table {
        /// The table.
        table: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// Something about one column.
    #[error("dataset, column {table}.{column}: {problem}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// It is longer than readers take.
    #[error("the dataset is {bytes} bytes long as JSON; it may have {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// There is no table at all.
    #[error(
        "the dataset declares no table: write a [[table]], or take the comment signs away from one \
         that `init` left out"
    )]
    NoTable,
    /// There are too many tables.
    #[error("the dataset has {count} tables; it may have {MAX_TABLES}")]
    Tables {
        /// How many there are.
        count: usize,
    },
}

/// Validates a dataset as written.
pub(super) fn dataset(mut file: file::DatasetFile) -> Result<Dataset, DatasetError> {
    numbers::make_exact(&mut file)?;
    if file.tables.is_empty() {
        return Err(DatasetError::NoTable);
    }
    if file.tables.len() > MAX_TABLES {
        return Err(DatasetError::Tables {
            count: file.tables.len(),
        });
    }
    let names: Vec<&str> = file
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let tables = file
        .tables
        .iter()
        .map(|table| {
            TableReader {
                file: table,
                tables: &names,
            }
            .read()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let json = canonical_json(&file)?;
    if json.len() > MAX_BYTES {
        return Err(DatasetError::TooLong { bytes: json.len() });
    }
    let dataset = Dataset {
        json,
        name: file.name,
        version: file.version,
        tables: tables.into(),
    };
    check_names(&dataset)?;
    check_references(&dataset)?;
    check_via(&dataset)?;
    Ok(dataset)
}

fn canonical_json(file: &file::DatasetFile) -> Result<String, DatasetError> {
    serde_json_canonicalizer::to_string(file).map_err(|error| DatasetError::Syntax {
        detail: error.to_string(),
    })
}

fn table_error(table: &Table, problem: impl Into<String>) -> DatasetError {
    DatasetError::Table {
        table: table.name.to_string(),
        problem: problem.into(),
    }
}

fn check_names(dataset: &Dataset) -> Result<(), DatasetError> {
    let mut seen = BTreeSet::new();
    for table in &dataset.tables {
        if !seen.insert(&table.name) {
            return Err(table_error(table, "is declared twice"));
        }
    }
    Ok(())
}

/// A reference is to a table with a key of one column of the same type.
fn check_references(dataset: &Dataset) -> Result<(), DatasetError> {
    for table in &dataset.tables {
        for column in &table.columns {
            let Some(target) = column.references.map(|target| &dataset.tables[target]) else {
                continue;
            };
            check_key_of(target, column).map_err(|problem| DatasetError::Column {
                table: table.name.to_string(),
                column: column.name.to_string(),
                problem: format!("references {}, {problem}", target.name),
            })?;
        }
    }
    Ok(())
}

fn check_key_of(target: &Table, column: &Column) -> Result<(), String> {
    let [key] = target.key[..] else {
        return Err("whose key has more than one column".to_owned());
    };
    let key = target.columns[key].ty;
    if key == column.ty || (key.is_text() && column.ty.is_text()) {
        Ok(())
    } else {
        Err(format!("whose key is of type {key}, not {}", column.ty))
    }
}

/// A `via` chain ends at a table that has parts of its own.
fn check_via(dataset: &Dataset) -> Result<(), DatasetError> {
    for table in &dataset.tables {
        let mut at = table;
        let mut steps = 0;
        while let Partitioning::Via { parent, on } = at.partition {
            steps += 1;
            if steps > dataset.tables.len() {
                return Err(table_error(table, "its `via` chain runs in a circle"));
            }
            let parent = &dataset.tables[parent];
            check_key_of(parent, &at.columns[on]).map_err(|problem| {
                table_error(at, format!("is partitioned via {}, {problem}", parent.name))
            })?;
            at = parent;
        }
    }
    Ok(())
}
