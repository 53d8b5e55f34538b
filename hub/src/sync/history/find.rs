//! Rows found by the value of one column, wherever they lie.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::canonical_csv::Field;
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Part, SiteName};
use futures_util::stream::{self, FuturesOrdered, StreamExt as _};

use super::{AHEAD, SiteHistory};
use crate::db::Partial;
use crate::error::SiteError;
use crate::sync::bounded_cache::BoundedCache;
use crate::sync::partials::{Keeper, KeyFilter};

/// Most bytes of rows that are kept in memory, of all that was looked for.
const MAX_BYTES: usize = 16 << 20;
/// What a partition takes in which something was found, or nothing.
const OVERHEAD: usize = 64;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) table: &'w Table,
    pub(crate) column: usize,
    /// Canonical.
    pub(crate) text: &'w str,
    /// Whether one row at most has it.
    pub(crate) is_unique: bool,
}

/// A row in canonical texts, in declared column order.
pub(crate) type FoundRow = Vec<Option<String>>;

/// What a partition has of what was looked for, and in which version of it.
type FoundPart = (Md5, Arc<[FoundRow]>);

impl SiteHistory {
    /// The rows that have a value in a column, the newest partitions first. The partitions that
    /// partials rule out are not read, nor those that were read for the same before.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn find(&self, wanted: Wanted<'_>) -> Result<Vec<FoundRow>, SiteError> {
        let versions = self.versions(wanted.table);
        let what = keys_of(wanted.table);
        let has_keys = wanted.table.lookup.contains(&wanted.column);
        let partials = match has_keys {
            true => self.hub.partials(&self.site, &what, &versions).await,
            false => BTreeMap::new(),
        };
        let question = self.question(wanted);
        let mut known = self.hub.inner.found.get(&question);
        known.retain(|part, (version, _)| versions.get(part) == Some(version));
        if wanted.is_unique
            && let Some((_, rows)) = known.values().find(|(_, rows)| !rows.is_empty())
        {
            return Ok(rows.to_vec());
        }
        let places = versions.iter().rev().filter_map(|(part, version)| {
            let filter = partials.get(part);
            let filter = filter.and_then(|body| KeyFilter::of(body, wanted.table, wanted.column));
            let lacks_keys = has_keys && filter.is_none();
            let may_hold = filter.is_none_or(|filter| filter.may_hold(wanted.text));
            may_hold.then_some((*part, *version, lacks_keys))
        });
        let mut places: Vec<(Part, Md5, bool)> = places.collect();
        if wanted.is_unique {
            // Where it probably is comes first.
            places.sort_by_key(|(.., lacks_keys)| *lacks_keys);
        }
        let mut places = places.into_iter();
        let mut looks = FuturesOrdered::new();
        let (mut rows, mut found) = (Vec::new(), BTreeMap::new());
        let mut keeper = Keeper::new(&self.hub, &self.site, &what);
        let mut failed = None;
        loop {
            // Made when their turn comes: there are thousands of partitions.
            for (part, version, lacks_keys) in
                places.by_ref().take(AHEAD.saturating_sub(looks.len()))
            {
                let known = known.get(&part).cloned();
                looks.push_back(self.look(wanted, (part, version), known, lacks_keys));
            }
            let Some(looked) = looks.next().await else {
                break;
            };
            let (part, of_part, partial) = match looked {
                Ok(looked) => looked,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            rows.extend(of_part.1.iter().cloned());
            found.insert(part, of_part);
            if let Some(partial) = partial {
                keeper.add(partial).await;
            }
            if wanted.is_unique && !rows.is_empty() {
                break;
            }
        }
        drop(looks);
        keeper.finish().await;
        self.hub.inner.found.put(question, found);
        failed.map_or(Ok(rows), Err)
    }

    /// The partitions of a table whose partials of keys are missing, and the version of each.
    pub(crate) async fn without_keys(&self, table: &Table) -> BTreeMap<Part, Md5> {
        if table.lookup.is_empty() {
            return BTreeMap::new();
        }
        let wanted = self.versions(table);
        self.hub
            .without_partials(&self.site, &keys_of(table), wanted)
            .await
    }

    /// Makes partials of keys.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn make_keys(
        &self,
        table: &Table,
        parts: BTreeMap<Part, Md5>,
        ahead: usize,
    ) -> Result<(), SiteError> {
        let made = parts
            .into_iter()
            .map(|of| self.read_with_keys(table, of, |_| ()));
        let mut made = stream::iter(made.collect::<Vec<_>>()).buffered(ahead);
        let mut keeper = Keeper::new(&self.hub, &self.site, &keys_of(table));
        let mut failed = Ok(());
        while let Some(made) = made.next().await {
            match made {
                Ok(partial) => keeper.add(partial).await,
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        keeper.finish().await;
        failed
    }

    /// What one partition has.
    async fn look(
        &self,
        wanted: Wanted<'_>,
        (part, version): (Part, Md5),
        known: Option<FoundPart>,
        with_keys: bool,
    ) -> Result<(Part, FoundPart, Option<Partial>), SiteError> {
        if let Some(known) = known.filter(|_| !with_keys) {
            return Ok((part, known, None));
        }
        let mut rows = Vec::new();
        let mut pick = |row: &[Field<'_>]| {
            let value = row.get(wanted.column).and_then(|field| field.as_deref());
            if value == Some(wanted.text) {
                let texts = row.iter().map(|field| field.as_deref().map(str::to_owned));
                rows.push(texts.collect::<FoundRow>());
            }
        };
        let table = wanted.table;
        let partial = match with_keys {
            true => Some(
                self.read_with_keys(table, (part, version), &mut pick)
                    .await?,
            ),
            false => {
                self.read(table, part, &mut pick).await?;
                None
            }
        };
        Ok((part, (version, rows.into()), partial))
    }

    fn question(&self, wanted: Wanted<'_>) -> Question {
        Question {
            site: self.site.clone(),
            table: wanted.table.name.to_string(),
            column: wanted.column,
            text: wanted.text.to_owned(),
        }
    }
}

/// Under which name the partials of a table's keys are kept.
pub(in crate::sync) fn keys_of(table: &Table) -> String {
    format!("keys of {}", table.name)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    site: SiteName,
    table: String,
    column: usize,
    text: String,
}

/// What was found last, by partition and version.
#[derive(Debug)]
pub(in crate::sync) struct FoundCache(BoundedCache<Question, BTreeMap<Part, FoundPart>>);

impl Default for FoundCache {
    fn default() -> Self {
        Self(BoundedCache::new(MAX_BYTES))
    }
}

impl FoundCache {
    fn get(&self, question: &Question) -> BTreeMap<Part, FoundPart> {
        self.0.get(question).unwrap_or_default()
    }

    fn put(&self, question: Question, parts: BTreeMap<Part, FoundPart>) {
        let of_parts = parts.values().map(|(_, rows)| OVERHEAD + bytes_of(rows));
        let bytes = of_parts.sum::<usize>() + OVERHEAD + question.text.len();
        self.0.put(question, parts, bytes);
    }
}

fn bytes_of(rows: &[FoundRow]) -> usize {
    let of_row = |row: &FoundRow| {
        let of_text = |text: &Option<String>| {
            size_of::<Option<String>>() + text.as_ref().map_or(0, String::len)
        };
        size_of::<FoundRow>() + row.iter().map(of_text).sum::<usize>()
    };
    rows.iter().map(of_row).sum()
}
