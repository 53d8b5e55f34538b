//! How one row that the cloud changed stands over all partitions of its table, and its entries.

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Conflict, Entry, EntryState, Loser, Texts};
use causeway_shared::ids::Part;
use causeway_shared::value::Type;
use jiff::Timestamp;

use super::unit::differing;

/// The least key of the blocks that databases take for rows that are born in them.
const FIRST_BLOCK_KEY: i64 = 1_000_000_000;

/// A row and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlacedRow {
    pub(crate) part: Part,
    pub(crate) row: Texts,
}

/// What the cloud did to one row. A row that it did not touch has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowEdit {
    pub(crate) state: RowState,
    pub(crate) conflict: Conflict,
    /// Who changed the row last in the cloud; settling leaves it as it is.
    pub(crate) actor: String,
    pub(crate) at: Timestamp,
}

/// How a row that the cloud changed stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowState {
    /// The site's row, where the site has it, some columns changed.
    Changed {
        home: Part,
        row: Texts,
        /// The site's values of the columns that the cloud changed.
        was: Texts,
    },
    /// A row that the site does not have.
    Born { place: Part, row: Texts },
    /// The site's row, moved to another partition.
    Moved {
        /// Where the site has it.
        home: Part,
        /// The site's row.
        was: Texts,
        place: Part,
        row: Texts,
    },
    /// A row that is not there any more.
    Deleted {
        home: Part,
        /// The site's row; `None`: the site does not have it either.
        was: Option<Texts>,
    },
}

impl RowState {
    /// The row as the cloud has it.
    pub(crate) fn row(&self) -> Option<&Texts> {
        match self {
            Self::Changed { row, .. } | Self::Born { row, .. } | Self::Moved { row, .. } => {
                Some(row)
            }
            Self::Deleted { .. } => None,
        }
    }

    /// Where the row lies, in the cloud.
    pub(crate) fn place(&self) -> Option<Part> {
        match self {
            Self::Changed { home: place, .. }
            | Self::Born { place, .. }
            | Self::Moved { place, .. } => Some(*place),
            Self::Deleted { .. } => None,
        }
    }

    /// The row and where it lies, in the cloud.
    pub(crate) fn placed(&self) -> Option<PlacedRow> {
        let (part, row) = (self.place()?, self.row()?.clone());
        Some(PlacedRow { part, row })
    }
}

/// The site's row, changed, at home: what is left of a move that ends where it began.
pub(super) fn changed(table: &Table, home: Part, row: Texts, site: &Texts) -> RowState {
    let was = differing(table, &row, site)
        .flat_map(|unit| unit.of(site))
        .collect();
    RowState::Changed { home, row, was }
}

impl RowEdit {
    /// Whether it leaves the row as the site has it, and nobody has to take a side.
    pub(super) fn is_nothing(&self) -> bool {
        let is_unchanged = matches!(&self.state, RowState::Changed { was, .. } if was.is_empty());
        is_unchanged && self.conflict.is_none()
    }

    /// The edit that a row's entries are together. `None`: there are none.
    ///
    /// # Errors
    /// In which way they contradict each other.
    pub(super) fn gather<'e>(
        entries: impl IntoIterator<Item = (Part, &'e Entry)>,
    ) -> Result<Option<Self>, &'static str> {
        let (mut here, mut gone) = (None, None);
        for (part, entry) in entries {
            let slot = match entry.state {
                EntryState::Changed { .. } | EntryState::Born { .. } => &mut here,
                EntryState::Gone { .. } => &mut gone,
            };
            if slot.replace((part, entry)).is_some() {
                return Err("it has two entries of one kind");
            }
        }
        let state = match (here, gone) {
            (None, None) => return Ok(None),
            (Some((part, entry)), None) => standing(part, entry)?,
            (None, Some((home, entry))) => deleted(home, entry)?,
            (Some((place, entry)), Some((home, left))) => moved(home, left, place, entry)?,
        };
        // A moved row's conflict is where the row is.
        let entry = here.or(gone).map(|(_, entry)| entry);
        Ok(entry.map(|entry| Self {
            state,
            conflict: entry.conflict.clone(),
            actor: entry.actor.clone(),
            at: entry.at,
        }))
    }

    /// Its entries.
    pub(super) fn entries(self, key: &RowKey) -> Vec<(Part, Entry)> {
        let entry = |state, conflict| Entry {
            key: key.clone(),
            state,
            conflict,
            actor: self.actor.clone(),
            at: self.at,
        };
        match self.state {
            RowState::Changed { home, row, was } => {
                vec![(home, entry(EntryState::Changed { row, was }, self.conflict))]
            }
            RowState::Born { place, row } => {
                let born = EntryState::Born { row, from: None };
                vec![(place, entry(born, self.conflict))]
            }
            RowState::Deleted { home, was } => {
                let gone = EntryState::Gone { was, to: None };
                vec![(home, entry(gone, self.conflict))]
            }
            RowState::Moved {
                home,
                was,
                place,
                row,
            } => {
                let gone = EntryState::Gone {
                    was: Some(was),
                    to: Some(place),
                };
                let born = EntryState::Born {
                    row,
                    from: Some(home),
                };
                vec![
                    (home, entry(gone, Conflict::default())),
                    (place, entry(born, self.conflict)),
                ]
            }
        }
    }
}

/// The state of a row whose only entry says that it is here.
fn standing(part: Part, entry: &Entry) -> Result<RowState, &'static str> {
    match entry.state.clone() {
        EntryState::Changed { row, was } => Ok(RowState::Changed {
            home: part,
            row,
            was,
        }),
        EntryState::Born { row, from: None } => Ok(RowState::Born { place: part, row }),
        _ => Err("it was moved from a partition that has no entry for it"),
    }
}

/// The state of a row whose only entry says that it is gone.
fn deleted(home: Part, entry: &Entry) -> Result<RowState, &'static str> {
    match entry.state.clone() {
        EntryState::Gone { was, to: None } => Ok(RowState::Deleted { home, was }),
        _ => Err("it was moved to a partition that has no entry for it"),
    }
}

/// The state of a row that has an entry at home, `left`, and one where it is.
fn moved(home: Part, left: &Entry, place: Part, entry: &Entry) -> Result<RowState, &'static str> {
    match (left.state.clone(), entry.state.clone()) {
        (
            EntryState::Gone {
                was: Some(was),
                to: Some(to),
            },
            EntryState::Born {
                row,
                from: Some(from),
            },
        ) if to == place && from == home && home != place => Ok(RowState::Moved {
            home,
            was,
            place,
            row,
        }),
        _ => Err("it is gone from one partition and in another without having been moved there"),
    }
}

/// Whether an entry's key is looked for wherever the site changes something: the site may bear it
/// again, or may have born it on its own.
pub(crate) fn is_kept(table: &Table, entry: &Entry) -> bool {
    match &entry.state {
        EntryState::Changed { .. } | EntryState::Born { from: Some(_), .. } => false,
        EntryState::Born { from: None, .. } => {
            entry.conflict.site == Some(Loser::Deletion) || !is_of_block(table, &entry.key)
        }
        EntryState::Gone { was, .. } => was.is_none(),
    }
}

/// Whether no site has the key, since only databases take it from a block.
pub(crate) fn is_of_block(table: &Table, key: &RowKey) -> bool {
    let is_int = matches!(table.key[..], [column] if table.columns[column].ty == Type::Int);
    let number = key
        .texts()
        .first()
        .and_then(|text| text.parse::<i64>().ok());
    is_int && number.is_some_and(|number| number >= FIRST_BLOCK_KEY)
}
