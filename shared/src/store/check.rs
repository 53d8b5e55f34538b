//! Does a store keep what Causeway relies on? Some that speak S3 ignore conditional writes, and
//! commits are lost on them without an error, so whoever writes to a store for the first time
//! tries it.
//!
//! # What it writes, and what a crash leaves
//! A few small objects of a random name under a prefix of its own. They are removed at
//! the end, whatever was found; what a check that was stopped has left there, the next one removes
//! before it begins. Of two checks at once the later one removes the earlier one's objects, which
//! finds its mark gone and begins again.

mod promises;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{ObjectStore, RequestCounts, Store, StoreError, list_all};
use crate::runtime::chance::{fill, random_id};
use crate::runtime::program::Exit;

pub use promises::Promise;
use promises::{OBJECTS, Trial};

/// How many creates of one key race.
const WRITERS: usize = 32;
/// How often a check is tried whose objects another one removed, and the longest pause before the
/// second time; it grows with each.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// Most bytes of an object that a check reads back; its own are shorter.
const MAX_BYTES: u64 = 1_024;

/// What a store was found to keep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The store, without credentials.
    pub store: String,
    /// Whether it keeps every promise.
    pub kept: bool,
    /// Each promise; that of removals is left out where the store refuses them to this writer.
    pub promises: Vec<Tried>,
    /// The requests that it took.
    pub requests: RequestCounts,
    /// How long it took.
    pub seconds: f64,
}

/// One promise, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// What was tried.
    pub promise: Promise,
    /// What the store did instead; `None` where it keeps the promise.
    pub problem: Option<String>,
}

/// Why a store is not written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The store failed before it could be judged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It breaks promises.
    #[error(
        "{store} does not keep what Causeway relies on: {problems}. Commits would be lost on it \
         without an error; use another store, or a newer version of its server"
    )]
    Unfit {
        /// The store, without credentials.
        store: String,
        /// What it did wrong.
        problems: String,
    },
}

impl CheckReport {
    /// What was found, for a person: one line, and a line for each promise.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.promises.iter().map(|tried| match &tried.problem {
            None => format!("  kept    {}\n", tried.promise),
            Some(problem) => format!("  BROKEN  {}: {problem}\n", tried.promise),
        });
        format!("{}\n{}", self.line(), lines.collect::<String>())
    }

    /// What was found, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let keeps = match self.kept {
            true => "keeps",
            false => "does not keep",
        };
        format!(
            "{} {keeps} what Causeway relies on ({} requests, {:.1} s)",
            self.store,
            self.requests.total(),
            self.seconds
        )
    }

    /// How a program ends that was asked to check.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.kept {
            true => Exit::Done,
            false => Exit::Look,
        }
    }

    fn problems(&self) -> String {
        let broken = self.promises.iter().filter_map(|tried| {
            let problem = tried.problem.as_ref()?;
            Some(format!("{}: {problem}", tried.promise))
        });
        broken.collect::<Vec<_>>().join("; ")
    }
}

/// Tries a store before the first write to it, and logs that it keeps its promises.
///
/// # Errors
/// [`CheckError::Unfit`] where it breaks a promise, or its own failure.
pub async fn require(store: &Store, prefix: &str) -> Result<CheckReport, CheckError> {
    let report = check(store, prefix).await?;
    if report.kept {
        tracing::info!("{}", report.line());
        return Ok(report);
    }
    Err(CheckError::Unfit {
        problems: report.problems(),
        store: report.store,
    })
}

/// Tries what Causeway relies on, under a prefix that ends in a slash and is nobody else's.
///
/// # Errors
/// The store's failure, where nothing can be said of it.
pub async fn check(store: &Store, prefix: &str) -> Result<CheckReport, StoreError> {
    let started = Instant::now();
    let requests = store.requests();
    let (mut attempt, mut untried) = (1, None);
    let problems = loop {
        clear(&**store, prefix).await?;
        let trial = Trial::begin(&**store, keys_prefix(prefix)?).await?;
        let tried = trial.run(&mut untried).await;
        let is_undisturbed = trial.is_undisturbed().await;
        let end = trial.end().await;
        let problems = tried?;
        may_stay(end, prefix)?;
        if problems.is_empty() || is_undisturbed || attempt == ATTEMPTS {
            break problems;
        }
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    };
    let tried = |promise: Promise| Tried {
        problem: problems
            .iter()
            .find(|(broken, _)| *broken == promise)
            .map(|(_, problem)| problem.clone()),
        promise,
    };
    Ok(CheckReport {
        store: store.describe(),
        kept: problems.is_empty(),
        promises: Promise::ALL
            .into_iter()
            .filter(|promise| Some(*promise) != untried)
            .map(tried)
            .collect(),
        requests: store.requests().since(&requests),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Up to `attempt` times [`PAUSE`], so that checks at once do not meet again.
fn pause(attempt: u32) -> Duration {
    let mut chance = [u8::MAX];
    // Without randomness it is the longest.
    let _ = fill(&mut chance);
    PAUSE * attempt * u32::from(chance[0]) / u32::from(u8::MAX)
}

/// How the keys of this check alone begin. Not a folder, which would stay in a store of files.
fn keys_prefix(prefix: &str) -> Result<String, StoreError> {
    let unnamed = |error| StoreError::Unavailable {
        action: "check",
        key: prefix.to_owned(),
        detail: "the system has no randomness to give".to_owned(),
        source: Some(Box::new(error)),
    };
    let name = random_id().map_err(unnamed)?;
    Ok(format!("{prefix}{name}-"))
}

/// Removes what checks that were stopped have left. Nothing else, whatever lies there.
async fn clear(store: &dyn ObjectStore, prefix: &str) -> Result<(), StoreError> {
    for object in list_all(store, prefix, None).await? {
        if is_of_check(&object.key[prefix.len()..]) {
            may_stay(store.delete(&object.key).await, prefix)?;
        }
    }
    Ok(())
}

/// Whether a check wrote an object, by its name under the prefix.
fn is_of_check(name: &str) -> bool {
    let Some((id, name)) = name.split_once(['-', '/']) else {
        return false;
    };
    let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_id && OBJECTS.contains(&name)
}

/// A store may take writes and no removals from whoever has little to remove: what a check wrote
/// stays then.
fn may_stay(removed: Result<(), StoreError>, prefix: &str) -> Result<(), StoreError> {
    match removed {
        Err(StoreError::Refused { detail, .. }) => {
            tracing::warn!(
                detail,
                "a few small objects of the store's check stay under {prefix}, since their removal \
                 is refused; allow s3:DeleteObject there, or remove them"
            );
            Ok(())
        }
        removed => removed,
    }
}

#[cfg(test)]
mod tests;
