//! What the rows have to be: the site's rows at each of its commits, what was written in the cloud, and the
//! order in which the log of edits says that both met.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Commit, EditsLog, Operation, Owner};
use causeway_shared::ids::{Md5, Seq};
use causeway_shared::log::SiteLog;

use super::change::{Written, written};
use super::cloud::{Edit, Lost};
use super::rows::{Key, Placed, Rows, Rules, Tab, record, taken};
use crate::testing::Outcome;

/// One row that a transaction changed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Its transaction; also what it goes by as an actor.
    pub(super) tx: usize,
    pub(super) key: Key,
    pub(super) old: Option<Placed>,
    pub(super) new: Option<Placed>,
    /// The partition of the old row, and the object that the database had loaded of it.
    pub(super) object: Option<(String, Md5)>,
    /// The databases whose journals hold it.
    pub(super) holders: BTreeSet<usize>,
    /// Which of a database's changes it is.
    pub(super) place: Option<Place>,
    pub(super) mark: Option<Mark>,
}

/// What makes a change one of its own kind.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) op: Operation,
    /// What the sides of a conflict had lost when one was taken: it is closed.
    pub(super) closes: Option<(Lost, Lost)>,
}

/// Where a change stands in the log of edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) commit: u64,
}

/// Everything that is true.
#[derive(Debug)]
pub(super) struct Truth {
    /// The tables' rules at each of the site's commits.
    pub(super) rules: Vec<Rules>,
    /// The site's rows at each commit, from the empty one on.
    pub(super) site: Vec<Rows>,
    /// Its catalogs at each commit.
    pub(super) catalogs: Vec<Catalog>,
    pub(super) changes: Vec<Change>,
    /// Commit, id and change of the log's rows.
    pub(super) log: Vec<(u64, String, usize)>,
    pub(super) edits: BTreeMap<Key, Edit>,
    /// The commits of edits that were read.
    pub(super) seq: u64,
    pub(super) owner: Option<Owner>,
    /// The ids of the rows of the journal that the log holds.
    ids: BTreeSet<String>,
}

/// A row that is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) at: Placed,
    pub(super) is_edited: bool,
}

pub(super) type View = BTreeMap<Key, Shown>;

impl Truth {
    pub(super) fn new(rules: Rules, empty: Catalog) -> Self {
        Self {
            rules: vec![rules],
            site: vec![Rows::new()],
            catalogs: vec![empty],
            changes: Vec::new(),
            log: Vec::new(),
            edits: BTreeMap::new(),
            seq: 0,
            owner: None,
            ids: BTreeSet::new(),
        }
    }

    /// What there is to know of the rows that the cloud changed.
    pub(super) fn tell(&self) -> String {
        let mut told = String::new();
        let mut keys: BTreeSet<&Key> = self.edits.keys().collect();
        keys.extend(self.changes.iter().map(|change| &change.key));
        let parents: Vec<Key> = keys.iter().filter_map(|key| key.parent()).collect();
        keys.extend(&parents);
        for key in keys {
            let _ = write!(told, "{:?} {} at the site:", key.tab, key.text);
            let mut last = None;
            for (seq, rows) in self.site.iter().enumerate() {
                let row = rows.get(key);
                if row != last {
                    let row = row.map(|row| format!("{} {}", row.on, record(&row.row)));
                    let _ = write!(told, " [{seq}] {}", row.as_deref().unwrap_or("gone"));
                }
                last = row;
            }
            let _ = writeln!(told, "\n    in the cloud: {:?}", self.edits.get(key));
        }
        told
    }

    /// The site's rows and rules at a commit.
    fn at(&self, seq: u64) -> Outcome<(Rules, &Rows)> {
        let at = usize::try_from(seq)?;
        let found = self.rules.get(at).copied().zip(self.site.get(at));
        Ok(found.ok_or(format!("the site has made no commit {seq}"))?)
    }

    /// Reads on in the log of edits. `stands`: at which of the site's commits each database stood
    /// before what was done last.
    pub(super) async fn follow(
        &mut self,
        log: &SiteLog<EditsLog>,
        stands: &BTreeMap<usize, u64>,
    ) -> Outcome<Vec<String>> {
        let mut told = Vec::new();
        while let Some(commit) = log.commit(Seq(self.seq + 1)).await? {
            self.take(&commit, stands)
                .map_err(|error| format!("commit {} of edits: {error}", self.seq + 1))?;
            self.seq += 1;
            let (site, actors) = (commit.head.site_seq, commit.more.journal.iter());
            let actors: Vec<&str> = actors.map(|row| row.actor.as_str()).collect();
            let parts = commit.changes.iter();
            let parts: Vec<_> = parts
                .map(|change| format!("{}/{}", change.table, change.part))
                .collect();
            told.push(format!(
                "    edits {} at {site}: {actors:?} {parts:?}",
                self.seq
            ));
        }
        Ok(told)
    }

    fn take(&mut self, commit: &Commit<EditsLog>, stands: &BTreeMap<usize, u64>) -> Outcome {
        let site_seq = commit.head.site_seq.0;
        self.owner = Some(commit.head.writer.clone());
        if commit.changes.is_empty() && commit.more.journal.is_empty() {
            // Somebody became the owner.
            return Ok(());
        }
        self.meet(site_seq)?;
        for row in &commit.more.journal {
            if !self.ids.insert(row.id.clone()) {
                return Err(format!("{} is in the log twice", row.id).into());
            }
            let tab = Tab::named(row.table.as_str()).ok_or("an unknown table")?;
            let key = Key::new(tab, row.key.texts().first().ok_or("no key")?);
            let at = self.change_of(&key, &row.actor)?;
            let change = &self.changes[at];
            let op = match (&change.mark, &change.old, &change.new) {
                (Some(mark), ..) => mark.op,
                (_, None, _) => Operation::Insert,
                (_, _, None) => Operation::Delete,
                _ => Operation::Update,
            };
            self.log.push((commit.head.seq.0, row.id.clone(), at));
            let columns = columns_of(change);
            if (row.op, &row.columns) != (op, &columns) {
                return Err(format!("{key:?}: {:?}, and not {columns:?}", row.columns).into());
            }
            let change = Written {
                old: change.old.clone(),
                new: change.new.clone(),
                base: self.base(change, site_seq, stands)?,
                is_at_site: self.at(site_seq)?.1.contains_key(&key),
                closes: change.mark.as_ref().and_then(|mark| mark.closes.clone()),
            };
            let before = self.edits.remove(&key);
            if let Some(edit) = written(tab, before, &change) {
                self.edits.insert(key, edit);
            }
            self.changes[at].place = Some(Place {
                commit: commit.head.seq.0,
            });
        }
        self.meet(site_seq)
    }

    /// The change that a row of the log speaks of: of a transaction's changes of one row the first that is not
    /// there yet.
    fn change_of(&self, key: &Key, actor: &str) -> Outcome<usize> {
        let of_row = || {
            let changes = self.changes.iter().enumerate();
            changes.filter(|(_, change)| change.key == *key && change.place.is_none())
        };
        // A role that is not the hub's stands before the name that it goes by.
        let name = actor.rsplit('/').next().unwrap_or(actor);
        let found = of_row().find(|(_, change)| name == format!("w{}", change.tx));
        let Some((at, found)) = found else {
            return Err(
                format!("{key:?} by {actor}: nobody wrote that, or it is there already").into(),
            );
        };
        let waits = |(_, other): &(usize, &Change)| !other.holders.is_disjoint(&found.holders);
        match of_row().take_while(|(other, _)| *other < at).find(waits) {
            Some((_, other)) => {
                Err(format!("{key:?} by {actor} is there before w{}", other.tx).into())
            }
            None => Ok(at),
        }
    }

    /// The site's row under a change, as the database of the writer had it, if that can still be told.
    fn base(
        &self,
        change: &Change,
        site_seq: u64,
        stands: &BTreeMap<usize, u64>,
    ) -> Outcome<Option<super::rows::Row>> {
        let Some((part, md5)) = &change.object else {
            return Ok(None);
        };
        let stands = change
            .holders
            .iter()
            .filter_map(|holder| stands.get(holder));
        for seq in stands.chain([&site_seq]) {
            let catalog = &self.catalogs[usize::try_from(*seq)?];
            let mut parts = catalog.partitions.iter().filter(|((table, of), entry)| {
                table.as_str() == change.key.tab.name()
                    && of.to_string() == *part
                    && entry.object.md5 == *md5
            });
            if parts.next().is_some() {
                let row = self.at(*seq)?.1.get(&change.key);
                let is_there = |row: &&Placed| {
                    change.key.tab == Tab::Item || format!("dt={}", row.on) == *part
                };
                return Ok(row.filter(is_there).map(|row| row.row.clone()));
            }
        }
        Ok(None)
    }

    /// All edits meet what the site had at a commit, parents first.
    pub(super) fn meet(&mut self, seq: u64) -> Outcome {
        self.edits = self.met_at(seq)?;
        Ok(())
    }

    /// The edits as they are with what the site had at a commit.
    pub(super) fn met_at(&self, seq: u64) -> Outcome<BTreeMap<Key, Edit>> {
        let (rules, rows) = self.at(seq)?;
        Ok(met(&self.edits, rules, rows))
    }

    /// The rows that somebody sees who has read the log of edits and the site's up to a commit.
    pub(super) fn view(&self, seq: u64) -> Outcome<View> {
        let (_, rows) = self.at(seq)?;
        let edits = self.met_at(seq)?;
        let mut view = View::new();
        for (key, row) in rows.iter().filter(|(key, _)| !edits.contains_key(key)) {
            let shown = Shown {
                at: row.clone(),
                is_edited: false,
            };
            view.insert(key.clone(), shown);
        }
        for (key, edit) in edits {
            if let Some(at) = edit.shown() {
                let shown = Shown {
                    at: at.clone(),
                    is_edited: true,
                };
                view.insert(key, shown);
            }
        }
        Ok(view)
    }

    /// The rows with changes that wait in a database's journal.
    pub(super) fn waiting(&self, at: usize) -> BTreeSet<Key> {
        let waiting = self.changes.iter();
        let waiting =
            waiting.filter(|change| change.place.is_none() && change.holders.contains(&at));
        waiting.map(|change| change.key.clone()).collect()
    }

    /// The rows of a database whose journal is not flushed.
    pub(super) fn with_changes(&self, view: &View, at: usize) -> View {
        let mut view = view.clone();
        let waiting = self.changes.iter();
        let waiting =
            waiting.filter(|change| change.place.is_none() && change.holders.contains(&at));
        for change in waiting {
            match &change.new {
                // A side was taken that the row had already.
                None if change.old.is_none() => {}
                None => drop(view.remove(&change.key)),
                Some(new) => {
                    let shown = Shown {
                        at: new.clone(),
                        is_edited: true,
                    };
                    view.insert(change.key.clone(), shown);
                }
            }
        }
        view
    }

    pub(super) fn head(&self) -> u64 {
        self.site.len() as u64 - 1
    }
}

fn met(edits: &BTreeMap<Key, Edit>, rules: Rules, rows: &Rows) -> BTreeMap<Key, Edit> {
    let mut met = BTreeMap::<Key, Edit>::new();
    // Visits sort before reports.
    for (key, edit) in edits {
        let parent = key.parent().and_then(|parent| match met.get(&parent) {
            Some(edit) => edit.shown().map(|at| at.on.clone()),
            None => rows.get(&parent).map(|row| row.on.clone()),
        });
        let rule = (key.tab, rules[key.tab as usize]);
        if let Some(edit) = edit.clone().meet(rule, rows.get(key), parent.as_deref()) {
            met.insert(key.clone(), edit);
        }
    }
    met
}

/// The visits that share the values of the unique rule with one that comes first.
pub(super) fn clashing(view: &View) -> BTreeSet<i64> {
    let mut first: BTreeMap<(&str, &str), (bool, i64)> = BTreeMap::new();
    let visits = || view.iter().filter(|(key, _)| key.tab == Tab::Visit);
    for (key, shown) in visits() {
        if let Some(place) = taken(&shown.at.row) {
            let order = (!shown.is_edited, key.number());
            let least = first.entry(place).or_insert(order);
            *least = order.min(*least);
        }
    }
    let clashes = visits().filter(|(key, shown)| {
        taken(&shown.at.row).is_some_and(|place| first[&place].1 != key.number())
    });
    clashes.map(|(key, _)| key.number()).collect()
}

/// Its columns as a commit lists them.
fn columns_of(change: &Change) -> BTreeMap<String, [Option<String>; 2]> {
    let text = |placed: &Option<Placed>, at: usize| {
        placed.as_ref().and_then(|placed| placed.row[at].clone())
    };
    let columns = change.key.tab.columns().iter().enumerate();
    columns
        .map(|(at, name)| {
            let pair = [text(&change.old, at), text(&change.new, at)];
            ((*name).to_owned(), pair)
        })
        .filter(|(_, [old, new])| old != new)
        .collect()
}
