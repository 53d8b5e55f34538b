//! Whether database, totals and published files are what the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use causeway_shared::edits_object::Loser;
use causeway_shared::layout;
use causeway_shared::store::list_all;

use super::FORMATS;
use super::cloud::{Lost, Values};
use super::rows::{Key, STATE, STATES, Tab, Text, record};
use super::truth::{View, clashing};
use super::world::World;
use super::writes::Read;
use crate::db::Query;
use crate::services::conflicts::{self, ConflictKind, ConflictsQuery};
#[cfg(feature = "delta")]
use crate::testing::delta::{export, published_rows};
use crate::testing::{Outcome, archive_as};

/// That two lists are the same, or in what they differ.
fn same<T: Ord + Debug>(what: &str, found: BTreeSet<T>, expected: BTreeSet<T>) -> Outcome {
    if found == expected {
        return Ok(());
    }
    let (more, less) = (found.difference(&expected), expected.difference(&found));
    let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
    Err(format!("{what}: there is {more:?} instead of {less:?}").into())
}

fn expected(view: &View, tab: Tab, is_wanted: impl Fn(&Key, &str) -> bool) -> BTreeSet<String> {
    let rows = view
        .iter()
        .filter(|(key, shown)| key.tab == tab && is_wanted(key, &shown.at.on));
    rows.map(|(_, shown)| format!("{} {}", shown.at.on, record(&shown.at.row)))
        .collect()
}

impl World<'_> {
    /// A database that has just been loaded. `is_quiet`: nothing was done meanwhile.
    pub(super) async fn compare(&mut self, at: usize, is_quiet: bool) -> Outcome {
        let stored = self.stored(at).await?;
        let owns = self.owns(at).await?;
        let is_newest =
            stored.edits.seq().0 == self.truth.seq && stored.catalog.seq().0 == self.truth.head();
        let waits = owns && stored.state.edits_waiting > 0;
        if is_quiet && (!is_newest || owns && !stored.state.writable) {
            let (edits, site) = (stored.edits.seq(), stored.catalog.seq());
            return Err(format!("{at} stands at {edits} and {site}").into());
        }
        if !is_newest {
            return Ok(());
        }
        let view = self.truth.view(self.truth.head())?;
        let test = &self.places[&at].test;
        let window = test.hub.window(self.now).0;
        let loaded: BTreeSet<String> = stored
            .loaded
            .keys()
            .filter_map(|key| key.1.date())
            .chain(window.dates())
            .map(|date| date.to_string())
            .collect();
        // What waits in the journal may lie on a date that is not loaded.
        let pending = self.truth.waiting(at);
        for tab in Tab::ALL {
            let rows = self.rows(at, tab).await?;
            let is_wanted = |key: &Key, on: &str| {
                tab == Tab::Item || loaded.contains(on) || waits && pending.contains(key)
            };
            let shown = match waits {
                true => &self.truth.with_changes(&view, at),
                false => &view,
            };
            let what = format!("{tab:?}s in {at}");
            same(&what, rows, expected(shown, tab, is_wanted))?;
        }
        if waits {
            return Ok(());
        }
        let visits = self
            .site
            .agent
            .dataset()
            .table("visit")
            .ok_or("no such table")?;
        let marked = test.marked(&self.site.agent, visits).await?;
        let clashes = clashing(&view).into_iter().filter(|id| {
            view.iter().any(|(key, shown)| {
                key.tab == Tab::Visit && key.number() == *id && loaded.contains(&shown.at.on)
            })
        });
        let clashes = clashes.map(|id| id.to_string()).collect();
        same(
            &format!("clashes in {at}"),
            marked.into_iter().collect(),
            clashes,
        )?;
        self.totals(at, &view).await?;
        self.conflicts(at, &view).await?;
        self.count("compared");
        Ok(())
    }

    /// What is listed of conflicts, and how many there are.
    async fn conflicts(&mut self, at: usize, view: &View) -> Outcome {
        let query = ConflictsQuery {
            limit: 1_000,
            ..ConflictsQuery::default()
        };
        let hub = &self.places[&at].test.hub;
        let page = conflicts::list(hub, &query, self.now).await?;
        let (mut edits, mut clashes) = (BTreeSet::new(), BTreeSet::new());
        for found in &page.items {
            let on = found.part.date().map(|date| date.to_string());
            let on = on.unwrap_or_default();
            let key = found.key.texts().join(",");
            let lost = |loser: &Option<Loser>| match loser {
                None => "nothing".to_owned(),
                Some(Loser::Deletion) => "its deletion".to_owned(),
                Some(Loser::Columns(texts)) => format!("{texts:?}"),
            };
            let lost = (lost(&found.lost.site), lost(&found.lost.cloud));
            match found.kind {
                ConflictKind::Edit => {
                    let (table, row) = (&found.table, &found.row);
                    edits.insert(format!("{table} {key} on {on}: {row:?}, {lost:?}"))
                }
                ConflictKind::Clash => clashes.insert(key),
            };
        }
        let expected: BTreeSet<String> = self
            .truth
            .met_at(self.truth.head())?
            .iter()
            .filter(|(_, edit)| edit.is_conflict())
            .map(|(key, edit)| {
                let names = key.tab.columns();
                let texts = |values: &Values| -> BTreeMap<String, Text> {
                    let texts = values.iter();
                    texts
                        .map(|(at, text)| (names[*at].to_owned(), text.clone()))
                        .collect()
                };
                let lost = |lost: &Lost| match lost {
                    Lost::Nothing => "nothing".to_owned(),
                    Lost::Deletion => "its deletion".to_owned(),
                    Lost::Values(values) => format!("{:?}", texts(values)),
                };
                let lost = (lost(&edit.site_lost), lost(&edit.cloud_lost));
                let row = edit.shown().map(|at| {
                    let row: Values = at.row.iter().cloned().enumerate().collect();
                    texts(&row)
                });
                let (table, text, on) = (key.tab.name(), &key.text, edit.listed_on());
                format!("{table} {text} on {on}: {row:?}, {lost:?}")
            })
            .collect();
        let clashing: BTreeSet<String> = clashing(view).iter().map(i64::to_string).collect();
        let total = (expected.len() + clashing.len()) as u64;
        let is_any = total > 0;
        same(&format!("conflicts in {at}"), edits, expected)?;
        same(&format!("clashes listed by {at}"), clashes, clashing)?;
        if page.total != total {
            return Err(format!("{at} counts {} conflicts, and not {total}", page.total).into());
        }
        if is_any {
            self.count("conflicted");
        }
        Ok(())
    }

    /// The rows of a table, each behind the date on which it lies.
    async fn rows(&self, at: usize, tab: Tab) -> Outcome<BTreeSet<String>> {
        let placed = self.placed(at, tab).await?.into_iter();
        Ok(placed
            .map(|(_, (placed, _))| format!("{} {}", placed.on, record(&placed.row)))
            .collect())
    }

    /// The rows of a table.
    pub(super) async fn placed(&self, at: usize, tab: Tab) -> Outcome<Vec<(Key, Read)>> {
        let query = Query {
            sql: super::writes::select(tab).into(),
            parameters: Vec::new(),
            types: super::writes::types(tab),
        };
        let (name, nothing) = (self.site.agent.name(), BTreeSet::new());
        let database = &self.places[&at].test.database;
        let found = database.query(name, &[query], &nothing).await?;
        let mut rows: Vec<(Key, Read)> = Vec::new();
        for values in found.into_iter().flatten().flatten() {
            let (key, read) = super::writes::read(tab, &values);
            if rows.last().is_some_and(|(last, _)| *last == key) {
                return Err(format!("{tab:?} in {at}: {} is there twice", key.text).into());
            }
            rows.push((key, read));
        }
        Ok(rows)
    }

    /// Totals count all history.
    async fn totals(&self, at: usize, view: &View) -> Outcome {
        let site = self.places[&at].test.hub.sites(None).await?.remove(0);
        let of = |tab: Tab| view.iter().filter(move |(key, _)| key.tab == tab);
        for tab in Tab::ALL {
            let (found, rows) = (site.catalog.rows(tab.name()), of(tab).count() as u64);
            if found != rows {
                return Err(format!("{at} counts {found} {tab:?}s, and there are {rows}").into());
            }
        }
        let summary = site.catalog.total("visit");
        for state in STATES {
            let rows =
                of(Tab::Visit).filter(|(_, shown)| shown.at.row[STATE].as_deref() == Some(state));
            let (found, rows) = (summary.count("state", state), rows.count() as u64);
            if found != rows {
                return Err(
                    format!("{at} counts {found} that are {state}, and there are {rows}").into(),
                );
            }
        }
        let prices = of(Tab::Visit).filter_map(|(_, shown)| shown.at.row[5].clone());
        let prices = prices.filter_map(|price| price.parse::<i64>().ok());
        let (sum, count) = prices.fold((0, 0), |(sum, count), price| (sum + price, count + 1));
        let found = summary.sum.get("price").copied().unwrap_or_default();
        if (serde_json::to_value(found.sum)?, found.count) != (sum.into(), count) {
            return Err(format!("{at} adds {found:?} up, and it is {sum} of {count}").into());
        }
        Ok(())
    }

    /// What a run of the archive publishes now.
    pub(super) async fn archive(&mut self) -> Outcome {
        let archive = archive_as(&self.store, FORMATS)?;
        let report = archive.run(self.now).await?;
        if let Some(error) = report.first_error() {
            return Err(error.to_owned().into());
        }
        self.count("archived");
        self.published().await?;
        #[cfg(feature = "delta")]
        {
            let rows = published_rows(&self.store).await?;
            self.noted.note(&archive, rows, self.now).await?;
        }
        Ok(())
    }

    /// The Delta tables, for readers that share no code with this program.
    #[cfg(feature = "delta")]
    pub(super) async fn export_tables(&self) -> Outcome {
        match self.servers.tables() {
            Some(folder) => export(&self.store, &self.noted.readable(self.now), folder).await,
            None => Ok(()),
        }
    }

    async fn published(&self) -> Outcome {
        let view = self.truth.view(self.truth.head())?;
        let mut found: BTreeMap<Tab, BTreeSet<String>> = BTreeMap::new();
        for object in list_all(&*self.store, layout::ARCHIVE, None).await? {
            let path: Vec<&str> = object.key.split('/').collect();
            let [_, table, part, _] = path[..] else {
                continue;
            };
            let tab = Tab::named(table).ok_or("an unknown table")?;
            let body = self.store.get(&object.key).await?.bytes(1_000_000).await?;
            let text = String::from_utf8(body)?;
            let on = part.strip_prefix("dt=").unwrap_or("");
            for line in text.lines().skip(1) {
                let is_new = found.entry(tab).or_default().insert(format!("{on} {line}"));
                if !is_new {
                    return Err(format!("{line} is published twice").into());
                }
            }
        }
        for tab in Tab::ALL {
            let found = found.remove(&tab).unwrap_or_default();
            same(
                &format!("published {tab:?}s"),
                found,
                expected(&view, tab, |_, _| true),
            )?;
        }
        Ok(())
    }
}
