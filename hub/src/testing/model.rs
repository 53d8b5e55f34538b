//! Random histories of a site, its databases and its store against a plain model in memory.
//!
//! A history is a seed: what the site's application does, what is written in the cloud (on PostgreSQL by
//! a role that owns nothing too), sides of conflicts that are taken, edits that are undone, loads, flushes,
//! dates that are asked for, midnights, runs of the archive, databases that are dropped, put back, copied
//! or taken over, two hubs on one database, and kills between any two requests. The model ([`cloud`],
//! [`change`], [`truth`]) knows the merge table of docs/edits.md and the order in which the logs say that things
//! happened; it shares no code with what folds, merges and places rows. After each load, and when all is
//! quiet, database, totals, conflicts and published files have to equal it. The Delta tables have to hold what the
//! published CSV does; other programs read that.

mod change;
mod cloud;
mod compare;
mod play;
mod rows;
mod servers;
mod services;
mod site;
#[cfg(test)]
mod tests;
mod truth;
mod world;
mod writes;

use std::collections::BTreeMap;

pub use servers::{Folders, Servers};
use world::World;

use crate::testing::Outcome;

/// As what a history's rows are published.
const FORMATS: &[&str] = match cfg!(feature = "delta") {
    true => &["csv", "delta"],
    false => &["csv"],
};

/// How many things happen in a history.
const STEPS: u32 = 60;

#[expect(
    clippy::disallowed_methods,
    reason = "what a test is to do beside what it does always"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The seeds that `CAUSEWAY_TEST_SEEDS=17` (or `0..100`) asks for instead of those that are played always.
#[must_use]
pub fn asked_for() -> Option<Vec<u64>> {
    let text = setting("CAUSEWAY_TEST_SEEDS")?;
    let (first, end) = match text.split_once("..") {
        Some((first, end)) => (first.parse().ok()?, end.parse().ok()?),
        None => (text.parse().ok()?, text.parse::<u64>().ok()? + 1),
    };
    Some((first..end).collect())
}

/// Plays the history of a seed. Returns how often what happened in it.
///
/// # Errors
/// What is not as the model says, and all that happened before.
pub async fn play(seed: u64, servers: &dyn Servers) -> Outcome<BTreeMap<&'static str, u32>> {
    let mut world = World::new(seed, servers).await?;
    let played = world.play(STEPS).await.and_then(|()| {
        let is_compared = ["compared", "archived"].map(|what| world.counted.contains_key(what));
        match is_compared {
            [true, true] => Ok(()),
            _ => Err("nothing was compared".into()),
        }
    });
    match played {
        Ok(()) => Ok(world.counted),
        Err(error) => {
            let (told, rows) = (world.told.join("\n"), world.truth.tell());
            Err(format!("seed {seed}: {error}\n{told}\n{rows}").into())
        }
    }
}
