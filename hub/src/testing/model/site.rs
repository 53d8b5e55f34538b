//! The site: an application that changes its rows, and an agent that commits them.

use std::collections::BTreeMap;

use causeway_shared::ids::Part;
use causeway_shared::partition::bucket;
use causeway_shared::store::Store;
use causeway_shared::value::Value;
use fastrand::Rng;

use super::rows::{
    DAY, DAYS, Key, Placed, Row, Rows, Rule, Rules, SLOT, STATE, STATES, Tab, dataset, record,
    taken,
};
use super::truth::{Truth, View};
use crate::testing::{Outcome, TestSite};

#[derive(Debug)]
pub(super) struct Site {
    pub(super) agent: TestSite,
    rules: Rules,
    rows: BTreeMap<Key, Row>,
    buckets: u32,
    /// The records of each partition, as they were committed.
    committed: BTreeMap<(Tab, String), Vec<String>>,
}

/// A value that nobody had before.
#[derive(Debug, Default)]
pub(super) struct Fresh(i64);

impl Fresh {
    pub(super) fn number(&mut self) -> String {
        self.0 += 1;
        self.0.to_string()
    }

    pub(super) fn note(&mut self) -> String {
        format!("n{}", self.number())
    }
}

impl Site {
    pub(super) fn new(store: &Store, rules: Rules) -> Outcome<Self> {
        Ok(Self {
            agent: TestSite::new(store, "here", &dataset(rules, 2))?,
            rules,
            rows: BTreeMap::new(),
            buckets: 2,
            committed: BTreeMap::new(),
        })
    }

    /// What it begins with.
    pub(super) fn fill(&mut self, rng: &mut Rng, fresh: &mut Fresh) {
        for _ in 0..8 {
            self.bear_visit(rng, fresh);
        }
        for id in 1..4 {
            self.bear_report(&Key::new(Tab::Visit, &id.to_string()), fresh);
        }
        for code in ["a", "b", "c"] {
            let row = vec![
                Some(code.to_owned()),
                Some(fresh.note()),
                Some(fresh.number()),
            ];
            self.rows.insert(Key::new(Tab::Item, code), row);
        }
    }

    fn keys(&self, tab: Tab) -> Vec<Key> {
        let keys = self.rows.keys().filter(|key| key.tab == tab);
        keys.cloned().collect()
    }

    /// Those to which the cloud did something, or to whose report.
    fn edited(&self, tab: Tab, truth: &Truth) -> Vec<Key> {
        let keys = truth.edits.keys().map(|key| match key.parent() {
            Some(parent) if tab == Tab::Visit => parent,
            _ => key.clone(),
        });
        keys.filter(|key| key.tab == tab && self.rows.contains_key(key))
            .collect()
    }

    /// Takes a visit in, if no other has its place.
    fn put_visit(&mut self, key: Key, row: Row) {
        let mut others = self
            .rows
            .iter()
            .filter(|(other, _)| other.tab == Tab::Visit && **other != key);
        let is_free =
            taken(&row).is_none_or(|place| others.all(|(_, other)| taken(other) != Some(place)));
        if is_free {
            self.rows.insert(key, row);
        }
    }

    /// Often one that was there before.
    fn bear_visit(&mut self, rng: &mut Rng, fresh: &mut Fresh) {
        let mut keys = (1..40).map(|id: i32| Key::new(Tab::Visit, &id.to_string()));
        let Some(key) = keys.find(|key| !self.rows.contains_key(key)) else {
            return;
        };
        let row = vec![
            Some(key.text.clone()),
            Some(DAYS[rng.usize(..DAYS.len())].to_owned()),
            Some(rng.u8(1..5).to_string()),
            Some(STATES[rng.usize(..STATES.len())].to_owned()),
            Some(fresh.note()),
            Some(fresh.number()),
        ];
        self.put_visit(key, row);
    }

    fn bear_report(&mut self, visit: &Key, fresh: &mut Fresh) {
        if self.rows.contains_key(visit) {
            let row = vec![Some(visit.text.clone()), Some(fresh.note()), None];
            let key = Key::new(Tab::Report, &visit.text);
            self.rows.entry(key).or_insert(row);
        }
    }

    /// Something happens there. `view`: what the cloud shows, of which a person may write something
    /// down at the site as well. Says what.
    pub(super) fn change(
        &mut self,
        rng: &mut Rng,
        fresh: &mut Fresh,
        (truth, view): (&Truth, &View),
    ) -> String {
        let tab = [Tab::Visit, Tab::Visit, Tab::Visit, Tab::Report, Tab::Item][rng.usize(..5)];
        let key = match rng.bool() {
            true => rng.choice(self.edited(tab, truth)),
            false => None,
        };
        let key = key.or_else(|| rng.choice(self.keys(tab)));
        match (rng.u8(..14), key) {
            (0..=1, _) if tab == Tab::Visit => self.bear_visit(rng, fresh),
            (0..=1, _) if tab == Tab::Report => {
                if let Some(visit) = rng.choice(self.keys(Tab::Visit)) {
                    self.bear_report(&visit, fresh);
                }
            }
            (0..=1, _) => {
                let code = ["a", "b", "c", "d", "e", "f"][rng.usize(..6)];
                let row = vec![Some(code.to_owned()), Some(fresh.note()), None];
                self.rows.entry(Key::new(Tab::Item, code)).or_insert(row);
            }
            (2, Some(key)) => {
                self.rows.remove(&key);
                self.rows.remove(&Key::new(Tab::Report, &key.text));
            }
            (3..=4, Some(key)) if tab == Tab::Visit => {
                let mut row = self.rows[&key].clone();
                row[DAY] = Some(DAYS[rng.usize(..DAYS.len())].to_owned());
                self.put_visit(key, row);
            }
            (5, Some(key)) if tab == Tab::Visit => {
                let mut row = self.rows[&key].clone();
                row[SLOT] = Some(rng.u8(1..5).to_string());
                self.put_visit(key, row);
            }
            (6, Some(key)) if tab == Tab::Visit => {
                let mut row = self.rows[&key].clone();
                row[STATE] = Some(STATES[rng.usize(..STATES.len())].to_owned());
                self.put_visit(key, row);
            }
            // As it was before.
            (7, Some(key)) => {
                let earlier = truth.site.iter().filter_map(|rows| rows.get(&key));
                if let Some(earlier) = rng.choice(earlier.collect::<Vec<_>>()) {
                    self.put(key, earlier.row.clone());
                }
            }
            // As the cloud has it, in one column.
            (8..=9, Some(key)) => {
                if let Some(shown) = view.get(&key) {
                    let mut row = self.rows[&key].clone();
                    let column = rng.usize(1..row.len());
                    row[column].clone_from(&shown.at.row[column]);
                    self.put(key, row);
                }
            }
            // A row that the cloud bore under a key of its own.
            (10, _) => {
                let is_new = |key: &&Key| key.number() < 1_000 && !self.rows.contains_key(key);
                let born = view.keys().filter(is_new).cloned().collect::<Vec<_>>();
                if let Some(key) = rng.choice(born) {
                    let mut row = view[&key].at.row.clone();
                    if rng.bool() {
                        row[key.tab.columns().len() - 1] = Some(fresh.number());
                    }
                    self.put(key, row);
                }
            }
            (11, _) if rng.u8(..4) == 0 => {
                self.buckets = rng.u32(1..4);
                return format!("the site has {} buckets", self.buckets);
            }
            // It takes effect with the next commit.
            (12, _) if rng.u8(..4) == 0 => {
                let rule = &mut self.rules[tab as usize];
                *rule = match rule {
                    Rule::Cloud => Rule::Site,
                    Rule::Site => Rule::Cloud,
                };
                return format!("the rule of {tab:?}s is {rule:?}");
            }
            (_, Some(key)) => {
                let mut row = self.rows[&key].clone();
                let last = row.len() - 1;
                match rng.bool() {
                    true => row[last] = Some(fresh.number()),
                    false => row[last - 1] = Some(fresh.note()),
                }
                self.put(key, row);
            }
            (_, None) => {}
        }
        format!("the site changes {tab:?}s")
    }

    fn put(&mut self, key: Key, row: Row) {
        match key.tab {
            Tab::Visit => self.put_visit(key, row),
            Tab::Report if !self.rows.contains_key(&Key::new(Tab::Visit, &key.text)) => {}
            Tab::Report | Tab::Item => drop(self.rows.insert(key, row)),
        }
    }

    /// Its rows, each where it lies.
    fn placed(&self) -> Rows {
        let placed = self.rows.iter().map(|(key, row)| {
            let on = match key.parent() {
                Some(parent) => self.rows[&parent][DAY].clone(),
                None if key.tab == Tab::Visit => row[DAY].clone(),
                None => None,
            };
            let placed = Placed {
                on: on.unwrap_or_default(),
                row: row.clone(),
            };
            (key.clone(), placed)
        });
        placed.collect()
    }

    /// The agent commits what changed, if something did.
    pub(super) async fn commit(&mut self, truth: &mut Truth) -> Outcome<bool> {
        let placed = self.placed();
        let mut now: BTreeMap<(Tab, String), Vec<String>> = BTreeMap::new();
        for (key, Placed { on, row }) in &placed {
            let part = match key.tab {
                Tab::Item => {
                    let code = Value::Text(key.text.clone().into());
                    let bucket = bucket([&code], self.buckets, &mut Vec::new());
                    Part::Bucket(bucket, self.buckets).to_string()
                }
                Tab::Visit | Tab::Report => format!("dt={on}"),
            };
            now.entry((key.tab, part)).or_default().push(record(row));
        }
        if now == self.committed {
            return Ok(false);
        }
        self.agent.declare(&dataset(self.rules, self.buckets))?;
        for ((tab, part), records) in &now {
            if self.committed.get(&(*tab, part.clone())) != Some(records) {
                let records: Vec<&str> = records.iter().map(String::as_str).collect();
                self.agent.put_summed(tab.name(), part, &records).await?;
            }
        }
        for (tab, part) in self.committed.keys().filter(|key| !now.contains_key(key)) {
            self.agent.remove(tab.name(), part)?;
        }
        self.committed = now;
        self.agent.commit().await?;
        truth.site.push(placed);
        truth.rules.push(self.rules);
        truth.catalogs.push(self.agent.catalog().clone());
        Ok(true)
    }
}
