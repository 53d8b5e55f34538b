//! Why a request is not answered from the database. Who answers it need not know: the service that stands in for the
//! database's answers within a [`scope`].

use std::future::Future;

use serde::Serialize;

tokio::task_local! {
    static WHY: Absence;
}

/// Why the database is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Absence {
    /// It sleeps.
    Asleep,
    /// It is being woken.
    Waking,
    /// It does not answer.
    Silent,
}

/// Answers a request from the store.
pub(crate) async fn scope<T>(why: Absence, answer: impl Future<Output = T>) -> T {
    WHY.scope(why, answer).await
}

/// Why the request that is being answered is not answered from the database; `None`: it is.
pub(crate) fn why() -> Option<Absence> {
    WHY.try_with(|why| *why).ok()
}

/// Whether changes at an address need no database.
pub(crate) fn takes_changes(path: &str) -> bool {
    let of_archive = path.strip_prefix("/api/v1").unwrap_or(path);
    of_archive.starts_with("/archive") || of_archive.starts_with("/database/")
}
