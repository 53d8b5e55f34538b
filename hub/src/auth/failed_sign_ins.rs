//! Failed sign-ins, counted so that somebody who tries tokens is told to slow down.
//!
//! No token of 256 bits is found by trying; this keeps the noise down, and never refuses a token
//! that is right.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How many sign-ins may fail within [`WITHIN`] before more are answered with "too many", and not
/// logged.
const MAX_FAILED: u32 = 30;
/// How long failures count.
const WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The failed sign-ins of the last minute, whoever they came from.
#[derive(Debug, Default)]
pub(crate) struct FailedSignIns(Mutex<Option<Minute>>);

#[derive(Debug, Clone, Copy)]
struct Minute {
    began: Timestamp,
    failed: u32,
}

/// What to do about a failed sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedSignIn {
    /// Log it; so many were not logged before.
    Log { unlogged: u32 },
    /// Nothing more than to answer that there were too many.
    TooMany,
}

impl FailedSignIns {
    pub(crate) fn count(&self, now: Timestamp) -> FailedSignIn {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = minute.filter(|minute| {
            (SignedDuration::ZERO..WITHIN).contains(&now.duration_since(minute.began))
        });
        let Some(Minute { began, failed }) = recent else {
            let last = minute.replace(Minute {
                began: now,
                failed: 1,
            });
            let unlogged = last.map_or(0, |last| last.failed.saturating_sub(MAX_FAILED));
            return FailedSignIn::Log { unlogged };
        };
        let failed = failed.saturating_add(1);
        *minute = Some(Minute { began, failed });
        if failed > MAX_FAILED {
            FailedSignIn::TooMany
        } else {
            FailedSignIn::Log { unlogged: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_in_a_minute_are_counted_and_not_logged() {
        let sign_ins = FailedSignIns::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let counted: Vec<_> = (0..33).map(|second| sign_ins.count(at(second))).collect();
        assert_eq!(counted[..30], [FailedSignIn::Log { unlogged: 0 }; 30]);
        assert_eq!(counted[30..], [FailedSignIn::TooMany; 3]);
        assert_eq!(sign_ins.count(at(61)), FailedSignIn::Log { unlogged: 3 });
        assert_eq!(sign_ins.count(at(62)), FailedSignIn::Log { unlogged: 0 });
    }
}
