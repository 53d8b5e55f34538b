//! The database against the store: every loaded partition's rows are read on both sides and
//! compared, and rows that belong to no loaded partition are found.

mod compare;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use report::{Difference, VerifyReport};

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_shared::dataset::Table;
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::log::SiteLog;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::db::{Mark, PartVersion, SiteState, StoredSite};
use crate::error::{HubError, SiteError};
use crate::sync::{DateRange, Hub, LoadRequest, Repair, StoredPart, Teller};
use compare::compare;

#[derive(Debug, Clone)]
pub(crate) struct VerifyRequest {
    /// The present.
    pub now: Timestamp,
    /// One site only; `None`: all of them.
    pub site: Option<SiteName>,
    /// Load again what differs.
    pub repair: bool,
}

impl Hub {
    /// Compares every loaded row with the store's, and loads again what differs if asked to.
    /// Loads of a site wait while it is verified. Each site is apart: one that cannot be verified
    /// is reported as such, and the others go on.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) async fn verify(&self, what: &VerifyRequest) -> Result<VerifyReport, HubError> {
        let mut report = VerifyReport::default();
        for state in self.states(what.site.as_ref()).await? {
            if state.head.is_none() {
                report.add_unloaded(&state, self.last_commit(&state.site).await);
                continue;
            }
            report.sites += 1;
            let verified = match self.refuse_other_logs(&state).await {
                Ok(()) => self.verify_site(&state.site, what.now, &mut report).await,
                Err(error) => Err(error),
            };
            match verified {
                Ok(found) if what.repair && !found.is_empty() => {
                    self.repair(&state, what, found, &mut report).await;
                }
                Ok(_) => {}
                Err(error) => report.add_unverified(&state.site, &error),
            }
        }
        if self.is_past().await? {
            report.advise_as_of();
        }
        Ok(report)
    }

    /// The number of a site's last commit in the store.
    async fn last_commit(&self, site: &SiteName) -> Result<Seq, SiteError> {
        let log = SiteLog::new(Arc::clone(self.store()), site.clone());
        Ok(log.head_after(Seq::NONE).await?)
    }

    /// Compares one site, adding to the report. Returns what a repair is to do.
    async fn verify_site(
        &self,
        site: &SiteName,
        now: Timestamp,
        report: &mut VerifyReport,
    ) -> Result<Found, SiteError> {
        let failed = |source| SiteError::Database {
            site: site.clone(),
            source,
        };
        // What waits in the journal is in the rows and not in the store yet.
        self.flush_site(site, now).await?;
        let database = self.database();
        // Held to the end, so that no load changes rows while they are compared.
        let mut held = database.begin_load(site).await.map_err(failed)?;
        let stored = held.stored().await.map_err(failed)?;
        let mut found = Found {
            dates: stored
                .loaded
                .keys()
                .filter_map(|key| key.1.date())
                .collect(),
            ..Found::default()
        };
        if let Err(error) = self.edits_log(site).read_catalog().await {
            if error.is_retryable() {
                return Err(SiteError::Log(error));
            }
            found.edits_log = true;
            let error = SiteError::Log(error);
            let what = format!("another database cannot read its log of edits: {error}");
            report.add_of_site(site, what, false);
        }
        let Some(dataset) = &stored.dataset else {
            return Ok(found);
        };
        let settled = self.entries_settled_here(dataset, &stored, now).await?;
        for table in &dataset.tables {
            for ((name, part), mark) in &*stored.loaded {
                if *name != table.name {
                    continue;
                }
                let own = settled.get(&(name.clone(), *part));
                let verified = self.verify_part((table, *part, *mark), &stored, own, report);
                let (mut whats, is_put_off) = verified.await?;
                if !whats.is_empty() {
                    let look = held.look().await.map_err(failed)?;
                    if look.journaled.contains(&(name.clone(), *part)) {
                        // Somebody has written to it meanwhile: the next flush takes that along.
                        whats.clear();
                    }
                }
                if !whats.is_empty() {
                    found.again.insert((name.clone(), *part));
                }
                match mark.version {
                    Some(_) if !is_put_off => report.add(site, table, Some(*part), whats),
                    _ => report.add_waiting(site, table, *part, whats),
                }
            }
            let strays = self.strays(site, table, &stored).await?;
            found.strays |= !strays.is_empty();
            report.add(site, table, None, strays);
        }
        Ok(found)
    }

    /// How the rows of one partition differ, in words, and whether only the next load can tell. `own`: its
    /// edits, where this database has settled them for itself.
    async fn verify_part(
        &self,
        (table, part, mark): (&Table, Part, Mark),
        stored: &StoredSite,
        own: Option<&(Option<Md5>, Vec<Entry>)>,
        report: &mut VerifyReport,
    ) -> Result<(Vec<String>, bool), SiteError> {
        report.partitions += 1;
        let key = (table.name.clone(), part);
        let object = stored.catalog.partitions.get(&key);
        let object = object.map(|entry| &entry.object);
        let edits = stored.edits_in_effect();
        let edits = edits.partitions.get(&key).map(|entry| &entry.object);
        let now = PartVersion {
            object: object.map(|object| object.md5),
            edits: edits.map(|edits| edits.md5),
        };
        // Rows that are loaded again by the next load may be those of the catalogs all the same.
        if mark.version.is_some_and(|version| version != now) {
            return Ok((vec!["its rows are of an earlier version".to_owned()], false));
        }
        // The log of edits may have moved on past those that the rows were merged with.
        let is_put_off = own.is_some_and(|(md5, _)| *md5 != now.edits);
        let entries = match (own, edits) {
            (Some((_, entries)), _) => Ok(entries.clone()),
            (None, Some(edits)) => self.entries(&stored.state.site, (table, part), edits).await,
            (None, None) => Ok(Vec::new()),
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error @ SiteError::EditsObject { .. }) => {
                return Ok((vec![error.to_string()], false));
            }
            Err(error) => return Err(error),
        };
        let rows = StoredPart {
            site: &stored.state.site,
            table,
            part,
            object,
            entries: &entries,
        };
        let whats = match compare(self.store(), &**self.database(), &rows).await {
            Ok(differences) => {
                let rows = edits.map(|edits| edits.merged.rows);
                report.rows += rows.or(object.map(|object| object.rows)).unwrap_or(0);
                differences
            }
            Err(SiteError::Object { source, key, .. }) => vec![format!(
                "{key} {source}; run `causeway-agent verify --repair` at the site"
            )],
            // A table that somebody changed or dropped is a difference, a database away is none.
            Err(SiteError::Database { source, .. }) if !source.is_retryable() => {
                vec![format!("its rows cannot be read: {source}")]
            }
            Err(error) => return Err(error),
        };
        Ok((whats, is_put_off))
    }

    /// Rows of a table that belong to no loaded partition, in words.
    async fn strays(
        &self,
        site: &SiteName,
        table: &Table,
        stored: &StoredSite,
    ) -> Result<Vec<String>, SiteError> {
        let counts = self.database().part_counts(site, table).await;
        let mut counts = match counts {
            Ok(counts) => counts,
            Err(error) if !error.is_retryable() => {
                return Ok(vec![format!("the table cannot be read: {error}")]);
            }
            Err(source) => {
                return Err(SiteError::Database {
                    site: site.clone(),
                    source,
                });
            }
        };
        counts.sort();
        let is_loaded = |part: &str| {
            Part::new(part)
                .is_ok_and(|part| stored.loaded.contains_key(&(table.name.clone(), part)))
        };
        let words = |(part, rows): (Option<String>, u64)| {
            let belong = if rows == 1 {
                "row belongs"
            } else {
                "rows belong"
            };
            match part {
                None => Some(format!("{rows} {belong} to no partition")),
                Some(part) if is_loaded(&part) => None,
                Some(part) => Some(format!("{rows} {belong} to {part}, which is not loaded")),
            }
        };
        Ok(counts.into_iter().filter_map(words).collect())
    }

    /// Loads again what differs, and adds to the report how that went.
    async fn repair(
        &self,
        state: &SiteState,
        what: &VerifyRequest,
        found: Found,
        report: &mut VerifyReport,
    ) {
        let repair = Repair {
            again: found.again,
            remove_strays: found.strays,
        };
        let request = LoadRequest {
            // Dates that were loaded beside the window are repaired too, not evicted.
            dates: found.dates.into_iter().map(DateRange::day).collect(),
            ..LoadRequest::at(what.now)
        };
        let wanted = match self.wanted(&request).await {
            Ok(wanted) => wanted,
            Err(error) => {
                report.add_of_site(&state.site, format!("not repaired: {error}"), false);
                return;
            }
        };
        if found.edits_log
            && let Err(error) = self.bridge_edits_log(&state.site).await
        {
            let what = format!("not repaired: {error}");
            report.add_of_site(&state.site, what, false);
            return;
        }
        let load = self.load_site(Teller::Command, state, &wanted, what.now, &repair);
        let loaded = load.await;
        let Some(loaded) = loaded else { return };
        report.repaired += loaded.partitions.loaded;
        if let Some(error) = loaded.error {
            report.add_of_site(&state.site, format!("not repaired: {error}"), false);
            return;
        }
        let of_site = |found: &&mut Difference| found.site == state.site;
        for difference in report.differences.iter_mut().filter(of_site) {
            difference.repaired = true;
        }
    }
}

/// What differs.
#[derive(Debug, Default)]
struct Found {
    again: BTreeSet<(Name, Part)>,
    strays: bool,
    /// Whether the log of edits cannot be read from its last checkpoint on.
    edits_log: bool,
    /// The dates that are loaded.
    dates: BTreeSet<Date>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.again.is_empty() && !self.strays && !self.edits_log
    }
}
