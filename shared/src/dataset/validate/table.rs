//! One table as it is written, and its validated form.

use std::collections::BTreeSet;

use super::{DatasetError, MAX_COLUMNS, MAX_INDEXED_COLUMNS};
use crate::dataset::{
    Check, Column, MAX_ROW_WIDTH, Operator, Partitioning, SummarySpec, Table, TableId, Unique,
    file, reserved,
};
use crate::ids::{MAX_BUCKETS, Name};
use crate::runtime::program::count;
use crate::value::Type;

/// What helps where a table is too wide.
const DIVIDE: &str =
    "divide it: two views in the source, each with the key and some of the columns";

/// Most unique rules of a table: each is an index.
const MAX_UNIQUE_RULES: usize = 32;

/// Most of what one unique rule may leave out. PostgreSQL keeps the condition of an index in one row of
/// its catalog, which has to fit a page; SQLite bounds how deep a condition may be.
const MAX_UNLESS_COLUMNS: usize = 16;
const MAX_UNLESS_VALUES: usize = 100;
const MAX_UNLESS_BYTES: usize = 1_000;

/// One table being read.
pub(super) struct TableReader<'f> {
    pub(super) file: &'f file::TableSection,
    pub(super) tables: &'f [&'f str],
}

impl TableReader<'_> {
    pub(super) fn read(&self) -> Result<Table, DatasetError> {
        let file = self.file;
        if let Some(owner) = reserved::table_name_owner(&file.name) {
            let problem = reserved::problem(owner, &file.name, file.source.as_deref());
            return Err(self.error(problem));
        }
        if file.columns.is_empty() || file.columns.len() > MAX_COLUMNS {
            return Err(self.error(format!(
                "has {} columns; declare 1 to {MAX_COLUMNS}, or {DIVIDE}",
                file.columns.len()
            )));
        }
        if file.unique.len() > MAX_UNIQUE_RULES {
            return Err(self.error(format!(
                "has {} unique rules; it may have {MAX_UNIQUE_RULES}: take some out",
                file.unique.len()
            )));
        }
        let mut columns = file
            .columns
            .iter()
            .map(|column| self.column(column))
            .collect::<Result<Vec<_>, _>>()?;
        let key = self.indexed(&file.key)?;
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
            merge: file.merge,
            merge_together: self.merge_together(&key)?,
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
        self.check_width(&table)?;
        Ok(table)
    }

    fn error(&self, problem: impl Into<String>) -> DatasetError {
        DatasetError::Table {
            table: self.file.name.clone(),
            problem: problem.into(),
        }
    }

    pub(super) fn column_error(&self, column: &str, problem: impl Into<String>) -> DatasetError {
        DatasetError::Column {
            table: self.file.name.clone(),
            column: column.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn position(&self, name: &str) -> Result<usize, DatasetError> {
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

    /// Columns that an index is made of.
    fn indexed(&self, names: &[String]) -> Result<Vec<usize>, DatasetError> {
        if names.len() > MAX_INDEXED_COLUMNS {
            return Err(self.error(format!(
                "a key or unique rule may have at most {MAX_INDEXED_COLUMNS} columns, not {}",
                names.len()
            )));
        }
        self.positions(names)
    }

    pub(super) fn table_id(&self, name: &str) -> Result<TableId, DatasetError> {
        self.tables
            .iter()
            .position(|table| *table == name)
            .map(TableId)
            .ok_or_else(|| self.error(format!("names a table {name:?} that is not declared")))
    }

    fn partition(&self, columns: &[Column]) -> Result<Partitioning, DatasetError> {
        match &self.file.partition {
            file::Partition::By(file::By { by }) => {
                let column = self.position(by)?;
                let is_dated = matches!(columns[column].ty, Type::Date | Type::Timestamp);
                if is_dated && columns[column].not_null {
                    Ok(Partitioning::By { column })
                } else {
                    let problem = "must be a date or timestamp and `not_null` to partition by it";
                    Err(self.column_error(by, problem))
                }
            }
            file::Partition::Via(file::Via { via, on }) => {
                let on = self.position(on)?;
                if !columns[on].not_null && !self.file.key.contains(&self.file.columns[on].name) {
                    let name = columns[on].name.as_str();
                    return Err(self.column_error(name, "must be `not_null` to partition via it"));
                }
                Ok(Partitioning::Via {
                    parent: self.table_id(via)?,
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

    fn unique(
        &self,
        file: &file::UniqueSection,
        columns: &[Column],
    ) -> Result<Unique, DatasetError> {
        let unless = file.unless.iter().map(|(column, values)| {
            let position = self.position(column)?;
            if !columns[position].ty.is_text() {
                Err(self.column_error(column, "`unless` is for text columns"))
            } else if values.is_empty() {
                Err(self.column_error(column, "`unless` lists no value; list one or take it out"))
            } else {
                Ok((position, values.clone()))
            }
        });
        if file.columns.is_empty() {
            return Err(self.error("a unique rule needs `columns`"));
        }
        self.check_unless(file)?;
        Ok(Unique {
            columns: self.indexed(&file.columns)?,
            unless: unless.collect::<Result<_, _>>()?,
        })
    }

    /// What a rule leaves out becomes the condition of an index, which has limits in both databases.
    fn check_unless(&self, file: &file::UniqueSection) -> Result<(), DatasetError> {
        let holds_nul = |values: &Vec<String>| values.iter().any(|value| value.contains('\0'));
        if let Some((column, _)) = file.unless.iter().find(|(_, values)| holds_nul(values)) {
            let problem = "`unless` lists a text with U+0000 in it, which no row has; take it out";
            return Err(self.column_error(column, problem));
        }
        let columns = file.unless.len();
        let values: Vec<&String> = file.unless.values().flatten().collect();
        let bytes: usize = values.iter().map(|value| value.len()).sum();
        let fits = columns <= MAX_UNLESS_COLUMNS
            && values.len() <= MAX_UNLESS_VALUES
            && bytes <= MAX_UNLESS_BYTES;
        if fits {
            return Ok(());
        }
        Err(self.error(format!(
            "`unless` of a unique rule lists {} of {bytes} bytes in {}; it may list \
             {MAX_UNLESS_VALUES} of {MAX_UNLESS_BYTES} bytes in {MAX_UNLESS_COLUMNS}: shorten it, or \
             take the rule out",
            count(values.len() as u64, "value"),
            count(columns as u64, "column"),
        )))
    }

    /// A rule across dates could only be judged in the cloud with all history loaded. Equal
    /// timestamps lie on one date, so a rule with the timestamp is judged within that date.
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

    /// A table of which no row would fit.
    fn check_width(&self, table: &Table) -> Result<(), DatasetError> {
        match table.least_width() {
            fits if fits <= MAX_ROW_WIDTH => Ok(()),
            width => Err(self.error(format!(
                "takes at least {width} bytes a row in a page of PostgreSQL, which has \
                 {MAX_ROW_WIDTH}; declare fewer columns, or {DIVIDE}"
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

    fn lookup(&self) -> Result<Vec<usize>, DatasetError> {
        match &self.file.lookup {
            file::Lookup::Columns(columns) => self.positions(columns),
            file::Lookup::Buckets(buckets) => buckets
                .iter()
                .map(|(column, count)| self.bucket_count(*count).and(self.position(column)))
                .collect(),
        }
    }

    fn merge_together(&self, key: &[usize]) -> Result<Vec<Vec<usize>>, DatasetError> {
        let groups = self.file.merge_together.iter();
        let groups: Vec<_> = groups
            .map(|group| self.positions(group))
            .collect::<Result<_, _>>()?;
        if let Some(at) = groups.iter().position(|group| group.len() < 2) {
            let group = &self.file.merge_together[at];
            return Err(self.error(format!(
                "`merge_together` has a group {group:?}; a group has two columns or more"
            )));
        }
        let mut seen = BTreeSet::new();
        for column in groups.iter().flatten() {
            let name = &self.file.columns[*column].name;
            if key.contains(column) {
                let problem = "is of the key, which never changes: take it out of `merge_together`";
                return Err(self.column_error(name, problem));
            }
            if !seen.insert(column) {
                return Err(self.column_error(name, "is in two groups of `merge_together`"));
            }
        }
        Ok(groups)
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
