//! The tokens of a store: one small file of hashes.

use std::io;
use std::sync::Arc;

use causeway_shared::ids::SiteName;
use causeway_shared::layout::TOKENS;
use causeway_shared::runtime::chance;
use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Token;
use super::{Caller, Role};
use crate::db::Database;
use crate::document::{Content, CopyError, Document, DocumentError};

/// Most tokens that a store keeps.
const MAX_TOKENS: usize = 1_000;
/// Most characters of a token's name.
const MAX_NAME_CHARS: usize = 100;

/// Why tokens cannot be read, made or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AuthError {
    /// The store's file.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A name that a token cannot have.
    #[error(
        "a token's name has 1 to {MAX_NAME_CHARS} characters, none of them a control character"
    )]
    Name,
    /// An agent's token is for one site, and no other token is.
    #[error(
        "a token of role agent names its site, and no other does: write --site with --role agent alone"
    )]
    Site,
    /// One that would not be told from another.
    #[error(
        "there is a token of role {role} with the name {name:?} already; choose another name, or revoke that \
         one first: causeway-hub token revoke {id}",
        role = .role.as_str()
    )]
    Taken {
        role: Role,
        name: String,
        id: String,
    },
    /// Too many tokens.
    #[error("the store holds {MAX_TOKENS} tokens already; revoke some that are no longer used")]
    Full,
    /// Nothing to revoke.
    #[error("no token has the name or id {given:?}; `causeway-hub token list` shows them")]
    Unknown { given: String },
    /// The system has no randomness to give.
    #[error("no randomness for a new token: {0}")]
    Chance(#[from] io::Error),
}

impl AuthError {
    /// Whether the caller asked for something that cannot be.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Name | Self::Site | Self::Taken { .. } | Self::Full | Self::Unknown { .. }
        )
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
    /// The one site that an agent's token is for. Older ones name none, and allow nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
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
}

/// The content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenFile {
    tokens: Vec<StoredToken>,
}

impl Content for TokenFile {
    const KEY: &'static str = TOKENS;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 1024 * 1024;
    const REMEDY: &'static str = "restore it, or remove it and make new tokens";
}

impl TokenFile {
    /// Whose token it is.
    pub(super) fn by_token(&self, token: &Token) -> Option<Caller> {
        let hash = token.hash();
        self.find(|stored| hash.is(&stored.sha256))
    }

    /// Who has the token of this id.
    pub(super) fn by_id(&self, id: &str) -> Option<Caller> {
        self.find(|stored| stored.record.id == id)
    }

    /// Looks at every record, so that the time taken does not tell which one it was.
    fn find(&self, is_it: impl Fn(&StoredToken) -> bool) -> Option<Caller> {
        let found = self.tokens.iter().fold(None, |found, stored| {
            if is_it(stored) {
                Some(&stored.record)
            } else {
                found
            }
        });
        found.map(|record| Caller {
            token: record.id.clone(),
            name: record.name.clone(),
            role: record.role,
            site: record.site.clone(),
        })
    }
}

/// The tokens of a store.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(Document<TokenFile>);

impl Tokens {
    /// Has a database keep a copy of them as they are now.
    ///
    /// # Errors
    /// [`CopyError`]
    pub(crate) async fn copy_to(&self, database: &dyn Database) -> Result<(), CopyError> {
        let (mut file, mut version) = self.0.read().await?;
        self.0.copy_to(database, &mut file, &mut version).await
    }

    /// Those that a store keeps.
    #[must_use]
    pub(crate) fn new(store: &Store) -> Self {
        Self(Document::new(Arc::clone(store)))
    }

    /// Makes a token. It can be shown only now: the store keeps its hash. No other has its role, name and
    /// site.
    ///
    /// # Errors
    /// [`AuthError`]; no token was made then.
    pub(crate) async fn create(
        &self,
        name: &str,
        role: Role,
        site: Option<SiteName>,
        now: Timestamp,
    ) -> Result<(Token, TokenRecord), AuthError> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(AuthError::Name);
        }
        if (role == Role::Agent) != site.is_some() {
            return Err(AuthError::Site);
        }
        let token = Token::random()?;
        let record = TokenRecord {
            id: chance::random_id()?,
            name: name.to_owned(),
            role,
            site,
            ending: token.ending().to_owned(),
            created_at: now,
        };
        let stored = StoredToken {
            record: record.clone(),
            sha256: token.hash().to_string(),
        };
        let add = |file: &mut TokenFile| {
            // It is there already where the answer to an earlier try was lost.
            if file.by_id(&stored.record.id).is_some() {
                return Ok(());
            }
            let of = |record: &TokenRecord| (record.role, record.name.clone(), record.site.clone());
            let mut tokens = file.tokens.iter().map(|stored| &stored.record);
            if let Some(taken) = tokens.find(|there| of(there) == of(&stored.record)) {
                return Err(AuthError::Taken {
                    role: taken.role,
                    name: taken.name.clone(),
                    id: taken.id.clone(),
                });
            }
            if file.tokens.len() >= MAX_TOKENS {
                return Err(AuthError::Full);
            }
            file.tokens.push(stored.clone());
            Ok(())
        };
        self.0.change(add).await?;
        Ok((token, record))
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// [`AuthError`] where the file cannot be read.
    pub(crate) async fn list(&self) -> Result<Vec<TokenRecord>, AuthError> {
        let stored = self.0.read().await?.0.tokens;
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
        let revoke = |file: &mut TokenFile| {
            let (out, kept): (Vec<_>, _) = std::mem::take(&mut file.tokens)
                .into_iter()
                .partition(|of| of.record.id == id_or_name || of.record.name == id_or_name);
            file.tokens = kept;
            // None is left where they are out already and the answer to an earlier try was lost.
            if !out.is_empty() {
                revoked = out.into_iter().map(|stored| stored.record).collect();
            }
            if revoked.is_empty() {
                return Err(AuthError::Unknown {
                    given: id_or_name.to_owned(),
                });
            }
            Ok(())
        };
        self.0.change(revoke).await?;
        Ok(revoked)
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::store::memory::MemoryStore;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn set_up() -> (Store, Tokens) {
        let store: Store = Arc::new(MemoryStore::new());
        let tokens = Tokens::new(&store);
        (store, tokens)
    }

    async fn names(tokens: &Tokens) -> Vec<String> {
        let records = tokens.list().await.unwrap();
        records.into_iter().map(|record| record.name).collect()
    }

    #[tokio::test]
    async fn the_store_never_holds_a_token() {
        let (store, tokens) = set_up();
        let made = tokens.create("ops", Role::Admin, None, NOW).await;
        let (token, _) = made.unwrap();
        let stored = store.get(TOKENS).await.unwrap();
        let stored = String::from_utf8(stored.bytes(9_999).await.unwrap()).unwrap();
        assert!(stored.contains(&token.hash().to_string()), "{stored}");
        assert!(!stored.contains(&token.reveal()[3..20]), "{stored}");
    }

    #[tokio::test]
    async fn tokens_made_at_once_are_all_kept() {
        let (_, tokens) = set_up();
        let make = |name| tokens.create(name, Role::Viewer, None, NOW);
        let made = tokio::join!(make("a"), make("b"), make("c"), make("d"));
        assert!(made.0.is_ok() && made.1.is_ok() && made.2.is_ok() && made.3.is_ok());
        let mut names = names(&tokens).await;
        names.sort();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    #[tokio::test]
    async fn revoking_takes_a_name_or_an_id() {
        let (_, tokens) = set_up();
        for (name, role) in [("a", Role::Viewer), ("a", Role::Admin), ("b", Role::Viewer)] {
            tokens.create(name, role, None, NOW).await.unwrap();
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
        let (store, tokens) = set_up();
        store.put(TOKENS, b"{}".to_vec().into()).await.unwrap();
        let made = tokens.create("a", Role::Viewer, None, NOW).await;
        insta::assert_snapshot!(
            made.unwrap_err(),
            @"hub/tokens.json cannot be used: missing field `format` at line 1 column 2; restore it, or remove it and make new tokens"
        );
        assert_eq!(store.head(TOKENS).await.unwrap().bytes, 2);
    }

    #[tokio::test]
    async fn a_file_of_an_earlier_version_is_read() {
        let (store, tokens) = set_up();
        let token = Token::random().unwrap();
        let file = format!(
            r#"{{"format": 1, "tokens": [{{"id": "7", "name": "ops", "role": "agent",
            "ending": "abcd", "created_at": "2026-01-01T00:00:00Z", "sha256": "{}",
            "session_sha256": "0"}}]}}"#,
            token.hash()
        );
        store.put(TOKENS, file.into_bytes().into()).await.unwrap();
        let caller = tokens.0.read().await.unwrap().0.by_token(&token).unwrap();
        assert_eq!((caller.role, caller.site), (Role::Agent, None));
    }

    #[tokio::test]
    async fn names_are_checked() {
        let (_, tokens) = set_up();
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            let made = tokens.create(name, Role::Viewer, None, NOW).await;
            assert!(matches!(made, Err(AuthError::Name)), "{name:?}");
        }
    }

    #[tokio::test]
    async fn two_tokens_are_told_apart_by_role_name_and_site() {
        let (_, tokens) = set_up();
        let site = |name: &str| Some(SiteName::new(name).unwrap());
        let make = async |role, site| tokens.create("a", role, site, NOW).await;
        for (role, site) in [
            (Role::Viewer, None),
            (Role::Admin, None),
            (Role::Agent, site("hcm-01")),
            (Role::Agent, site("hcm-02")),
        ] {
            let (_, record) = make(role, site.clone()).await.unwrap();
            let again = make(role, site).await.unwrap_err();
            assert!(again.is_usage());
            let revoke = format!("causeway-hub token revoke {}", record.id);
            assert!(again.to_string().contains(&revoke), "{again}");
        }
        assert_eq!(names(&tokens).await.len(), 4);
    }

    #[tokio::test]
    async fn an_agent_s_token_names_a_site_and_no_other_does() {
        let (_, tokens) = set_up();
        let site = || Some(SiteName::new("hcm-01").unwrap());
        let agent = tokens.create("a", Role::Agent, site(), NOW).await.unwrap();
        assert_eq!(agent.1.site, site());
        for (role, site) in [(Role::Agent, None), (Role::Admin, site())] {
            let made = tokens.create("a", role, site, NOW).await;
            assert!(matches!(made, Err(AuthError::Site)), "{role:?}");
        }
    }
}
