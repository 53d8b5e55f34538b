//! The columns of a row, as they are merged: one by one, or in groups that count as one value.

use std::borrow::Cow;

use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::edits_object::Texts;

/// Columns that are merged as one value.
#[derive(Debug)]
pub(super) struct Unit<'t> {
    table: &'t Table,
    columns: Cow<'t, [usize]>,
}

/// The units of a table: each column is in one of them.
pub(super) fn units(table: &Table) -> impl Iterator<Item = Unit<'_>> {
    let grouped = |column: usize| {
        let mut groups = table.merge_together.iter();
        groups.find(|group| group.contains(&column))
    };
    (0..table.columns.len()).filter_map(move |column| {
        let columns = match grouped(column) {
            None => Cow::Owned(vec![column]),
            Some(group) if group.first() == Some(&column) => Cow::Borrowed(group.as_slice()),
            Some(_) => return None,
        };
        Some(Unit { table, columns })
    })
}

/// The units in which two rows differ.
pub(super) fn differing<'t>(
    table: &'t Table,
    a: &Texts,
    b: &Texts,
) -> impl Iterator<Item = Unit<'t>> {
    units(table).filter(move |unit| !unit.is_same(a, b))
}

/// `was` of a row with each of its units whole. A group that was declared later may be there in
/// part; the rest of it was not changed.
pub(super) fn whole_units(table: &Table, was: Texts, row: &Texts) -> Texts {
    let mut whole = Texts::new();
    for unit in units(table).filter(|unit| unit.is_in(&was)) {
        unit.copy(row, &mut whole);
    }
    whole.extend(was);
    whole
}

impl Unit<'_> {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter();
        columns.map(|column| self.table.columns[*column].name.as_str())
    }

    /// Whether two rows have the same in it.
    pub(super) fn is_same(&self, a: &Texts, b: &Texts) -> bool {
        self.names().all(|name| a.get(name) == b.get(name))
    }

    /// Whether some of its columns are among these.
    pub(super) fn is_in(&self, columns: &Texts) -> bool {
        self.names().any(|name| columns.contains_key(name))
    }

    /// What a row has in it.
    pub(super) fn of(&self, row: &Texts) -> Texts {
        let texts = self.names().filter_map(|name| row.get_key_value(name));
        texts
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect()
    }

    /// Gives a row what another has in it.
    pub(super) fn copy(&self, from: &Texts, to: &mut Texts) {
        to.extend(self.of(from));
    }

    pub(super) fn remove(&self, from: &mut Texts) {
        for name in self.names() {
            from.remove(name);
        }
    }

    /// Whether it tells on which date the table's rows lie.
    pub(super) fn is_of_date(&self) -> bool {
        matches!(self.table.partition, Partitioning::By { column } if self.columns.contains(&column))
    }
}
