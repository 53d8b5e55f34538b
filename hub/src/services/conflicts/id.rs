//! By which a conflict is known.

use std::fmt;
use std::str::FromStr;

use causeway_shared::commit::RowKey;
use causeway_shared::edits_object::{Conflict, Loser, Texts};
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use serde::{Serialize, Serializer};

use crate::sync::{ClashingRow, Disputed};

/// Names a conflict: where it is, and digests of the row's key and of what it is about. It is another
/// one once what lost, what stands in its place, or what a row clashes with, is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConflictId {
    pub site: SiteName,
    pub table: Name,
    pub part: Part,
    key: String,
    state: String,
}

impl ConflictId {
    pub(super) fn of((site, table, part): (&SiteName, &Name, Part), disputed: &Disputed) -> Self {
        let state = match disputed {
            Disputed::Edit(entry) => {
                let row = entry.row().map(|row| concerned(&entry.conflict, row));
                digest(&(&entry.conflict, row))
            }
            Disputed::Clash(row) => digest(&shared(row)),
        };
        Self {
            site: site.clone(),
            table: table.clone(),
            part,
            key: digest(disputed.key()),
            state,
        }
    }

    /// Whether it is about the same row.
    pub(super) fn is_of_row(&self, other: &Self) -> bool {
        (&self.site, &self.table, &self.key) == (&other.site, &other.table, &other.key)
    }
}

/// What a row clashes with: for each rule its columns, the values and the other row.
fn shared(row: &ClashingRow) -> Vec<(Texts, &RowKey)> {
    let with = row.with.iter().map(|(shared, first)| {
        let names = shared.columns.iter().map(ToString::to_string);
        let values = names.map(|name| {
            let text = row.row.get(&name).cloned().flatten();
            (name, text)
        });
        (values.collect(), &first.key)
    });
    with.collect()
}

/// What of a row a conflict is about: the columns that a side lost, or all of it.
pub(super) fn concerned(conflict: &Conflict, row: &Texts) -> Texts {
    let losers = || [&conflict.site, &conflict.cloud].into_iter().flatten();
    if losers().any(|loser| *loser == Loser::Deletion) {
        return row.clone();
    }
    let is_lost = |name: &String| {
        losers().any(|loser| matches!(loser, Loser::Columns(columns) if columns.contains_key(name)))
    };
    let lost = row.iter().filter(|(name, _)| is_lost(name));
    lost.map(|(name, text)| (name.clone(), text.clone()))
        .collect()
}

/// Sixteen hexadecimal digits.
fn digest(of: &impl Serialize) -> String {
    // Its members are texts, so it is always JSON.
    let json = serde_json::to_vec(of).unwrap_or_default();
    Md5::of(&json).to_string()[..16].to_owned()
}

impl FromStr for ConflictId {
    type Err = &'static str;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let mut parts = id.splitn(5, '~');
        let mut part = || parts.next().unwrap_or_default();
        let (site, table, of) = (SiteName::new(part()), Name::new(part()), Part::new(part()));
        let (key, state) = (part().to_owned(), part().to_owned());
        let is_digest =
            |text: &String| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (site, table, of) {
            (Ok(site), Ok(table), Ok(part)) if is_digest(&key) && is_digest(&state) => Ok(Self {
                site,
                table,
                part,
                key,
                state,
            }),
            _ => Err("there is no conflict of this id"),
        }
    }
}

impl fmt::Display for ConflictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            site,
            table,
            part,
            key,
            state,
        } = self;
        write!(f, "{site}~{table}~{part}~{key}~{state}")
    }
}

impl Serialize for ConflictId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
