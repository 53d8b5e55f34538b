//! What happens in a history, one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use causeway_shared::ids::SiteName;
use causeway_shared::store::Store;
use fastrand::Rng;
use jiff::civil::Date;
use tokio::time::timeout;

use super::FORMATS;
use super::rows::DAYS;
use super::world::World;
use crate::sync::DateRange;
use crate::testing::pausing_store::{PausingStore, Stop};
use crate::testing::{Outcome, TestHub, archive_as};

/// How long something waits for a process that is stopped until it is over.
pub(super) const WAITS: Duration = Duration::from_millis(500);
/// Nothing takes so long.
const HANGS: Duration = Duration::from_secs(120);

/// What a hub does with its database, and with the archive.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Flush,
    Load,
    Bring(Date),
    TakeOver,
    Archive,
    /// All that is loaded is loaded again, and what no load has brought goes.
    Repair,
}

/// Something that happens while a hub works.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    /// It is killed.
    Kill,
    /// Somebody writes to its database.
    Write,
    /// The site commits.
    Site,
    /// Another hub of the database flushes.
    Flush,
    /// Another hub of the database loads.
    Load,
    /// Another database takes over.
    TakeOver,
}

pub(super) async fn work(test: TestHub, site: SiteName, work: Work) -> Outcome {
    let now = test.request.now;
    match work {
        Work::Flush => drop(test.hub.flush_site(&site, now).await?),
        Work::Load => drop(test.load_one().await?),
        Work::Bring(date) => drop(test.hub.bring(&site, DateRange::day(date), now).await?),
        Work::TakeOver => drop(test.hub.take_over(None, now).await?),
        Work::Archive => {
            drop(archive_as(&test.store, FORMATS)?.run(now).await?);
        }
        Work::Repair => test.repair().await?,
    }
    Ok(())
}

impl World<'_> {
    pub(super) async fn play(&mut self, steps: u32) -> Outcome {
        self.work(0, Work::Load).await?;
        let mut seeds = Rng::with_seed(self.rng.u64(..));
        for _ in 0..steps {
            // Whatever chance decided in a step, the next ones are the same.
            self.rng = Rng::with_seed(seeds.u64(..));
            match timeout(HANGS, self.step()).await {
                Ok(done) => done?,
                Err(_) => return Err("it hangs".into()),
            }
        }
        timeout(HANGS, self.come_to_rest()).await?
    }

    /// Mostly one that takes changes, so that something comes of it.
    fn any_place(&mut self) -> usize {
        let places: Vec<usize> = self.places.keys().copied().collect();
        let mut takers = self.places.iter().filter(|(_, place)| place.takes_changes);
        match takers.next() {
            Some((at, _)) if self.rng.u8(..4) > 0 => *at,
            _ => places[self.rng.usize(..places.len())],
        }
    }

    fn any_work(&mut self) -> Work {
        let day = DAYS[self.rng.usize(..DAYS.len())];
        match self.rng.u8(..10) {
            0..=2 => Work::Flush,
            8 => Work::Archive,
            9 => Work::Repair,
            3 => day.parse().map_or(Work::Flush, Work::Bring),
            _ => Work::Load,
        }
    }

    async fn step(&mut self) -> Outcome {
        let at = self.any_place();
        match self.rng.u8(..70) {
            0..=9 => self.change_at_site().await?,
            10..=25 => {
                let what = self.write(at, HANGS).await?;
                self.tell(what);
            }
            26..=37 => {
                let work = self.any_work();
                self.work(at, work).await?;
            }
            38..=47 => {
                let (work, meanwhile) = (self.any_work(), self.any_meanwhile());
                self.interrupted(at, work, meanwhile).await?;
            }
            48 => {
                self.midnight()?;
                self.tell(format!("midnight: {}", self.now));
            }
            49 => {
                self.tell("the archive runs".to_owned());
                self.archive().await?;
            }
            50 | 51 => {
                self.work(at, Work::TakeOver).await?;
                if self.rng.u8(..4) > 0 {
                    self.work(at, Work::Load).await?;
                }
            }
            52 => {
                self.tell(format!("{at} starts again"));
                self.open(at).await?;
            }
            53 | 54 => self.new_or_gone().await?,
            55..=60 => self.take_side(at).await?,
            61..=64 => self.undo(at).await?,
            _ => self.an_older_self(at).await?,
        }
        self.follow().await
    }

    fn any_meanwhile(&mut self) -> Meanwhile {
        match self.rng.u8(..12) {
            0..=3 => Meanwhile::Kill,
            4..=6 => Meanwhile::Write,
            7 | 8 => Meanwhile::Site,
            9 => Meanwhile::Flush,
            10 => Meanwhile::Load,
            _ => Meanwhile::TakeOver,
        }
    }

    async fn change_at_site(&mut self) -> Outcome {
        let view = self.truth.view(self.truth.head())?;
        for _ in 0..self.rng.u8(1..4) {
            let what = self
                .site
                .change(&mut self.rng, &mut self.fresh, (&self.truth, &view));
            self.tell(what);
        }
        if self.site.commit(&mut self.truth).await? {
            self.tell(format!("the site's commit {}", self.truth.head()));
        }
        Ok(())
    }

    /// A hub works, and nobody disturbs it: it has to succeed.
    pub(super) async fn work(&mut self, at: usize, what: Work) -> Outcome {
        self.tell(format!("{at}: {what:?}"));
        if matches!(what, Work::Archive) {
            return self.archive().await;
        }
        // By the hub that is there, or by one beside it.
        let test = match self.rng.bool() {
            true => self.another(at, &self.store)?,
            false => self.same(at),
        };
        let site = self.site.agent.name().clone();
        let done = work(test, site, what).await;
        self.follow().await?;
        match (what, done) {
            // A database that was never loaded knows no site.
            (Work::Bring(_), Err(error)) if self.places[&at].stand == 0 => {
                self.tell(format!("  {error}"));
            }
            (_, done) => done?,
        }
        if matches!(what, Work::Load | Work::Repair) {
            self.compare(at, true).await?;
            let owns = self.owns(at).await?;
            self.at(at)?.takes_changes = owns;
        }
        Ok(())
    }

    /// A hub works, and at one of its calls to the store something else happens.
    async fn interrupted(&mut self, at: usize, what: Work, meanwhile: Meanwhile) -> Outcome {
        let stop = Stop {
            call: self.rng.u64(1..24),
            is_done: self.rng.bool(),
        };
        self.tell(format!("{at}: {what:?}, at {stop:?}: {meanwhile:?}"));
        let pausing = Arc::new(PausingStore::new(Arc::clone(&self.store), stop));
        let test = self.another(at, &(Arc::clone(&pausing) as Store))?;
        let site = self.site.agent.name().clone();
        let mut working = Box::pin(work(test, site, what));
        let done = tokio::select! {
            biased;
            done = &mut working => Some(done),
            () = pausing.reached() => None,
        };
        let done = match (done, meanwhile) {
            (Some(done), _) => done,
            (None, Meanwhile::Kill) => {
                drop(working);
                self.count("killed");
                self.follow().await?;
                self.open(at).await?;
                return Ok(());
            }
            (None, other) => {
                self.follow().await?;
                self.happen(at, other).await?;
                self.follow().await?;
                pausing.go_on();
                self.count("interrupted");
                working.await
            }
        };
        self.follow().await?;
        if let Err(error) = done {
            // It may have failed over what happened; the next one may not.
            self.tell(format!("  {error}"));
        } else if matches!(what, Work::Load | Work::Repair) {
            self.compare(at, false).await?;
        }
        Ok(())
    }

    async fn happen(&mut self, at: usize, what: Meanwhile) -> Outcome {
        match what {
            Meanwhile::Kill => {}
            Meanwhile::Write => {
                let said = self.write(at, WAITS).await?;
                self.tell(format!("  {said}"));
            }
            Meanwhile::Site => self.change_at_site().await?,
            Meanwhile::Flush | Meanwhile::Load => {
                let what = match what {
                    Meanwhile::Flush => Work::Flush,
                    _ => Work::Load,
                };
                let site = self.site.agent.name().clone();
                let test = self.another(at, &self.store)?;
                // Where it has to wait for the one that is stopped here, it never ends.
                let done = timeout(WAITS, work(test, site, what)).await;
                self.tell(format!("  {}", if done.is_ok() { "done" } else { "waits" }));
            }
            Meanwhile::TakeOver => {
                let others: Vec<usize> = self
                    .places
                    .keys()
                    .copied()
                    .filter(|other| *other != at)
                    .collect();
                if let Some(other) = self.rng.choice(others) {
                    self.tell(format!("  {other} takes over"));
                    let site = self.site.agent.name().clone();
                    let test = self.another(other, &self.store)?;
                    match timeout(WAITS, work(test, site, Work::TakeOver)).await {
                        Ok(done) => done?,
                        Err(_) => self.tell("  waits".to_owned()),
                    }
                }
            }
        }
        Ok(())
    }

    /// A database comes, or is dropped and made again.
    async fn new_or_gone(&mut self) -> Outcome {
        let at = self.rng.usize(..self.how_many_places());
        self.tell(format!("{at} is made anew"));
        self.count("dropped");
        self.drop_database(at).await?;
        self.work(at, Work::Load).await
    }

    /// A database is put aside, or what was put aside is put back, where it was or elsewhere.
    async fn an_older_self(&mut self, at: usize) -> Outcome {
        if !self.has_backup(at) || self.rng.bool() {
            self.tell(format!("{at} is put aside"));
            return self.back_up(at).await;
        }
        let to = match self.rng.u8(..3) {
            0 => self.rng.usize(..self.how_many_places()),
            _ => at,
        };
        self.tell(format!(
            "what was put aside of {at} is put in place of {to}"
        ));
        self.count("restored");
        self.restore(at, to).await
    }

    /// All is quiet: every database has its say, and all of them show the same.
    async fn come_to_rest(&mut self) -> Outcome {
        self.tell("all is quiet".to_owned());
        let places: Vec<usize> = self.places.keys().copied().collect();
        for at in &places {
            self.work(*at, Work::Load).await?;
            self.work(*at, Work::TakeOver).await?;
            self.work(*at, Work::Flush).await?;
            self.work(*at, Work::Load).await?;
        }
        for at in &places {
            self.work(*at, Work::Load).await?;
            let waiting = self.stored(*at).await?.state.edits_waiting;
            if waiting > 0 {
                return Err(format!("{waiting} changes wait in {at}").into());
            }
            let differences = self.places[at].test.differences().await?;
            if !differences.is_empty() {
                return Err(format!("verify of {at}: {differences:?}").into());
            }
        }
        let lost = self.truth.changes.iter();
        let lost: Vec<_> = lost
            .filter(|change| change.place.is_none() && !change.holders.is_empty())
            .collect();
        if !lost.is_empty() {
            return Err(format!("lost: {lost:?}").into());
        }
        self.archive().await?;
        #[cfg(feature = "delta")]
        self.export_tables().await?;
        let first = places[0];
        self.tell(format!("{first} is made anew"));
        self.drop_database(first).await?;
        self.work(first, Work::Load).await
    }
}
