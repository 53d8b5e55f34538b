//! The log of edits as the database that owns it writes it.

use std::collections::BTreeSet;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{
    Change, Commit, EditsHead, EditsLog, FORMAT, Journal, JournalRow, Owner,
};
use causeway_shared::ids::{Md5, Name, Part, Seq};
use causeway_shared::log::{Appended, SiteLog};
use jiff::{SignedDuration, Timestamp};

use crate::error::SiteError;

/// What a commit of edits says.
#[derive(Debug, Clone)]
pub(super) struct NewCommit<'a> {
    pub(super) writer: &'a Owner,
    pub(super) epoch: u64,
    /// The dataset that its objects are written with.
    pub(super) dataset: Md5,
    /// The agent's commit that is current.
    pub(super) site_seq: Seq,
    pub(super) changes: Vec<Change<EditsLog>>,
    pub(super) journal: Vec<JournalRow>,
    pub(super) now: Timestamp,
}

/// What became of a commit of edits.
#[derive(Debug, PartialEq)]
pub(super) enum Written {
    /// It is in the log, and the catalog stands at it.
    Yes,
    /// Another hub of this database wrote on: read the log, and make the commit again.
    Behind,
    /// Another database owns the edits.
    Fenced,
}

/// Whether a database owns the edits of a log with this catalog.
pub(super) fn owns(edits: &Catalog<EditsLog>, identity: &Owner) -> bool {
    edits
        .head
        .as_ref()
        .is_some_and(|head| head.writer == *identity)
}

/// Writes the commit that follows a catalog, which stands at it then.
pub(super) async fn append(
    log: &SiteLog<EditsLog>,
    edits: &mut Catalog<EditsLog>,
    new: NewCommit<'_>,
) -> Result<Written, SiteError> {
    let after = |head: &EditsHead| head.at + SignedDuration::from_millis(1);
    let head = EditsHead {
        seq: edits.seq().next(),
        at: edits
            .head
            .as_ref()
            .map_or(new.now, |head| new.now.max(after(head))),
        epoch: new.epoch,
        writer: new.writer.clone(),
        dataset: new.dataset,
        site_seq: new.site_seq,
    };
    let commit = Commit {
        format: FORMAT,
        site: log.site().clone(),
        head,
        changes: new.changes,
        more: Journal {
            journal: new.journal,
        },
    };
    match log.append(commit).await? {
        Appended::Written(commit) => {
            edits.apply(&commit);
            log.write_due_checkpoint(edits).await;
            Ok(Written::Yes)
        }
        Appended::Behind => Ok(Written::Behind),
        Appended::Fenced(_) => Ok(Written::Fenced),
    }
}

/// What was written to the log after a catalog.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The rows of the journal that it holds, by id.
    pub(super) journal: Vec<String>,
    /// The partitions that it names.
    pub(super) parts: BTreeSet<(Name, Part)>,
}

/// Brings a catalog to the head of the log, and says what was written since.
pub(super) async fn catch_up(
    log: &SiteLog<EditsLog>,
    edits: &mut Catalog<EditsLog>,
) -> Result<News, SiteError> {
    if edits.head.is_none() {
        *edits = log.read_catalog().await?;
        return news_between(log, Seq::NONE, edits.seq()).await;
    }
    let mut news = News::default();
    while let Some(commit) = log.commit(edits.seq().next()).await? {
        news.add(&commit);
        edits.apply(&commit);
    }
    Ok(news)
}

/// What was written to the log after one commit, and up to another.
pub(super) async fn news_between(
    log: &SiteLog<EditsLog>,
    after: Seq,
    to: Seq,
) -> Result<News, SiteError> {
    let mut news = News::default();
    let mut seq = after;
    while seq < to {
        seq = seq.next();
        if let Some(commit) = log.commit(seq).await? {
            news.add(&commit);
        }
    }
    Ok(news)
}

impl News {
    fn add(&mut self, commit: &Commit<EditsLog>) {
        let rows = commit.more.journal.iter();
        self.journal.extend(rows.map(|row| row.id.clone()));
        let changes = commit.changes.iter();
        self.parts
            .extend(changes.map(|change| (change.table.clone(), change.part)));
    }
}
