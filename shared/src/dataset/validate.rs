//! From the written dataset to the validated one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Check, Column, Dataset, Default, MAX_BUCKETS, Merge, Operator, Partitioning, SummarySpec,
    Table, Unique, file,
};
use crate::ids::{InvalidName, Name};
use crate::value::{Forms, Raw, Refusal, Type, Value, parse};

/// PostgreSQL takes 1 600 columns; two are the hub's.
const MAX_COLUMNS: usize = 1_500;

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
    /// There is no table at all, or there are too many.
    #[error("the dataset has {count} tables; it may have 1 to {MAX_TABLES}")]
    Tables {
        /// How many there are.
        count: usize,
    },
}

/// Validates a dataset as written.
pub(super) fn dataset(file: file::Dataset) -> Result<Dataset, DatasetError> {
    if file.tables.is_empty() || file.tables.len() > MAX_TABLES {
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
    let dataset = Dataset {
        json: canonical_json(&file)?,
        name: file.name,
        version: file.version,
        tables,
    };
    check_names(&dataset)?;
    check_references(&dataset)?;
    check_via(&dataset)?;
    Ok(dataset)
}

fn canonical_json(file: &file::Dataset) -> Result<String, DatasetError> {
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

/// One table being read.
struct TableReader<'f> {
    file: &'f file::Table,
    tables: &'f [&'f str],
}

impl TableReader<'_> {
    fn read(&self) -> Result<Table, DatasetError> {
        let file = self.file;
        if file.columns.is_empty() || file.columns.len() > MAX_COLUMNS {
            return Err(self.error(format!("must have 1 to {MAX_COLUMNS} columns")));
        }
        let mut columns = file
            .columns
            .iter()
            .map(|column| self.column(column))
            .collect::<Result<Vec<_>, _>>()?;
        let key = self.positions(&file.key)?;
        if key.is_empty() {
            return Err(self.error("needs a `key`: the columns that tell its rows apart"));
        }
        // A key column without a value would be no key, whatever the file says.
        key.iter()
            .for_each(|column| columns[*column].not_null = true);
        let table = Table {
            name: Name::new(&file.name)?,
            source: file.source.clone(),
            partition: self.partition(&columns)?,
            merge: match &file.merge {
                file::Merge::Cloud => Merge::Cloud,
                file::Merge::Site => Merge::Site,
                file::Merge::Latest(column) => Merge::Latest(self.position(column)?),
            },
            unique: file
                .unique
                .iter()
                .map(|unique| self.unique(unique, &columns))
                .collect::<Result<_, _>>()?,
            summary: self.summary(&columns)?,
            lookup: self.lookup()?,
            check: file
                .check
                .iter()
                .map(|check| self.check(check, &columns))
                .collect::<Result<_, _>>()?,
            columns,
            key,
        };
        self.check_unique_within_parts(&table)?;
        Ok(table)
    }

    fn error(&self, problem: impl Into<String>) -> DatasetError {
        DatasetError::Table {
            table: self.file.name.clone(),
            problem: problem.into(),
        }
    }

    fn column_error(&self, column: &str, problem: impl Into<String>) -> DatasetError {
        DatasetError::Column {
            table: self.file.name.clone(),
            column: column.to_owned(),
            problem: problem.into(),
        }
    }

    fn position(&self, name: &str) -> Result<usize, DatasetError> {
        self.file
            .columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| self.error(format!("has no column {name:?}")))
    }

    fn positions(&self, names: &[String]) -> Result<Vec<usize>, DatasetError> {
        let found = names
            .iter()
            .map(|n| self.position(n))
            .collect::<Result<Vec<_>, _>>()?;
        match found.iter().collect::<BTreeSet<_>>().len() == found.len() {
            true => Ok(found),
            false => Err(self.error(format!("names a column twice in {names:?}"))),
        }
    }

    fn table_position(&self, name: &str) -> Result<usize, DatasetError> {
        self.tables
            .iter()
            .position(|table| *table == name)
            .ok_or_else(|| self.error(format!("names a table {name:?} that is not declared")))
    }

    fn column(&self, file: &file::Column) -> Result<Column, DatasetError> {
        let ty = Type::from_name(&file.ty).ok_or_else(|| {
            self.column_error(
                &file.name,
                format!(
                    "has no type {:?}; write int, float, decimal(scale), bool, text, phone, \
                     date, time or timestamp",
                    file.ty
                ),
            )
        })?;
        if self
            .file
            .columns
            .iter()
            .filter(|other| other.name == file.name)
            .count()
            > 1
        {
            return Err(self.column_error(&file.name, "is declared twice"));
        }
        if !file.values.is_empty() && !ty.is_text() {
            return Err(self.column_error(&file.name, "`values` is for text columns"));
        }
        let bound = |bound: &Option<file::Constant>, what| match bound {
            Some(bound) => self.constant(&file.name, what, bound, ty).map(Some),
            None => Ok(None),
        };
        let (min, max, max_chars) = if ty.is_text() {
            if file.min.is_some() {
                return Err(self.column_error(&file.name, "`min` is for numbers and dates"));
            }
            (None, None, self.max_chars(file)?)
        } else {
            (bound(&file.min, "min")?, bound(&file.max, "max")?, None)
        };
        Ok(Column {
            name: Name::new(&file.name)?,
            source: file.source.clone(),
            ty,
            not_null: file.not_null,
            default: match &file.default {
                None => None,
                Some(file::DefaultValue::Constant(constant)) => Some(Default::Constant(
                    self.constant(&file.name, "default", constant, ty)?,
                )),
                Some(file::DefaultValue::Column(from)) => Some(Default::Column(
                    self.default_column(file, &from.column, ty)?,
                )),
            },
            min,
            max,
            max_chars,
            values: file.values.clone(),
            references: match &file.references {
                Some(table) => Some(self.table_position(table)?),
                None => None,
            },
        })
    }

    fn max_chars(&self, file: &file::Column) -> Result<Option<u32>, DatasetError> {
        match &file.max {
            None => Ok(None),
            Some(file::Constant::Int(max)) if (1..=1_048_576).contains(max) => {
                Ok(u32::try_from(*max).ok())
            }
            Some(_) => Err(self.column_error(
                &file.name,
                "`max` of a text is a number of characters from 1 to 1048576",
            )),
        }
    }

    fn constant(
        &self,
        column: &str,
        what: &str,
        constant: &file::Constant,
        ty: Type,
    ) -> Result<Value<'static>, DatasetError> {
        let raw = match constant {
            file::Constant::Bool(true) => Raw::Text("true"),
            file::Constant::Bool(false) => Raw::Text("false"),
            file::Constant::Int(v) => Raw::Int(*v),
            file::Constant::Float(v) => Raw::Real(*v),
            file::Constant::Text(v) => Raw::Text(v),
        };
        let value = parse(raw, ty, &Forms::default()).map(Value::into_owned);
        value.map_err(|refusal: Refusal| self.column_error(column, format!("`{what}`: {refusal}")))
    }

    /// A default is taken from a column that has none itself, so that no order matters.
    fn default_column(
        &self,
        file: &file::Column,
        from: &str,
        ty: Type,
    ) -> Result<usize, DatasetError> {
        let position = self.position(from)?;
        let source = &self.file.columns[position];
        let source_ty = Type::from_name(&source.ty);
        let fits = source_ty == Some(ty)
            || (source_ty == Some(Type::Date) && ty == Type::Timestamp)
            || (source_ty.is_some_and(Type::is_text) && ty.is_text());
        if matches!(source.default, Some(file::DefaultValue::Column(_))) || !fits {
            return Err(self.column_error(
                &file.name,
                format!(
                    "`default` from {from:?}: that column must be of type {ty} (or a date for a \
                     timestamp) and not itself take its default from a column"
                ),
            ));
        }
        Ok(position)
    }

    fn partition(&self, columns: &[Column]) -> Result<Partitioning, DatasetError> {
        match &self.file.partition {
            file::Partition::By(file::By { by }) => {
                let column = self.position(by)?;
                let date = &columns[column];
                if date.ty == Type::Date && date.not_null {
                    Ok(Partitioning::By { column })
                } else {
                    Err(self.column_error(by, "must be a date and `not_null` to partition by it"))
                }
            }
            file::Partition::Via(file::Via { via, on }) => {
                let on = self.position(on)?;
                if !columns[on].not_null && !self.file.key.contains(&self.file.columns[on].name) {
                    let name = columns[on].name.as_str();
                    return Err(self.column_error(name, "must be `not_null` to partition via it"));
                }
                Ok(Partitioning::Via {
                    parent: self.table_position(via)?,
                    on,
                })
            }
            file::Partition::Buckets(file::Buckets { buckets }) => self
                .bucket_count(*buckets)
                .map(|count| Partitioning::Buckets { count }),
        }
    }

    fn bucket_count(&self, count: u32) -> Result<u32, DatasetError> {
        if (1..=MAX_BUCKETS).contains(&count) {
            Ok(count)
        } else {
            Err(self.error(format!(
                "a number of buckets is 1 to {MAX_BUCKETS}, not {count}"
            )))
        }
    }

    fn unique(&self, file: &file::Unique, columns: &[Column]) -> Result<Unique, DatasetError> {
        let unless = file.unless.iter().map(|(column, values)| {
            let position = self.position(column)?;
            if columns[position].ty.is_text() {
                Ok((position, values.clone()))
            } else {
                Err(self.column_error(column, "`unless` is for text columns"))
            }
        });
        if file.columns.is_empty() {
            return Err(self.error("a unique rule needs `columns`"));
        }
        Ok(Unique {
            columns: self.positions(&file.columns)?,
            unless: unless.collect::<Result<_, _>>()?,
        })
    }

    /// A rule across dates could only be judged in the cloud with all history loaded.
    fn check_unique_within_parts(&self, table: &Table) -> Result<(), DatasetError> {
        let Partitioning::By { column } = table.partition else {
            return Ok(());
        };
        match table
            .unique
            .iter()
            .all(|unique| unique.columns.contains(&column))
        {
            true => Ok(()),
            false => Err(self.error(format!(
                "its unique rules must include {:?}, the column it is partitioned by",
                table.columns[column].name.as_str()
            ))),
        }
    }

    fn summary(&self, columns: &[Column]) -> Result<SummarySpec, DatasetError> {
        let spec = SummarySpec {
            count_by: self.positions(&self.file.summary.count_by)?,
            sum: self.positions(&self.file.summary.sum)?,
        };
        for column in spec.sum.iter().map(|column| &columns[*column]) {
            if !matches!(column.ty, Type::Int | Type::Float | Type::Decimal(_)) {
                return Err(self.column_error(column.name.as_str(), "only numbers can be summed"));
            }
        }
        Ok(spec)
    }

    fn lookup(&self) -> Result<BTreeMap<usize, u32>, DatasetError> {
        self.file
            .lookup
            .iter()
            .map(|(column, count)| Ok((self.position(column)?, self.bucket_count(*count)?)))
            .collect()
    }

    fn check(&self, text: &str, columns: &[Column]) -> Result<Check, DatasetError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [left, operator, right] = words[..] else {
            return Err(self.error(format!("check {text:?}: write `column < column`")));
        };
        let operator = match operator {
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            "=" => Operator::Equal,
            "<>" => Operator::NotEqual,
            _ => return Err(self.error(format!("check {text:?}: compare by < <= = or <>"))),
        };
        let (left, right) = (self.position(left)?, self.position(right)?);
        if columns[left].ty != columns[right].ty {
            return Err(self.error(format!("check {text:?}: the columns differ in type")));
        }
        Ok(Check {
            left,
            operator,
            right,
        })
    }
}
