//! Random histories of a site, its databases and its store against a plain model in memory.
//!
//! A history is a seed: what the site's application does, what is written in the cloud, loads, flushes,
//! dates that are asked for, midnights, runs of the archive, databases that are dropped, put back, copied
//! or taken over, two hubs on one database, and kills between any two requests. The model ([`cloud`],
//! [`truth`]) knows the merge table of docs/edits.md and the order in which the logs say that things
//! happened; it shares no code with what folds, merges and places rows. After each load, and when all is
//! quiet, database, totals and published files have to equal it.

mod cloud;
mod compare;
mod pause;
mod play;
mod rows;
mod servers;
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

/// How many things happen in a history.
const STEPS: u32 = 60;

/// Plays the history of a seed. Returns how often what happened in it.
///
/// # Errors
/// What is not as the model says, and all that happened before.
pub async fn play(seed: u64, servers: &dyn Servers) -> Outcome<BTreeMap<&'static str, u32>> {
    let mut world = World::new(seed, servers).await?;
    match world.play(STEPS).await {
        Ok(()) => Ok(world.counted),
        Err(error) => {
            let (told, rows) = (world.told.join("\n"), world.truth.tell());
            Err(format!("seed {seed}: {error}\n{told}\n{rows}").into())
        }
    }
}
