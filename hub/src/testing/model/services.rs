//! Sides of conflicts that somebody takes, and edits that somebody takes back: what services do to rows is
//! read off the database, and has to be what the model expects.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::commit::Operation;
use causeway_shared::ids::{Name, Part, Seq};

use super::cloud::{Edit, Lost, State};
use super::play::Work;
use super::rows::{DAYS, Key, Row, Tab};
use super::truth::{Change, Mark};
use super::world::World;
use super::writes::Read;
use crate::db::StoredSite;
use crate::services::appointments::By;
use crate::services::conflicts::{self, ConflictKind, ConflictsQuery, Side};
use crate::services::edits::{self, EditRef};
use crate::services::error::ServiceError;
use crate::sync::DateRange;
use crate::testing::Outcome;

/// A database's rows, each with its partition.
type Rows = BTreeMap<Key, Read>;

/// Whether nothing but other rows stood in the way.
fn is_allowed(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Clash(_)
            | ServiceError::NotUnique(_)
            | ServiceError::NotAllowed(..)
            | ServiceError::Invalid(_)
    )
}

/// The row when a side of its conflict is taken; the outer `None`: too little is known of it.
fn taken(tab: Tab, edit: &Edit, side: Side) -> Option<Option<Row>> {
    let present = edit.shown().map(|at| at.row.clone());
    let lost = match side {
        Side::Site => &edit.site_lost,
        Side::Cloud => &edit.cloud_lost,
    };
    let values = match lost {
        Lost::Nothing => return Some(present),
        Lost::Deletion => return Some(None),
        Lost::Values(values) => values,
    };
    let under = match (&edit.state, present) {
        (_, Some(row)) => row,
        (State::Gone { site }, None) if side == Side::Site => site.row.clone(),
        _ if values.len() == tab.columns().len() => vec![None; values.len()],
        _ => return None,
    };
    let mut row = under;
    for (at, text) in values {
        row[*at].clone_from(text);
    }
    Some(Some(row))
}

impl World<'_> {
    /// Everything is loaded, so that what a service does is all that changes.
    async fn bring_all(&mut self, at: usize) -> Outcome<bool> {
        self.work(at, Work::Load).await?;
        if !self.places[&at].takes_changes {
            return Ok(false);
        }
        for day in DAYS {
            let range = DateRange::day(day.parse()?);
            let hub = &self.places[&at].test.hub;
            hub.bring(self.site.agent.name(), range, self.now).await?;
        }
        self.follow().await?;
        Ok(true)
    }

    async fn all_rows(&self, at: usize) -> Outcome<Rows> {
        let mut rows = Rows::new();
        for tab in Tab::ALL {
            rows.extend(self.placed(at, tab).await?);
        }
        Ok(rows)
    }

    /// Takes note of what a service changed.
    fn note(
        &mut self,
        at: usize,
        stored: &StoredSite,
        (before, after): (&Rows, &Rows),
        mark: (&Key, Operation, Option<(Lost, Lost)>),
    ) {
        let (marked, op, closes) = mark;
        let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).chain([marked]).collect();
        for key in keys {
            let (old, new) = (before.get(key), after.get(key));
            let is_same = old == new;
            if is_same && (key != marked || closes.is_none()) {
                continue;
            }
            let object = old.and_then(|(_, part)| {
                let at = (Name::new(key.tab.name()).ok()?, Part::new(part).ok()?);
                Some((part.clone(), stored.loaded.get(&at)?.version?.object?))
            });
            let placed = |read: Option<&Read>| {
                let read = read.filter(|_| !is_same);
                read.map(|(placed, _)| placed.clone())
            };
            self.truth.changes.push(Change {
                tx: self.transactions - 1,
                key: key.clone(),
                old: placed(old),
                new: placed(new),
                object,
                holders: BTreeSet::from([at]),
                place: None,
                mark: (key.tab == marked.tab).then(|| Mark {
                    op,
                    closes: closes.clone().filter(|_| key == marked),
                }),
            });
        }
    }

    /// Somebody takes a side of a conflict.
    pub(super) async fn take_side(&mut self, at: usize) -> Outcome {
        if !self.bring_all(at).await? {
            return Ok(());
        }
        let query = ConflictsQuery {
            limit: 1_000,
            ..ConflictsQuery::default()
        };
        let hub = self.places[&at].test.hub.clone();
        let listed = conflicts::list(&hub, &query, self.now).await?.items;
        // What waited is flushed before, where the load had nothing to do.
        self.follow().await?;
        let listed = listed.into_iter().filter(|c| c.kind == ConflictKind::Edit);
        let Some(conflict) = self.rng.choice(listed.collect::<Vec<_>>()) else {
            return Ok(());
        };
        let side = match self.rng.bool() {
            true => Side::Site,
            false => Side::Cloud,
        };
        let tab = Tab::named(conflict.table.as_str()).ok_or("an unknown table")?;
        let key = Key::new(tab, conflict.key.texts().first().ok_or("no key")?);
        let mut edits = self.truth.met_at(self.truth.head())?;
        let edit = edits.remove(&key).ok_or("nothing was done to it")?;
        let actor = format!("w{}", self.transactions);
        self.transactions += 1;
        self.tell(format!(
            "{actor} in {at}: takes {side:?} of {tab:?} {}",
            key.text
        ));
        let (stored, before) = (self.stored(at).await?, self.all_rows(at).await?);
        let by = By {
            actor: &actor,
            now: self.now,
        };
        let done = conflicts::take(&hub, &conflict.id, side, by).await;
        let after = self.all_rows(at).await?;
        match done {
            Ok(_) => {
                let expected = taken(tab, &edit, side).ok_or("a row that is not known is taken")?;
                let found = after.get(&key).map(|(placed, _)| placed.row.clone());
                if found != expected {
                    return Err(format!("{side:?} gives {found:?}, and not {expected:?}").into());
                }
                let closes = (edit.site_lost, edit.cloud_lost);
                let mark = (&key, Operation::Take, Some(closes));
                self.note(at, &stored, (&before, &after), mark);
                self.count("taken");
            }
            Err(error) if is_allowed(&error) && before == after => {
                self.tell(format!("  {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        self.follow().await
    }

    /// Somebody takes an edit back.
    pub(super) async fn undo(&mut self, at: usize) -> Outcome {
        if !self.bring_all(at).await? {
            return Ok(());
        }
        let last = self.truth.log.len().saturating_sub(6);
        let Some((commit, id, of)) = self.rng.choice(self.truth.log[last..].to_vec()) else {
            return Ok(());
        };
        let edit = self.truth.changes[of].clone();
        let key = edit.key.clone();
        let actor = format!("w{}", self.transactions);
        self.transactions += 1;
        self.tell(format!(
            "{actor} in {at}: takes {id} of {commit} back, {:?} {}",
            key.tab, key.text
        ));
        let (stored, before) = (self.stored(at).await?, self.all_rows(at).await?);
        let which = EditRef {
            site: self.site.agent.name().clone(),
            commit: Some(Seq(commit)),
            id,
        };
        let hub = self.places[&at].test.hub.clone();
        let by = By {
            actor: &actor,
            now: self.now,
        };
        let done = edits::undo(&hub, &which, by).await;
        let after = self.all_rows(at).await?;
        let row = |rows: &Rows| rows.get(&key).map(|(placed, _)| placed.row.clone());
        let (present, found) = (row(&before), row(&after));
        let (old, new) = (edit.old.map(|old| old.row), edit.new.map(|new| new.row));
        let went_on = match (&old, &new, &present) {
            (_, None, present) => present.is_some(),
            (_, Some(_), None) => true,
            (None, Some(new), Some(present)) => new != present,
            (Some(old), Some(new), Some(present)) => {
                (0..new.len()).any(|at| old[at] != new[at] && new[at] != present[at])
            }
        };
        match done {
            Ok(_) if went_on => return Err("an edit of a row that went on is taken back".into()),
            Ok(_) => {
                let expected = match (old, new, present) {
                    (None, ..) => None,
                    (old, None, _) | (old, _, None) => old,
                    (Some(old), Some(new), Some(mut present)) => {
                        for at in (0..new.len()).filter(|at| old[*at] != new[*at]) {
                            present[at].clone_from(&old[at]);
                        }
                        Some(present)
                    }
                };
                if found != expected {
                    return Err(format!("it gives {found:?}, and not {expected:?}").into());
                }
                let mark = (&key, Operation::Undo, None);
                self.note(at, &stored, (&before, &after), mark);
                self.count("undone");
            }
            Err(ServiceError::Changed(..)) if went_on => self.tell("  it went on".to_owned()),
            Err(error) if is_allowed(&error) && before == after => {
                self.tell(format!("  {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        self.follow().await
    }
}
