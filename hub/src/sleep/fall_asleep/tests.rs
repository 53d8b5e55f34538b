//! Two who put a database to sleep, seals that are undone, and stores that are not its own.

use std::sync::Arc;

use causeway_shared::layout;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;

use super::*;
use crate::serve::testbed::{Testbed, now};
use crate::testing::{SHOP, TestSite};

/// What is said of a database that is put to sleep over another store than its own.
async fn refused_over(store: Store) -> String {
    let bed = Testbed::new().await;
    let database = Arc::clone(bed.app.hub.database());
    let hub = Hub::with(bed.app.hub.config().clone(), store, database).unwrap();
    let seen = DatabaseState::default();
    let put = empty_and_set_state(&hub, Duration::ZERO, seen, false, now).await;
    assert_eq!(told(&bed).await, "", "it takes changes");
    put.unwrap_err().to_string()
}

#[tokio::test]
async fn a_database_over_another_store_stays_awake_and_says_what_to_mend() {
    let other: Store = Arc::new(MemoryStore::new());
    let mut site = TestSite::new(&other, "there", SHOP).unwrap();
    site.commit().await.unwrap();
    let refused = refused_over(other).await;
    let says = "configuration, store.url: the store has there and none of the sites";
    assert!(refused.starts_with(says), "{refused}");
}

#[tokio::test]
async fn a_database_whose_store_is_not_mounted_stays_awake_and_says_so() {
    let refused = refused_over(Arc::new(MemoryStore::new())).await;
    let says = "stands at commit 1 of edits, which the log does not hold; if `[store] url` names";
    assert!(refused.contains(says), "{refused}");
}

async fn told(bed: &Testbed) -> String {
    let told = bed.app.hub.database().copied(SLEEP).await.unwrap();
    String::from_utf8(told.unwrap_or_default()).unwrap()
}

async fn sealed_for(bed: &Testbed, seconds: u64) -> Sealed {
    let (wait, for_time) = (Duration::ZERO, Duration::from_secs(seconds));
    seal(&bed.app.hub, wait, for_time, now).await.unwrap()
}

async fn sealed(bed: &Testbed) -> Sealed {
    sealed_for(bed, 60).await
}

async fn state_of(bed: &Testbed) -> DatabaseState {
    Control::read(bed.app.hub.store()).await.unwrap().state
}

async fn set(bed: &Testbed, to: SleepState) {
    let set = Control::set_state(bed.app.hub.store(), to, now(), false);
    set.await.unwrap();
}

/// As far as a `sleep` comes that is killed once the database counts as asleep.
async fn falls_asleep(bed: &Testbed, seen: DatabaseState) -> bool {
    let to = SleepState::Asleep;
    let set = Control::set_state_after(bed.app.hub.store(), seen, to, now(), false);
    set.await.unwrap()
}

/// Two who put it to sleep at once: what they are to know of each other.
async fn sealed_by_two(bed: &Testbed) -> [Sealed; 2] {
    let (first, second) = tokio::join!(sealed_for(bed, 60), sealed_for(bed, 61));
    [first, second]
}

async fn undone(bed: &Testbed, seal: Sealed) {
    let _ = seal.undo(&bed.app.hub, now(), SleepError::Overtaken).await;
}

#[tokio::test]
async fn a_seal_says_how_long_it_may_last_and_goes_where_it_is_in_vain() {
    let bed = Testbed::new().await;
    let seal = sealed(&bed).await;
    assert_eq!(told(&bed).await, "2025-11-28T02:31:00Z");
    undone(&bed, seal).await;
    assert_eq!(told(&bed).await, "");
}

#[tokio::test]
async fn anothers_seal_is_not_undone() {
    let bed = Testbed::new().await;
    let hub = &bed.app.hub;
    let seal = sealed(&bed).await;
    hub.database().copy(SLEEP, b"another's").await.unwrap();
    undone(&bed, seal).await;
    assert_eq!(told(&bed).await, "another's");
}

#[tokio::test]
async fn a_seal_comes_off_only_of_a_database_that_can_no_longer_fall_asleep_by_it() {
    for falls_asleep_first in [false, true] {
        let bed = Testbed::new().await;
        set(&bed, SleepState::Asleep).await;
        set(&bed, SleepState::Waking).await;
        let seen = state_of(&bed).await;
        let seal = sealed(&bed).await;
        if falls_asleep_first {
            assert!(falls_asleep(&bed, seen).await);
        }
        // Somebody who wakes it has read seal and file before.
        let taken_off = take_off(&bed.app.hub, seal.mark.as_bytes(), seen, now()).await;
        taken_off.unwrap();
        assert_eq!(falls_asleep(&bed, seen).await, falls_asleep_first);
        let (state, is_sealed) = (state_of(&bed).await.database, !told(&bed).await.is_empty());
        let expected = match falls_asleep_first {
            true => (SleepState::Asleep, true),
            false => (SleepState::Waking, false),
        };
        assert_eq!((state, is_sealed), expected);
    }
}

#[tokio::test]
async fn of_two_who_put_it_to_sleep_the_one_that_gives_up_leaves_no_open_database_asleep() {
    for sleeps_first in [false, true] {
        let bed = Testbed::new().await;
        let seen = state_of(&bed).await;
        let _first = sealed_for(&bed, 60).await;
        let second = sealed_for(&bed, 61).await;
        if sleeps_first {
            assert!(falls_asleep(&bed, seen).await);
        }
        undone(&bed, second).await;
        assert_eq!(falls_asleep(&bed, seen).await, sleeps_first);
        assert_eq!(!told(&bed).await.is_empty(), sleeps_first);
    }
}

#[tokio::test]
async fn of_two_who_put_a_new_database_to_sleep_at_once_none_takes_the_others_seal_off() {
    for gives_up in [0, 1].repeat(5) {
        let bed = Testbed::new().await;
        let seen = state_of(&bed).await;
        let mut seals = Vec::from(sealed_by_two(&bed).await);
        assert!(falls_asleep(&bed, seen).await);
        undone(&bed, seals.swap_remove(gives_up)).await;
        assert_ne!(told(&bed).await, "", "it sleeps and takes changes");
    }
}

#[tokio::test]
async fn a_database_whose_file_cannot_be_read_stays_as_somebody_else_has_sealed_it() {
    let bed = Testbed::new().await;
    bed.app
        .hub
        .database()
        .copy(SLEEP, b"another's")
        .await
        .unwrap();
    let seal = sealed(&bed).await;
    let store = bed.app.hub.store();
    store.put(layout::WAKE, b"?".to_vec().into()).await.unwrap();
    undone(&bed, seal).await;
    assert_eq!(told(&bed).await, "another's");
}
