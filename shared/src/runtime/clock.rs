//! Time, read in one place and passed on as a value.

use jiff::{SignedDuration, Timestamp};

/// The present, to the millisecond that the log keeps.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where time is read"
)]
pub fn now() -> Timestamp {
    truncate(Timestamp::now())
}

/// The time of a commit: now, but never before 1 ms after the commit before it, whatever the
/// clock says.
#[must_use]
pub fn commit_time(now: Timestamp, previous: Option<Timestamp>) -> Timestamp {
    let earliest = previous.and_then(|at| at.checked_add(SignedDuration::from_millis(1)).ok());
    earliest.map_or(now, |earliest| earliest.max(now))
}

fn truncate(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
