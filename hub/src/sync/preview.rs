//! What a load would do, without doing it.

use jiff::Timestamp;

use super::hub::{Hub, LoadRequest};
use super::load::SiteTask;
use super::report::{PartName, PlannedPart, SitePlan};
use super::window::Wanted;
use crate::db::SiteState;
use crate::error::{HubError, SiteError};

impl Hub {
    /// What [`load`](Self::load) would do now.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) async fn plan(&self, what: &LoadRequest) -> Result<Vec<SitePlan>, HubError> {
        let mut plans = Vec::new();
        let states = self.states(what.site.as_ref()).await?;
        let wanted = self.wanted(what).await?;
        for state in states {
            let planned = self.plan_site(&state, &wanted, what.now).await;
            let unplanned = |error: SiteError| SitePlan {
                site: state.site.clone(),
                commit: None,
                load: Vec::new(),
                evict: Vec::new(),
                keep: 0,
                error: Some(error.to_string()),
                retryable: error.is_retryable(),
            };
            plans.extend(planned.unwrap_or_else(|error| Some(unplanned(error))));
        }
        Ok(plans)
    }

    async fn plan_site(
        &self,
        state: &SiteState,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Option<SitePlan>, SiteError> {
        let known = self.known(state).await?;
        let task = SiteTask {
            thorough: true,
            ..SiteTask::plain(self, &state.site, &known.stored, wanted, now)
        };
        let Some(snapshot) = task.read_log().await? else {
            return Ok(None);
        };
        task.refuse_another_dataset(&snapshot, &known.stored)?;
        let plan = task.plan(&snapshot, &snapshot.edits, &known.stored);
        let load = plan.load.into_iter().map(|planned| PlannedPart {
            md5: planned.version().object,
            edits: planned.version().edits,
            rows: planned.rows(),
            was_rows: planned.was.map(|mark| mark.rows),
            table: planned.table,
            part: planned.part,
        });
        let evict = plan.evict.into_iter();
        Ok(Some(SitePlan {
            site: state.site.clone(),
            commit: Some(snapshot.catalog.seq()),
            load: load.collect(),
            evict: evict
                .map(|(table, part)| PartName { table, part })
                .collect(),
            keep: plan.keep,
            error: None,
            retryable: false,
        }))
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn a_plan_says_that_a_load_would_be_refused() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;
        site.declare(&SHOP.replace(
            "\"name\", type = \"text\"",
            "\"name\", type = \"text\", max = 9",
        ))?;
        site.put("item", "b=0of2", &["1,b"]).await?.commit().await?;
        let planned = test.hub.plan(&test.request).await?.remove(0);
        let error = planned.error.unwrap_or_default();
        assert!(error.contains("column name is shorter"), "{error}");
        Ok(())
    }
}
