//! What was read of each site last.
//!
//! What a log says at a commit never changes. So a database that stands at a commit has the catalog of
//! then, and thousands of rows need not be read again to know one that was loaded. Which partitions it
//! holds is the same until the next load or flush, which counts the revision up.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Marks, SiteState};

/// What the agent's commit says at which a site stands.
#[derive(Debug, Clone)]
pub(super) struct SiteCatalog {
    pub(super) catalog: Catalog,
    pub(super) dataset: Option<Arc<Dataset>>,
}

/// What of it the database holds.
#[derive(Debug, Clone)]
pub(super) struct Holdings {
    pub(super) asked: BTreeMap<Date, Timestamp>,
    pub(super) loaded: Arc<Marks>,
}

/// What need not be read again.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) site: Option<SiteCatalog>,
    pub(super) edits: Option<Catalog<EditsLog>>,
    pub(super) holdings: Option<Holdings>,
}

#[derive(Debug)]
struct KnownSite {
    /// How it stood then.
    state: SiteState,
    site: SiteCatalog,
    edits: Catalog<EditsLog>,
    holdings: Holdings,
}

/// What is known of each site.
#[derive(Debug, Default)]
pub(super) struct KnownSites(Mutex<HashMap<SiteName, KnownSite>>);

impl KnownSites {
    /// What is known of a site that stands like this.
    pub(super) fn get(&self, state: &SiteState) -> Known {
        let known = self.lock();
        let Some(known) = known.get(&state.site).filter(|_| is_sure(state)) else {
            return Known::default();
        };
        let KnownSite {
            state: was,
            site,
            edits,
            holdings,
        } = known;
        Known {
            site: (was.head == state.head).then(|| site.clone()),
            edits: (was.edits_head == state.edits_head).then(|| edits.clone()),
            holdings: was.is_as(state).then(|| holdings.clone()),
        }
    }

    /// Keeps what was read of a site that stands like this.
    pub(super) fn put(
        &self,
        state: &SiteState,
        (site, edits): (&SiteCatalog, &Catalog<EditsLog>),
        holdings: &Holdings,
    ) {
        if is_sure(state) {
            let known = KnownSite {
                state: state.clone(),
                site: site.clone(),
                edits: edits.clone(),
                holdings: holdings.clone(),
            };
            self.lock().insert(state.site.clone(), known);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteName, KnownSite>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the rows of the catalogs are those of the commits that the site's own row names: not while
/// somebody restores them.
fn is_sure(state: &SiteState) -> bool {
    state.head.is_some() && state.start_known && !state.restored
}

#[cfg(test)]
mod tests {
    use causeway_shared::commit::{EditsHead, Head, Owner, Writer};
    use causeway_shared::ids::{Md5, Seq};

    use super::*;

    fn stands_at(seq: u64, revision: u64) -> SiteState {
        let head = Head {
            seq: Seq(seq),
            at: Timestamp::UNIX_EPOCH,
            epoch: 1,
            writer: Writer {
                id: "a".to_owned(),
                host: "b".to_owned(),
            },
            dataset: Md5::of(b""),
        };
        SiteState {
            head: Some(head),
            revision,
            start_known: true,
            ..SiteState::unknown(SiteName::new("here").unwrap())
        }
    }

    /// Whether the agent's catalog, that of edits and the holdings are known of a site that stands like this,
    /// once it was read at commit 1 and revision 1.
    fn known(state: &SiteState) -> [bool; 3] {
        let sites = KnownSites::default();
        let read = stands_at(1, 1);
        let site = SiteCatalog {
            catalog: Catalog::empty(read.site.clone()),
            dataset: None,
        };
        let holdings = Holdings {
            asked: BTreeMap::new(),
            loaded: Arc::default(),
        };
        let edits = Catalog::empty(read.site.clone());
        sites.put(&read, (&site, &edits), &holdings);
        let known = sites.get(state);
        [
            known.site.is_some(),
            known.edits.is_some(),
            known.holdings.is_some(),
        ]
    }

    #[test]
    fn what_may_have_changed_is_read_again() {
        assert_eq!(known(&stands_at(1, 1)), [true, true, true]);
        assert_eq!(
            known(&stands_at(1, 2)),
            [true, true, false],
            "a date was loaded"
        );
        assert_eq!(
            known(&stands_at(2, 2)),
            [false, true, false],
            "the site committed"
        );
        let flushed = SiteState {
            edits_head: Some(EditsHead {
                seq: Seq(1),
                at: Timestamp::UNIX_EPOCH,
                epoch: 1,
                writer: Owner {
                    id: "a".to_owned(),
                    address: "b".to_owned(),
                },
                dataset: Md5::of(b""),
                site_seq: Seq(1),
            }),
            ..stands_at(1, 2)
        };
        assert_eq!(
            known(&flushed),
            [true, false, false],
            "the cloud changed a row"
        );
        let started_again = SiteState {
            start_known: false,
            ..stands_at(1, 1)
        };
        assert_eq!(known(&started_again), [false, false, false]);
        let restored = SiteState {
            restored: true,
            ..stands_at(1, 1)
        };
        assert_eq!(known(&restored), [false, false, false]);
    }
}
