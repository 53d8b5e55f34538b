//! Histories on SQLite. `./test --soak` plays more of them.

use std::collections::BTreeMap;

use super::{Folders, asked_for, play, setting};
use crate::testing::Outcome;

/// How many are played by each of the tests.
const SEEDS: u64 = 5;
/// How many more with `./test --soak`.
const SOAK: u64 = 50;

/// What some history of each part has.
const OFTEN: [&str; 6] = [
    "written",
    "refused",
    "undone",
    "conflicted",
    "interrupted",
    "restored",
];
/// What happens in too few histories to be in each part: some history of the first one has it.
const SELDOM: [&str; 3] = ["moved", "taken", "killed"];

/// Plays a sixth of the histories, or, if this is the first one, those that somebody asked for.
async fn play_part(part: u64) -> Outcome {
    let soak = if setting("CAUSEWAY_TEST_SOAK").is_some() {
        SOAK
    } else {
        0
    };
    let seeds = match asked_for() {
        Some(_) if part > 0 => Vec::new(),
        Some(asked) => asked,
        None => (0..SEEDS + soak).map(|n| n * 6 + part).collect(),
    };
    let mut counted = BTreeMap::<_, u32>::new();
    let mut failed = Vec::new();
    for seed in &seeds {
        match play(*seed, &Folders::new()?).await {
            Ok(more) => {
                for (what, times) in more {
                    *counted.entry(what).or_default() += times;
                }
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    println!("{} histories: {counted:?}", seeds.len());
    if seeds.len() as u64 >= SEEDS && failed.is_empty() {
        let seldom = SELDOM.iter().filter(|_| part == 0);
        for what in OFTEN.iter().chain(seldom) {
            assert!(
                counted.contains_key(*what),
                "no history has {what}: {counted:?}"
            );
        }
    }
    match failed.len() {
        0 => Ok(()),
        1 => Err(failed.remove(0).into()),
        _ => {
            let first = failed.iter().map(|text| text.lines().next().unwrap_or(""));
            let first: Vec<_> = first.collect();
            Err(format!("{}\n\n{}", first.join("\n"), failed[0]).into())
        }
    }
}

macro_rules! parts {
    ($($name:ident = $part:literal),+) => {
        $(#[tokio::test]
        async fn $name() -> Outcome {
            play_part($part).await
        })+
    };
}

parts!(
    histories_are_as_the_model_says_0 = 0,
    histories_are_as_the_model_says_1 = 1,
    histories_are_as_the_model_says_2 = 2,
    histories_are_as_the_model_says_3 = 3,
    histories_are_as_the_model_says_4 = 4,
    histories_are_as_the_model_says_5 = 5
);
