//! Who a token or a session belongs to, and sessions begun and ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::store::Store;
use jiff::Timestamp;

use super::cache::Cache;
use super::secret::{Session, Token};
use super::sessions::SessionFile;
use super::tokens::TokenFile;
use super::{AuthError, Caller};
use crate::db::Database;

/// Knows callers by their tokens and sessions, which the store keeps.
#[derive(Debug)]
pub(crate) struct Authenticator {
    tokens: Cache<TokenFile>,
    sessions: Cache<SessionFile>,
    /// Sessions that were begun while the store did not answer: known to this hub alone, until it
    /// ends.
    unsaved: Mutex<SessionFile>,
}

impl Authenticator {
    pub(crate) fn new(store: &Store, database: &Arc<dyn Database>) -> Self {
        Self {
            tokens: Cache::new(Arc::clone(store), Arc::clone(database)),
            sessions: Cache::new(Arc::clone(store), Arc::clone(database)),
            unsaved: Mutex::default(),
        }
    }

    /// Whose token it is; `None`: nobody's.
    ///
    /// # Errors
    /// [`AuthError`] if the tokens were never read and cannot be.
    pub(crate) async fn by_token(
        &self,
        token: &Token,
        now: Timestamp,
    ) -> Result<Option<Caller>, AuthError> {
        let find = |file: &TokenFile| file.by_token(token);
        Ok(self.tokens.find(find, now).await?)
    }

    /// Whose session it is; `None`: nobody's, or it has ended.
    ///
    /// # Errors
    /// [`AuthError`] if tokens or sessions were never read and cannot be.
    pub(crate) async fn by_session(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<Option<Caller>, AuthError> {
        let token_of = |file: &SessionFile| file.token_of(session, now).map(str::to_owned);
        let unsaved = token_of(&self.unsaved());
        let token = match unsaved {
            Some(token) => Some(token),
            None => self.sessions.find(token_of, now).await?,
        };
        let Some(token) = token else { return Ok(None) };
        let find = |file: &TokenFile| file.by_id(&token);
        Ok(self.tokens.find(find, now).await?)
    }

    /// Begins a session in place of the browser's last one. Where the store does not take it, this
    /// hub alone knows it.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(crate) async fn begin_session(
        &self,
        caller: &Caller,
        last: Option<&Session>,
        now: Timestamp,
    ) -> Result<Session, AuthError> {
        let session = Session::random()?;
        let change = |file: &mut SessionFile| {
            if let Some(last) = last {
                file.remove(last);
            }
            file.add(&session, &caller.token, now);
        };
        if let Err(error) = self.sessions.change(change, now).await {
            tracing::warn!(%error, "a session is known to this hub alone");
            change(&mut self.unsaved());
        }
        Ok(session)
    }

    /// Ends a session: here at once, and within fifteen seconds on every other hub.
    ///
    /// # Errors
    /// [`AuthError`] if the store does not take it; the session goes on then.
    pub(crate) async fn end_session(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        // Anybody may send a cookie that is none: that must not cost the store a request each.
        if self.by_session(session, now).await?.is_none() {
            return Ok(());
        }
        let change = |file: &mut SessionFile| {
            file.remove(session);
        };
        // Also of a session that the store did not take: it may have, and only its answer was lost.
        self.sessions.change(change, now).await?;
        self.unsaved().remove(session);
        Ok(())
    }

    /// Reads tokens and sessions, so that the first caller need not wait for them.
    ///
    /// # Errors
    /// [`AuthError`] if they were never read and cannot be.
    #[cfg(feature = "lambda")]
    pub(crate) async fn look(&self, now: Timestamp) -> Result<(), AuthError> {
        let (tokens, sessions) = tokio::join!(self.tokens.look_up(now), self.sessions.look_up(now));
        tokens?;
        Ok(sessions?)
    }

    fn unsaved(&self) -> MutexGuard<'_, SessionFile> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
