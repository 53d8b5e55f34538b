//! Whether this database owns the sites' edits, as this process saw it last, so that a change is logged once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Owner};
use causeway_shared::ids::{Seq, SiteName};

use super::edits_log::owns;
use super::hub::Hub;

/// By site: at which commit of edits it was seen, and whether this database owned them there.
#[derive(Debug, Default)]
pub(super) struct SeenOwners(Mutex<BTreeMap<SiteName, (Seq, bool)>>);

impl SeenOwners {
    /// Notes who owns a site's edits at a commit. `Some`: this database does now and did not before, or the
    /// other way round. Until something was noted, what the database stands at tells.
    fn note(&self, site: &SiteName, before: (Seq, bool), now: (Seq, bool)) -> Option<bool> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(site.clone()).or_insert(before);
        // Somebody else has read further.
        if now.0 <= seen.0 {
            return None;
        }
        let was = std::mem::replace(seen, now).1;
        (was != now.1).then_some(now.1)
    }
}

impl Hub {
    /// Logs that this database has become the owner of a site's edits, or is it no more. `before` is what it
    /// stands at, `now` the head of the log.
    pub(super) fn note_owner(
        &self,
        before: &Catalog<EditsLog>,
        now: &Catalog<EditsLog>,
        identity: &Owner,
    ) {
        let write = self.config().edits.write;
        let at = |edits: &Catalog<EditsLog>| (edits.seq(), write && owns(edits, identity));
        let site = &now.site;
        match self.inner.seen_owners.note(site, at(before), at(now)) {
            None => {}
            Some(true) => {
                tracing::info!(%site, "this database owns the site's edits now, and takes changes");
            }
            Some(false) => {
                let owner = now.head.as_ref().map(|head| &head.writer);
                tracing::warn!(
                    %site,
                    owner = owner.map(|owner| owner.id.as_str()),
                    address = owner.map(|owner| owner.address.as_str()),
                    "another database owns the site's edits now: this one takes no changes, and keeps those that \
                     it has not flushed; `causeway-hub init --take-over` here makes it the owner again"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_owner_is_told_once() {
        let seen = SeenOwners::default();
        let site = SiteName::new("here").unwrap();
        let told = |before: (u64, bool), now: (u64, bool)| {
            seen.note(&site, (Seq(before.0), before.1), (Seq(now.0), now.1))
        };
        assert_eq!(told((0, false), (1, true)), Some(true), "it claims them");
        assert_eq!(
            told((0, false), (1, true)),
            None,
            "nothing is written down yet"
        );
        assert_eq!(told((1, true), (7, false)), Some(false), "it is replaced");
        assert_eq!(
            told((1, true), (6, true)),
            None,
            "who has read less far knows less"
        );
        assert_eq!(told((7, false), (8, false)), None);
        assert_eq!(told((8, false), (9, true)), Some(true), "it takes over");
        let another = SeenOwners::default();
        let (stood, now) = ((Seq(9), true), (Seq(10), true));
        assert_eq!(
            another.note(&site, stood, now),
            None,
            "a restart is no change"
        );
    }
}
