//! Which rows of a partition share the values of a unique rule with one that comes first.
//!
//! An edited row comes before the site's, then the lower key. The site's own rows never clash
//! among each other, since the agent judged them: so the edited rows' values are all that one pass
//! needs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Table, Unique};
use causeway_shared::ids::Name;
use causeway_shared::value::{Value, sort_key};

/// The values that the edited rows of a partition have under its table's unique rules, and the first
/// row that has each.
#[derive(Debug)]
pub(super) struct EditedValues<'t> {
    table: &'t Table,
    rules: Vec<(&'t Unique, BTreeMap<Vec<u8>, RowKey>)>,
}

/// The row that has the values of another under a unique rule, and comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedValues {
    /// The rule's.
    pub(crate) columns: Vec<Name>,
    pub(crate) key: RowKey,
}

impl<'t> EditedValues<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        let rules = table.unique.iter().map(|rule| (rule, BTreeMap::new()));
        Self {
            table,
            rules: rules.collect(),
        }
    }

    /// Adds an edited row, those of lower keys before it. Whether it clashes with one of them.
    pub(super) fn add(&mut self, row: &[Value<'_>], key: &RowKey) -> bool {
        let mut is_clash = false;
        for (rule, values) in &mut self.rules {
            if let Some(of_row) = values_under(rule, row) {
                match values.entry(of_row) {
                    Entry::Vacant(free) => {
                        free.insert(key.clone());
                    }
                    Entry::Occupied(_) => is_clash = true,
                }
            }
        }
        is_clash
    }

    /// Whether a row of the site's clashes with an edited one.
    pub(super) fn has(&self, row: &[Value<'_>]) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|(rule, values)| {
            !values.is_empty()
                && values_under(rule, row).is_some_and(|of_row| values.contains_key(&of_row))
        })
    }

    /// What a row of a key clashes with, by rule.
    pub(super) fn shared_with(&self, row: &[Value<'_>], key: &RowKey) -> Vec<SharedValues> {
        let shared = self.rules.iter().filter_map(|(rule, values)| {
            let first = values.get(&values_under(rule, row)?)?;
            let columns = rule.columns.iter();
            let columns = columns.map(|column| self.table.columns[*column].name.clone());
            (first != key).then(|| SharedValues {
                columns: columns.collect(),
                key: first.clone(),
            })
        });
        shared.collect()
    }
}

/// A row's values under a rule; `None`: the row is free of it.
fn values_under(rule: &Unique, row: &[Value<'_>]) -> Option<Vec<u8>> {
    let is_exempt = rule
        .unless
        .iter()
        .any(|(column, values)| match &row[*column] {
            Value::Text(text) => values.iter().any(|value| **value == **text),
            _ => false,
        });
    let values = rule.columns.iter().map(|column| &row[*column]);
    if is_exempt || values.clone().any(|value| value.is_null()) {
        return None;
    }
    Some(sort_key(values))
}
