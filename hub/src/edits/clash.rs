//! Which rows of a partition share the values of a unique rule with one that comes first.
//!
//! An edited row comes before the site's, then the lower key. The site's own rows never clash
//! among each other, since the agent judged them: so the edited rows' values are all that one pass
//! needs.

use std::collections::BTreeSet;

use causeway_shared::dataset::{Table, Unique};
use causeway_shared::value::{Value, sort_key};

/// The values that the edited rows of a partition have under its table's unique rules.
#[derive(Debug)]
pub(super) struct EditedValues<'t> {
    rules: Vec<(&'t Unique, BTreeSet<Vec<u8>>)>,
}

impl<'t> EditedValues<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        let rules = table.unique.iter().map(|rule| (rule, BTreeSet::new()));
        Self {
            rules: rules.collect(),
        }
    }

    /// Adds an edited row, those of lower keys before it. Whether it clashes with one of them.
    pub(super) fn add(&mut self, row: &[Value<'_>]) -> bool {
        let mut is_clash = false;
        for (rule, values) in &mut self.rules {
            if let Some(of_row) = values_under(rule, row) {
                is_clash |= !values.insert(of_row);
            }
        }
        is_clash
    }

    /// Whether a row of the site's clashes with an edited one.
    pub(super) fn has(&self, row: &[Value<'_>]) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|(rule, values)| {
            !values.is_empty()
                && values_under(rule, row).is_some_and(|of_row| values.contains(&of_row))
        })
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
