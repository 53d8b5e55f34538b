//! What services and other programs write in the cloud.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::{Md5, Name, Part};
use causeway_shared::value::{Type, Value};
use tokio::time::timeout;

use super::play::{WAITS, Work, work};
use super::rows::{DAYS, Key, Placed, Row, STATES, Tab};
use super::truth::Change;
use super::world::World;
use crate::db::{DbError, SiteWrite, StoredSite};
use crate::testing::Outcome;

/// A transaction that is open.
struct Writer<'w, 's> {
    world: &'w mut World<'s>,
    stored: StoredSite,
    write: Box<dyn SiteWrite>,
    changes: Vec<Change>,
    given: Vec<i64>,
}

/// What a statement came to.
type Tried<T> = Result<T, DbError>;

/// What is read of a row: where it lies, and its texts.
pub(super) type Read = (Placed, String);

pub(super) fn types(tab: Tab) -> Vec<Type> {
    let columns = match tab {
        Tab::Visit => &[
            Type::Int,
            Type::Date,
            Type::Int,
            Type::Text,
            Type::Text,
            Type::Int,
        ][..],
        Tab::Report => &[Type::Int, Type::Text, Type::Int],
        Tab::Item => &[Type::Text, Type::Text, Type::Int],
    };
    columns.iter().copied().chain([Type::Text]).collect()
}

/// All rows of a table, by key.
pub(super) fn select(tab: Tab) -> String {
    let (columns, key) = (tab.columns().join(", "), tab.columns()[0]);
    format!(
        "SELECT {columns}, causeway_part FROM {} ORDER BY {key}",
        tab.name()
    )
}

/// A row that was selected.
pub(super) fn read(tab: Tab, values: &[Value<'_>]) -> (Key, Read) {
    let mut row: Row = values.iter().map(canonical_text).collect();
    let part = row.pop().flatten().unwrap_or_default();
    let on = part.strip_prefix("dt=").unwrap_or("").to_owned();
    let key = Key::new(tab, row[0].as_deref().unwrap_or(""));
    (key, (Placed { on, row }, part))
}

fn literal(text: &str) -> String {
    format!("'{text}'")
}

impl World<'_> {
    /// Somebody changes some rows in one transaction. Says how it ended.
    pub(super) async fn write(&mut self, at: usize, limit: Duration) -> Outcome<String> {
        let name = self.site.agent.name().clone();
        let now = self.now;
        let test = &self.places[&at].test;
        let stored = self.stored(at).await?;
        let Some(dataset) = stored.dataset.clone() else {
            return Ok("nothing is loaded".to_owned());
        };
        // As services do before they write.
        test.hub.ensure_keys(now).await?;
        let actor = format!("w{}", self.transactions);
        let database = Arc::clone(&test.database);
        let begun = database.begin_write(&name, &dataset, &actor);
        let Ok(begun) = timeout(limit, begun).await else {
            return Ok(format!("{actor} in {at} waits"));
        };
        let mut write = begun?;
        if let Some(role) = self.servers.writer()
            && self.rng.u8(..3) == 0
        {
            let become_it = format!("SET LOCAL SESSION AUTHORIZATION {role}");
            write.query(&become_it, &[], &[]).await?;
            self.count("written by a role");
        }
        self.transactions += 1;
        let mut writer = Writer {
            stored,
            write,
            changes: Vec::new(),
            given: Vec::new(),
            world: self,
        };
        let steps = writer.world.rng.u8(1..4);
        let mut said = Vec::new();
        let mut refused = None;
        for _ in 0..steps {
            // Whoever holds its tables may be stopped until this is over.
            let Ok(done) = timeout(limit, writer.step()).await else {
                said.push("waits".to_owned());
                refused = Some(("it waits".to_owned(), String::new()));
                break;
            };
            match done {
                Ok(what) => said.push(what),
                Err(DbError::Rejected { state, message }) => {
                    refused = Some((state, message));
                    break;
                }
                Err(other) => return Err(other.into()),
            }
        }
        let Writer {
            write,
            mut changes,
            given,
            ..
        } = writer;
        for key in given {
            if !self.keys.insert(key) {
                return Err(format!("key {key} is given twice").into());
            }
        }
        if let Some((state, message)) = refused {
            self.count("refused");
            let is_known = ["23505", "23503", "25006", "it waits"].contains(&state.as_str());
            let is_wrong = state == "25006" && self.places[&at].takes_changes;
            if !is_known || is_wrong {
                return Err(format!("{actor} in {at}: {said:?}, then {state} {message}").into());
            }
            return Ok(format!("{actor} in {at}: {said:?}, then {state}"));
        }
        if limit > WAITS && self.servers.writer().is_some() && self.rng.u8(..4) == 0 {
            self.while_open(at).await?;
        }
        write.commit().await?;
        for change in &mut changes {
            change.holders.insert(at);
        }
        if !changes.is_empty() {
            self.count("written");
        }
        self.truth.changes.extend(changes);
        Ok(format!("{actor} in {at}: {said:?}"))
    }
}

impl World<'_> {
    /// A hub works beside a transaction that is open. Where it has to wait for that, it is killed.
    async fn while_open(&mut self, at: usize) -> Outcome {
        let what = match self.rng.bool() {
            true => Work::Flush,
            false => Work::Load,
        };
        let site = self.site.agent.name().clone();
        let test = self.another(at, &self.store)?;
        let done = match timeout(WAITS, work(test, site, what)).await {
            Ok(done) => done.is_ok(),
            Err(_) => false,
        };
        self.tell(format!("  {what:?} meanwhile, done: {done}"));
        self.count("left open");
        self.follow().await
    }
}

impl Writer<'_, '_> {
    async fn step(&mut self) -> Tried<String> {
        let tab = [Tab::Visit, Tab::Visit, Tab::Report, Tab::Item][self.world.rng.usize(..4)];
        match self.world.rng.u8(..10) {
            0..=2 => self.bear(tab).await,
            3 => self.delete(tab).await,
            _ => self.update(tab).await,
        }
    }

    /// A table's rows, by key.
    async fn rows(&mut self, tab: Tab) -> Tried<Vec<(Key, Read)>> {
        let rows = self.write.query(&select(tab), &[], &types(tab)).await?;
        Ok(rows.iter().map(|values| read(tab, values)).collect())
    }

    async fn row(&mut self, key: &Key) -> Tried<Option<Read>> {
        let rows = self.rows(key.tab).await?;
        Ok(rows
            .into_iter()
            .find(|(other, _)| other == key)
            .map(|(_, read)| read))
    }

    async fn any(&mut self, tab: Tab) -> Tried<Option<(Key, Read)>> {
        let mut rows = self.rows(tab).await?;
        // Often one to which something was done before.
        let edits = &self.world.truth.edits;
        if self.world.rng.u8(..3) == 0 && rows.iter().any(|(key, _)| edits.contains_key(key)) {
            rows.retain(|(key, _)| edits.contains_key(key));
        }
        Ok(self.world.rng.choice(rows))
    }

    /// The object that the rows of a partition come from.
    fn object(&self, tab: Tab, part: &str) -> Option<(String, Md5)> {
        let key = (Name::new(tab.name()).ok()?, Part::new(part).ok()?);
        let object = self.stored.loaded.get(&key)?.version?.object?;
        Some((part.to_owned(), object))
    }

    fn changed(&mut self, key: Key, old: Option<Read>, new: Option<Read>) {
        let object = old
            .as_ref()
            .and_then(|(_, part)| self.object(key.tab, part));
        self.changes.push(Change {
            tx: self.world.transactions - 1,
            key,
            old: old.map(|(placed, _)| placed),
            new: new.map(|(placed, _)| placed),
            object,
            holders: BTreeSet::new(),
            place: None,
            mark: None,
        });
    }

    async fn bear(&mut self, tab: Tab) -> Tried<String> {
        let text = |text: String| Value::Text(text.into());
        let fresh = &mut self.world.fresh;
        let (note, number) = (fresh.note(), fresh.number().parse().unwrap_or(0));
        let rng = &mut self.world.rng;
        let day = DAYS[rng.usize(..DAYS.len())];
        let values = match tab {
            Tab::Visit => vec![
                (1, day.parse().map_or(Value::Null, Value::Date)),
                (2, Value::Int(rng.i64(1..5))),
                (3, text(STATES[rng.usize(..3)].to_owned())),
                (4, text(note)),
                (5, Value::Int(number)),
            ],
            Tab::Report => {
                let Some((visit, _)) = self.any(Tab::Visit).await? else {
                    return Ok("no visit".to_owned());
                };
                if self
                    .row(&Key::new(Tab::Report, &visit.text))
                    .await?
                    .is_some()
                {
                    return Ok("there is a report".to_owned());
                }
                vec![(0, Value::Int(visit.number())), (1, text(note))]
            }
            Tab::Item => {
                let code = ["a", "b", "c", "d", "e", "f"][rng.usize(..6)];
                if self.row(&Key::new(Tab::Item, code)).await?.is_some() {
                    return Ok("there is such an item".to_owned());
                }
                vec![
                    (0, text(code.to_owned())),
                    (1, text(note)),
                    (2, Value::Int(number)),
                ]
            }
        };
        let Some(dataset) = self.stored.dataset.clone() else {
            return Ok("nothing is loaded".to_owned());
        };
        let Some(table) = dataset.table(tab.name()) else {
            return Ok("no such table".to_owned());
        };
        let row = self.write.insert(table, &values).await?;
        let row: Row = row.iter().map(canonical_text).collect();
        let key = Key::new(tab, row[0].as_deref().unwrap_or(""));
        if tab == Tab::Visit {
            self.given.push(key.number());
        }
        let what = format!("bears {tab:?} {}", key.text);
        let new = self.row(&key).await?;
        self.changed(key, None, new);
        Ok(what)
    }

    async fn update(&mut self, tab: Tab) -> Tried<String> {
        let Some((key, old)) = self.any(tab).await? else {
            return Ok("no row".to_owned());
        };
        let report_key = Key::new(Tab::Report, &key.text);
        let report = match tab {
            Tab::Visit => self.row(&report_key).await?,
            _ => None,
        };
        let (fresh, rng) = (&mut self.world.fresh, &mut self.world.rng);
        let note = format!("note = {}", literal(&fresh.note()));
        let set = match (tab, rng.u8(..8)) {
            (Tab::Visit, 0..=1) => format!("slot = {}", rng.u8(1..5)),
            (Tab::Visit, 2..=3) => format!("state = {}", literal(STATES[rng.usize(..3)])),
            (Tab::Visit, 4) => format!("price = {}, {note}", fresh.number()),
            (Tab::Visit, 6 | 7) => format!("day = {}", literal(DAYS[rng.usize(..DAYS.len())])),
            (Tab::Report, 0..=3) => format!("stars = {}", rng.u8(1..4)),
            (Tab::Item, 0..=3) => format!("size = {}", rng.u8(1..4)),
            // Back to what the site has.
            (_, 5) => {
                let site = self.world.truth.site.last().and_then(|rows| rows.get(&key));
                let column = tab.columns().len() - 1 - rng.usize(..2);
                match site.and_then(|site| site.row[column].clone()) {
                    Some(text) => format!("{} = {}", tab.columns()[column], literal(&text)),
                    None => format!("{} = NULL", tab.columns()[column]),
                }
            }
            _ => note,
        };
        let key_text = match tab {
            Tab::Item => literal(&key.text),
            _ => key.text.clone(),
        };
        let key_name = tab.columns()[0];
        let sql = format!(
            "UPDATE {} SET {set} WHERE {key_name} = {key_text} RETURNING {key_name}",
            tab.name()
        );
        let types = &types(tab)[..1];
        self.write.query(&sql, &[], types).await?;
        let new = self.row(&key).await?;
        let what = format!("{tab:?} {} {set}", key.text);
        if new.as_ref().map(|new| &new.0.row) != Some(&old.0.row) {
            let is_moved = new.as_ref().is_some_and(|new| new.0.on != old.0.on);
            self.changed(key, Some(old), new);
            if is_moved {
                self.world.count("moved");
            }
            if let Some(report) = report.filter(|_| is_moved) {
                // It lies where its visit lies.
                let new = self.row(&report_key).await?;
                self.changed(report_key, Some(report), new);
            }
        }
        Ok(what)
    }

    async fn delete(&mut self, tab: Tab) -> Tried<String> {
        let Some((key, old)) = self.any(tab).await? else {
            return Ok("no row".to_owned());
        };
        let report = Key::new(Tab::Report, &key.text);
        if tab == Tab::Visit
            && self.world.rng.u8(..4) > 0
            && let Some(read) = self.row(&report).await?
        {
            self.remove(report, read).await?;
        }
        let what = format!("deletes {tab:?} {}", key.text);
        self.remove(key, old).await?;
        Ok(what)
    }

    async fn remove(&mut self, key: Key, old: Read) -> Tried<()> {
        let name = key.tab.columns()[0];
        let text = match key.tab {
            Tab::Item => literal(&key.text),
            _ => key.text.clone(),
        };
        let sql = format!(
            "DELETE FROM {} WHERE {name} = {text} RETURNING {name}",
            key.tab.name()
        );
        self.write.query(&sql, &[], &types(key.tab)[..1]).await?;
        self.changed(key, Some(old), None);
        Ok(())
    }
}
