//! A site with rows of every type, which changes as chance has it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::store::Store;
use fastrand::Rng;

use crate::testing::{Outcome, TestSite};

/// The dataset at its first, second and third version: columns are added, one with a default, and a table; a
/// text is wider, and there are more buckets. At the fourth the table is gone.
const DATASETS: [&str; 3] = [
    include_str!("first.toml"),
    include_str!("second.toml"),
    include_str!("third.toml"),
];

/// The days of sales: the window of the cloud, days around it, and one long ago.
const DAYS: [&str; 6] = [
    "1999-12-31",
    "2025-11-26",
    "2025-11-27",
    "2025-11-28",
    "2025-11-29",
    "2025-12-01",
];

/// Texts as canonical CSV has them.
const TEXTS: [&str; 6] = [
    "",
    "\"\"",
    "\"thuế \"\"luật\"\"\"",
    "\"hai\ndòng\"",
    "\"a,b\"",
    "\"\\.\"",
];

/// A site and its rows.
pub(super) struct Shop {
    pub(super) site: TestSite,
    dataset: usize,
    /// By key: where each sale is, and what follows its day in the record.
    sales: BTreeMap<u32, (&'static str, String)>,
}

impl Shop {
    pub(super) fn open(store: &Store, name: &str) -> Outcome<Self> {
        Ok(Self {
            site: TestSite::new(store, name, DATASETS[0])?,
            dataset: 0,
            sales: BTreeMap::new(),
        })
    }

    /// Bears, changes, moves and deletes some rows, in one commit.
    pub(super) async fn change(&mut self, rng: &mut Rng) -> Outcome {
        let mut touched: BTreeSet<&'static str> = BTreeSet::new();
        for _ in 0..rng.u32(1..5) {
            let id = rng.u32(0..20);
            touched.extend(self.sales.get(&id).map(|(day, _)| *day));
            if rng.u32(0..4) == 0 {
                self.sales.remove(&id);
                continue;
            }
            let day = DAYS[rng.usize(0..DAYS.len())];
            touched.insert(day);
            self.sales.insert(id, (day, fields(rng)));
        }
        for day in touched {
            self.put(day).await?;
        }
        if rng.bool() {
            self.put_items(rng).await?;
        }
        self.site.commit().await
    }

    async fn put(&mut self, day: &str) -> Outcome {
        let added = match self.dataset {
            0 => "",
            _ => ",mới,web",
        };
        let of_day = self.sales.iter().filter(|(_, (of, _))| *of == day);
        let records: Vec<String> = of_day
            .map(|(id, (_, fields))| format!("{id},{day},{fields}{added}"))
            .collect();
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let part = format!("dt={day}");
        match records.is_empty() {
            true => drop(self.site.remove("sale", &part)?),
            false => drop(self.site.put("sale", &part, &records).await?),
        }
        Ok(())
    }

    async fn put_items(&mut self, rng: &mut Rng) -> Outcome {
        let count = if self.dataset >= 2 { 4 } else { 2 };
        let name = TEXTS[rng.usize(0..TEXTS.len())];
        let bucket = rng.u32(0..count);
        let record = format!("{bucket},{name}");
        let part = format!("b={bucket}of{count}");
        self.site.put("item", &part, &[&record]).await?;
        Ok(())
    }

    /// Whether the hub's database can not follow the dataset with its rows in place.
    pub(super) fn has_dropped_a_table(&self) -> bool {
        self.dataset == DATASETS.len()
    }

    /// Goes on to the next version of the dataset.
    pub(super) async fn declare(&mut self, rng: &mut Rng) -> Outcome {
        if self.has_dropped_a_table() {
            return Ok(());
        }
        self.dataset += 1;
        match DATASETS.get(self.dataset) {
            Some(dataset) => self.site.declare(dataset)?,
            None => {
                let (others, _) = DATASETS[2]
                    .split_once("[[table]]\nname = \"extra\"")
                    .ok_or("there is no such table")?;
                self.site.declare(others)?;
                self.site.remove("extra", "b=0of1")?;
            }
        }
        if self.dataset == 1 {
            self.site.put("extra", "b=0of1", &["1,mới"]).await?;
        }
        if self.dataset == 2 {
            for part in ["b=0of2", "b=1of2"] {
                let key = ("item".parse()?, part.parse()?);
                if self.site.catalog().partitions.contains_key(&key) {
                    self.site.remove("item", part)?;
                }
            }
        }
        self.put_items(rng).await?;
        self.site.commit().await
    }
}

/// The fields of a sale behind its day.
fn fields(rng: &mut Rng) -> String {
    let one_of = |rng: &mut Rng, of: &[&'static str]| of[rng.usize(0..of.len())];
    let (nines, long) = ("9".repeat(36), "9".repeat(20));
    let (cents, atoms) = (format!("-{nines}.99"), format!("{long}.999999999999999999"));
    let price = [cents.as_str(), "", "0.00", "12.50"][rng.usize(0..4)].to_owned();
    let rate = [atoms.as_str(), "", "0.000000000000000001"][rng.usize(0..3)].to_owned();
    [
        one_of(rng, &TEXTS).to_owned(),
        one_of(rng, &TEXTS).to_owned(),
        price,
        rate,
        one_of(rng, &["", "1.7976931348623157e308", "-0.5", "5e-324", "3"]).to_owned(),
        one_of(rng, &["", "true", "false"]).to_owned(),
        one_of(rng, &["", "1900-01-01", "1969-12-31", "2199-12-31"]).to_owned(),
        one_of(rng, &["", "00:00:00", "23:59:59.999999"]).to_owned(),
        one_of(
            rng,
            &[
                "",
                "1900-01-01T00:00:00",
                "1969-12-31T23:59:59.999999",
                "2199-12-31T23:59:59.000001",
            ],
        )
        .to_owned(),
        one_of(rng, &["", "-9223372036854775808", "9223372036854775807"]).to_owned(),
    ]
    .join(",")
}
