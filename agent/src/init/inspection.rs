//! What an inspection has found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::Dataset;
use causeway_shared::runtime::program::count;
use causeway_shared::value::{DateOrder, DecimalMark};

use super::csv::Skipped;
use super::evidence::Spread;
use super::keys::{Key, Uniqueness};
use super::meetassist::{Match, remarks};
use super::profile::Profile;
use super::references::Reference;
use super::samples::Samples;
use super::shape::Shape;
use super::sources::ProposedSource;
use super::types::{ColumnProposal, Pick};

/// What was found in the inspected files. [`propose`](Self::propose) turns it into files to propose.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(super) sources: Vec<ProposedSource>,
    /// The tables, in the order of the files and of their names.
    pub(super) tables: Vec<Table>,
    /// Files and tables that are not proposed.
    pub(super) left_out: Vec<LeftOut>,
    /// Per source the names of all it holds, so that no table is looked for where it is not meant.
    pub(super) listed: Vec<Vec<String>>,
    /// MeetAssist's dataset, if the tables are its.
    pub(super) meetassist: Option<Dataset>,
}

/// Something that is not proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file, or the table and its file.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

impl LeftOut {
    pub(super) fn file(path: &Path, why: String) -> Self {
        Self {
            what: path.display().to_string(),
            why,
        }
    }

    pub(super) fn table(path: &Path, table: &str, why: String) -> Self {
        Self {
            what: format!("{table:?} in {}", path.display()),
            why,
        }
    }
}

/// A table that has been looked at.
#[derive(Debug)]
pub(super) struct Table {
    /// Its file, by position.
    pub(super) input: usize,
    /// Its source, by position.
    pub(super) source: usize,
    pub(super) path: PathBuf,
    /// Which of MeetAssist's tables it is.
    pub(super) matched: Option<Match>,
    /// Why it cannot be proposed after all.
    pub(super) trouble: Option<String>,
    pub(super) shape: Shape,
    pub(super) rows: u64,
    /// Rows that are not among `rows`.
    pub(super) skipped: Skipped,
    pub(super) order: DateOrder,
    /// The mark before a fraction in its source.
    pub(super) decimals: DecimalMark,
    /// All values of each column.
    pub(super) profiles: Vec<Profile>,
    /// Rows without a value in a column of the declared primary key.
    pub(super) without_key: Samples,
    /// Per column whether it is empty in a row that no value keeps out.
    pub(super) has_null: Vec<bool>,
    /// What is proposed for each column.
    pub(super) verdicts: Vec<ColumnProposal>,
    pub(super) key: Key,
    /// Rows that are too wide for a database.
    pub(super) too_wide: u64,
    /// What was seen of each of the shape's unique rules; `None` where it was not looked at.
    pub(super) unique: Vec<Option<Uniqueness>>,
    /// The dates of its rows, by column.
    pub(super) spreads: BTreeMap<usize, Spread>,
    /// Columns that hold other tables' keys; parents by position among the tables.
    pub(super) references: Vec<Reference>,
}

impl Table {
    /// What is proposed for a column, if it is carried.
    pub(super) fn pick(&self, column: usize) -> Option<&Pick> {
        match &self.verdicts[column] {
            ColumnProposal::Carry(pick) => Some(pick),
            ColumnProposal::LeaveOut(_) => None,
        }
    }

    /// Why it cannot be proposed.
    pub(super) fn why_not(&self) -> LeftOut {
        let why = self.trouble.clone().unwrap_or_default();
        LeftOut::table(&self.path, &self.shape.name, why)
    }

    /// What a person should know of it as one of MeetAssist's tables.
    pub(super) fn meetassist_remarks(&self, dataset: &Dataset) -> Vec<String> {
        let Some(matched) = self.matched.as_ref().filter(|_| self.trouble.is_none()) else {
            return Vec::new();
        };
        let of_columns = remarks(
            matched,
            &dataset.tables[matched.table],
            &self.shape,
            &self.profiles,
            (self.order, self.decimals),
        );
        self.skipped
            .remarks()
            .into_iter()
            .chain(of_columns)
            .collect()
    }

    /// What a person has to decide of rows that are too wide.
    pub(super) fn too_wide_question(&self) -> Option<String> {
        let are = if self.too_wide == 1 { "is" } else { "are" };
        (self.too_wide > 0).then(|| {
            format!(
                "PLEASE DECIDE: {} {are} too wide for a page of PostgreSQL and would go to \
                 quarantine; take columns away, or divide the table: two views in the source, each \
                 with the key and some of the columns",
                count(self.too_wide, "row")
            )
        })
    }

    /// The key's columns, if it has one.
    pub(super) fn key(&self) -> Option<&[usize]> {
        match &self.key {
            Key::Columns { columns, .. } => Some(columns),
            Key::None { .. } => None,
        }
    }

    /// Whether every row has a value in a column.
    pub(super) fn is_full(&self, column: usize) -> bool {
        let has_null = self.has_null.get(column).copied().unwrap_or(true);
        self.rows > 0 && !has_null && self.profiles[column].untakeable == 0
    }
}
