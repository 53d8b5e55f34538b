//! Verifying a site: its log, its objects and its sources, each row read on both sides.
//!
//! What the log says of a partition is compared with the rows that the source has now, and with
//! the bytes of its object. Where they differ, rows are compared one by one, so that the answer
//! names their keys. A repair writes again what the source, or the state, still knows to have
//! been there.

mod audit;
mod diff;
mod mend;
mod rows;

use std::fmt;
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Name, Part, SiteName};
use serde::Serialize;

use crate::agent::Agent;
use crate::error::{AgentError, Exit};
use crate::progress::Progress;
use crate::push::session::same_log;
use crate::push::spool::Spool;
use crate::state::State;

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The site.
    pub site: SiteName,
    /// Partitions compared.
    pub partitions: u64,
    /// What differs, and what could not be compared.
    pub differences: Vec<Difference>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table, where it is about one.
    pub table: Option<Name>,
    /// The partition, where it is about one.
    pub part: Option<Part>,
    /// What differs.
    pub what: String,
    /// Whether it was mended.
    pub repaired: bool,
}

impl Difference {
    fn of_part(table: &Name, part: Part, what: impl ToString) -> Self {
        let (table, part) = (Some(table.clone()), Some(part));
        Self {
            table,
            part,
            what: what.to_string(),
            repaired: false,
        }
    }

    fn of_log(what: impl ToString) -> Self {
        Self {
            table: None,
            part: None,
            what: what.to_string(),
            repaired: false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{table}")?;
            if let Some(part) = &self.part {
                write!(f, " {part}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)?;
        if self.repaired {
            f.write_str(" (mended)")
        } else {
            Ok(())
        }
    }
}

impl VerifyReport {
    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let mended = self
            .differences
            .iter()
            .all(|difference| difference.repaired);
        if mended { Exit::Done } else { Exit::Look }
    }
}

impl Agent {
    /// Compares every partition's rows in the source, in the log and in its object, and the log
    /// with itself; with `repair`, writes again what is damaged or missing.
    ///
    /// # Errors
    /// [`AgentError`]; a damaged store is no error but the answer.
    pub async fn verify(
        &self,
        repair: bool,
        progress: Arc<dyn Progress>,
    ) -> Result<VerifyReport, AgentError> {
        let verified = self.verify_unlocked(repair, progress);
        if repair {
            self.lock()?.hold(verified).await
        } else {
            verified.await
        }
    }

    async fn verify_unlocked(
        &self,
        repair: bool,
        progress: Arc<dyn Progress>,
    ) -> Result<VerifyReport, AgentError> {
        let state = State::read(&self.config().state_dir)?;
        let known = self.known_catalog(state.as_ref())?;
        let audit = audit::audit(self.log(), known.as_ref()).await?;
        let mut mending = None;
        if repair {
            self.refuse_another_hosts(&audit.catalog)?;
            self.check_store_unless_done(state.as_ref()).await?;
            mending = Some(Spool::swept(&self.config().state_dir)?);
        }
        let rows = rows::Comparison {
            agent: self,
            catalog: &audit.catalog,
            mending: mending.clone(),
            progress,
        };
        let rows::Compared {
            mut differences,
            absent,
        } = rows.run().await?;
        let partitions = audit.catalog.partitions.len() as u64;
        let of_log = match mending {
            None => audit.differences(),
            Some(spool) => {
                spool.sweep()?;
                mend::mend(self, state.as_ref(), known.as_ref(), audit).await?
            }
        };
        differences.splice(0..0, of_log);
        Ok(VerifyReport {
            site: self.config().site.clone(),
            partitions,
            differences,
            absent,
        })
    }

    /// What the state says the log is, if it is about this log.
    fn known_catalog(&self, state: Option<&State>) -> Result<Option<Catalog>, AgentError> {
        let Some(state) = state else { return Ok(None) };
        if !state
            .writer()?
            .is_some_and(|stored| same_log(&stored, self))
        {
            return Ok(None);
        }
        Ok(Some(
            state.catalog(Catalog::empty(self.config().site.clone()))?,
        ))
    }

    async fn check_store_unless_done(&self, state: Option<&State>) -> Result<(), AgentError> {
        let writer = state.map(State::writer).transpose()?.flatten();
        match writer.filter(|writer| same_log(writer, self)) {
            Some(writer) if writer.store_checked => Ok(()),
            _ => self.require_store().await,
        }
    }

    fn refuse_another_hosts(&self, catalog: &Catalog) -> Result<(), AgentError> {
        let own = &self.config().machine.host;
        match catalog.head.clone().filter(|head| head.writer.host != *own) {
            None => Ok(()),
            Some(head) => Err(AgentError::Fenced {
                site: self.config().site.clone(),
                fence: head.into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
