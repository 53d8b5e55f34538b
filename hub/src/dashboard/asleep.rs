//! What every page says while the database sleeps or does not answer.

use super::language::Language;
use crate::http::absence::{self, Absence};

/// For templates; `None` where the page is from the database.
pub(super) fn notice(language: &Language) -> Option<&'static str> {
    let texts = &language.texts().of_sleep;
    Some(match absence::why()? {
        Absence::Asleep => texts.asleep,
        Absence::Waking => texts.waking,
        Absence::Silent => texts.silent,
    })
}
