//! Conflicts: rows in which site and cloud want different things, until somebody takes a side or changes
//! one of two rows that clash.

mod id;
mod take;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::str::FromStr;

use causeway_shared::commit::RowKey;
use causeway_shared::edits_object::{self, Texts};
use causeway_shared::ids::{Name, Part, SiteName};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::edits::key_order;
use crate::error::HubError;
use crate::services::error::UnreadableSite;
use crate::sync::{Disputed, Hub, SiteHistory};

pub(crate) use id::ConflictId;
pub(crate) use take::{Side, Taken, take};

/// Of what kind a conflict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConflictKind {
    /// Site and cloud changed one row.
    Edit,
    /// A row has values of an edited one that only one row may have.
    Clash,
}

impl ConflictKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Clash => "clash",
        }
    }
}

/// A conflict.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Conflict {
    /// Another one once somebody changes what it is about.
    #[schema(value_type = String)]
    pub id: ConflictId,
    pub site: SiteName,
    pub table: Name,
    pub part: Part,
    pub key: RowKey,
    pub kind: ConflictKind,
    /// The row as it stands, in canonical texts; null: it is not there.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub row: Option<Texts>,
    /// What each side wanted and did not get: values, or null, that the row be deleted.
    #[schema(value_type = BTreeMap<String, Option<BTreeMap<String, Option<String>>>>)]
    pub lost: edits_object::Conflict,
    /// The rows that a clashing one shares values with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<Clash>,
    /// Who changed the row last in the cloud, and when; of a clash, the row that comes first.
    pub actor: String,
    pub at: Timestamp,
}

/// A row that comes before one that clashes with it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Clash {
    /// Of these columns only one row may have the values that both have.
    pub unique: Vec<Name>,
    pub key: RowKey,
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub row: Option<Texts>,
}

impl Conflict {
    fn of((site, table, part): (&SiteName, &Name, Part), disputed: &Disputed) -> Self {
        let id = ConflictId::of((site, table, part), disputed);
        let (site, table, key) = (site.clone(), table.clone(), disputed.key().clone());
        match disputed {
            Disputed::Edit(entry) => Self {
                id,
                site,
                table,
                part,
                key,
                kind: ConflictKind::Edit,
                row: entry.row().cloned(),
                lost: entry.conflict.clone(),
                clashes: Vec::new(),
                actor: entry.actor.clone(),
                at: entry.at,
            },
            Disputed::Clash(row) => {
                let first = row.with.first().map(|(_, entry)| entry);
                let clashes = row.with.iter().map(|(shared, entry)| Clash {
                    unique: shared.columns.clone(),
                    key: entry.key.clone(),
                    row: entry.row().cloned(),
                });
                Self {
                    id,
                    site,
                    table,
                    part,
                    key,
                    kind: ConflictKind::Clash,
                    row: Some(row.row.clone()),
                    lost: edits_object::Conflict::default(),
                    clashes: clashes.collect(),
                    actor: first.map(|entry| entry.actor.clone()).unwrap_or_default(),
                    at: first.map_or(Timestamp::UNIX_EPOCH, |entry| entry.at),
                }
            }
        }
    }

    fn position(&self) -> ConflictPosition {
        ConflictPosition {
            site: self.site.clone(),
            table: self.table.clone(),
            part: self.part,
            kind: self.kind,
            key: self.key.clone(),
        }
    }
}

/// The place of a conflict in the list. As a text it is the cursor of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConflictPosition {
    site: SiteName,
    table: Name,
    part: Part,
    kind: ConflictKind,
    key: RowKey,
}

impl FromStr for ConflictPosition {
    type Err = &'static str;

    fn from_str(cursor: &str) -> Result<Self, Self::Err> {
        let mut parts = cursor.splitn(5, '~');
        let mut part = || parts.next().unwrap_or_default();
        let (site, table, of) = (SiteName::new(part()), Name::new(part()), Part::new(part()));
        let kind = part();
        let kind = [ConflictKind::Edit, ConflictKind::Clash]
            .into_iter()
            .find(|known| known.as_str() == kind);
        match (site, table, of, kind, serde_json::from_str(part())) {
            (Ok(site), Ok(table), Ok(part), Some(kind), Ok(key)) => Ok(Self {
                site,
                table,
                part,
                kind,
                key,
            }),
            _ => Err("write the cursor as `next` of the answer before has it"),
        }
    }
}

impl fmt::Display for ConflictPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = serde_json::to_string(&self.key).unwrap_or_default();
        let (site, table, part, kind) = (&self.site, &self.table, self.part, self.kind.as_str());
        write!(f, "{site}~{table}~{part}~{kind}~{key}")
    }
}

impl Serialize for ConflictPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which conflicts are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConflictsQuery {
    pub site: Option<SiteName>,
    /// Those behind this one.
    pub after: Option<ConflictPosition>,
    /// How many at most.
    pub limit: usize,
}

/// Some conflicts, by site, table, partition and key.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ConflictsPage {
    pub items: Vec<Conflict>,
    /// Where the next ones begin; null: there are no more.
    #[schema(value_type = Option<String>)]
    pub next: Option<ConflictPosition>,
    /// How many there are altogether.
    pub total: u64,
    /// The sites whose edits cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableSite>,
}

/// Lists conflicts. What waits in a journal is in the store before.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database. What cannot be read of one of several sites
/// is in the answer.
pub(crate) async fn list(
    hub: &Hub,
    query: &ConflictsQuery,
    now: Timestamp,
) -> Result<ConflictsPage, HubError> {
    let mut page = ConflictsPage::default();
    for view in hub.sites(query.site.as_ref()).await? {
        let listed = match hub.history(&view.site, now).await {
            Ok(Some(history)) => page.add(&history, query).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = listed {
            if query.site.is_some() {
                return Err(error);
            }
            page.unreadable.push(UnreadableSite {
                site: view.site,
                error: error.to_string(),
            });
        }
    }
    if page.items.len() > query.limit {
        page.items.truncate(query.limit);
        page.next = page.items.last().map(Conflict::position);
    }
    Ok(page)
}

impl ConflictsPage {
    /// Adds those of a site, until there is one more than asked for.
    async fn add(&mut self, history: &SiteHistory, query: &ConflictsQuery) -> Result<(), HubError> {
        let site = history.site();
        for (table, part, conflicts) in history.conflicted() {
            self.total = self.total.saturating_add(conflicts);
            let here = (site, &table.name, part);
            let after = query.after.as_ref();
            let after = after.filter(|after| here <= (&after.site, &after.table, after.part));
            if self.items.len() > query.limit
                || after.is_some_and(|after| here != (&after.site, &after.table, after.part))
            {
                continue;
            }
            let rows = history.conflicts(table, part).await?;
            let order = |key: &RowKey, kind| (key_order(table, key).unwrap_or_default(), kind);
            let seen = after.map(|after| order(&after.key, after.kind));
            let conflicts = rows.iter().map(|row| Conflict::of(here, row));
            let left = conflicts.filter(|conflict| {
                let is_behind =
                    |seen: &(Vec<u8>, ConflictKind)| order(&conflict.key, conflict.kind) > *seen;
                seen.as_ref().is_none_or(is_behind)
            });
            let room = (query.limit + 1).saturating_sub(self.items.len());
            self.items.extend(left.take(room));
        }
        Ok(())
    }
}
