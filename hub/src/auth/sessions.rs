//! The sessions of a store: which browser has signed in with which token, and until when.

use causeway_shared::layout::SESSIONS;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::secret::Session;
use crate::document::Content;

/// How long a browser stays signed in.
pub(crate) const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Most sessions of one token; a further one takes the place of the oldest.
const MAX_OF_A_TOKEN: usize = 100;
/// Most sessions of all tokens.
const MAX_SESSIONS: usize = 5_000;

/// The content of the file, the oldest session first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionFile {
    sessions: Vec<StoredSession>,
}

impl Content for SessionFile {
    const KEY: &'static str = SESSIONS;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 2 * 1024 * 1024;
    const REMEDY: &'static str = "remove it, and everybody signs in again";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredSession {
    /// The hash of what the browser keeps.
    sha256: String,
    /// The id of the token that it signed in with.
    token: String,
    ends_at: Timestamp,
}

impl SessionFile {
    /// The id of the token that a session was begun with, unless it has ended.
    pub(super) fn token_of(&self, session: &Session, now: Timestamp) -> Option<&str> {
        let hash = session.hash();
        // Each is looked at, so that the time taken does not tell which one it was.
        let found = self.sessions.iter().fold(None, |found, stored| {
            if hash.is(&stored.sha256) {
                Some(stored)
            } else {
                found
            }
        });
        // One that was begun while a clock was wrong lasts no longer than others.
        let latest = now.saturating_add(SESSION_LASTS).unwrap_or(Timestamp::MAX);
        let lasting = found.filter(|stored| now < stored.ends_at && stored.ends_at <= latest);
        lasting.map(|stored| stored.token.as_str())
    }

    /// Adds a session. Those that have ended go, and the oldest where there are too many.
    pub(super) fn add(&mut self, session: &Session, token: &str, now: Timestamp) {
        // It may be there already, where the answer to an earlier try was lost.
        self.remove(session);
        self.sessions.retain(|stored| now < stored.ends_at);
        let of_token = |stored: &StoredSession| stored.token == token;
        if self
            .sessions
            .iter()
            .filter(|stored| of_token(stored))
            .count()
            >= MAX_OF_A_TOKEN
            && let Some(oldest) = self.sessions.iter().position(of_token)
        {
            self.sessions.remove(oldest);
        }
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(StoredSession {
            sha256: session.hash().to_string(),
            token: token.to_owned(),
            ends_at: now.saturating_add(SESSION_LASTS).unwrap_or(Timestamp::MAX),
        });
    }

    /// Takes a session out. `false`: it was not there.
    pub(super) fn remove(&mut self, session: &Session) -> bool {
        let hash = session.hash();
        let before = self.sessions.len();
        self.sessions.retain(|stored| !hash.is(&stored.sha256));
        self.sessions.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::encode;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    #[test]
    fn a_session_ends_after_thirty_days() {
        let mut file = SessionFile::default();
        let session = Session::random().unwrap();
        file.add(&session, "t", at(0));
        assert_eq!(file.token_of(&session, at(30 * 24 - 1)), Some("t"));
        assert_eq!(file.token_of(&session, at(30 * 24)), None);
        file.add(&Session::random().unwrap(), "t", at(30 * 24));
        assert_eq!(file.sessions.len(), 1, "the ended one is dropped");
    }

    #[test]
    fn a_session_of_a_wrong_clock_does_not_outlast_it() {
        let mut file = SessionFile::default();
        let session = Session::random().unwrap();
        file.add(&session, "t", at(10 * 365 * 24));
        assert_eq!(file.token_of(&session, at(0)), None);
    }

    #[test]
    fn only_a_token_s_own_sessions_make_room_for_more_of_it() {
        let mut file = SessionFile::default();
        let (other, first) = (Session::random().unwrap(), Session::random().unwrap());
        file.add(&other, "other", at(0));
        file.add(&first, "t", at(0));
        for _ in 0..MAX_OF_A_TOKEN {
            file.add(&Session::random().unwrap(), "t", at(0));
        }
        assert_eq!(file.sessions.len(), MAX_OF_A_TOKEN + 1);
        assert_eq!(file.token_of(&first, at(0)), None);
        assert_eq!(file.token_of(&other, at(0)), Some("other"));
    }

    #[test]
    fn the_largest_file_is_one_that_is_read() {
        // Not one by one: each would be compared with all before it.
        let stored = |n: usize| StoredSession {
            sha256: format!("{n:064}"),
            token: format!("{:032}", n / MAX_OF_A_TOKEN),
            ends_at: at(1),
        };
        let sessions = (0..MAX_SESSIONS).map(stored).collect();
        let mut file = SessionFile { sessions };
        let token = "f".repeat(32);
        file.add(&Session::random().unwrap(), &token, at(0));
        assert_eq!(file.sessions.len(), MAX_SESSIONS);
        assert!((encode(&file).unwrap().len() as u64) < SessionFile::MAX_BYTES);
    }
}
