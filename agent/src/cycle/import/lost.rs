//! Objects that the log names and the store has lost. The files of an import have their rows, where they are the
//! files that were imported before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::TableId;
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::store::list_all;

use crate::agent::Agent;
use crate::cycle::Spooled;
use crate::error::AgentError;
use crate::progress::Progress;
use crate::push::{PlannedObjects, spooled_objects, upload};
use crate::scan::ObjectId;
use crate::state::AgentState;

/// The objects of some tables that are not in the store, or have another size than the log says.
pub(super) async fn lost(
    agent: &Agent,
    catalog: &Catalog,
    tables: &BTreeSet<TableId>,
) -> Result<BTreeSet<ObjectId>, AgentError> {
    let site = &agent.config().site;
    let mut lost = BTreeSet::new();
    for id in tables {
        let table = &agent.config().dataset.tables[*id].name;
        let mut named = catalog.table(table.as_str()).peekable();
        if named.peek().is_none() {
            continue;
        }
        let prefix = WhichLog::Agent.objects_of(site, table);
        let listed = list_all(&**agent.store(), &prefix, None).await;
        let listed = listed.map_err(|source| AgentError::Store {
            site: site.clone(),
            source,
        })?;
        let sizes: BTreeMap<&str, u64> = listed.iter().map(|of| (&*of.key, of.bytes)).collect();
        lost.extend(named.filter_map(|(part, entry)| {
            let key = LogKey::Object(table.clone(), part, entry.object.md5);
            let there = sizes.get(&*agent.log().key(&key));
            (there != Some(&entry.object.bytes)).then(|| (table.clone(), part, entry.object.md5))
        }));
    }
    Ok(lost)
}

/// Sends lost objects that are spooled. Returns the bytes that were sent.
pub(super) async fn put_back(
    agent: &Agent,
    state: &mut AgentState,
    lost: &BTreeSet<ObjectId>,
    spooled: &Spooled,
    progress: &Arc<dyn Progress>,
) -> Result<u64, AgentError> {
    let lost = lost.iter().cloned();
    let objects = PlannedObjects {
        to_send: spooled_objects(lost, &spooled.spool, &spooled.objects),
        there: BTreeMap::new(),
    };
    if objects.to_send.is_empty() {
        return Ok(0);
    }
    let (_, sent) = upload(agent, state, objects, progress).await?;
    Ok(sent)
}
