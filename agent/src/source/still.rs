//! How long a file has been as it is, and what follows from that: whether somebody may still be
//! writing it.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::Unreadable;
use super::file_state::{FileState, companion};

/// A file that could end where it does by chance (in the middle of a line, or behind its header)
/// counts as finished when it has been as it is for this long.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// A file that is not ready, and has been as it is for this long, will not become ready by itself.
pub(crate) const ABANDONED: SignedDuration = SignedDuration::from_mins(10);

/// What lies beside a SQLite file and is written in its stead; of a CSV file nothing does.
const COMPANIONS: [&str; 2] = ["-wal", "-journal"];

impl Unreadable {
    /// The same trouble with the file at a path; but what is not ready, and is not being written
    /// either, is a failure that somebody has to look at.
    pub(super) fn unless_abandoned(self, path: &Path, now: Timestamp) -> Self {
        let companions = COMPANIONS.iter();
        let companions = companions.map(|suffix| FileState::of_companion(&companion(path, suffix)));
        let states = std::iter::once(FileState::of(path)).chain(companions);
        let still_for = states.flatten().map(|state| state.still_for(now)).min();
        match self {
            Self::NotReady { why } if still_for.is_some_and(|still| still >= ABANDONED) => {
                let minutes = ABANDONED.as_mins();
                Self::failed(format!(
                    "{why}; it has not changed for {minutes} minutes, so nobody is about to finish it"
                ))
            }
            other => other,
        }
    }
}
