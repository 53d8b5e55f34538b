//! A side of a conflict, taken: the row changes as anybody changes it, and the journal says that the
//! conflict is closed.

use std::collections::BTreeSet;

use causeway_shared::commit::{Operation, RowKey};
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, EntryState, Loser, Texts};
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::concerned;
use super::{Conflict, ConflictId};
use crate::db::{DbError, JournalMark};
use crate::services::appointments::{By, hold_customers, lasting};
use crate::services::error::{NotAllowed, ServiceError};
use crate::sync::{Disputed, Hub, SiteHistory};

/// How often a take begins anew because its partition was taken out of the database, or has other edits.
const ATTEMPTS: u32 = 8;

/// Whose values are to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Site,
    Cloud,
}

/// A row of which a side was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Taken {
    pub site: SiteName,
    pub table: Name,
    pub key: RowKey,
    pub taken: Side,
    /// The row as it is now; null: it is gone.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub row: Option<Texts>,
    /// Whether that is in the store already.
    pub flushed: bool,
}

/// Takes a side of a conflict.
///
/// # Errors
/// [`ServiceError`]: nothing was changed. [`ServiceError::Changed`] where the conflict is not any more
/// what it was.
pub(crate) async fn take(
    hub: &Hub,
    id: &ConflictId,
    side: Side,
    by: By<'_>,
) -> Result<Taken, ServiceError> {
    for _ in 0..ATTEMPTS {
        let history = hub.history(&id.site, by.now).await?;
        let history = history.ok_or_else(gone)?;
        let (table, entry) = find(&history, id).await?;
        hub.bring_part(&id.site, (&id.table, id.part), by.now)
            .await?;
        let taking = Taking {
            hub,
            history: &history,
            table,
            part: id.part,
            edits: history.edits_object(table, id.part).ok_or_else(gone)?,
            entry: &entry,
            side,
        };
        match taking.run(by.actor).await {
            Ok(None) => {}
            Ok(Some(row)) => {
                return Ok(Taken {
                    site: id.site.clone(),
                    table: id.table.clone(),
                    key: entry.key.clone(),
                    taken: side,
                    row,
                    flushed: hub.flush_soon(&id.site, by.now).await,
                });
            }
            Err(error) => {
                let views = hub.sites(Some(&id.site)).await?;
                let view = views.first().ok_or_else(gone)?;
                return Err(lasting(hub, view, error).await);
            }
        }
    }
    Err(ServiceError::TryAgain(
        "others changed the row's partition each time; try again".to_owned(),
    ))
}

fn gone() -> ServiceError {
    ServiceError::NotFound("there is no such conflict any more".to_owned())
}

/// The entry that a conflict is of. A clash has no sides.
async fn find<'h>(
    history: &'h SiteHistory,
    id: &ConflictId,
) -> Result<(&'h Table, Entry), ServiceError> {
    let read = |error| ServiceError::Hub(crate::error::HubError::from(error));
    let Some(table) = history.dataset().table(id.table.as_str()) else {
        return Err(gone());
    };
    let conflicted = history.conflicted();
    let mut parts: Vec<Part> = conflicted
        .filter(|(of, ..)| of.name == id.table)
        .map(|(_, part, _)| part)
        .collect();
    // Where it was comes first; its row may have moved.
    parts.sort_by_key(|part| *part != id.part);
    for part in parts {
        let rows = history.conflicts(table, part).await.map_err(read)?;
        let here = (&id.site, &id.table, part);
        let mut of_row = rows
            .iter()
            .filter(|row| ConflictId::of(here, row).is_of_row(id))
            .peekable();
        let Some(present) = of_row.peek().copied() else {
            continue;
        };
        return match of_row.find(|row| ConflictId::of(here, row) == *id) {
            Some(Disputed::Edit(entry)) => Ok((table, entry.clone())),
            Some(Disputed::Clash(_)) => Err(ServiceError::NotAllowed(NotAllowed::Clashes, None)),
            None => Err(changed(&Conflict::of(here, present))),
        };
    }
    Err(gone())
}

fn changed(present: &Conflict) -> ServiceError {
    let message = "the row or its conflict has changed since; look at it again";
    let present = serde_json::to_value(present).ok();
    ServiceError::Changed(message.to_owned(), present.map(Box::new))
}

struct Taking<'a> {
    hub: &'a Hub,
    history: &'a SiteHistory,
    table: &'a Table,
    part: Part,
    /// The edits that the entry is of.
    edits: Md5,
    entry: &'a Entry,
    side: Side,
}

impl Taking<'_> {
    /// Changes the row and closes the conflict, and answers the row as it is then. `None`: its partition
    /// is not in the database, or has other edits by now.
    async fn run(&self, actor: &str) -> Result<Option<Option<Texts>>, ServiceError> {
        let (table, key) = (self.table, &self.entry.key);
        let failed = |error| self.failed(error);
        let (site, dataset) = (self.history.site(), self.history.dataset());
        let begun = self.hub.database().begin_write(site, dataset, actor);
        let mut write = begun.await.map_err(failed)?;
        let lost = [&self.entry.conflict.site, &self.entry.conflict.cloud];
        let customers = lost.into_iter().flatten().filter_map(|lost| match lost {
            Loser::Columns(columns) => columns.get("customerid").cloned().flatten(),
            Loser::Deletion => None,
        });
        let customers = customers.map(Some);
        let held = hold_customers(&mut *write, (site, dataset), (table, key), customers).await;
        held.map_err(failed)?;
        let present = write.lock_row(table, key).await.map_err(failed)?;
        let parts = BTreeSet::from([(table.name.clone(), self.part)]);
        let stands = write.conflict_stands(&table.name, self.part, self.edits, key);
        if !stands.await? || !write.are_loaded(&parts).await? {
            return Ok(None);
        }
        let row = present.as_ref().map(|(_, row)| row);
        if !self.is_as_listed(present.as_ref()) {
            let listed = Disputed::Edit(self.entry.clone());
            return Err(changed(&Conflict {
                row: present.map(|(_, row)| row),
                ..Conflict::of((site, &table.name, self.part), &listed)
            }));
        }
        let after = self.after(row)?;
        let put = write.put_row(table, key, row, after.as_ref()).await;
        put.map_err(failed)?;
        let mark = JournalMark {
            op: Operation::Take,
            part: self.part,
            key: key.clone(),
            taken: self.entry.conflict.clone(),
        };
        write.mark(table, &mark).await.map_err(failed)?;
        write.commit().await.map_err(failed)?;
        Ok(Some(after))
    }

    /// Whether the row is what the conflict was listed with, in what it is about.
    fn is_as_listed(&self, present: Option<&(Part, Texts)>) -> bool {
        let conflict = &self.entry.conflict;
        match (present, self.entry.row()) {
            (None, None) => true,
            (Some((part, row)), Some(listed)) => {
                *part == self.part && concerned(conflict, row) == concerned(conflict, listed)
            }
            _ => false,
        }
    }

    /// The row when the side is taken: it gets what that side lost.
    fn after(&self, row: Option<&Texts>) -> Result<Option<Texts>, ServiceError> {
        let lost = match self.side {
            Side::Site => &self.entry.conflict.site,
            Side::Cloud => &self.entry.conflict.cloud,
        };
        let columns = match lost {
            None => return Ok(row.cloned()),
            Some(Loser::Deletion) => return Ok(None),
            Some(Loser::Columns(columns)) => columns,
        };
        let under = match (row, &self.entry.state, self.side) {
            (Some(row), ..) => row.clone(),
            // The site's row is there, under one that the cloud deleted.
            (None, EntryState::Gone { was: Some(was), .. }, Side::Site) => was.clone(),
            (None, ..) => Texts::new(),
        };
        let mut after = under;
        after.extend(columns.clone());
        if after.len() == self.table.columns.len() {
            return Ok(Some(after));
        }
        Err(ServiceError::NotAllowed(NotAllowed::RowUnknown, None))
    }

    fn failed(&self, error: DbError) -> ServiceError {
        match ServiceError::of_write(self.table, error) {
            // One that has its key, or its values under a unique rule.
            ServiceError::Clash(_) | ServiceError::NotUnique(_) => {
                ServiceError::NotAllowed(NotAllowed::InTheWay, None)
            }
            error => error,
        }
    }
}
