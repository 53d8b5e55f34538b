//! Who changed what in the cloud, row by row, of all sites together.
//!
//! Only commits tell, so they are read from the newest one back until a page is full. What one answer
//! reads is bounded: one that found little by then says where the next goes on.

mod merged;
mod position;
#[cfg(test)]
mod tests;
mod undo;

use std::sync::Arc;

use causeway_shared::commit::JournalRow;
use causeway_shared::ids::{Name, Seq, SiteName};
use futures_util::future::ready;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HubError;
use crate::services::error::{ServiceError, UnreadableSite};
use crate::sync::{CommittedEdits, DateRange, Hub, SiteView, WaitingEdits};

use merged::Merged;
pub(crate) use position::EditPosition;
pub(crate) use undo::{EditRef, Undone, undo};

/// Most rows of a site's journal that are listed; the older ones are when they are committed.
const MAX_WAITING: usize = 1_000;
/// Most commits that an answer looks through.
const MAX_COMMITS: usize = 200;
/// By how much the clocks of a hub and its database may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// Commits read at once.
const READ_AT_ONCE: usize = 8;

/// Which edits are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct EditsQuery {
    pub site: Option<SiteName>,
    pub table: Option<Name>,
    /// The canonical texts of the key's columns.
    pub key: Option<Vec<String>>,
    pub actor: Option<String>,
    pub days: EditPeriod,
    /// Those that are older than this one.
    pub after: Option<EditPosition>,
    /// How many at most.
    pub limit: usize,
}

impl EditsQuery {
    fn is_asked(&self, row: &JournalRow) -> bool {
        self.table.as_ref().is_none_or(|table| *table == row.table)
            && self.key.as_ref().is_none_or(|key| key == row.key.texts())
            && self.actor.as_ref().is_none_or(|actor| *actor == row.actor)
            && self.days.begin.is_none_or(|begin| begin <= row.at)
            && self.days.end.is_none_or(|end| row.at < end)
    }
}

/// The time in which edits were made, its end not included; `None`: it has none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EditPeriod {
    begin: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl EditPeriod {
    /// From a day to a day, in a zone.
    ///
    /// # Errors
    /// [`ServiceError::Unreadable`] where the last day comes before the first.
    pub(crate) fn between(
        from: Option<Date>,
        to: Option<Date>,
        zone: &TimeZone,
    ) -> Result<Self, ServiceError> {
        if let (Some(from), Some(to)) = (from, to) {
            DateRange::new(from, to)
                .map_err(|error| ServiceError::Unreadable(error.to_string()))?;
        }
        let midnight = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
        Ok(Self {
            begin: from.and_then(midnight),
            end: to.and_then(|to| midnight(to.tomorrow().ok()?)),
        })
    }

    /// Whether all of it is later than a commit, and so than what that holds.
    fn are_behind(&self, commit: Timestamp) -> bool {
        let begin = self.begin.and_then(|begin| begin.checked_sub(SKEW).ok());
        begin.is_some_and(|begin| commit < begin)
    }
}

/// A key as a caller writes it: the text of its one column, or a JSON array of texts.
pub(crate) fn key_of_text(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()])
}

/// A key as a caller writes it.
pub(crate) fn text_of_key(key: &[String]) -> String {
    match key {
        // Else it would be read as an array.
        [text] if !text.starts_with('[') => text.clone(),
        texts => serde_json::to_string(texts).unwrap_or_default(),
    }
}

/// Some edits, the newest first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct EditsPage {
    pub items: Vec<Edit>,
    /// Where the next ones begin; there may be fewer than asked for before it, or none. Null: there are
    /// no more.
    #[schema(value_type = Option<String>)]
    pub next: Option<EditPosition>,
    /// How many there are altogether; null where the logs are too long to count them.
    pub total: Option<u64>,
    /// The sites whose edits cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableSite>,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Edit {
    pub site: SiteName,
    /// The commit of edits that holds it; null while it waits for one.
    pub commit: Option<Seq>,
    #[serde(flatten)]
    pub row: JournalRow,
    /// Where it is in the list.
    #[serde(skip)]
    place: EditPosition,
}

/// A site, and the edits that wait there.
#[derive(Debug)]
struct SiteEdits {
    site: SiteName,
    waiting: WaitingEdits,
}

impl SiteEdits {
    async fn of(hub: &Hub, view: SiteView) -> Result<Self, HubError> {
        let waiting = hub.waiting_edits(&view, MAX_WAITING).await?;
        Ok(Self {
            site: view.site,
            waiting,
        })
    }

    fn head(&self) -> Seq {
        self.waiting
            .head
            .as_ref()
            .map_or(Seq::NONE, |head| head.seq)
    }
}

/// Lists edits. What waits for a commit comes first, then what the commits hold, the last commit first.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of database or store. What is damaged of one of several sites
/// is in the answer.
pub(crate) async fn list(hub: &Hub, query: &EditsQuery) -> Result<EditsPage, HubError> {
    let mut sites = Vec::new();
    for view in hub.sites(query.site.as_ref()).await? {
        sites.push(SiteEdits::of(hub, view).await?);
    }
    let mut page = EditsPage::default();
    page.add_waiting(&sites, query);
    let mut merged = Merged::begin(hub, &sites, query.after.as_ref()).await?;
    while page.items.len() <= query.limit
        && let Some(edit) = merged.next(query).await?
    {
        page.items.push(edit);
    }
    page.next = match page.items.len() > query.limit {
        true => {
            page.items.truncate(query.limit);
            page.items.last().map(|edit| edit.place.clone())
        }
        false => merged.stopped_at(),
    };
    page.total = total(hub, &sites, query).await?;
    page.unreadable = merged.unreadable();
    Ok(page)
}

impl EditsPage {
    /// Adds the edits that wait for a commit.
    fn add_waiting(&mut self, sites: &[SiteEdits], query: &EditsQuery) {
        let after = match &query.after {
            None => None,
            Some(after @ EditPosition::Waiting { .. }) => Some(after),
            Some(EditPosition::Committed { .. }) => return,
        };
        let rows = sites.iter().flat_map(|of| {
            let rows = of.waiting.rows.iter().filter(|row| query.is_asked(row));
            rows.map(|row| Edit {
                site: of.site.clone(),
                commit: None,
                place: EditPosition::Waiting {
                    at: row.at,
                    site: of.site.clone(),
                    id: row.id.clone(),
                },
                row: row.clone(),
            })
        });
        self.items = rows.collect();
        // Those of a site stay as the journal has them where they are of one instant.
        self.items
            .sort_by(|a, b| (b.row.at, &a.site).cmp(&(a.row.at, &b.site)));
        if let Some(EditPosition::Waiting { at, site, id }) = after {
            let same = |edit: &Edit| edit.row.id == *id && edit.site == *site;
            let older = |edit: &Edit| (*at, &edit.site) > (edit.row.at, site);
            let begin = match self.items.iter().position(same) {
                Some(seen) => seen + 1,
                // It is committed meanwhile.
                None => self.items.partition_point(|edit| !older(edit)),
            };
            self.items.drain(..begin);
        }
    }
}

/// How many edits are asked for, where the logs are short enough to count them.
async fn total(
    hub: &Hub,
    sites: &[SiteEdits],
    query: &EditsQuery,
) -> Result<Option<u64>, HubError> {
    let commits = sites.iter().map(|of| of.head().0);
    let commits = commits.fold(0, u64::saturating_add);
    let are_all_listed = sites.iter().all(|of| of.waiting.rows.len() < MAX_WAITING);
    if commits > MAX_COMMITS as u64 || !are_all_listed {
        return Ok(None);
    }
    let all = sites
        .iter()
        .flat_map(|of| (1..=of.head().0).map(|seq| (of.site.clone(), Seq(seq))));
    // Collected first: a lazy iterator would borrow across the await point.
    let all: Vec<(SiteName, Seq)> = all.collect();
    let read = stream::iter(all)
        .map(|(site, seq)| async move { hub.committed_edits(&site, seq).await })
        .buffered(READ_AT_ONCE);
    let asked = |rows: &[JournalRow]| rows.iter().filter(|row| query.is_asked(row)).count() as u64;
    let waiting: u64 = sites.iter().map(|of| asked(&of.waiting.rows)).sum();
    // One after the other: a commit holds a whole transaction, however many rows that changed.
    let counted = read.try_fold(waiting, |counted, commit: Arc<CommittedEdits>| {
        ready(Ok(counted + asked(&commit.rows)))
    });
    // Which one cannot be read says the list.
    Ok(counted.await.ok())
}
