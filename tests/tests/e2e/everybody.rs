//! A read-only database, one made anew and an archive run by somebody else show the owner's rows at every
//! moment, on each kind of store and database.

use causeway_hub::testing::HubDatabase;
use causeway_hub::testing::conformance::at_every_moment;
use causeway_tests::{DatabaseKind, StoreKind, TestDatabase, TestStore};
use tempfile::TempDir;

/// A database of a kind, and what keeps it.
async fn database(kind: DatabaseKind) -> (HubDatabase, Option<TestDatabase>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    match kind {
        DatabaseKind::Sqlite => (HubDatabase::sqlite(folder.path()), None, folder),
        DatabaseKind::Postgres => {
            let place = TestDatabase::create(kind).await;
            let database = HubDatabase::postgres(&place.url(), None).unwrap();
            (database, Some(place), folder)
        }
    }
}

async fn agree(store: StoreKind, owner: DatabaseKind, reader: DatabaseKind) {
    let store = TestStore::create(store);
    let (owner, reader) = (database(owner).await, database(reader).await);
    let agreed = at_every_moment((&owner.0, &reader.0), store.open().await);
    agreed.await.unwrap();
}

#[tokio::test]
async fn everybody_shows_the_rows_of_an_owner_on_postgresql() {
    agree(
        StoreKind::S3,
        DatabaseKind::Postgres,
        DatabaseKind::Postgres,
    )
    .await;
    agree(
        StoreKind::Folder,
        DatabaseKind::Postgres,
        DatabaseKind::Sqlite,
    )
    .await;
}

#[tokio::test]
async fn everybody_shows_the_rows_of_an_owner_on_sqlite() {
    agree(
        StoreKind::Folder,
        DatabaseKind::Sqlite,
        DatabaseKind::Sqlite,
    )
    .await;
    agree(StoreKind::S3, DatabaseKind::Sqlite, DatabaseKind::Postgres).await;
}
