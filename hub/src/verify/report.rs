//! What `verify` says, in the form of its JSON.

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use serde::Serialize;

use crate::db::SiteState;
use crate::error::SiteError;

/// What brings rows from the store; and into a database that holds a past state.
const LOAD: &str = "`causeway-hub load`";
const LOAD_AS_OF: &str = "`causeway-hub load --as-of … --into …`";

/// How database and store compare.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct VerifyReport {
    /// Sites that are loaded.
    pub sites: u64,
    /// Loaded partitions whose rows were compared.
    pub partitions: u64,
    /// Rows compared.
    pub rows: u64,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Partitions that were loaded again.
    pub repaired: u64,
    /// Sites that could not be verified.
    #[serde(skip)]
    pub unverified: u64,
}

impl VerifyReport {
    /// Whether a person should look: something still differs, or a site cannot be verified.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        self.left().any(|found| !found.is_put_off)
    }

    /// Whether something could not be verified for now, and trying again may help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.left().any(|found| found.is_put_off)
    }

    /// Whether a repair may mend something.
    #[must_use]
    pub(crate) fn is_repairable(&self) -> bool {
        self.differences.len() as u64 > self.unverified
    }

    fn left(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|found| !found.repaired)
    }

    pub(super) fn add(
        &mut self,
        site: &SiteName,
        table: &Table,
        part: Option<Part>,
        whats: Vec<String>,
    ) {
        let difference = |what| Difference {
            site: site.clone(),
            table: Some(table.name.clone()),
            part,
            what,
            repaired: false,
            is_put_off: false,
        };
        self.differences.extend(whats.into_iter().map(difference));
    }

    /// Adds what differs in a partition that the next load brings again: only then can it be judged.
    pub(super) fn add_waiting(
        &mut self,
        site: &SiteName,
        table: &Table,
        part: Part,
        whats: Vec<String>,
    ) {
        let from = self.differences.len();
        let words = |what| format!("it waits for {LOAD}; until then {what}");
        self.add(
            site,
            table,
            Some(part),
            whats.into_iter().map(words).collect(),
        );
        for difference in &mut self.differences[from..] {
            difference.is_put_off = true;
        }
    }

    /// Names the load that a past state takes.
    pub(super) fn advise_as_of(&mut self) {
        for difference in &mut self.differences {
            difference.what = difference.what.replace(LOAD, LOAD_AS_OF);
        }
    }

    pub(super) fn add_of_site(&mut self, site: &SiteName, what: String, is_put_off: bool) {
        self.differences.push(Difference {
            site: site.clone(),
            table: None,
            part: None,
            what,
            repaired: false,
            is_put_off,
        });
    }

    pub(super) fn add_unverified(&mut self, site: &SiteName, error: &SiteError) {
        self.unverified += 1;
        let what = format!("cannot be verified: {error}");
        self.add_of_site(site, what, error.is_retryable());
    }

    /// Says why nothing of a site was compared: none of it is loaded. Where it has committed nothing,
    /// there is nothing to say.
    pub(super) fn add_unloaded(&mut self, state: &SiteState, last_commit: Result<Seq, SiteError>) {
        match (&state.last_error, last_commit) {
            (Some(error), _) => {
                let what = format!("nothing is loaded; the last load failed: {error}");
                self.add_of_site(&state.site, what, false);
            }
            (None, Ok(Seq::NONE)) => {}
            (None, Ok(_)) => {
                let what = format!("nothing is loaded; {LOAD} loads it");
                self.add_of_site(&state.site, what, false);
            }
            (None, Err(error)) => self.add_unverified(&state.site, &error),
        }
    }
}

/// Something that differs between database and store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub site: SiteName,
    /// The table; `None`: it is about the whole site.
    pub table: Option<Name>,
    /// The partition; `None`: it is about rows that belong to no loaded one.
    pub part: Option<Part>,
    /// What differs, naming rows by their keys.
    pub what: String,
    /// Whether it was mended.
    pub repaired: bool,
    /// Whether it only says that something could not be verified for now.
    #[serde(skip)]
    pub is_put_off: bool,
}
