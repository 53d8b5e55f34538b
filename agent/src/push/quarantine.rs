//! The quarantine's files in the store: the refused rows as the scans found them.
//!
//! They are for people and for the hub; no commit names them. The agent writes them after the
//! commit and the state. The state says from then on that they are due, whatever stops the agent
//! in between. It also notes what the store holds, so that refused rows that stay the same cost no
//! request.

use std::collections::BTreeMap;
use std::time::Instant;

use causeway_shared::ids::{Md5, Name};
use causeway_shared::layout::{self, SiteKey};
use causeway_shared::quarantine::RefusedRows;
use causeway_shared::store::{StoreError, list_all};

use crate::agent::Agent;
use crate::backoff;
use crate::error::AgentError;
use crate::push::store_check::check_before_first_write;
use crate::scan::TableFindings;
use crate::state::{AgentState, Findings, StateError};

/// The files of the tables that were scanned, as they should be.
#[derive(Debug, Default)]
pub(crate) struct QuarantineFiles(BTreeMap<Name, QuarantineFile>);

#[derive(Debug)]
struct QuarantineFile {
    md5: Md5,
    csv: Vec<u8>,
}

impl QuarantineFiles {
    /// The files of what was found. A table without refused rows has none.
    pub(crate) fn of(scanned: &Findings) -> Self {
        let file = |(table, found): (&Name, &TableFindings)| {
            Some((table.clone(), QuarantineFile::of(&found.refused)?))
        };
        Self(scanned.iter().filter_map(file).collect())
    }
}

impl QuarantineFile {
    fn of(refused: &RefusedRows) -> Option<Self> {
        let csv = refused.encode()?;
        let md5 = Md5::of(&csv);
        Some(Self { md5, csv })
    }
}

/// Whether files in the store are not what the tables that were scanned give, or are of tables
/// that are no longer declared.
pub(crate) fn is_due(
    state: &AgentState,
    scanned: &Findings,
    files: &QuarantineFiles,
    undeclared: &[Name],
) -> Result<bool, StateError> {
    let Some(noted) = state.quarantine()? else {
        return Ok(true);
    };
    let mut scanned = scanned.keys();
    let is_other = |table: &Name| files.0.get(table).map(|file| &file.md5) != noted.get(table);
    let is_noted = |table: &Name| noted.contains_key(table);
    Ok(scanned.any(is_other) || undeclared.iter().any(is_noted))
}

/// Writes what is due, `files` among it. A failure harms nobody: the files stay due, the failure is
/// logged, and a later cycle tries again, the later the more failed before.
pub(crate) async fn publish(agent: &Agent, state: &mut AgentState, files: QuarantineFiles) {
    let until = agent.quarantine_backoff().until();
    if until.is_some_and(|until| Instant::now() < until) {
        return;
    }
    let published = try_publish(agent, state, files).await;
    if let Err(error) = published {
        let mut backoff = agent.quarantine_backoff();
        backoff.failed(Instant::now(), backoff::random());
        tracing::warn!(
            site = %agent.config().site, %error,
            "the list of refused rows is not in the store yet; a later cycle tries again"
        );
    } else {
        agent.quarantine_backoff().succeeded();
    }
}

/// Replaces the lists of the tables in these findings, and leaves those of other tables.
///
/// # Errors
/// A failure of the store.
pub(crate) async fn replace_lists(agent: &Agent, findings: &Findings) -> Result<(), AgentError> {
    let failed = |source: StoreError| AgentError::Store {
        site: agent.config().site.clone(),
        source,
    };
    let there = listed(agent).await.map_err(failed)?;
    for (table, found) in findings {
        let key = SiteKey::Quarantine(table.clone()).of(&agent.config().site);
        if let Some(file) = QuarantineFile::of(&found.refused) {
            let put = agent.store().put(&key, file.csv.into()).await;
            put.map_err(failed)?;
        } else if there.contains_key(table) {
            agent.store().delete(&key).await.map_err(failed)?;
        }
    }
    Ok(())
}

async fn try_publish(
    agent: &Agent,
    state: &mut AgentState,
    mut files: QuarantineFiles,
) -> Result<(), AgentError> {
    if !state.quarantine_is_due()? {
        return Ok(());
    }
    // A share that is not mounted looks like an empty store; what is written there is hidden later.
    if let Some(head) = state.head()? {
        agent.log().check_holds_something(head.seq).await?;
    }
    let failed = |source: StoreError| AgentError::Store {
        site: agent.config().site.clone(),
        source,
    };
    let mut there: BTreeMap<Name, Option<Md5>> = match state.quarantine()? {
        Some(noted) => noted
            .into_iter()
            .map(|(name, md5)| (name, Some(md5)))
            .collect(),
        None => listed(agent).await.map_err(failed)?,
    };
    let key = |table: &Name| SiteKey::Quarantine(table.clone()).of(&agent.config().site);
    let mut written = BTreeMap::new();
    for (table, found) in &state.findings()? {
        let file = files
            .0
            .remove(table)
            .or_else(|| QuarantineFile::of(&found.refused));
        let Some(QuarantineFile { md5, csv }) = file else {
            continue;
        };
        if there.remove(table).flatten() != Some(md5) {
            if let Some(mut writer) = state.writer()? {
                check_before_first_write(agent, state, &mut writer).await?;
            }
            let put = agent.store().put(&key(table), csv.into()).await;
            put.map_err(failed)?;
        }
        written.insert(table.clone(), md5);
    }
    let held = state.held()?;
    for (table, md5) in there {
        if held.iter().any(|held| held.is_unjudged(&table)) {
            // What an unknown list holds matters not: no list is empty, so that it differs from what
            // the table's next scan finds.
            written.insert(table, md5.unwrap_or_else(|| Md5::of(b"")));
        } else {
            agent.store().delete(&key(&table)).await.map_err(failed)?;
        }
    }
    Ok(state.note_quarantine(&written)?)
}

/// The tables whose files lie in the store, whatever is in them.
async fn listed(agent: &Agent) -> Result<BTreeMap<Name, Option<Md5>>, StoreError> {
    let prefix = layout::quarantine_prefix(&agent.config().site);
    let objects = list_all(&**agent.store(), &prefix, None).await?;
    let table = |key: &str| match SiteKey::parse(key) {
        Some((_, SiteKey::Quarantine(table))) => Some((table, None)),
        _ => None,
    };
    Ok(objects
        .iter()
        .filter_map(|object| table(&object.key))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use causeway_shared::ids::SiteName;
    use causeway_shared::store::Store;
    use causeway_shared::store::failing::{FailingStore, Fault};
    use insta::assert_snapshot;

    use super::*;
    use crate::cycle::attempt::SyncOptions;
    use crate::cycle::sync::sync;
    use crate::testing::Site;

    fn key() -> String {
        let table = Name::new("consultant").unwrap();
        SiteKey::Quarantine(table).of(&SiteName::new("a").unwrap())
    }

    fn write(site: &Site, rows: &str) {
        let header = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";
        site.write("consultant", &format!("{header}{rows}"));
    }

    /// The file of refused consultants.
    async fn file(site: &Site) -> Option<RefusedRows> {
        let fetched = site.store.get(&key()).await.ok()?;
        Some(RefusedRows::decode(&fetched.bytes(1 << 20).await.unwrap()).unwrap())
    }

    /// Its total, and its rows.
    async fn listed(site: &Site) -> String {
        let Some(RefusedRows { total, listed }) = file(site).await else {
            return "no file".to_owned();
        };
        let rows = listed.iter().map(|row| {
            let column = row.column.as_deref().unwrap_or_default();
            format!("\n{} {column}: {} [{}]", row.place, row.reason, row.row)
        });
        format!("{total} refused{}", rows.collect::<String>())
    }

    #[tokio::test]
    async fn refused_rows_are_listed_the_newest_first_until_they_are_good() {
        let site = Site::new();
        write(&site, "x,Bo,b@x,2020-01-01\n");
        site.sync().await;
        write(&site, "x,Bo,b@x,2020-01-01\n2,,c@x,2020-01-01\n");
        site.sync().await;
        assert_snapshot!(listed(&site).await, @r#"
        2 refused
        line 4 fullname: a value is required [2,,c@x,,,,,2020-01-01,,]
        line 3 consultantid: "x" is not a value of type int [x,Bo,b@x,,,,,2020-01-01,,]
        "#);
        let rows = file(&site).await.unwrap().listed;
        assert!(rows[0].since > rows[1].since, "{rows:?}");
        write(&site, "3,Bo,b@x,2020-01-01\n");
        site.sync().await;
        assert_eq!(listed(&site).await, "no file");
    }

    #[tokio::test]
    async fn what_stays_refused_costs_no_request() {
        let site = Site::new();
        write(&site, "x,Bo,b@x,2020-01-01\n");
        site.sync().await;
        let before = file(&site).await;
        write(&site, "x,Bo,b@x,2020-01-01\n4,Cy,c@x,2020-01-01\n");
        // The object and the commit.
        assert_eq!(site.sync().await.requests.total(), 2);
        assert_eq!(file(&site).await, before);
    }

    #[tokio::test]
    async fn what_did_not_arrive_is_written_by_the_next_cycle_though_nothing_moved() {
        let site = Site::new();
        write(&site, "x,Bo,b@x,2020-01-01\n");
        let failing = FailingStore::new(
            Arc::clone(&site.store),
            [Fault::LoseFirstWriteOf("/quarantine/")],
        );
        let agent = site.agent_on("one", Arc::new(failing) as Store);
        sync(&agent, SyncOptions::default()).await.unwrap();
        let next = site.sync().await.requests;
        assert_eq!((next.put, next.total()), (1, 1));
        assert_eq!(site.sync().await.requests.total(), 0);
    }

    #[tokio::test]
    async fn a_store_that_refuses_it_is_left_alone_for_a_while() {
        let site = Site::new();
        write(&site, "x,Bo,b@x,2020-01-01\n");
        let refuses = Fault::RefuseWritesOf("/quarantine/");
        let failing = Arc::new(FailingStore::new(Arc::clone(&site.store), [refuses]));
        let agent = site.agent_on("one", Arc::clone(&failing) as Store);
        sync(&agent, SyncOptions::default()).await.unwrap();
        assert_eq!(failing.failures(), 1);
        sync(&agent, SyncOptions::default()).await.unwrap();
        assert_eq!(failing.failures(), 1);
    }

    #[tokio::test]
    async fn a_list_stays_while_its_table_is_not_judged() {
        for unreadable in [false, true] {
            let site = Site::new();
            write(&site, "x,Bo,b@x,2020-01-01\n");
            site.sync().await;
            let before = listed(&site).await;
            fs::remove_file(site.csv("consultant")).unwrap();
            if unreadable {
                fs::create_dir(site.csv("consultant")).unwrap();
            }
            assert_eq!(site.sync().await.in_quarantine, 1);
            assert_eq!(listed(&site).await, before);
            fs::remove_dir_all(site.state("one")).unwrap();
            assert_eq!(site.sync().await.held.len(), 1);
            assert_eq!(listed(&site).await, before);
            if unreadable {
                fs::remove_dir(site.csv("consultant")).unwrap();
            }
            write(&site, "");
            site.sync().await;
            assert_eq!(listed(&site).await, "no file");
        }
    }

    #[tokio::test]
    async fn a_lost_state_leaves_no_old_file_behind() {
        let site = Site::new();
        write(&site, "x,Bo,b@x,2020-01-01\n");
        site.sync().await;
        fs::remove_dir_all(site.state("one")).unwrap();
        write(&site, "");
        site.sync().await;
        assert_eq!(listed(&site).await, "no file");
    }
}
