//! The tokens as a running hub knows them: in memory, looked at again now and then.

use std::sync::{Arc, PoisonError, RwLock};

use causeway_shared::store::Version;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::tokens::TokenFile;
use super::{AuthError, Caller, Session, Token, Tokens};

/// A revoked token works no longer than this.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// A token that is not known yet may be new, but somebody who tries many must not reach the store
/// with each.
const LOOK_FOR_UNKNOWN_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// The tokens of a store, in memory.
#[derive(Debug)]
pub(crate) struct TokenCache {
    tokens: Tokens,
    known: RwLock<Known>,
    /// Held by whoever asks the store; the others go on with what is known.
    looking: Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// `None` until the store has answered once.
    file: Option<Arc<TokenFile>>,
    version: Option<Version>,
    looked_at: Option<Timestamp>,
}

impl TokenCache {
    /// Nothing is read yet.
    #[must_use]
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            known: RwLock::default(),
            looking: Mutex::default(),
        }
    }

    /// Whose token it is; `None`: nobody's.
    ///
    /// # Errors
    /// [`AuthError`] if the store was never read and cannot be. Later failures are logged, and
    /// what is known goes on counting.
    pub(crate) async fn by_token(
        &self,
        token: &Token,
        now: Timestamp,
    ) -> Result<Option<Caller>, AuthError> {
        self.find(|file| file.by_token(token), now).await
    }

    /// Whose session it is; `None`: nobody's.
    ///
    /// # Errors
    /// As [`by_token`](Self::by_token).
    pub(crate) async fn by_session(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<Option<Caller>, AuthError> {
        self.find(|file| file.by_session(session), now).await
    }

    async fn find(
        &self,
        find: impl Fn(&TokenFile) -> Option<Caller>,
        now: Timestamp,
    ) -> Result<Option<Caller>, AuthError> {
        let file = self.file(LOOK_AGAIN_AFTER, now).await?;
        if let Some(caller) = find(&file) {
            return Ok(Some(caller));
        }
        Ok(find(&*self.file(LOOK_FOR_UNKNOWN_AFTER, now).await?))
    }

    /// The file, no older than `at_most` if the store answers.
    async fn file(
        &self,
        at_most: SignedDuration,
        now: Timestamp,
    ) -> Result<Arc<TokenFile>, AuthError> {
        let known = self.known();
        if let Some(file) = &known.file {
            // After a clock was set back nothing is fresh: else a revoked token would work on.
            let fresh = SignedDuration::ZERO..at_most;
            let is_fresh = known
                .looked_at
                .is_some_and(|at| fresh.contains(&now.duration_since(at)));
            if is_fresh {
                return Ok(Arc::clone(file));
            }
            // A slow store must not hold up everybody: one asks, the others use what is known.
            let Ok(_looking) = self.looking.try_lock() else {
                return Ok(Arc::clone(file));
            };
            return match self.look(&known, now).await {
                Ok(file) => Ok(file),
                Err(error) => {
                    tracing::warn!(%error, "tokens cannot be read again; those known stay valid");
                    self.set(Known {
                        looked_at: Some(now),
                        ..known.clone()
                    });
                    Ok(Arc::clone(file))
                }
            };
        }
        let _looking = self.looking.lock().await;
        match self.known().file {
            Some(file) => Ok(file),
            None => self.look(&known, now).await,
        }
    }

    async fn look(&self, known: &Known, now: Timestamp) -> Result<Arc<TokenFile>, AuthError> {
        let read = self.tokens.read_if_changed(known.version.as_ref()).await?;
        let (file, version) = match (read, &known.file) {
            (Some((file, version)), _) => (Arc::new(file), version),
            (None, Some(file)) => (Arc::clone(file), known.version.clone()),
            // Without a version the file is always read; an empty one is what there is then.
            (None, None) => (Arc::default(), None),
        };
        self.set(Known {
            file: Some(Arc::clone(&file)),
            version,
            looked_at: Some(now),
        });
        Ok(file)
    }

    fn known(&self) -> Known {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::store::memory::MemoryStore;
    use causeway_shared::store::{ObjectStore as _, Store};

    use super::*;
    use crate::auth::Role;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn set_up() -> (Arc<MemoryStore>, Tokens, TokenCache) {
        let store = Arc::new(MemoryStore::new());
        let tokens = Tokens::new(Arc::clone(&store) as Store);
        let cache = TokenCache::new(tokens.clone());
        (store, tokens, cache)
    }

    #[tokio::test]
    async fn a_new_token_is_known_and_a_revoked_one_soon_forgotten() {
        let (_, tokens, cache) = set_up();
        let stranger = Token::random().unwrap();
        assert_eq!(cache.by_token(&stranger, at(0)).await.unwrap(), None);
        let (token, _) = tokens.create("ops", Role::Admin, at(0)).await.unwrap();

        let caller = cache.by_token(&token, at(2)).await.unwrap();
        assert_eq!(
            caller,
            Some(Caller {
                name: "ops".into(),
                role: Role::Admin
            })
        );
        let session = cache.by_session(&token.session(), at(2)).await.unwrap();
        assert_eq!(session, caller);

        tokens.revoke("ops").await.unwrap();
        assert_eq!(cache.by_token(&token, at(20)).await.unwrap(), None);
        assert_eq!(
            cache.by_session(&token.session(), at(20)).await.unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn a_revoked_token_is_forgotten_though_the_clock_was_set_back() {
        let (_, tokens, cache) = set_up();
        let (token, _) = tokens.create("ops", Role::Admin, at(0)).await.unwrap();
        assert!(cache.by_token(&token, at(1_000)).await.unwrap().is_some());
        tokens.revoke("ops").await.unwrap();
        assert_eq!(cache.by_token(&token, at(10)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_known_token_asks_the_store_seldom_and_an_unknown_one_no_more_than_once_a_second() {
        let (store, tokens, cache) = set_up();
        let (token, _) = tokens.create("ops", Role::Admin, at(0)).await.unwrap();
        cache.by_token(&token, at(0)).await.unwrap();
        let before = store.requests();
        for second in 1..15 {
            cache.by_token(&token, at(second)).await.unwrap();
        }
        assert_eq!(store.requests().since(&before).total(), 0);
        for _ in 0..100 {
            cache
                .by_token(&Token::random().unwrap(), at(15))
                .await
                .unwrap();
        }
        assert_eq!(store.requests().since(&before).total(), 1);
    }
}
