//! The hub's own rows as both databases hold them, and what they are made into.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{EditsLog, Head, PartitionObject, Writer};
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Name, Part, Seq};
use causeway_shared::value::Value;

use super::known_sites::{Holdings, Known, KnownSites, SiteCatalog};
use super::{DbError, Mark, Outline, PartVersion, RowsAt, SiteState, StoredSite};

/// A site's row.
#[derive(Debug, Clone)]
pub(super) struct SiteRecord {
    pub(super) site: String,
    pub(super) revision: i64,
    pub(super) seq: Option<i64>,
    pub(super) at: Option<String>,
    pub(super) epoch: Option<i64>,
    pub(super) writer_id: Option<String>,
    pub(super) writer_host: Option<String>,
    pub(super) dataset: Option<String>,
    /// JSON.
    pub(super) edits_head: Option<String>,
    /// JSON.
    pub(super) settled: Option<String>,
    pub(super) loaded_seq: i64,
    pub(super) loaded_edits_seq: i64,
    pub(super) writable: bool,
    pub(super) start_known: bool,
    pub(super) restored: bool,
    pub(super) edits_waiting: i64,
    pub(super) loaded_at: Option<String>,
    pub(super) log_head: Option<i64>,
    pub(super) last_error: Option<String>,
    pub(super) wanted: Option<String>,
}

/// A partition's row in the catalog.
#[derive(Debug)]
pub(super) struct PartitionRecord {
    pub(super) table: String,
    pub(super) part: String,
    pub(super) md5: String,
    pub(super) rows: i64,
    pub(super) bytes: i64,
    /// JSON.
    pub(super) summary: String,
    pub(super) dataset: String,
    pub(super) seq: i64,
}

/// A load mark's row.
#[derive(Debug)]
pub(super) struct MarkRecord {
    pub(super) table: String,
    pub(super) part: String,
    pub(super) known: bool,
    pub(super) object: Option<String>,
    pub(super) edits: Option<String>,
    pub(super) rows: i64,
    pub(super) clashes: i64,
}

/// A partition's row in the catalog of edits.
#[derive(Debug)]
pub(super) struct EditsRecord {
    pub(super) table: String,
    pub(super) part: String,
    /// JSON.
    pub(super) object: String,
    pub(super) dataset: String,
    pub(super) seq: i64,
}

/// The row of a date that was asked for.
#[derive(Debug)]
pub(super) struct AskedRecord {
    pub(super) date: String,
    pub(super) hour: String,
}

/// All that is held of a site besides its rows.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) site: SiteRecord,
    pub(super) catalog: Recorded<SiteCatalog, CatalogRecords>,
    pub(super) edits: Recorded<Catalog<EditsLog>, Vec<EditsRecord>>,
    pub(super) holdings: Recorded<Holdings, HoldingRecords>,
}

/// The part of it that a load has to know.
#[derive(Debug)]
pub(super) struct OutlineRecords {
    pub(super) records: Records,
    /// How many partitions are held in all.
    pub(super) loaded: i64,
    /// Whether edits keep keys.
    pub(super) keeps: bool,
}

/// What was known before, or had to be read.
#[derive(Debug)]
pub(super) enum Recorded<K, R> {
    Known(K),
    Read(R),
}

/// What is held of the agent's commit at which a site stands.
#[derive(Debug, Default)]
pub(super) struct CatalogRecords {
    /// The canonical JSON of its dataset.
    pub(super) dataset: Option<String>,
    pub(super) partitions: Vec<PartitionRecord>,
}

/// Which of its partitions are held.
#[derive(Debug, Default)]
pub(super) struct HoldingRecords {
    pub(super) asked: Vec<AskedRecord>,
    pub(super) marks: Vec<MarkRecord>,
}

impl Records {
    /// A site that has nothing but its own row.
    pub(super) fn of(site: SiteRecord) -> Self {
        Self {
            site,
            catalog: Recorded::Read(CatalogRecords::default()),
            edits: Recorded::Read(Vec::new()),
            holdings: Recorded::Read(HoldingRecords::default()),
        }
    }
}

impl SiteRecord {
    /// What was read of the site before, and is still the same.
    pub(super) fn known(&self, known: &KnownSites) -> Known {
        let state = self.clone().read();
        state.map_or_else(|_| Known::default(), |state| known.get(&state))
    }

    /// How the site stands.
    pub(super) fn state(self, database: &str) -> Result<SiteState, DbError> {
        let site = self.site.clone();
        self.read()
            .map_err(|what| unreadable(database, &site, what))
    }

    fn read(self) -> Result<SiteState, String> {
        let head = match self.seq {
            None => None,
            Some(seq) => Some(Head {
                seq: Seq(count(seq)?),
                at: text("at", &self.at.ok_or("at is missing")?)?,
                epoch: count(self.epoch.ok_or("epoch is missing")?)?,
                writer: Writer {
                    id: self.writer_id.unwrap_or_default(),
                    host: self.writer_host.unwrap_or_default(),
                },
                dataset: text("dataset", &self.dataset.ok_or("dataset is missing")?)?,
            }),
        };
        Ok(SiteState {
            site: text("site", &self.site)?,
            revision: count(self.revision)?,
            head,
            edits_head: match self.edits_head {
                Some(head) => Some(json("edits_head", &head)?),
                None => None,
            },
            writable: self.writable,
            start_known: self.start_known,
            restored: self.restored,
            edits_waiting: count(self.edits_waiting)?,
            loaded_at: match self.loaded_at {
                Some(at) => Some(text::<Timestamp>("loaded_at", &at)?),
                None => None,
            },
            log_head: match self.log_head {
                Some(seq) => Some(Seq(count(seq)?)),
                None => None,
            },
            last_error: self.last_error,
        })
    }
}

impl Records {
    /// What is held of the site.
    pub(super) fn stored(self, database: &str, known: &KnownSites) -> Result<StoredSite, DbError> {
        let site = self.site.site.clone();
        let (settled, wanted) = (self.site.settled.clone(), self.site.wanted.clone());
        let (loaded_seq, loaded_edits_seq) = (self.site.loaded_seq, self.site.loaded_edits_seq);
        let state = self.site.state(database)?;
        let read = || -> Result<StoredSite, String> {
            let is_known = matches!(
                (&self.catalog, &self.edits, &self.holdings),
                (Recorded::Known(_), Recorded::Known(_), Recorded::Known(_))
            );
            let of_site = match self.catalog {
                Recorded::Known(known) => known,
                Recorded::Read(records) => records.catalog(&state)?,
            };
            let edits = match self.edits {
                Recorded::Known(known) => known,
                Recorded::Read(records) => edits_catalog(&state, &records)?,
            };
            let holdings = match self.holdings {
                Recorded::Known(known) => known,
                Recorded::Read(records) => records.holdings()?,
            };
            if !is_known {
                known.put(&state, (&of_site, &edits), &holdings);
            }
            Ok(StoredSite {
                catalog: of_site.catalog,
                edits,
                settled: match &settled {
                    Some(settled) => json("settled", settled)?,
                    None => Vec::new(),
                },
                rows_at: RowsAt {
                    seq: Seq(count(loaded_seq)?),
                    edits_seq: Seq(count(loaded_edits_seq)?),
                },
                wanted: match &wanted {
                    Some(wanted) => Some(text("wanted", wanted)?),
                    None => None,
                },
                asked: holdings.asked,
                dataset: of_site.dataset,
                loaded: holdings.loaded,
                state,
            })
        };
        read().map_err(|what| unreadable(database, &site, what))
    }
}

impl OutlineRecords {
    pub(super) fn outline(self, database: &str) -> Result<Outline, DbError> {
        // No part is kept as the whole.
        let stored = self.records.stored(database, &KnownSites::default())?;
        let loaded = self.loaded.unsigned_abs();
        Ok(Outline {
            others: loaded.saturating_sub(stored.loaded.len() as u64),
            keeps: self.keeps,
            stored,
        })
    }
}

impl HoldingRecords {
    fn holdings(&self) -> Result<Holdings, String> {
        let asked = self.asked.iter().map(AskedRecord::asked);
        let marks = self.marks.iter().map(MarkRecord::mark);
        Ok(Holdings {
            asked: asked.collect::<Result<_, _>>()?,
            loaded: Arc::new(marks.collect::<Result<_, _>>()?),
        })
    }
}

impl CatalogRecords {
    /// The catalog of a site that stands like this.
    fn catalog(&self, state: &SiteState) -> Result<SiteCatalog, String> {
        let partitions = self.partitions.iter().map(PartitionRecord::partition);
        let catalog = Catalog {
            site: state.site.clone(),
            head: state.head.clone(),
            partitions: partitions.collect::<Result<_, _>>()?,
        };
        let dataset = self.dataset.as_ref();
        let dataset = dataset.map(|json| Dataset::from_json(json.as_bytes()));
        let mut dataset = dataset.transpose().map_err(|error| error.to_string())?;
        if let Some(dataset) = &mut dataset {
            dataset.take_bucket_counts(&catalog);
        }
        Ok(SiteCatalog {
            catalog,
            dataset: dataset.map(Arc::new),
        })
    }
}

/// The catalog of edits of a site that stands like this.
fn edits_catalog(state: &SiteState, edits: &[EditsRecord]) -> Result<Catalog<EditsLog>, String> {
    let partitions = edits.iter().map(EditsRecord::partition);
    Ok(Catalog {
        site: state.site.clone(),
        head: state.edits_head.clone(),
        partitions: partitions.collect::<Result<_, _>>()?,
    })
}

impl PartitionRecord {
    fn partition(&self) -> Result<((Name, Part), Entry), String> {
        let entry = Entry {
            object: PartitionObject {
                md5: text("md5", &self.md5)?,
                rows: count(self.rows)?,
                bytes: count(self.bytes)?,
                summary: serde_json::from_str(&self.summary)
                    .map_err(|error| format!("summary: {error}"))?,
            },
            dataset: text("dataset", &self.dataset)?,
            seq: Seq(count(self.seq)?),
        };
        Ok((
            (text("table", &self.table)?, text("part", &self.part)?),
            entry,
        ))
    }
}

impl EditsRecord {
    fn partition(&self) -> Result<((Name, Part), Entry<EditsLog>), String> {
        let entry = Entry {
            object: json("object", &self.object)?,
            dataset: text("dataset", &self.dataset)?,
            seq: Seq(count(self.seq)?),
        };
        Ok((
            (text("table", &self.table)?, text("part", &self.part)?),
            entry,
        ))
    }
}

impl AskedRecord {
    pub(super) fn asked(&self) -> Result<(Date, Timestamp), String> {
        Ok((text("date", &self.date)?, text("hour", &self.hour)?))
    }
}

impl MarkRecord {
    fn mark(&self) -> Result<((Name, Part), Mark), String> {
        let md5 =
            |column, md5: &Option<String>| md5.as_deref().map(|md5| text(column, md5)).transpose();
        let version = PartVersion {
            object: md5("object", &self.object)?,
            edits: md5("edits", &self.edits)?,
        };
        let mark = Mark {
            version: self.known.then_some(version),
            rows: count(self.rows)?,
            clashes: count(self.clashes)?,
        };
        Ok((
            (text("table", &self.table)?, text("part", &self.part)?),
            mark,
        ))
    }
}

/// A partition by its names; `None` where one is none, so that it is no partition of a dataset.
pub(super) fn partition(table: &str, part: &str) -> Option<(Name, Part)> {
    Some((Name::new(table).ok()?, Part::new(part).ok()?))
}

/// A row in canonical texts by column, and its part, which is the last value.
pub(super) fn placed_row(table: &Table, row: &[Value<'static>]) -> Result<(Part, Texts), String> {
    let columns = table.columns.iter().zip(row);
    let texts = columns.map(|(column, value)| (column.name.to_string(), canonical_text(value)));
    let part = row.last().and_then(canonical_text).unwrap_or_default();
    Ok((text("part", &part)?, texts.collect()))
}

/// A number as the databases hold it.
pub(super) fn stored_count(n: u64) -> i64 {
    // Rows, bytes and commit numbers are far below 2^63.
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A count as it was stored.
pub(super) fn count(n: i64) -> Result<u64, String> {
    u64::try_from(n).map_err(|_| format!("{n} is below zero"))
}

pub(super) fn text<T: FromStr<Err: Display>>(column: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{column}: {error}"))
}

pub(super) fn json<T: DeserializeOwned>(column: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| format!("{column}: {error}"))
}

pub(super) fn unreadable(database: &str, site: &str, what: String) -> DbError {
    DbError::Unreadable {
        database: database.to_owned(),
        site: site.to_owned(),
        what,
    }
}
