//! One edit, taken back by another one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::commit::{JournalRow, Operation};
use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::edits_object::{Conflict, Texts};
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::value::Type;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value as Json};
use utoipa::ToSchema;

use crate::db::{JournalMark, SiteWrite};
use crate::error::HubError;
use crate::services::appointments::{By, SLOT_KEY, hold_customers, in_the_way, lasting, slots};
use crate::services::error::{NotAllowed, ServiceError};
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};

/// How often it begins anew because a date was taken out of the database.
const ATTEMPTS: u32 = 8;

/// Which edit is meant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditRef {
    pub site: SiteName,
    /// `None` while it waits for its commit.
    pub commit: Option<Seq>,
    pub id: String,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    pub site: SiteName,
    pub table: Name,
    pub key: Vec<String>,
    /// The row as it is now; null: there is none any more.
    #[schema(value_type = Option<Object>)]
    pub row: Option<Map<String, Json>>,
    /// Whether the change is in the store already.
    pub flushed: bool,
}

/// Takes an edit back: what was changed becomes what it was, a row that was inserted goes, and one that
/// was deleted comes back. It is an edit of its own, which can be taken back too.
///
/// # Errors
/// [`ServiceError::Changed`] where the row went on since, or another [`ServiceError`]: nothing was
/// changed.
pub(crate) async fn undo(hub: &Hub, which: &EditRef, by: By<'_>) -> Result<Undone, ServiceError> {
    let mut views = hub.sites(Some(&which.site)).await?;
    let view = views.remove(0);
    let edit = find(hub, &view, which).await?;
    let table = view.dataset.table(edit.table.as_str());
    let table = table.ok_or_else(|| {
        ServiceError::NotFound(format!("site {} has no table {}", view.site, edit.table))
    })?;
    if edit.columns.is_empty() {
        return Err(ServiceError::NotAllowed(NotAllowed::NothingToUndo, None));
    }
    let undoing = Undoing {
        hub,
        view: &view,
        table,
        edit: &edit,
        by,
    };
    let mut dates = undoing.dates();
    for _ in 0..ATTEMPTS {
        match undoing.once(&mut dates).await {
            Ok(None) => {}
            Ok(Some(row)) => {
                return Ok(Undone {
                    flushed: hub.flush_soon(&view.site, by.now).await,
                    site: view.site.clone(),
                    table: table.name.clone(),
                    key: edit.key.texts().to_vec(),
                    row: row.map(|row| json(table, &row)),
                });
            }
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(ServiceError::TryAgain(
        "the row's date was taken out of the database each time; try again".to_owned(),
    ))
}

/// The edit, as its commit or the journal has it.
async fn find(hub: &Hub, view: &SiteView, which: &EditRef) -> Result<JournalRow, ServiceError> {
    let found = match which.commit {
        Some(seq) => {
            let head = view.edits.head.as_ref().map_or(Seq::NONE, |head| head.seq);
            if seq == Seq::NONE || seq > head {
                let detail = format!("site {} has no commit {seq} of edits", view.site);
                return Err(ServiceError::NotFound(detail));
            }
            let commit = hub.committed_edits(&view.site, seq).await;
            let commit = commit.map_err(HubError::from)?;
            commit.rows.iter().find(|row| row.id == which.id).cloned()
        }
        None => {
            let waiting = hub.waiting_edits(view, super::MAX_WAITING).await?;
            waiting.rows.into_iter().find(|row| row.id == which.id)
        }
    };
    found.ok_or_else(|| {
        ServiceError::NotFound(match which.commit {
            Some(seq) => format!(
                "commit {seq} of the edits of site {} holds no edit {}",
                view.site, which.id
            ),
            None => format!(
                "no edit {} waits: it may be committed by now, list the edits again",
                which.id
            ),
        })
    })
}

/// What an edit did to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Insert,
    Change,
    Delete,
}

struct Undoing<'u> {
    hub: &'u Hub,
    view: &'u SiteView,
    table: &'u Table,
    edit: &'u JournalRow,
    by: By<'u>,
}

impl Undoing<'_> {
    /// The row as it is then. The outer `None`: its date was taken out of the database meanwhile, or another
    /// one is needed.
    async fn once(
        &self,
        dates: &mut BTreeSet<Date>,
    ) -> Result<Option<Option<Texts>>, ServiceError> {
        let refused = |error| ServiceError::of_write(self.table, error);
        let loaded = self.bring(dates).await?;
        let database = self.hub.database();
        let begun = database.begin_write(&self.view.site, &self.view.dataset, self.by.actor);
        let mut write = begun.await.map_err(refused)?;
        let key = &self.edit.key;
        let of = (&self.view.site, &*self.view.dataset);
        let customers = self.edit.columns.get("customerid").cloned();
        let customers = customers.into_iter().flatten();
        let held = hold_customers(&mut *write, of, (self.table, key), customers).await;
        held.map_err(refused)?;
        let now = write.lock_row(self.table, key).await.map_err(refused)?;
        // From the statement above on no load takes rows of the table out.
        if now.is_none() && !are_loaded(&mut *write, loaded.values()).await? {
            return Ok(None);
        }
        let now = now.map(|(_, row)| row);
        if self.went_on(now.as_ref()) {
            return Err(self.changed(now.as_ref()));
        }
        let then = self.before(now.as_ref());
        let slots = slots::change(self.view, self.table, [now.as_ref(), then.as_ref()]);
        if let Some(again) = &slots.taken {
            let Some(date) = loaded.get(&again.date) else {
                dates.insert(again.date);
                return Ok(None);
            };
            if !slots::take_again(&mut *write, self.view, again, date).await? {
                return Ok(None);
            }
        }
        let put = write.put_row(self.table, key, now.as_ref(), then.as_ref());
        if let Err(error) = put.await {
            // The transaction is over: what stands in the way is read in another.
            drop(write);
            return Err(match (refused(error), then) {
                (ServiceError::Clash(None), Some(then)) => {
                    let slot = SLOT_KEY.map(|name| then.get(name).cloned().flatten());
                    let in_the_way = in_the_way(self.hub, self.view, Some(&slot)).await;
                    ServiceError::Clash(in_the_way?)
                }
                (error, _) => error,
            });
        }
        if let Some(slot) = &slots.left {
            slots::free(&mut *write, self.view, slot).await?;
        }
        let there = write.lock_row(self.table, key).await.map_err(refused)?;
        let mark = JournalMark {
            op: Operation::Undo,
            part: there.as_ref().map_or(self.edit.part, |(part, _)| *part),
            key: key.clone(),
            taken: Conflict::default(),
        };
        write.mark(self.table, &mark).await.map_err(refused)?;
        write.commit().await.map_err(refused)?;
        Ok(Some(there.map(|(_, row)| row)))
    }

    /// The dates that the row was in before the edit and after it.
    fn dates(&self) -> BTreeSet<Date> {
        let mut dates = BTreeSet::new();
        if let Part::Date(date) = self.edit.part {
            dates.insert(date);
        }
        if let Partitioning::By { column } = self.table.partition {
            let name = self.table.columns[column].name.as_str();
            let texts = self.edit.columns.get(name).into_iter().flatten().flatten();
            // Of a timestamp its date.
            dates.extend(texts.filter_map(|text| text.get(..10)?.parse::<Date>().ok()));
        }
        dates
    }

    /// Loads dates.
    async fn bring(
        &self,
        dates: &BTreeSet<Date>,
    ) -> Result<BTreeMap<Date, LoadedDates>, ServiceError> {
        let mut loaded = BTreeMap::new();
        for date in dates {
            let day = DateRange::day(*date);
            let bring = self.hub.bring(&self.view.site, day, self.by.now);
            loaded.insert(*date, bring.await?);
        }
        Ok(loaded)
    }

    /// What the edit did, whatever it is called: only a row that comes or goes changes its key.
    fn did(&self) -> Did {
        let key = self.table.columns[self.table.key[0]].name.as_str();
        match self.edit.columns.get(key) {
            None => Did::Change,
            Some([None, _]) => Did::Insert,
            Some([_, _]) => Did::Delete,
        }
    }

    /// Whether the row is not what the edit made of it.
    fn went_on(&self, now: Option<&Texts>) -> bool {
        let columns = &self.edit.columns;
        match (self.did(), now) {
            (Did::Delete, now) => now.is_some(),
            (Did::Insert | Did::Change, None) => true,
            (Did::Change, Some(now)) => columns
                .iter()
                .any(|(name, [_, new])| now.get(name) != Some(new)),
            (Did::Insert, Some(now)) => now.iter().any(|(name, text)| {
                let new = columns.get(name).and_then(|[_, new]| new.as_ref());
                text.as_ref() != new
            }),
        }
    }

    /// The row as it was before the edit.
    fn before(&self, now: Option<&Texts>) -> Option<Texts> {
        let columns = &self.edit.columns;
        let old = columns
            .iter()
            .map(|(name, [old, _])| (name.clone(), old.clone()));
        match self.did() {
            Did::Insert => None,
            Did::Change => {
                let mut row = now?.clone();
                row.extend(old);
                Some(row)
            }
            Did::Delete => {
                let mut row: Texts = old.collect();
                for column in &self.table.columns {
                    // One that is declared since then has its default.
                    if !column.not_null {
                        row.entry(column.name.to_string()).or_insert(None);
                    }
                }
                self.table.complete(&mut row);
                Some(row)
            }
        }
    }

    fn changed(&self, now: Option<&Texts>) -> ServiceError {
        let present = now.map(|row| {
            let mut present = json(self.table, row);
            present.insert("site".to_owned(), self.view.site.as_str().into());
            Box::new(Json::Object(present))
        });
        ServiceError::Changed("the row was changed since".to_owned(), present)
    }
}

async fn are_loaded(
    write: &mut dyn SiteWrite,
    dates: impl Iterator<Item = &LoadedDates>,
) -> Result<bool, ServiceError> {
    for of in dates {
        if !write.are_loaded(&of.parts).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A row as answers have it.
fn json(table: &Table, row: &Texts) -> Map<String, Json> {
    let columns = table.columns.iter().map(|column| {
        let text = row.get(column.name.as_str()).and_then(Option::as_ref);
        let value = text.map_or(Json::Null, |text| {
            let number = || text.parse::<Number>().ok().map(Json::Number);
            match column.ty {
                Type::Int | Type::Float => number(),
                Type::Bool => text.parse::<bool>().ok().map(Json::Bool),
                _ => None,
            }
            .unwrap_or_else(|| Json::String(text.clone()))
        });
        (column.name.to_string(), value)
    });
    columns.collect()
}
