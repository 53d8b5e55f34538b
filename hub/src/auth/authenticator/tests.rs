//! Hubs side by side over one store and one database (SQLite: what is copied there is read by key
//! alone, and the databases' suite holds both to that).

use causeway_shared::layout::{SESSIONS, TOKENS};
use causeway_shared::store::ObjectStore as _;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;

use super::*;
use crate::auth::{Role, Tokens};
use crate::db::sqlite::SqliteDatabase;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

struct Bed {
    memory: Arc<MemoryStore>,
    database: Arc<dyn Database>,
    tokens: Tokens,
    _folder: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database: Arc<dyn Database> =
            Arc::new(SqliteDatabase::open(folder.path(), String::new()));
        database.init().await.unwrap();
        let memory = Arc::new(MemoryStore::new());
        let store: Store = Arc::clone(&memory) as Store;
        Self {
            tokens: Tokens::new(&store),
            memory,
            database,
            _folder: folder,
        }
    }

    /// A hub that has just begun.
    fn hub(&self) -> Authenticator {
        self.failing([]).0
    }

    /// A hub that has just begun, its store and what fails there.
    fn failing<const N: usize>(&self, faults: [Fault; N]) -> (Authenticator, Arc<FailingStore>) {
        let memory = Arc::clone(&self.memory) as Store;
        let failing = Arc::new(FailingStore::new(memory, faults));
        let store = Arc::clone(&failing) as Store;
        (Authenticator::new(&store, &self.database), failing)
    }

    async fn token(&self, name: &str) -> Token {
        let made = self.tokens.create(name, Role::Admin, None, at(0)).await;
        made.unwrap().0
    }

    /// Waits until the database has a copy of both files.
    async fn copied(&self) {
        for key in [TOKENS, SESSIONS] {
            while self.database.copied(key).await.unwrap().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }
}

/// The name of whose token it is.
async fn by_token(hub: &Authenticator, token: &Token, second: i64) -> Option<String> {
    let caller = hub.by_token(token, at(second)).await.unwrap();
    caller.map(|caller| caller.name)
}

/// The name of whose session it is.
async fn by_session(hub: &Authenticator, session: &Session, second: i64) -> Option<String> {
    let caller = hub.by_session(session, at(second)).await.unwrap();
    caller.map(|caller| caller.name)
}

async fn sign_in(hub: &Authenticator, token: &Token, second: i64) -> Session {
    let caller = hub.by_token(token, at(second)).await.unwrap().unwrap();
    hub.begin_session(&caller, None, at(second)).await.unwrap()
}

#[tokio::test]
async fn a_new_token_is_known_and_a_revoked_one_soon_forgotten() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let stranger = Token::random().unwrap();
    assert_eq!(by_token(&hub, &stranger, 0).await, None);
    let token = bed.token("ops").await;
    assert_eq!(by_token(&hub, &token, 2).await.as_deref(), Some("ops"));
    bed.tokens.revoke("ops").await.unwrap();
    assert_eq!(by_token(&hub, &token, 20).await, None);
}

#[tokio::test]
async fn a_revoked_token_is_forgotten_though_the_clock_was_set_back() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let token = bed.token("ops").await;
    assert!(by_token(&hub, &token, 1_000).await.is_some());
    bed.tokens.revoke("ops").await.unwrap();
    assert_eq!(by_token(&hub, &token, 10).await, None);
}

#[tokio::test]
async fn a_known_token_asks_the_store_seldom_and_an_unknown_one_no_more_than_once_a_second() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let token = bed.token("ops").await;
    by_token(&hub, &token, 0).await;
    hub.tokens.copied().await;
    let before = bed.memory.requests();
    for second in 1..15 {
        by_token(&hub, &token, second).await;
    }
    assert_eq!(bed.memory.requests().since(&before).total(), 0);
    for _ in 0..100 {
        by_token(&hub, &Token::random().unwrap(), 15).await;
    }
    assert_eq!(bed.memory.requests().since(&before).total(), 1);
}

#[tokio::test]
async fn a_session_ends_at_once_here_and_after_fifteen_seconds_elsewhere() {
    let bed = Bed::new().await;
    let (here, elsewhere) = (bed.hub(), bed.hub());
    let token = bed.token("ops").await;
    let session = sign_in(&here, &token, 0).await;
    assert_eq!(by_session(&here, &session, 0).await.as_deref(), Some("ops"));
    assert_eq!(
        by_session(&elsewhere, &session, 0).await.as_deref(),
        Some("ops")
    );

    here.end_session(&session, at(1)).await.unwrap();
    assert_eq!(by_session(&here, &session, 1).await, None);
    assert_eq!(by_session(&elsewhere, &session, 15).await, None);
    assert_eq!(by_session(&bed.hub(), &session, 1).await, None);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let token = bed.token("ops").await;
    let session = sign_in(&hub, &token, 0).await;
    bed.tokens.revoke("ops").await.unwrap();
    assert_eq!(by_session(&hub, &session, 15).await, None);
}

#[tokio::test]
async fn each_sign_in_has_another_session_and_ends_the_browser_s_last_one() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let token = bed.token("ops").await;
    let (first, second) = (
        sign_in(&hub, &token, 0).await,
        sign_in(&hub, &token, 0).await,
    );
    assert!(first.reveal() != second.reveal());
    let caller = hub.by_token(&token, at(1)).await.unwrap().unwrap();
    let third = hub
        .begin_session(&caller, Some(&first), at(1))
        .await
        .unwrap();
    let mut known = Vec::new();
    for session in [&first, &second, &third] {
        known.push(by_session(&hub, session, 1).await.is_some());
    }
    assert_eq!(known, [false, true, true]);
}

#[tokio::test]
async fn the_store_never_holds_a_session() {
    let bed = Bed::new().await;
    let token = bed.token("ops").await;
    let session = sign_in(&bed.hub(), &token, 0).await;
    let stored = bed.memory.get(SESSIONS).await.unwrap();
    let stored = String::from_utf8(stored.bytes(9_999).await.unwrap()).unwrap();
    assert!(stored.contains(&session.hash().to_string()), "{stored}");
    assert!(!stored.contains(session.reveal()), "{stored}");
}

#[tokio::test]
async fn a_lost_answer_to_a_sign_in_leaves_one_session_that_can_be_ended() {
    let bed = Bed::new().await;
    let token = bed.token("ops").await;
    let (hub, store) = bed.failing([Fault::LoseFirstWriteOf(SESSIONS)]);
    let session = sign_in(&hub, &token, 0).await;
    assert_eq!(store.failures(), 1);
    assert_eq!(by_session(&hub, &session, 0).await.as_deref(), Some("ops"));
    hub.end_session(&session, at(2)).await.unwrap();
    assert_eq!(by_session(&hub, &session, 2).await, None);
    assert_eq!(by_session(&bed.hub(), &session, 2).await, None);
}

#[tokio::test]
async fn a_hub_that_starts_while_the_store_is_away_knows_tokens_and_sessions_and_begins_more() {
    let bed = Bed::new().await;
    let token = bed.token("ops").await;
    let session = sign_in(&bed.hub(), &token, 0).await;
    bed.copied().await;

    let (hub, _) = bed.failing([Fault::StopAt(1)]);
    assert_eq!(by_session(&hub, &session, 5).await.as_deref(), Some("ops"));
    let another = sign_in(&hub, &token, 5).await;
    assert_eq!(by_session(&hub, &another, 5).await.as_deref(), Some("ops"));
    assert_eq!(by_session(&bed.hub(), &another, 5).await, None);
    for session in [&session, &another] {
        let refused = hub.end_session(session, at(7)).await.unwrap_err();
        let why = "hub/sessions.json cannot be used: read of hub/sessions.json failed";
        assert!(refused.to_string().starts_with(why), "{refused}");
        assert!(by_session(&hub, session, 7).await.is_some(), "it goes on");
    }
}

#[tokio::test]
async fn a_session_that_was_ended_is_not_in_the_copy() {
    let bed = Bed::new().await;
    let hub = bed.hub();
    let token = bed.token("ops").await;
    let session = sign_in(&hub, &token, 0).await;
    hub.end_session(&session, at(1)).await.unwrap();
    bed.copied().await;
    let (hub, _) = bed.failing([Fault::StopAt(1)]);
    assert_eq!(by_session(&hub, &session, 2).await, None);
}

#[tokio::test]
async fn with_neither_store_nor_copy_the_store_is_asked_once_a_second() {
    let bed = Bed::new().await;
    let (hub, store) = bed.failing([Fault::StopAt(1)]);
    let stranger = Token::random().unwrap();
    for _ in 0..100 {
        hub.by_token(&stranger, at(0)).await.unwrap_err();
    }
    assert_eq!(store.calls(), 1);
    hub.by_token(&stranger, at(1)).await.unwrap_err();
    assert_eq!(store.calls(), 2);
}

#[tokio::test]
async fn a_cookie_that_is_no_session_costs_the_store_next_to_nothing() {
    let bed = Bed::new().await;
    let token = bed.token("ops").await;
    let hub = bed.hub();
    let session = sign_in(&hub, &token, 0).await;
    hub.tokens.copied().await;
    let before = bed.memory.requests();
    for _ in 0..100 {
        let stranger = Session::random().unwrap();
        hub.end_session(&stranger, at(2)).await.unwrap();
    }
    assert_eq!(bed.memory.requests().since(&before).total(), 1);
    assert!(by_session(&hub, &session, 2).await.is_some());
}

#[tokio::test]
async fn a_token_that_was_revoked_is_not_in_the_copy() {
    let bed = Bed::new().await;
    let token = bed.token("ops").await;
    let before = bed.hub();
    assert!(by_token(&before, &token, 0).await.is_some());
    before.tokens.copied().await;
    bed.tokens.revoke("ops").await.unwrap();
    bed.tokens.copy_to(&*bed.database).await.unwrap();
    let (hub, _) = bed.failing([Fault::StopAt(1)]);
    assert_eq!(by_token(&hub, &token, 1).await, None);
}
