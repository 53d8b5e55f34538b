//! The commits of all sites in the order of their times, the last one first.

use std::cmp::Reverse;
use std::sync::Arc;

use causeway_shared::ids::{Seq, SiteName};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Edit, EditPosition, EditsQuery, MAX_COMMITS, READ_AT_ONCE, SiteEdits};
use crate::error::{HubError, SiteError};
use crate::services::error::UnreadableSite;
use crate::sync::{CommittedEdits, Hub};

/// How far a list of the edits of some sites has come.
pub(super) struct Merged<'h> {
    hub: &'h Hub,
    sites: Vec<Reading>,
    /// Whether a site is one of several, so that its failure is not the answer's.
    are_several: bool,
    unreadable: Vec<UnreadableSite>,
    /// How many commits were opened.
    opened: usize,
    /// The last place that was looked at.
    last: Option<EditPosition>,
    /// Whether there is more than one answer may look through.
    has_more: bool,
}

/// Where the list is in a site's log.
struct Reading {
    site: SiteName,
    /// The commit that comes next; [`Seq::NONE`] after the first one.
    seq: Seq,
    /// When it was made; as long as it is not open, at the latest.
    at: Timestamp,
    /// The commit, and how many of its rows were not looked at.
    open: Option<(Arc<CommittedEdits>, usize)>,
    /// How many of its rows are to be looked at, where not all.
    older: Option<usize>,
}

impl<'h> Merged<'h> {
    /// Begins behind a place, or at the end of the logs.
    pub(super) async fn begin(
        hub: &'h Hub,
        sites: &[SiteEdits],
        after: Option<&EditPosition>,
    ) -> Result<Self, HubError> {
        let after = after.filter(|place| matches!(place, EditPosition::Committed { .. }));
        let are_several = sites.len() > 1;
        let begun = sites.iter().map(|of| {
            let head = of.waiting.head.as_ref().map(|head| (head.seq, head.at));
            let site = of.site.clone();
            async move { (Reading::begin(hub, &site, head, after).await, site) }
        });
        // Collected first: a lazy iterator would borrow across the await point.
        let begun: Vec<_> = begun.collect();
        let begun: Vec<_> = stream::iter(begun).buffered(READ_AT_ONCE).collect().await;
        let mut merged = Self {
            hub,
            sites: Vec::new(),
            are_several,
            unreadable: Vec::new(),
            opened: 0,
            last: after.cloned(),
            has_more: false,
        };
        for (reading, site) in begun {
            match reading {
                Ok(reading) => merged.sites.extend(reading),
                Err(error) => merged.failed(site, error)?,
            }
        }
        Ok(merged)
    }

    /// The next edit that is asked for. `None`: there are no more, or none among the commits that one
    /// answer looks through.
    pub(super) async fn next(&mut self, query: &EditsQuery) -> Result<Option<Edit>, HubError> {
        loop {
            // Whichever may be the newest: one that is not open may turn out to be older.
            let newest = self.sites.iter_mut().enumerate();
            let newest = newest
                .max_by(|(_, a), (_, b)| (a.at, Reverse(&a.site)).cmp(&(b.at, Reverse(&b.site))));
            let Some((place, reading)) = newest else {
                return Ok(None);
            };
            if query.days.are_behind(reading.at) {
                return Ok(None);
            }
            if reading.open.is_none() {
                if self.opened >= MAX_COMMITS {
                    self.has_more = true;
                    return Ok(None);
                }
                self.opened += 1;
                let ahead = self.opened.min(READ_AT_ONCE);
                if let Err(error) = reading.open(self.hub, ahead).await {
                    let reading = self.sites.swap_remove(place);
                    self.failed(reading.site, error)?;
                }
                continue;
            }
            let found = reading.next(query);
            self.last = Some(reading.place());
            if found.is_some() {
                return Ok(found);
            }
            if !reading.go_back() {
                self.sites.swap_remove(place);
            }
        }
    }

    /// Where the answer ends that found no more, if there may be more.
    pub(super) fn stopped_at(&self) -> Option<EditPosition> {
        self.last.clone().filter(|_| self.has_more)
    }

    pub(super) fn unreadable(self) -> Vec<UnreadableSite> {
        self.unreadable
    }

    fn failed(&mut self, site: SiteName, error: SiteError) -> Result<(), HubError> {
        if !self.are_several || error.is_retryable() {
            return Err(error.into());
        }
        let error = error.to_string();
        self.unreadable.push(UnreadableSite { site, error });
        Ok(())
    }
}

impl Reading {
    /// Begins with the last commit of a log that comes behind a place. `None`: none does.
    async fn begin(
        hub: &Hub,
        site: &SiteName,
        head: Option<(Seq, Timestamp)>,
        after: Option<&EditPosition>,
    ) -> Result<Option<Self>, SiteError> {
        let Some((mut seq, mut at)) = head else {
            return Ok(None);
        };
        let mut rows = None;
        if let Some(EditPosition::Committed {
            at: last,
            site: of,
            seq: there,
            older,
        }) = after
        {
            if of == site {
                rows = (*there <= seq).then_some(*older);
                seq = seq.min(*there);
            } else {
                let comes_behind = |at: Timestamp| (at, Reverse(site)) < (*last, Reverse(of));
                if !comes_behind(at) {
                    seq = last_of(hub, site, seq, comes_behind).await?;
                }
            }
            at = at.min(*last);
        }
        let reading = Self {
            site: site.clone(),
            seq,
            at,
            open: None,
            older: rows,
        };
        Ok(Some(reading).filter(|reading| reading.seq > Seq::NONE))
    }

    /// Reads the commit that comes next, and together with it some that come after it.
    async fn open(&mut self, hub: &Hub, ahead: usize) -> Result<(), SiteError> {
        let seqs = (1..=self.seq.0).rev().take(ahead);
        let reads: Vec<_> = seqs
            .map(|seq| hub.committed_edits(&self.site, Seq(seq)))
            .collect();
        let mut read = join_all(reads).await.into_iter();
        let commit = match read.next() {
            Some(commit) => commit?,
            None => hub.committed_edits(&self.site, self.seq).await?,
        };
        self.at = commit.at;
        let left = self.older.take().unwrap_or(usize::MAX);
        let left = left.min(commit.rows.len());
        self.open = Some((commit, left));
        Ok(())
    }

    /// The next edit of the open commit that is asked for.
    fn next(&mut self, query: &EditsQuery) -> Option<Edit> {
        let (commit, left) = self.open.as_mut()?;
        while *left > 0 {
            *left -= 1;
            let row = &commit.rows[*left];
            if query.is_asked(row) {
                let row = row.clone();
                return Some(Edit {
                    site: self.site.clone(),
                    commit: Some(self.seq),
                    row,
                    place: self.place(),
                });
            }
        }
        None
    }

    /// Behind the last row that was looked at.
    fn place(&self) -> EditPosition {
        EditPosition::Committed {
            at: self.at,
            site: self.site.clone(),
            seq: self.seq,
            older: self.open.as_ref().map_or(0, |(_, left)| *left),
        }
    }

    /// Turns to the commit before; `false` where there is none.
    fn go_back(&mut self) -> bool {
        self.open = None;
        self.seq = Seq(self.seq.0.saturating_sub(1));
        // So much earlier each commit is at least.
        let earlier = self.at.checked_sub(SignedDuration::from_millis(1));
        self.at = earlier.unwrap_or(self.at);
        self.seq > Seq::NONE
    }
}

/// The last commit up to `head` whose time is an early one: all before it are, and none after it is.
async fn last_of(
    hub: &Hub,
    site: &SiteName,
    head: Seq,
    is_early: impl Fn(Timestamp) -> bool,
) -> Result<Seq, SiteError> {
    let (mut early, mut latest) = (0, head.0);
    while early < latest {
        let middle = early + (latest - early).div_ceil(2);
        match is_early(hub.committed_edits(site, Seq(middle)).await?.at) {
            true => early = middle,
            false => latest = middle - 1,
        }
    }
    Ok(Seq(early))
}
