//! The tokens of a store: one small file of hashes, changed by compare-and-swap.

use std::io;

use causeway_shared::layout::TOKENS;
use causeway_shared::runtime::chance;
use causeway_shared::store::{Fetched, Store, StoreError, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::{Hash, Session, Token};
use super::{Caller, Role};

/// The file's format; a file of another one is refused.
const FORMAT: u32 = 1;
/// Most tokens that a store keeps, and the size that their file may have.
const MAX_TOKENS: usize = 1_000;
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Most characters of a token's name.
const MAX_NAME_CHARS: usize = 100;
/// How often a change is tried when others change the file at the same time.
const ATTEMPTS: u32 = 8;

/// Why tokens cannot be read, made or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AuthError {
    /// The store failed.
    #[error("cannot use the tokens in the store: {0}")]
    Store(#[from] StoreError),
    /// The file is not what this version writes.
    #[error("{TOKENS} cannot be used: {detail}; restore it, or remove it and make new tokens")]
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
    /// A name that a token cannot have.
    #[error(
        "a token's name has 1 to {MAX_NAME_CHARS} characters, none of them a control character"
    )]
    Name,
    /// Too many tokens.
    #[error("the store holds {MAX_TOKENS} tokens already; revoke some that are no longer used")]
    Full,
    /// Nothing to revoke.
    #[error("no token has the name or id {given:?}; `causeway-hub token list` shows them")]
    Unknown {
        /// What was asked for.
        given: String,
    },
    /// The system has no randomness to give.
    #[error("no randomness for a new token: {0}")]
    Chance(#[from] io::Error),
}

impl AuthError {
    /// Whether the caller asked for something that cannot be.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Name | Self::Full | Self::Unknown { .. })
    }
}

/// What the store knows of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    /// Names the token among others of one name.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The token's last four letters.
    pub ending: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredToken {
    #[serde(flatten)]
    record: TokenRecord,
    /// The token's hash.
    sha256: String,
    /// The hash of the session that follows from the token.
    session_sha256: String,
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenFile {
    format: u32,
    tokens: Vec<StoredToken>,
}

impl Default for TokenFile {
    fn default() -> Self {
        Self {
            format: FORMAT,
            tokens: Vec::new(),
        }
    }
}

impl TokenFile {
    /// Whose token it is.
    pub(super) fn by_token(&self, token: &Token) -> Option<Caller> {
        self.find(&token.hash(), |stored| &stored.sha256)
    }

    /// Whose session it is.
    pub(super) fn by_session(&self, session: &Session) -> Option<Caller> {
        self.find(&session.hash(), |stored| &stored.session_sha256)
    }

    /// Looks at every record, so that the time taken does not tell which one it was.
    fn find(&self, hash: &Hash, of: impl Fn(&StoredToken) -> &str) -> Option<Caller> {
        let found = self.tokens.iter().fold(None, |found, stored| {
            if hash.is(of(stored)) {
                Some(&stored.record)
            } else {
                found
            }
        });
        found.map(|record| Caller {
            name: record.name.clone(),
            role: record.role,
        })
    }
}

/// The tokens of a store.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    store: Store,
}

impl Tokens {
    /// Those that a store keeps.
    #[must_use]
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes a token. It can be shown only now: the store keeps its hash.
    ///
    /// # Errors
    /// [`AuthError`]; no token was made then.
    pub(crate) async fn create(
        &self,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(Token, TokenRecord), AuthError> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(AuthError::Name);
        }
        let token = Token::random()?;
        let record = TokenRecord {
            id: chance::random_id()?,
            name: name.to_owned(),
            role,
            ending: token.ending().to_owned(),
            created_at: now,
        };
        let stored = StoredToken {
            record: record.clone(),
            sha256: token.hash().to_string(),
            session_sha256: token.session().hash().to_string(),
        };
        self.change(|file| {
            if file.tokens.len() >= MAX_TOKENS {
                return Err(AuthError::Full);
            }
            file.tokens.push(stored.clone());
            Ok(())
        })
        .await?;
        Ok((token, record))
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// [`AuthError`] where the file cannot be read.
    pub(crate) async fn list(&self) -> Result<Vec<TokenRecord>, AuthError> {
        let stored = self.read().await?.0.tokens;
        Ok(stored.into_iter().map(|stored| stored.record).collect())
    }

    /// Revokes the token with an id, or every token with a name. Hubs notice within seconds.
    ///
    /// Answers what was revoked.
    ///
    /// # Errors
    /// [`AuthError::Unknown`] if there is none, or the store's failure.
    pub(crate) async fn revoke(&self, id_or_name: &str) -> Result<Vec<TokenRecord>, AuthError> {
        let mut revoked = Vec::new();
        self.change(|file| {
            let (out, kept): (Vec<_>, _) = std::mem::take(&mut file.tokens)
                .into_iter()
                .partition(|of| of.record.id == id_or_name || of.record.name == id_or_name);
            revoked = out.into_iter().map(|stored| stored.record).collect();
            file.tokens = kept;
            if revoked.is_empty() {
                return Err(AuthError::Unknown {
                    given: id_or_name.to_owned(),
                });
            }
            Ok(())
        })
        .await?;
        Ok(revoked)
    }

    /// Reads, changes and writes the file, again if somebody else wrote it meanwhile.
    async fn change(
        &self,
        mut change: impl FnMut(&mut TokenFile) -> Result<(), AuthError>,
    ) -> Result<(), AuthError> {
        let mut attempt = 1;
        loop {
            let (mut file, version) = self.read().await?;
            change(&mut file)?;
            let body = serde_json::to_vec_pretty(&file).map_err(damaged)?.into();
            let written = match &version {
                Some(version) => self.store.replace(TOKENS, body, version).await,
                None => self.store.create(TOKENS, body).await,
            };
            match written {
                Ok(_) => return Ok(()),
                Err(StoreError::Changed { .. } | StoreError::AlreadyExists { .. })
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The file and its version; an empty one where there is none yet.
    async fn read(&self) -> Result<(TokenFile, Option<Version>), AuthError> {
        match self.store.get(TOKENS).await {
            Ok(fetched) => decoded(fetched).await,
            Err(error) if error.is_not_found() => Ok((TokenFile::default(), None)),
            Err(error) => Err(error.into()),
        }
    }

    /// The file, unless it still is the version named.
    pub(super) async fn read_if_changed(
        &self,
        version: Option<&Version>,
    ) -> Result<Option<(TokenFile, Option<Version>)>, AuthError> {
        let Some(version) = version else {
            return self.read().await.map(Some);
        };
        match self.store.get_if_changed(TOKENS, version).await {
            Ok(None) => Ok(None),
            Ok(Some(fetched)) => decoded(fetched).await.map(Some),
            Err(error) if error.is_not_found() => Ok(Some((TokenFile::default(), None))),
            Err(error) => Err(error.into()),
        }
    }
}

async fn decoded(fetched: Fetched) -> Result<(TokenFile, Option<Version>), AuthError> {
    let version = fetched.meta.version.clone();
    let bytes = fetched.bytes(MAX_FILE_BYTES).await?;
    let file: TokenFile = serde_json::from_slice(&bytes).map_err(damaged)?;
    if file.format != FORMAT {
        return Err(damaged(format!(
            "it has format {}, this version reads {FORMAT}",
            file.format
        )));
    }
    Ok((file, Some(version)))
}

fn damaged(detail: impl ToString) -> AuthError {
    AuthError::Damaged {
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::store::memory::MemoryStore;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(Arc::new(MemoryStore::new()))
    }

    async fn names(tokens: &Tokens) -> Vec<String> {
        tokens
            .list()
            .await
            .unwrap()
            .into_iter()
            .map(|record| record.name)
            .collect()
    }

    #[tokio::test]
    async fn the_store_never_holds_a_token() {
        let tokens = tokens();
        let (token, _) = tokens
            .create("ops", Role::Admin, Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        let stored = tokens
            .store
            .get(TOKENS)
            .await
            .unwrap()
            .bytes(9_999)
            .await
            .unwrap();
        let stored = String::from_utf8(stored).unwrap();
        assert!(stored.contains(&token.hash().to_string()), "{stored}");
        assert!(!stored.contains(&token.reveal()[3..20]), "{stored}");
        assert!(!stored.contains(token.session().reveal()), "{stored}");
    }

    #[tokio::test]
    async fn tokens_made_at_once_are_all_kept() {
        let tokens = tokens();
        let make = |name| tokens.create(name, Role::Viewer, Timestamp::UNIX_EPOCH);
        let made = tokio::join!(make("a"), make("b"), make("c"), make("d"));
        assert!(made.0.is_ok() && made.1.is_ok() && made.2.is_ok() && made.3.is_ok());
        let mut names = names(&tokens).await;
        names.sort();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    #[tokio::test]
    async fn revoking_takes_a_name_or_an_id() {
        let tokens = tokens();
        for name in ["a", "a", "b"] {
            tokens
                .create(name, Role::Viewer, Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
        }
        assert_eq!(tokens.revoke("a").await.unwrap().len(), 2);
        let id = tokens.list().await.unwrap()[0].id.clone();
        assert_eq!(tokens.revoke(&id).await.unwrap()[0].name, "b");
        let error = tokens.revoke("b").await.unwrap_err();
        insta::assert_snapshot!(
            error, @r#"no token has the name or id "b"; `causeway-hub token list` shows them"#
        );
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error_and_stays() {
        let tokens = tokens();
        tokens
            .store
            .put(TOKENS, b"{}".to_vec().into())
            .await
            .unwrap();
        let made = tokens
            .create("a", Role::Viewer, Timestamp::UNIX_EPOCH)
            .await;
        assert!(matches!(made, Err(AuthError::Damaged { .. })), "{made:?}");
        assert_eq!(tokens.store.head(TOKENS).await.unwrap().bytes, 2);
    }

    #[tokio::test]
    async fn names_are_checked() {
        let tokens = tokens();
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            let made = tokens
                .create(name, Role::Viewer, Timestamp::UNIX_EPOCH)
                .await;
            assert!(matches!(made, Err(AuthError::Name)), "{name:?}");
        }
    }
}
