//! The tables of a dataset, and what tells one from another.

use std::ops::{Deref, Index, IndexMut};

use super::Table;

/// A table, by its place in its dataset's declared order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub usize);

/// The tables of a dataset, in declared order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables(Vec<Table>);

impl Tables {
    /// Every table with its id.
    pub fn with_ids(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.0
            .iter()
            .enumerate()
            .map(|(at, table)| (TableId(at), table))
    }

    /// The id of every table.
    pub fn ids(&self) -> impl Iterator<Item = TableId> + use<> {
        (0..self.0.len()).map(TableId)
    }

    /// The id of the table of this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<TableId> {
        let at = self.0.iter().position(|table| table.name.as_str() == name);
        at.map(TableId)
    }
}

impl From<Vec<Table>> for Tables {
    fn from(tables: Vec<Table>) -> Self {
        Self(tables)
    }
}

impl Index<TableId> for Tables {
    type Output = Table;

    fn index(&self, id: TableId) -> &Table {
        &self.0[id.0]
    }
}

impl IndexMut<TableId> for Tables {
    fn index_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.0[id.0]
    }
}

impl Deref for Tables {
    type Target = [Table];

    fn deref(&self) -> &[Table] {
        &self.0
    }
}

impl<'d> IntoIterator for &'d Tables {
    type Item = &'d Table;
    type IntoIter = std::slice::Iter<'d, Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
