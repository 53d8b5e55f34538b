//! What Causeway relies on, promise by promise, and how each is tried.

use std::fmt;

use futures_util::future::join_all;
use serde::Serialize;

use super::super::{Body, ObjectStore, StoreError, Version, list_all};
use super::{MAX_BYTES, WRITERS};

/// What Causeway relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// A reader sees the last write.
    ReadBack,
    /// A listing shows the last write.
    Listed,
    /// A replacement of the present version counts.
    FreshReplaced,
    /// A replacement of any other version does not.
    StaleRefused,
    /// A create of a key that is there does not count.
    CreateRefused,
    /// Of many creates at once one counts.
    OneWinner,
    /// What was removed is gone.
    Removed,
}

impl Promise {
    /// All of them, in the order in which they are tried.
    pub(super) const ALL: [Self; 7] = [
        Self::ReadBack,
        Self::FreshReplaced,
        Self::StaleRefused,
        Self::OneWinner,
        Self::CreateRefused,
        Self::Listed,
        Self::Removed,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadBack => "what was written must be read back",
            Self::Listed => "what was written must be listed",
            Self::FreshReplaced => "a replacement of the present version must be taken (If-Match)",
            Self::StaleRefused => "a replacement of another version must be refused (If-Match)",
            Self::CreateRefused => {
                "a create over an existing key must be refused (If-None-Match: *)"
            }
            Self::OneWinner => "of 32 creates of one key at once one must win (If-None-Match: *)",
            Self::Removed => "what was removed must be gone",
        })
    }
}

/// A promise that is broken, and how.
pub(super) type Broken = (Promise, String);

/// How the keys of a check's objects end.
pub(super) const OBJECTS: [&str; 4] = ["created", "replaced", "absent", "mark"];

/// The objects of one check.
pub(super) struct Trial<'s> {
    store: &'s dyn ObjectStore,
    prefix: String,
}

/// What became of a conditional write.
enum WriteOutcome {
    Taken(Version),
    Refused,
    /// The store does not know such writes, in its own words.
    Unknown(String),
}

impl<'s> Trial<'s> {
    /// Puts the mark by which a check knows that nobody removed its objects.
    pub(super) async fn begin(
        store: &'s dyn ObjectStore,
        prefix: String,
    ) -> Result<Self, StoreError> {
        let trial = Self { store, prefix };
        trial.store.put(&trial.key("mark"), body("mark")).await?;
        Ok(trial)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Removes what it wrote.
    pub(super) async fn end(&self) -> Result<(), StoreError> {
        for name in OBJECTS {
            self.store.delete(&self.key(name)).await?;
        }
        Ok(())
    }

    /// Whether no other check removed this one's objects.
    pub(super) async fn is_undisturbed(&self) -> bool {
        !matches!(
            self.store.head(&self.key("mark")).await,
            Err(StoreError::NotFound { .. })
        )
    }

    /// Tries every promise but the one whose trial the store refuses, which becomes `untried`.
    pub(super) async fn run(
        &self,
        untried: &mut Option<Promise>,
    ) -> Result<Vec<Broken>, StoreError> {
        let mut broken = Vec::new();
        self.replacements(&mut broken).await?;
        self.creates(&mut broken).await?;
        self.listing(&mut broken).await?;
        *untried = self.removal(&mut broken).await?;
        Ok(broken)
    }

    async fn replacements(&self, broken: &mut Vec<Broken>) -> Result<(), StoreError> {
        let key = self.key("replaced");
        let first = self.store.put(&key, body("first")).await?;
        let problem = self.differs(&key, "first", Some(&first)).await?;
        broken.extend(problem.map(|how| (Promise::ReadBack, how)));

        match outcome(self.store.replace(&key, body("second"), &first).await)? {
            WriteOutcome::Taken(version) => {
                let problem = self.differs(&key, "second", Some(&version)).await?;
                broken.extend(problem.map(|how| (Promise::ReadBack, how)));
            }
            WriteOutcome::Refused => {
                broken.push((Promise::FreshReplaced, "it was refused".to_owned()));
                self.store.put(&key, body("second")).await?;
            }
            WriteOutcome::Unknown(words) => {
                broken.push((Promise::FreshReplaced, words));
                self.store.put(&key, body("second")).await?;
            }
        }
        let stale = self.store.replace(&key, body("third"), &first).await;
        let stale = self.kept_out(outcome(stale)?, &key, "second").await?;
        let absent = self
            .store
            .replace(&self.key("absent"), body("absent"), &first)
            .await;
        let absent = match outcome(absent)? {
            WriteOutcome::Taken(_) => Some("it was taken for a key that is not there".to_owned()),
            WriteOutcome::Refused | WriteOutcome::Unknown(_) => None,
        };
        broken.extend(stale.or(absent).map(|how| (Promise::StaleRefused, how)));
        Ok(())
    }

    async fn creates(&self, broken: &mut Vec<Broken>) -> Result<(), StoreError> {
        let key = self.key("created");
        let names: Vec<String> = (0..WRITERS).map(|at| format!("writer {at}")).collect();
        let writers = names.iter().map(|name| self.store.create(&key, body(name)));
        let created = join_all(writers).await;
        let mut winners = Vec::new();
        let mut failure = None;
        for (name, created) in names.iter().zip(created) {
            match outcome(created) {
                Ok(WriteOutcome::Taken(_)) => winners.push(name),
                Ok(WriteOutcome::Refused) => {}
                Ok(WriteOutcome::Unknown(words)) => {
                    broken.push((Promise::OneWinner, words));
                    return Ok(());
                }
                Err(error) => failure = Some(error),
            }
        }
        let there = self.read(&key).await?.map(|(there, _)| there);
        let problem = match (&winners[..], failure) {
            ([], Some(error)) => return Err(error),
            // The winner's answer may have been lost.
            ([], None) => there.is_none().then(|| "none won".to_owned()),
            ([winner], _) => self.differs(&key, winner, None).await?,
            (several, _) => Some(format!("{} won", several.len())),
        };
        broken.extend(problem.map(|how| (Promise::OneWinner, how)));

        if let Some(there) = there {
            let late = outcome(self.store.create(&key, body("late")).await)?;
            let late = self.kept_out(late, &key, &there).await?;
            broken.extend(late.map(|how| (Promise::CreateRefused, how)));
        }
        Ok(())
    }

    /// What is wrong with the outcome of a write that is to be refused and to change nothing.
    async fn kept_out(
        &self,
        outcome: WriteOutcome,
        key: &str,
        before: &str,
    ) -> Result<Option<String>, StoreError> {
        Ok(match outcome {
            WriteOutcome::Taken(_) => Some("it was taken".to_owned()),
            WriteOutcome::Unknown(words) => Some(words),
            WriteOutcome::Refused => {
                let problem = self.differs(key, before, None).await?;
                problem.map(|problem| format!("it was refused, and yet {problem}"))
            }
        })
    }

    async fn listing(&self, broken: &mut Vec<Broken>) -> Result<(), StoreError> {
        let listed = list_all(self.store, &self.prefix, None).await?;
        let mut written = ["mark", "replaced"].map(|name| self.key(name)).into_iter();
        if !written.all(|key| listed.iter().any(|object| object.key == key)) {
            broken.push((Promise::Listed, "it is not".to_owned()));
        }
        Ok(())
    }

    /// Some writers may remove next to nothing: that is no flaw of the store's.
    async fn removal(&self, broken: &mut Vec<Broken>) -> Result<Option<Promise>, StoreError> {
        let key = self.key("created");
        match self.store.delete(&key).await {
            Err(StoreError::Refused { .. }) => return Ok(Some(Promise::Removed)),
            removed => removed?,
        }
        if self.read(&key).await?.is_some() {
            broken.push((Promise::Removed, "it is still there".to_owned()));
        }
        Ok(None)
    }

    /// How an object differs from what it should be.
    async fn differs(
        &self,
        key: &str,
        expected: &str,
        version: Option<&Version>,
    ) -> Result<Option<String>, StoreError> {
        Ok(match self.read(key).await? {
            None => Some("nothing is there".to_owned()),
            Some((found, _)) if found != expected => {
                Some(format!("{found:?} is there, and {expected:?} was written"))
            }
            Some((_, found)) if version.is_some_and(|version| *version != found) => {
                Some("it has another version than the write was answered with".to_owned())
            }
            Some(_) => None,
        })
    }

    async fn read(&self, key: &str) -> Result<Option<(String, Version)>, StoreError> {
        match self.store.get(key).await {
            Ok(fetched) => {
                let version = fetched.meta.version.clone();
                let bytes = fetched.bytes(MAX_BYTES).await?;
                Ok(Some((
                    String::from_utf8_lossy(&bytes).into_owned(),
                    version,
                )))
            }
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn body(text: &str) -> Body {
    text.as_bytes().to_vec().into()
}

fn outcome(written: Result<Version, StoreError>) -> Result<WriteOutcome, StoreError> {
    match written {
        Ok(version) => Ok(WriteOutcome::Taken(version)),
        Err(StoreError::AlreadyExists { .. } | StoreError::Changed { .. }) => {
            Ok(WriteOutcome::Refused)
        }
        // An unconditional write was taken, so the condition is what is refused.
        Err(StoreError::Refused { detail, .. }) => Ok(WriteOutcome::Unknown(detail)),
        Err(error) => Err(error),
    }
}
