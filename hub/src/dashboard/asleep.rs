//! What pages say and do while the database sleeps. Every page says it, and none has to know: the service that
//! stands in for the database's answers within a [`scope`].

use std::future::Future;

use serde::Serialize;

use super::language::Language;

tokio::task_local! {
    static NOTICE: Notice;
}

/// Why what is shown is not from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Notice {
    /// It sleeps.
    Asleep,
    /// It is being woken.
    Waking,
    /// It does not answer.
    Silent,
}

/// Answers a request from the store.
pub(crate) async fn scope<T>(why: Notice, answer: impl Future<Output = T>) -> T {
    NOTICE.scope(why, answer).await
}

/// Why the request that is being answered is not answered from the database; `None`: it is.
pub(crate) fn why() -> Option<Notice> {
    NOTICE.try_with(|why| *why).ok()
}

/// Whether changes at an address need no database.
pub(crate) fn takes_changes(path: &str) -> bool {
    let of_archive = path.strip_prefix("/api/v1").unwrap_or(path);
    of_archive.starts_with("/archive") || of_archive.starts_with("/database/")
}

/// For templates: what every page says then.
pub(super) fn notice(language: &Language) -> Option<&'static str> {
    let texts = &language.texts().of_sleep;
    Some(match why()? {
        Notice::Asleep => texts.asleep,
        Notice::Waking => texts.waking,
        Notice::Silent => texts.silent,
    })
}
