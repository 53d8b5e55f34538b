//! `hub/wake.json`: whether the database is to sleep, and one wish for the keeper. It names nothing of AWS: what is
//! meant by it is the keeper's own configuration.

use std::time::Duration;

use causeway_shared::layout;
use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::document::{Content, Document, DocumentError};

/// Whether the database is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SleepState {
    #[default]
    Awake,
    /// The store has all of it, and its server is stopped or may be.
    Asleep,
    /// Its server is to start; it is not loaded yet.
    Waking,
}

/// Whether the database sleeps, and since when: the same state at another time is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct DatabaseState {
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) database: SleepState,
    /// Since when; null where it was never put to sleep.
    #[serde(default)]
    pub(crate) since: Option<Timestamp>,
}

/// What a keeper does: each is a call of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Start the database's instance.
    Start,
    /// Stop it.
    Stop,
    /// Have the archive run by itself.
    Enable,
    /// Have it run no more by itself.
    Disable,
    /// Run it now.
    Invoke,
}

impl Step {
    /// Whether the [state](SleepState) of the database says it as well.
    fn is_of_the_instance(self) -> bool {
        matches!(self, Self::Start | Self::Stop)
    }
}

/// Something that is to be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// One more than that of the wish before.
    pub(crate) number: u64,
    pub(crate) what: Step,
}

/// What became of the last wish that the keeper has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The wish's.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    /// Why it could not be done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Control {
    #[serde(flatten)]
    pub(crate) state: DatabaseState,
    #[serde(default)]
    pub(crate) wish: Option<Wish>,
    #[serde(default)]
    pub(crate) outcome: Option<Outcome>,
    /// Whether the rule that publishes is on, as the keeper saw it last.
    #[serde(default)]
    pub(crate) archive: Option<bool>,
}

impl Content for Control {
    const KEY: &'static str = layout::WAKE;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 10_000;
    const REMEDY: &'static str = "remove it: the database counts as awake then";
}

/// A wish that is not carried out yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending(pub(crate) Step);

impl Control {
    fn file(store: &Store) -> Document<Self> {
        Document::new(Store::clone(store))
    }

    /// What the file of a store holds.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn read(store: &Store) -> Result<Self, DocumentError> {
        Ok(Self::file(store).read().await?.0)
    }

    /// Changes it.
    ///
    /// # Errors
    /// What `change` answers with, or a [`DocumentError`].
    pub(crate) async fn change<E: From<DocumentError>>(
        store: &Store,
        change: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        Self::file(store).change(change).await.map(drop)
    }

    /// Has the database be so from now on, with a wish for a keeper where there is one. One that is awake is not woken.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn set_state(
        store: &Store,
        to: SleepState,
        now: Timestamp,
        keeper: bool,
    ) -> Result<(), DocumentError> {
        let set = |control: &mut Self| {
            if (control.state.database, to) != (SleepState::Awake, SleepState::Waking) {
                control.enter(to, now, keeper);
            }
            Ok(())
        };
        Self::change(store, set).await
    }

    /// The same, unless somebody else has changed the state since it was seen. Whether it is so.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn set_state_after(
        store: &Store,
        seen: DatabaseState,
        to: SleepState,
        now: Timestamp,
        keeper: bool,
    ) -> Result<bool, DocumentError> {
        let done = DatabaseState {
            database: to,
            since: Some(now),
        };
        let mut is_set = false;
        let set = |control: &mut Self| {
            // Also where the answer was lost and it is written again.
            is_set = control.state == seen || control.state == done;
            if is_set {
                control.enter(to, now, keeper);
            }
            Ok::<_, DocumentError>(())
        };
        Self::change(store, set).await?;
        Ok(is_set)
    }

    /// Has the state that was seen begin anew: whoever goes by what was seen of it before is overtaken. Whether it
    /// does: somebody else may have changed the state meanwhile.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn renew_state(
        store: &Store,
        seen: DatabaseState,
        now: Timestamp,
    ) -> Result<bool, DocumentError> {
        let later = |since: Timestamp| since.saturating_add(Duration::from_nanos(1)).ok();
        let later = seen.since.and_then(later);
        let renewed = DatabaseState {
            since: Some(later.map_or(now, |later| later.max(now))),
            ..seen
        };
        let mut is_renewed = false;
        let renew = |control: &mut Self| {
            is_renewed = control.state == seen || control.state == renewed;
            if is_renewed {
                control.state = renewed;
            }
            Ok::<_, DocumentError>(())
        };
        Self::change(store, renew).await?;
        Ok(is_renewed)
    }

    /// Changes the state, with a wish for a keeper where there is one.
    pub(crate) fn enter(&mut self, to: SleepState, now: Timestamp, keeper: bool) {
        if self.state.database != to {
            self.state = DatabaseState {
                database: to,
                since: Some(now),
            };
        }
        let what = match to {
            SleepState::Asleep => Step::Stop,
            SleepState::Waking => Step::Start,
            SleepState::Awake => return,
        };
        if keeper {
            // What else is wished for first is not forgotten for it: the state says it, too.
            let _ = self.ask(what);
        }
    }

    /// Has the keeper do something, unless it has something else to do first.
    ///
    /// # Errors
    /// [`Pending`]
    pub(crate) fn ask(&mut self, what: Step) -> Result<(), Pending> {
        match self.pending() {
            Some(pending) if pending.what == what => return Ok(()),
            Some(pending)
                if !pending.what.is_of_the_instance() && !is_undone(pending.what, what) =>
            {
                return Err(Pending(pending.what));
            }
            _ => {}
        }
        let last = self.wish.map_or(0, |wish| wish.number);
        let done = self.outcome.as_ref().map_or(0, |outcome| outcome.number);
        let number = last.max(done).saturating_add(1);
        self.wish = Some(Wish { number, what });
        Ok(())
    }

    /// The wish that is not carried out yet.
    #[must_use]
    pub(crate) fn pending(&self) -> Option<Wish> {
        let is_done = |wish: &Wish| {
            let mut outcome = self.outcome.iter();
            outcome.any(|outcome| outcome.number >= wish.number && outcome.error.is_none())
        };
        self.wish.filter(|wish| !is_done(wish))
    }
}

/// Whether one wish is the other's opposite.
fn is_undone(pending: Step, what: Step) -> bool {
    matches!(
        (pending, what),
        (Step::Enable, Step::Disable) | (Step::Disable, Step::Enable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(wish: Option<Step>) -> Control {
        let mut control = Control::default();
        wish.into_iter().for_each(|what| control.ask(what).unwrap());
        control
    }

    #[tokio::test]
    async fn what_somebody_changed_meanwhile_stays() {
        use SleepState::{Asleep, Awake, Waking};
        let store: Store = std::sync::Arc::new(causeway_shared::store::memory::MemoryStore::new());
        let at = |second| Timestamp::from_second(second).unwrap();
        let since = |database, second| DatabaseState {
            database,
            since: Some(at(second)),
        };
        let set = async |seen, to, second| {
            let set = Control::set_state_after(&store, seen, to, at(second), false);
            set.await.unwrap()
        };
        assert!(set(DatabaseState::default(), Waking, 1).await);
        assert!(set(since(Waking, 1), Asleep, 2).await);
        assert!(!set(since(Waking, 1), Awake, 3).await, "it sleeps");
        assert!(set(since(Asleep, 2), Waking, 4).await);
        assert!(!set(since(Waking, 1), Awake, 5).await, "it is woken anew");
        let control = Control::read(&store).await.unwrap();
        assert_eq!(control.state, since(Waking, 4));
    }

    #[tokio::test]
    async fn a_state_that_is_renewed_is_another_one_for_whoever_saw_it_before() {
        use SleepState::{Asleep, Awake, Waking};
        let store: Store = std::sync::Arc::new(causeway_shared::store::memory::MemoryStore::new());
        let at = Timestamp::UNIX_EPOCH;
        for to in [Asleep, Waking] {
            Control::set_state(&store, to, at, false).await.unwrap();
        }
        let seen = Control::read(&store).await.unwrap().state;
        assert!(Control::renew_state(&store, seen, at).await.unwrap());
        for overtaken in [Asleep, Awake] {
            let set = Control::set_state_after(&store, seen, overtaken, at, false).await;
            assert!(!set.unwrap(), "{overtaken:?}");
        }
        let control = Control::read(&store).await.unwrap();
        assert_eq!(control.state.database, Waking);
        let later = Timestamp::from_second(1).unwrap();
        assert!(!Control::renew_state(&store, seen, later).await.unwrap());
    }

    fn done(number: u64, error: Option<&str>) -> Option<Outcome> {
        let at = Timestamp::UNIX_EPOCH;
        let error = error.map(str::to_owned);
        Some(Outcome { number, at, error })
    }

    #[test]
    fn wishes_are_numbered_and_one_is_asked_for_once() {
        let mut control = control(Some(Step::Invoke));
        control.ask(Step::Invoke).unwrap();
        assert_eq!(control.wish.unwrap().number, 1);
        control.outcome = done(1, None);
        assert_eq!(control.pending(), None);
        control.ask(Step::Invoke).unwrap();
        let (number, what) = (2, Step::Invoke);
        assert_eq!(control.pending(), Some(Wish { number, what }));
    }

    #[test]
    fn a_wish_that_failed_is_pending_still() {
        let mut control = control(Some(Step::Enable));
        control.outcome = done(1, Some("AWS does not answer"));
        assert_eq!(control.pending().unwrap().what, Step::Enable);
    }

    #[test]
    fn a_wish_about_the_archive_is_not_forgotten_for_another() {
        for (pending, next, then) in [
            (Step::Enable, Step::Invoke, Err(Pending(Step::Enable))),
            (Step::Invoke, Step::Disable, Err(Pending(Step::Invoke))),
            (Step::Enable, Step::Disable, Ok(Step::Disable)),
            (Step::Stop, Step::Invoke, Ok(Step::Invoke)),
            (Step::Stop, Step::Start, Ok(Step::Start)),
        ] {
            let mut control = control(Some(pending));
            let asked = control.ask(next);
            assert_eq!(asked.map(|()| control.wish.unwrap().what), then);
        }
        let mut control = control(Some(Step::Enable));
        control.enter(SleepState::Asleep, Timestamp::UNIX_EPOCH, true);
        assert_eq!(control.pending().unwrap().what, Step::Enable);
        assert_eq!(control.state.database, SleepState::Asleep);
    }
}
