//! Random histories: what sites and the cloud change, datasets that change, runs that are killed and runs side by
//! side, and days that go by.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::ids::{Name, Part};
use causeway_shared::layout::{self, DeltaKey};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::{Store, list_all};
use fastrand::Rng;
use jiff::{Span, Timestamp};

use super::rows::Shop;
use super::{Noted, export, merged_rows};
use crate::archive::Archive;
use crate::testing::{NOON, Outcome, TestHub, archive_as};

/// How many things happen in a history.
const STEPS: u32 = 24;

const FORMATS: &[&str] = &["csv", "delta"];

/// Plays the history of a seed, and leaves in a folder, each with what is to be read there: `before/` with the
/// tables at its end, and `after/` with the tables after all was cleaned up. Returns how many versions are to be
/// read at its end.
///
/// # Errors
/// What is not as it should be.
pub async fn play(seed: u64, folder: &Path) -> Outcome<usize> {
    let database = tempfile::tempdir()?;
    let mut history = History::begin(seed, database.path()).await?;
    for _ in 0..STEPS {
        history
            .step()
            .await
            .map_err(|error| format!("seed {seed}: {error}"))?;
    }
    history.run().await?;
    let store = &history.hub.store;
    let readable = history.noted.readable(history.now);
    export(store, &readable, &folder.join("before")).await?;

    // Eight days later nobody reads what was replaced.
    history.now = history.now.checked_add(Span::new().hours(8 * 24))?;
    history.service = archive_as(store, FORMATS)?;
    history.run().await?;
    let store = &history.hub.store;
    assert_only_live(store).await?;
    let newest = history.noted.readable(history.now);
    export(store, &newest, &folder.join("after")).await?;
    Ok(readable.len())
}

struct History {
    rng: Rng,
    now: Timestamp,
    hub: TestHub,
    shops: [Shop; 2],
    /// A service, which runs all the time.
    service: Archive,
    noted: Noted,
}

impl History {
    async fn begin(seed: u64, database: &Path) -> Outcome<Self> {
        let hub = TestHub::in_folder(database).await?;
        let mut rng = Rng::with_seed(seed);
        let mut shops = [
            Shop::open(&hub.store, "here")?,
            Shop::open(&hub.store, "hcm-01")?,
        ];
        for shop in &mut shops {
            shop.change(&mut rng).await?;
        }
        let service = archive_as(&hub.store, FORMATS)?;
        Ok(Self {
            rng,
            now: NOON.parse()?,
            hub,
            shops,
            service,
            noted: Noted::default(),
        })
    }

    async fn step(&mut self) -> Outcome {
        // Mostly minutes, and now and then days, in which what was replaced is cleaned up.
        let minutes = match self.rng.u32(0..8) {
            0 => self.rng.i64(0..4 * 24 * 60),
            _ => self.rng.i64(0..9),
        };
        self.now = self.now.checked_add(Span::new().minutes(minutes))?;
        let shop = self.rng.usize(0..2);
        match self.rng.u32(0..12) {
            0..4 => self.shops[shop].change(&mut self.rng).await?,
            4 => self.shops[shop].declare(&mut self.rng).await?,
            5..7 => self.edit().await?,
            7..9 => {
                self.stopped_run().await;
                self.run().await?;
            }
            9 => {
                self.runs_at_once().await?;
                self.run().await?;
            }
            10 => {
                // Somebody who wants CSV alone.
                let csv = archive_as(&self.hub.store, &["csv"])?;
                csv.run(self.now).await?;
            }
            _ => self.run().await?,
        }
        Ok(())
    }

    /// Changes a sale in the cloud, while its date is loaded.
    async fn edit(&mut self) -> Outcome {
        if self.shops.iter().any(Shop::has_dropped_a_table) {
            return Ok(());
        }
        self.hub.load_all().await?;
        let day = format!("2025-11-{}", self.rng.i64(27..30));
        let site = &self.shops[0].site;
        let sql = match self.rng.u32(0..4) {
            0 => format!("UPDATE sale SET state = 'void' WHERE day = '{day}'"),
            1 => {
                let id = self.rng.u32(0..20);
                format!("UPDATE sale SET day = '{day}' WHERE id = {id}")
            }
            2 => format!("DELETE FROM sale WHERE id = {}", self.rng.u32(0..20)),
            _ => {
                self.hub.sell(site, &day, "đặt").await?;
                self.hub.flush(site).await?;
                return Ok(());
            }
        };
        self.hub.change(site, &sql).await?;
        self.hub.flush(site).await?;
        Ok(())
    }

    /// A run that is killed before or after any of its requests, or loses an answer.
    async fn stopped_run(&mut self) {
        let step = self.rng.u64(1..90);
        let fault = match self.rng.u32(0..3) {
            0 => Fault::StopAt(step),
            1 => Fault::StopAfter(step),
            _ => Fault::LoseAnswerAt(step),
        };
        let failing: Store = Arc::new(FailingStore::new(Arc::clone(&self.hub.store), [fault]));
        if let Ok(archive) = archive_as(&failing, FORMATS) {
            drop(archive.run(self.now).await);
        }
    }

    /// Two hubs at once, between which a site or the cloud commits.
    async fn runs_at_once(&mut self) -> Outcome {
        let store: Store = Arc::new(FailingStore::new(Arc::clone(&self.hub.store), []));
        let (one, two) = (archive_as(&store, FORMATS)?, archive_as(&store, FORMATS)?);
        let (shop, turns) = (self.rng.usize(0..2), self.rng.u32(0..40));
        let now = self.now;
        let (first, second) = tokio::join!(one.run(now), async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            match self.rng.bool() {
                true => self.edit().await?,
                false => self.shops[shop].change(&mut self.rng).await?,
            }
            Outcome::Ok(two.run(now).await?)
        });
        for report in [first?, second?] {
            if let Some(error) = report.first_error() {
                return Err(error.to_owned().into());
            }
        }
        Ok(())
    }

    /// A run that ends well, and what the tables hold then.
    async fn run(&mut self) -> Outcome {
        let report = self.service.run(self.now).await?;
        if let Some(error) = report.first_error() {
            return Err(error.to_owned().into());
        }
        let rows = merged_rows(&self.hub.store, self.now).await?;
        self.noted.note(&self.service, rows, self.now).await
    }
}

/// Whether there is one file for each partition, and no other.
async fn assert_only_live(store: &Store) -> Outcome {
    let mut seen: BTreeSet<(Name, String, Part)> = BTreeSet::new();
    for object in list_all(&**store, layout::ARCHIVE_DELTA, None).await? {
        if let Some((table, DeltaKey::Data(file))) = DeltaKey::parse(&object.key)
            && !seen.insert((table, file.site.to_string(), file.part))
        {
            return Err(format!("{} is left, or another of its partition", object.key).into());
        }
    }
    Ok(())
}
