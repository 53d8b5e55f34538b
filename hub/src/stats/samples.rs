//! Sites for tests, made of a few catalog entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{Head, PartitionObject, Writer};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use jiff::Timestamp;

use crate::db::LoadedCount;
use crate::sync::{SiteEdits, SiteTotals, SiteView};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A MeetAssist site at commit 42 with partitions: table, part, summary and rows of each.
pub(crate) fn site(name: &str, partitions: &[(&str, &str, &str, u64)]) -> SiteView {
    site_of(name, Dataset::meetassist().unwrap(), partitions)
}

/// A site of any dataset at commit 42.
pub(crate) fn site_of(
    name: &str,
    dataset: Dataset,
    partitions: &[(&str, &str, &str, u64)],
) -> SiteView {
    let site = SiteName::new(name).unwrap();
    let mut catalog = Catalog::empty(site.clone());
    catalog.head = Some(Head {
        seq: Seq(42),
        at: at("2025-11-28T02:29:57Z"),
        epoch: 1,
        writer: Writer {
            id: "w".into(),
            host: "h".into(),
        },
        dataset: dataset.md5(),
    });
    for (table, part, summary, rows) in partitions {
        let object = PartitionObject {
            md5: Md5::of(b""),
            rows: *rows,
            bytes: 1,
            summary: serde_json::from_str(summary).unwrap(),
        };
        let key = (Name::new(table).unwrap(), Part::new(part).unwrap());
        catalog.partitions.insert(
            key,
            Entry {
                object,
                dataset: dataset.md5(),
                seq: Seq(42),
            },
        );
    }
    SiteView {
        site,
        revision: 0,
        dataset: Arc::new(dataset),
        totals: Arc::new(SiteTotals::of(&catalog)),
        catalog: Arc::new(catalog),
        loaded_at: Some(at("2025-11-28T02:29:58Z")),
        log_head: Some(Seq(42)),
        last_error: None,
        loaded: Arc::default(),
        asked: BTreeMap::new(),
        edits: SiteEdits::default(),
    }
}

pub(crate) fn loaded(part: &str, status: &str, rows: u64) -> LoadedCount {
    LoadedCount {
        part: Part::new(part).unwrap(),
        value: Some(status.to_owned()),
        rows,
    }
}

/// Something as JSON with an object a line, to be read in a snapshot.
pub(crate) fn json(of: &impl serde::Serialize) -> String {
    serde_json::to_string(of).unwrap().replace("},", "},\n")
}
