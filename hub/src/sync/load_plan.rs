//! Which partitions a load brings in, and which it takes out: a pure function of what the site
//! holds, what is loaded and what is wanted.

use std::collections::BTreeSet;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, EditsObject, PartitionObject};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, Part};

use super::window::Wanted;
use crate::db::{Mark, Marks, PartVersion};

/// What a load does.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LoadPlan {
    /// Partitions to load, in declared table order and part order.
    pub load: Vec<Planned>,
    /// Partitions to take out: no longer wanted, or gone from the site.
    pub evict: Vec<(Name, Part)>,
    /// How many are loaded and stay.
    pub keep: u64,
}

/// A partition to load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub table: Name,
    pub part: Part,
    /// Its current object; `None` where only the cloud has rows in it.
    pub object: Option<PartitionObject>,
    /// What the cloud changed in it.
    pub edits: Option<EditsObject>,
    /// What is loaded of it now and will be replaced.
    pub was: Option<Mark>,
}

impl Planned {
    pub(crate) fn version(&self) -> PartVersion {
        PartVersion {
            object: self.object.as_ref().map(|object| object.md5),
            edits: self.edits.as_ref().map(|edits| edits.md5),
        }
    }

    /// How many rows it has, edits merged.
    pub(crate) fn rows(&self) -> u64 {
        let site_rows = self.object.as_ref().map_or(0, |object| object.rows);
        self.edits
            .as_ref()
            .map_or(site_rows, |edits| edits.merged.rows)
    }
}

impl LoadPlan {
    /// Whether no row would change.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.load.is_empty() && self.evict.is_empty()
    }

    /// Has the rows of these partitions deleted, whether they count as loaded or not: what the load
    /// brings takes their place.
    pub(crate) fn replace(&mut self, parts: &BTreeSet<(Name, Part)>) {
        for key in parts {
            let is_of = |planned: &&mut Planned| (&planned.table, planned.part) == (&key.0, key.1);
            match self.load.iter_mut().find(is_of) {
                Some(planned) => {
                    planned.was.get_or_insert(Mark {
                        version: None,
                        rows: 0,
                        clashes: 0,
                    });
                }
                None if self.evict.contains(key) => {}
                None => self.evict.push(key.clone()),
            }
        }
    }

    /// How many partitions are to be in the database afterwards.
    #[must_use]
    pub(crate) fn wanted(&self) -> u64 {
        self.keep + self.load.len() as u64
    }
}

/// Plans a load. Partitions in `again` are loaded even if they are loaded already.
#[must_use]
pub(crate) fn load_plan(
    dataset: &Dataset,
    (catalog, edits): (&Catalog, &Catalog<EditsLog>),
    loaded: &Marks,
    wanted: &Wanted,
    again: &BTreeSet<(Name, Part)>,
) -> LoadPlan {
    let mut plan = LoadPlan::default();
    for table in &dataset.tables {
        let name = table.name.as_str();
        let parts = catalog.table(name).map(|(part, _)| part);
        let parts = parts.chain(edits.table(name).map(|(part, _)| part));
        let parts: BTreeSet<Part> = parts.filter(|part| wanted.contains(*part)).collect();
        for part in parts {
            let key = (table.name.clone(), part);
            let object = catalog.partitions.get(&key).map(|entry| &entry.object);
            let edits = edits.partitions.get(&key).map(|entry| &entry.object);
            let version = PartVersion {
                object: object.map(|object| object.md5),
                edits: edits.map(|edits| edits.md5),
            };
            let was = loaded.get(&key).copied();
            let is_loaded = was.is_some_and(|mark| mark.version == Some(version));
            if is_loaded && !again.contains(&key) {
                plan.keep += 1;
                continue;
            }
            // Of thousands of partitions a load brings few: only those are copied.
            plan.load.push(Planned {
                object: object.cloned(),
                edits: edits.cloned(),
                was,
                table: key.0,
                part,
            });
        }
    }
    let stays = |key: &&(Name, Part)| {
        dataset.table(key.0.as_str()).is_some()
            && wanted.contains(key.1)
            && (catalog.partitions.contains_key(*key) || edits.partitions.contains_key(*key))
    };
    plan.evict = loaded.keys().filter(|key| !stays(key)).cloned().collect();
    plan
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use causeway_shared::catalog::Entry;
    use causeway_shared::ids::{Md5, Seq, SiteName};
    use causeway_shared::summary::Summary;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::sync::{DateRange, Window};

    fn key(table: &str, part: &str) -> (Name, Part) {
        (Name::new(table).unwrap(), Part::new(part).unwrap())
    }

    fn catalog(partitions: &[(&str, &str, u8)]) -> Catalog {
        let site = SiteName::new("here").unwrap();
        let entry = |content: u8| Entry {
            object: PartitionObject {
                md5: Md5([content; 16]),
                rows: 1,
                bytes: 1,
                summary: Summary::default(),
            },
            dataset: Md5([0; 16]),
            seq: Seq(1),
        };
        let partitions = partitions
            .iter()
            .map(|(table, part, content)| (key(table, part), entry(*content)));
        Catalog {
            partitions: partitions.collect(),
            ..Catalog::empty(site)
        }
    }

    fn no_edits() -> Catalog<EditsLog> {
        Catalog::empty(SiteName::new("here").unwrap())
    }

    fn mark(md5: Md5, rows: u64) -> Mark {
        let version = PartVersion {
            object: Some(md5),
            edits: None,
        };
        Mark {
            version: Some(version),
            rows,
            clashes: 0,
        }
    }

    fn marks(loaded: &[(&str, &str, u8)]) -> Marks {
        let mark = |content: u8| mark(Md5([content; 16]), 1);
        let marks = loaded
            .iter()
            .map(|(table, part, content)| (key(table, part), mark(*content)));
        marks.collect()
    }

    fn wanted(from: i8, to: i8) -> Wanted {
        let day = |day| date(2025, 11, day);
        Wanted {
            window: Window(DateRange::new(day(from), day(to)).unwrap()),
            pinned: BTreeSet::new(),
            dates: vec![],
            budget: 0,
        }
    }

    /// The plan in words.
    fn planned(catalog: &Catalog, loaded: &Marks, wanted: &Wanted) -> String {
        let dataset = Dataset::meetassist().unwrap();
        let plan = load_plan(
            &dataset,
            (catalog, &no_edits()),
            loaded,
            wanted,
            &BTreeSet::new(),
        );
        let load = plan.load.iter().map(|planned| {
            let again = if planned.was.is_some() { " again" } else { "" };
            format!("load {} {}{again}\n", planned.table, planned.part)
        });
        let evict = plan
            .evict
            .iter()
            .map(|(table, part)| format!("evict {table} {part}\n"));
        load.chain(evict)
            .chain([format!("keep {}", plan.keep)])
            .collect()
    }

    #[test]
    fn buckets_are_always_wanted_and_dates_in_the_window() {
        let catalog = catalog(&[
            ("appointment", "dt=2025-11-27", 1),
            ("appointment", "dt=2025-11-28", 1),
            ("appointment", "dt=2025-11-30", 1),
            ("appointmentfeedback", "dt=2025-11-28", 1),
            ("consultant", "b=0of1", 1),
        ]);
        insta::assert_snapshot!(planned(&catalog, &Marks::new(), &wanted(28, 29)), @r"
        load consultant b=0of1
        load appointment dt=2025-11-28
        load appointmentfeedback dt=2025-11-28
        keep 0
        ");
    }

    #[test]
    fn what_changed_is_replaced_and_what_left_is_evicted() {
        let catalog = catalog(&[
            ("appointment", "dt=2025-11-27", 1),
            ("appointment", "dt=2025-11-28", 2),
            ("consultant", "b=0of1", 1),
        ]);
        let loaded = marks(&[
            ("appointment", "dt=2025-11-27", 1),
            ("appointment", "dt=2025-11-28", 1),
            ("appointment", "dt=2025-11-29", 1),
            ("consultant", "b=0of1", 1),
            ("customer", "b=00of16", 1),
        ]);
        insta::assert_snapshot!(planned(&catalog, &loaded, &wanted(28, 29)), @r"
        load appointment dt=2025-11-28 again
        evict appointment dt=2025-11-27
        evict appointment dt=2025-11-29
        evict customer b=00of16
        keep 1
        ");
    }

    #[test]
    fn tables_outside_the_dataset_are_left_alone() {
        let catalog = catalog(&[("invoice", "b=0of1", 1)]);
        insta::assert_snapshot!(planned(&catalog, &Marks::new(), &wanted(28, 29)), @"keep 0");
    }

    fn any_parts() -> impl Strategy<Value = BTreeMap<(bool, i8), u8>> {
        prop::collection::btree_map((any::<bool>(), 1i8..12), 0u8..3, 0..12)
    }

    /// Appointments by day, customers by bucket.
    fn named(parts: &BTreeMap<(bool, i8), u8>) -> Vec<(&'static str, String, u8)> {
        let name = |(&(dated, n), &content): (&(bool, i8), &u8)| match dated {
            true => ("appointment", format!("dt=2025-11-{n:02}"), content),
            false => ("customer", format!("b={n:02}of16"), content),
        };
        parts.iter().map(name).collect()
    }

    proptest! {
        #[test]
        fn executing_a_plan_leaves_exactly_the_wanted_partitions(
            there in any_parts(), held in any_parts(), from in 1i8..12, days in 0i8..12,
        ) {
            let (there, held) = (named(&there), named(&held));
            let borrow = |parts: &[(&'static str, String, u8)]| -> Vec<_> {
                parts.iter().map(|(t, p, c)| (*t, p.clone(), *c)).collect()
            };
            let (there, held) = (borrow(&there), borrow(&held));
            let catalog = catalog(
                &there.iter().map(|(t, p, c)| (*t, p.as_str(), *c)).collect::<Vec<_>>());
            let mut loaded = marks(
                &held.iter().map(|(t, p, c)| (*t, p.as_str(), *c)).collect::<Vec<_>>());
            let wanted = wanted(from, from + days);
            let dataset = Dataset::meetassist().unwrap();
            let plan = load_plan(&dataset, (&catalog, &no_edits()), &loaded, &wanted, &BTreeSet::new());
            for key in &plan.evict {
                prop_assert!(loaded.remove(key).is_some());
            }
            for planned in &plan.load {
                let mark = mark(planned.version().object.unwrap(), planned.rows());
                let was = loaded.insert((planned.table.clone(), planned.part), mark);
                prop_assert_eq!(was, planned.was);
                prop_assert_ne!(was, Some(mark));
            }
            let expected: Marks = catalog.partitions.iter()
                .filter(|((_, part), _)| wanted.contains(*part))
                .map(|(key, e)| (key.clone(), mark(e.object.md5, e.object.rows)))
                .collect();
            prop_assert_eq!(plan.wanted(), expected.len() as u64);
            prop_assert_eq!(loaded, expected);
        }
    }
}
