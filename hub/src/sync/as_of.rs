//! A past state of the sites, loaded into a database of its own, which takes no writes and does not
//! move on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use causeway_shared::commit::{AgentLog, EditsLog, Owner};
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::object::ObjectError;
use causeway_shared::store::Store;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::discover::{discover, discover_carried};
use super::edits_log::owns;
use super::hub::{Hub, LoadRequest};
use super::load::{LogSnapshot, SiteTask};
use super::owner::new_id;
use super::pass::{failed, untouched};
use super::report::{LoadReport, SiteLoaded};
use crate::config::{DatabaseConfig, EditsConfig, HubConfig};
use crate::db::{self, Database, DbError, SiteState};
use crate::error::{HubError, SiteError};

/// How the id of a database begins that holds a past state: it never owns edits. The triggers' refusals
/// know it too.
const PAST: &str = "past-";

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// At a commit of a site's agent.
    Commit(Seq),
    /// At a time.
    Time(Timestamp),
}

impl AsOf {
    /// A commit's number, or a time: one without an offset is of the zone.
    pub(crate) fn new(text: &str, zone: &TimeZone) -> Result<Self, HubError> {
        let refuse = || HubError::Configuration {
            key: "--as-of",
            problem: format!(
                "{text:?} is neither the number of a commit nor a time like 2025-11-28T10:00 or \
                 2025-11-28T10:00:00+07:00"
            ),
        };
        if let Ok(seq) = text.parse::<u64>() {
            return if seq > 0 {
                Ok(Self::Commit(Seq(seq)))
            } else {
                Err(refuse())
            };
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::Time(time));
        }
        let local: DateTime = text.parse().map_err(|_| refuse())?;
        let time = zone.to_timestamp(local).map_err(|_| refuse())?;
        Ok(Self::Time(time))
    }
}

/// Another identity of a database, which stays one of a past state if it is.
pub(super) fn id_after(id: &str) -> Result<String, DbError> {
    let new = new_id()?;
    Ok(match id.starts_with(PAST) {
        true => format!("{PAST}{new}"),
        false => new,
    })
}

impl Hub {
    /// Whether its database holds a past state, which nothing is loaded into that is newer.
    pub(crate) async fn is_past(&self) -> Result<bool, DbError> {
        if let Some(is_past) = self.inner.is_past.get() {
            return Ok(*is_past);
        }
        let identity = self.database().identity().await?;
        let is_past = identity.id.starts_with(PAST);
        Ok(*self.inner.is_past.get_or_init(|| is_past))
    }

    /// What comes of loading a site in a database that holds a past state: it stays as it is. `None`: the
    /// database holds the present.
    pub(super) async fn keep_past(&self, state: &SiteState) -> Option<SiteLoaded> {
        match self.is_past().await {
            Ok(false) => None,
            Ok(true) => Some(untouched(state)),
            Err(error) => Some(failed(state, error.to_string(), error.is_retryable())),
        }
    }

    /// The present, or in a database that holds a past state of a site the time of that.
    pub(super) async fn present_of(
        &self,
        site: &SiteName,
        now: Timestamp,
    ) -> Result<Timestamp, HubError> {
        if !self.is_past().await? {
            return Ok(now);
        }
        let loaded_at = self.state(site).await?.loaded_at;
        Ok(loaded_at.unwrap_or(now))
    }

    /// Refuses a database that holds a past state.
    ///
    /// # Errors
    /// [`HubError::PastDatabase`], or a failure of the database.
    pub(crate) async fn refuse_past(&self) -> Result<(), HubError> {
        match self.is_past().await? {
            false => Ok(()),
            true => Err(HubError::PastDatabase {
                database: self.database().describe(),
            }),
        }
    }

    /// Loads a past state into the database at a URL. This hub's own database is not asked.
    ///
    /// # Errors
    /// [`HubError::Configuration`] where that database is not one for it or several sites have a commit
    /// of that number, [`HubError::UnknownSite`], or a failure of store or database. A site that fails is
    /// in the report.
    pub(crate) async fn load_as_of(
        &self,
        as_of: AsOf,
        into: &str,
        what: &LoadRequest,
    ) -> Result<LoadReport, HubError> {
        let config = DatabaseConfig {
            url: into.to_owned(),
            address: String::new(),
            readers: Vec::new(),
            writers: Vec::new(),
            secret: String::new(),
            iam: false,
            ..self.config().database.clone()
        };
        let database = db::open(&config).await?;
        let own = DatabaseConfig {
            address: String::new(),
            ..self.config().database.clone()
        };
        let own = [db::address(&own), self.database().address().to_owned()];
        if own.iter().any(|own| own == database.address()) {
            return Err(unfit("it is this hub's own database; name another"));
        }
        self.load_past(as_of, database, what).await
    }

    /// The same with a database that is open.
    pub(crate) async fn load_past(
        &self,
        as_of: AsOf,
        database: Arc<dyn Database>,
        what: &LoadRequest,
    ) -> Result<LoadReport, HubError> {
        let started = Instant::now();
        let requests = self.store().requests();
        if matches!(as_of, AsOf::Time(time) if time > what.now) {
            return Err(HubError::Configuration {
                key: "--as-of",
                problem: "the time is ahead of now, and nobody knows what is committed until then; give one that is past"
                    .into(),
            });
        }
        let mut sites = discover_carried(self.store()).await?;
        if let Some(only) = &what.site {
            sites.retain(|site| site == only);
            if sites.is_empty() {
                return Err(HubError::UnknownSite { site: only.clone() });
            }
        }
        if sites.len() > 1 && matches!(as_of, AsOf::Commit(_)) {
            return Err(HubError::Configuration {
                key: "--as-of",
                problem: "a commit's number is one site's: name it with --site, or give a time"
                    .into(),
            });
        }
        let done = |sites| LoadReport {
            sites,
            requests: self.store().requests().since(&requests),
            seconds: started.elapsed().as_secs_f64(),
        };
        // Before anything is made in the other database.
        self.refuse_before_first(as_of, &sites).await?;
        if let (AsOf::Commit(_), Some(site)) = (as_of, sites.first())
            && let Err(error @ SiteError::NoSuchCommit { .. }) = self.past_logs(site, as_of).await
        {
            let unknown = SiteState::unknown(site.clone());
            return Ok(done(vec![failed(&unknown, error.to_string(), false)]));
        }
        let past = self.past(database).await?;
        let mut report = Vec::new();
        for site in &sites {
            let state = past.past_state(site).await?;
            match past.load_past_site(&state, as_of, what).await {
                // Who owns the edits now is nothing to a past state.
                Ok(loaded) => report.extend(loaded.map(|loaded| SiteLoaded {
                    owner: None,
                    ..loaded
                })),
                Err(HubError::Site(error)) => {
                    let retryable = error.is_retryable();
                    report.push(failed(&state, explained(error).to_string(), retryable));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done(report))
    }

    /// Refuses what is before the first commit of all sites. Whatever cannot be told of a site, its load says.
    async fn refuse_before_first(
        &self,
        as_of: AsOf,
        sites: &BTreeSet<SiteName>,
    ) -> Result<(), HubError> {
        let mut first: Option<Timestamp> = None;
        for site in sites {
            let AsOf::Time(time) = as_of else {
                return Ok(());
            };
            let log = SiteLog::<AgentLog>::new(Store::clone(self.store()), site.clone());
            match log.commit(Seq(1)).await {
                Ok(Some(commit)) if commit.head.at > time => {
                    let at = commit.head.at;
                    first = Some(first.map_or(at, |first| first.min(at)));
                }
                Ok(None) if matches!(log.head_after(Seq::NONE).await, Ok(Seq::NONE)) => {}
                _ => return Ok(()),
            }
        }
        let problem = match first {
            Some(first) => {
                format!("no site had committed anything then: the first commit is of {first}")
            }
            None => "no site has committed anything yet".to_owned(),
        };
        let key = "--as-of";
        Err(HubError::Configuration { key, problem })
    }

    /// A hub over a database that holds a past state, or is empty and shall.
    async fn past(&self, database: Arc<dyn Database>) -> Result<Self, HubError> {
        let config = HubConfig {
            edits: EditsConfig {
                write: false,
                ..self.config().edits.clone()
            },
            ..self.config().clone()
        };
        let own = self.database().identity().await.ok();
        database.init().await?;
        let identity = database.identity().await?;
        if own.is_some_and(|own| own.id == identity.id) {
            return Err(unfit("it is this hub's own database; name another"));
        }
        if !identity.id.starts_with(PAST) {
            if !database.sites().await?.is_empty() {
                return Err(unfit(
                    "it holds sites as they are now; name an empty one, which is then kept for the past",
                ));
            }
            self.refuse_owner(&identity).await?;
            let past = Owner {
                id: format!("{PAST}{}", new_id()?),
                address: database.address().to_owned(),
            };
            database.set_identity(&past).await?;
        }
        Self::with(config, Arc::clone(self.store()), database)
    }

    /// Refuses a database that owns edits, though it holds none of their sites.
    async fn refuse_owner(&self, identity: &Owner) -> Result<(), HubError> {
        for site in discover(self.store()).await? {
            match self.edits_log(&site).read_catalog().await {
                Ok(edits) if owns(&edits, identity) => {
                    return Err(unfit("it owns the edits of a site; name another"));
                }
                Err(error) if error.is_retryable() => return Err(SiteError::from(error).into()),
                // A log that is damaged stops its own site's load.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    async fn past_state(&self, site: &SiteName) -> Result<SiteState, DbError> {
        let mut states = self.database().sites().await?.into_iter();
        let known = states.find(|state| state.site == *site);
        Ok(known.unwrap_or_else(|| SiteState::unknown(site.clone())))
    }

    /// `None`: the site had not committed then.
    async fn load_past_site(
        &self,
        state: &SiteState,
        as_of: AsOf,
        what: &LoadRequest,
    ) -> Result<Option<SiteLoaded>, HubError> {
        let Some(snapshot) = self.past_logs(&state.site, as_of).await? else {
            return Ok(None);
        };
        let known = self.known(state).await?;
        let stands_at = (&known.stored.catalog.head, &known.stored.edits.head);
        let is_same = stands_at == (&snapshot.catalog.head, &snapshot.edits.head);
        if stands_at.0.is_some() && !is_same {
            let (site, seq) = (state.site.clone(), known.stored.catalog.seq());
            return Err(SiteError::AnotherPast { site, seq }.into());
        }
        let day = match (as_of, &snapshot.catalog.head) {
            (AsOf::Time(time), _) => time,
            (AsOf::Commit(_), Some(head)) => head.at,
            (AsOf::Commit(_), None) => what.now,
        };
        let request = LoadRequest {
            now: day,
            ..what.clone()
        };
        let wanted = self.wanted(&request).await?;
        let task = SiteTask::plain(self, &state.site, &known.stored, &wanted, day);
        Ok(Some(task.load(snapshot).await?))
    }

    /// A site's logs as they were.
    async fn past_logs(
        &self,
        site: &SiteName,
        as_of: AsOf,
    ) -> Result<Option<LogSnapshot>, SiteError> {
        let log = SiteLog::<AgentLog>::new(Store::clone(self.store()), site.clone());
        let head = log.head_after(Seq::NONE).await?;
        let (seq, until) = match as_of {
            AsOf::Commit(seq) if seq > head => {
                let site = site.clone();
                return Err(SiteError::NoSuchCommit { site, seq, head });
            }
            AsOf::Commit(seq) => (seq, None),
            AsOf::Time(time) => {
                let seq = log.last_early(head, |head| head.at <= time).await?;
                (seq, Some(time))
            }
        };
        let catalog = log.catalog_at(seq).await?;
        let Some(head) = &catalog.head else {
            return Ok(None);
        };
        let mut dataset = log.dataset(head.dataset).await?;
        dataset.take_bucket_counts(&catalog);
        let edits = SiteLog::<EditsLog>::of_kind(Store::clone(self.store()), site.clone());
        let last = edits.head_after(Seq::NONE).await?;
        let last = edits
            .last_early(last, |edit| {
                edit.site_seq <= seq && until.is_none_or(|until| edit.at <= until)
            })
            .await?;
        let edits = edits.catalog_at(last).await?;
        Ok(Some(LogSnapshot {
            catalog,
            edits,
            dataset: Arc::new(dataset),
        }))
    }
}

/// What a vacuum deleted is gone for good, and nothing damaged.
fn explained(error: SiteError) -> SiteError {
    let (site, key) = match &error {
        SiteError::Object {
            site,
            key,
            source: ObjectError::Missing,
            ..
        } => (site.clone(), key.clone()),
        SiteError::EditsObject {
            site, key, problem, ..
        } if problem == "is missing" => (site.clone(), key.clone()),
        _ => return error,
    };
    SiteError::Vacuumed { site, key }
}

fn unfit(problem: &str) -> HubError {
    HubError::Configuration {
        key: "--into",
        problem: problem.to_owned(),
    }
}

// On SQLite alone: what a past state holds, the suite of both databases says (`db/conformance/past.rs`).
#[cfg(test)]
mod tests;
