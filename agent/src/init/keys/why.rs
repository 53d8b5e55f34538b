//! Why a key is proposed, or none: what stands beside it in the file.

use causeway_shared::runtime::program::count;

use super::role::Role;
use super::{Candidate, KeyOrigin, KeySearch};

impl KeySearch<'_> {
    /// Why these columns; `by_chance` differ in all rows too and were not taken.
    pub(super) fn why(&self, chosen: &Candidate, by_chance: &[usize]) -> String {
        let (rows, not_declared) = (self.rows, self.not_declared());
        let how = match chosen.origin {
            KeyOrigin::Declared => return "declared PRIMARY KEY".to_owned(),
            KeyOrigin::Index if self.shape.primary_key.is_empty() => {
                return "no PRIMARY KEY, but a UNIQUE index, and never empty".to_owned();
            }
            KeyOrigin::Index => {
                return format!("PLEASE CHECK: {not_declared}; a UNIQUE index, and never empty");
            }
            KeyOrigin::Found { .. } if rows == 1 => {
                return format!("PLEASE CHECK: {not_declared}, and only one row to find one by");
            }
            KeyOrigin::Found { .. } => match chosen.columns.len() {
                1 => "it is there and differs",
                2 => "the two together differ, and neither does alone",
                3 => "the three together differ, and no two of them do",
                more => {
                    &format!("these {more} together differ, and no fewer of them that were tried")
                }
            },
        };
        let mut roles = chosen.columns.iter().map(|column| self.role(*column));
        let (ask, doubt) = match roles.any(|role| matches!(role, Role::Number | Role::Measure)) {
            true => ("PLEASE DECIDE", ", which a figure may do by chance"),
            false => ("PLEASE CHECK", ""),
        };
        let mut why = format!("{ask}: {not_declared}; in all {rows} rows {how}{doubt}");
        if !by_chance.is_empty() {
            let differ = if by_chance.len() == 1 {
                "differs"
            } else {
                "differ"
            };
            let names = self.names(by_chance);
            why.push_str(&format!("; {names} {differ} too, perhaps by chance"));
        }
        why
    }

    /// Why a key is not proposed although it would be one: columns that look more like the key have
    /// one name, so that neither can be declared.
    pub(super) fn better_but_ambiguous(&self, chosen: &Candidate) -> Option<String> {
        let KeyOrigin::Found { cost } = chosen.origin else {
            return None;
        };
        let columns = &self.shape.columns;
        let has_twin = |column: &usize| {
            let name = &columns[*column].name;
            let alike = columns.iter().filter(|other| other.name == *name);
            !name.is_empty() && alike.count() > 1
        };
        let is_better = |column: &usize| {
            let profile = &self.profiles[*column];
            profile.nulls == 0 && profile.untakeable == 0 && self.role(*column).cost() < cost
        };
        let better = (0..columns.len()).filter(has_twin).find(is_better)?;
        let (better, chosen) = (self.names(&[better]), self.names(&chosen.columns));
        Some(format!(
            "{}, and two columns are called {better}, one of which is the likeliest key: give each a \
             name of its own in the first line and run `init` again, or take {chosen}, which differs \
             in all {} rows",
            self.not_declared(),
            self.rows
        ))
    }

    /// What is said of a table whose key is not the declared one.
    fn not_declared(&self) -> String {
        let key = &self.shape.primary_key;
        if key.is_empty() {
            return "no declared key".to_owned();
        }
        let key = self.names(key);
        format!("the declared PRIMARY KEY ({key}) cannot be carried")
    }

    fn names(&self, columns: &[usize]) -> String {
        let names = columns
            .iter()
            .map(|column| self.shape.columns[*column].name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    /// The declared key, with rows that it does not tell apart.
    pub(super) fn flawed(&self, columns: &[usize]) -> String {
        let untakeable = columns
            .iter()
            .find(|column| self.profiles[**column].untakeable > 0);
        let flaw = match (self.without_key.added, untakeable) {
            (0, None) => "some rows have the same key once it has its type, or one over 2000 bytes"
                .to_owned(),
            (0, Some(column)) => format!(
                "{} of its values cannot be carried",
                self.profiles[*column].untakeable
            ),
            (rows, _) => format!(
                "it is empty in {}, such as {}",
                count(rows, "row"),
                self.without_key
            ),
        };
        format!(
            "declared PRIMARY KEY; PLEASE DECIDE: {flaw}: such rows go to quarantine, unless other \
             columns are named as `key`, or the rows are mended in the source"
        )
    }

    pub(super) fn why_none(&self) -> String {
        let full = (0..self.shape.columns.len())
            .filter(|column| self.is_full(*column))
            .count();
        let what = if self.rows == 0 {
            "no rows yet to find one by"
        } else if full == 0 {
            "every column is empty in some row"
        } else {
            "no columns that were tried, alone or together, differ in all rows"
        };
        format!("{}, and {what}", self.not_declared())
    }
}
