//! Failed sign-ins, counted so that somebody who tries tokens is told to slow down.
//!
//! No token of 256 bits is found by trying; this keeps the noise down, and never refuses a token
//! that is right.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How many sign-ins may fail within [`WITHIN`] before more are answered with "too many".
const MOST: u32 = 30;
/// How long failures count.
const WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The failed sign-ins of the last minute, whoever they came from.
#[derive(Debug, Default)]
pub(crate) struct FailedLogins {
    since: Mutex<Option<(Timestamp, u32)>>,
}

impl FailedLogins {
    /// Counts one; answers whether there are too many now.
    pub(crate) fn count(&self, now: Timestamp) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, failed) = match *since {
            Some((began, failed)) if now.duration_since(began) < WITHIN => (began, failed + 1),
            _ => (now, 1),
        };
        *since = Some((began, failed));
        failed > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_in_a_minute() {
        let logins = FailedLogins::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let refused = (0..31)
            .map(|second| logins.count(at(second)))
            .filter(|too_many| *too_many);
        assert_eq!(refused.count(), 1);
        assert!(!logins.count(at(61)), "a minute later");
    }
}
