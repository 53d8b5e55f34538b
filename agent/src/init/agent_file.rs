//! The proposed `agent.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use causeway_shared::dataset::{self, Dataset, TableId};
use causeway_shared::runtime::program::count;

use super::TIME_ZONE;
use super::inspection::{Inspection, Table};
use super::meetassist::Spelling;
use super::names::{site_name, telling_name};
use super::plan::DatasetPlan;
use super::sources::{ProposedSource, Setting};
use super::text::{comment, quoted};
use crate::source::SourceKind;

/// A table as the agent will look for it: the dataset's name, the names that fit it in any source,
/// and the source and name that are meant.
struct SoughtTable<'w> {
    table: &'w str,
    fits: Vec<&'w str>,
    meant: Option<(usize, &'w str)>,
}

/// Writes `agent.toml` for the folder `dir`; `dataset` is what it says there.
pub(super) fn render(
    inspection: &Inspection,
    plan: Option<&DatasetPlan<'_>>,
    dataset: &str,
    dir: &Path,
) -> String {
    let mut out = String::new();
    comment(
        &mut out,
        "",
        "Proposed by `causeway-agent init`. What needs a look or a decision says so in capital \
         letters. Every other key has its default. `causeway-agent plan` shows what would be sent, \
         and writes nothing.",
    );
    out.push('\n');
    let folder = inspection
        .sources
        .first()
        .map_or(dir, |source| folder_of(source));
    let site = site_name(&telling_name(folder));
    line(
        &mut out,
        &format!("site = {}", quoted(&site)),
        "PLEASE DECIDE: the name of this installation, for good",
    );
    line(
        &mut out,
        &format!("dataset = {}", quoted(dataset)),
        &about_dataset(inspection, dataset),
    );
    line(
        &mut out,
        &format!("timezone = {}", quoted(TIME_ZONE)),
        "PLEASE CHECK: of timestamps, and of the dates that they are partitioned by",
    );
    out.push_str("\n[store]\n");
    let store = format!("file://{}", dir.join("causeway-store").display());
    line(
        &mut out,
        &format!("url = {}", quoted(&store)),
        "PLEASE DECIDE: make this folder, to try it out; for good s3://bucket/prefix",
    );
    let wanted = match &inspection.meetassist {
        Some(meetassist) => of_meetassist(inspection, meetassist),
        None => plan.map(of_plan).unwrap_or_default(),
    };
    for at in 0..inspection.sources.len() {
        out.push('\n');
        source(&mut out, inspection, at, &wanted, dir);
    }
    if !inspection.left_out.is_empty() {
        out.push('\n');
        comment(&mut out, "", "Found and left out:");
        let folder = format!("{}/", dir.display());
        for left in &inspection.left_out {
            let text = format!("- {}: {}", left.what, left.why);
            comment(&mut out, "", &text.replace(&folder, ""));
        }
    }
    out
}

fn folder_of(source: &ProposedSource) -> &Path {
    match source.kind {
        SourceKind::Sqlite => source.path.parent().unwrap_or(&source.path),
        SourceKind::Csv => &source.path,
    }
}

fn line(out: &mut String, text: &str, why: &str) {
    out.push_str(&format!("{text:<37} # {why}\n"));
}

fn about_dataset(inspection: &Inspection, dataset: &str) -> String {
    match &inspection.meetassist {
        None => "proposed too; read it through".to_owned(),
        Some(meetassist) => {
            let found = inspection
                .tables
                .iter()
                .filter(|t| t.matched.is_some())
                .count();
            let all = meetassist.tables.len();
            match dataset {
                "meetassist" => format!("built in; {found} of its {all} tables were found"),
                _ => format!(
                    "MeetAssist's, with columns under other names; {found} of its {all} tables were \
                     found"
                ),
            }
        }
    }
}

fn of_plan<'w>(plan: &'w DatasetPlan<'_>) -> Vec<SoughtTable<'w>> {
    let of = |planned: &'w super::plan::PlannedTable<'_>| {
        let own = planned.named.name.as_str();
        SoughtTable {
            table: own,
            fits: vec![planned.named.source.as_deref().unwrap_or(own), own],
            meant: Some((planned.table.source, planned.table.shape.name.as_str())),
        }
    };
    plan.tables.iter().map(of).collect()
}

fn of_meetassist<'w>(inspection: &'w Inspection, dataset: &'w Dataset) -> Vec<SoughtTable<'w>> {
    let of = |(id, table): (TableId, &'w dataset::Table)| {
        let found = inspection.tables.iter().find(|found| {
            found.trouble.is_none() && found.matched.as_ref().is_some_and(|m| m.table == id)
        });
        SoughtTable {
            table: table.name.as_str(),
            fits: vec![table.name.as_str()],
            meant: found.map(|found| (found.source, found.shape.name.as_str())),
        }
    };
    dataset.tables.with_ids().map(of).collect()
}

fn source(
    out: &mut String,
    inspection: &Inspection,
    at: usize,
    wanted: &[SoughtTable<'_>],
    dir: &Path,
) {
    let source = &inspection.sources[at];
    for table in inspection.tables.iter().filter(|table| table.source == at) {
        about_table(out, table, inspection.meetassist.as_ref());
    }
    out.push_str("[[source]]\n");
    let (kind, path) = match source.kind {
        SourceKind::Sqlite => ("sqlite", source.path.display().to_string()),
        SourceKind::Csv => ("csv", format!("{}/", source.path.display())),
    };
    let relative = source.path.strip_prefix(dir).ok().map(|relative| {
        let relative = relative.display().to_string();
        match (source.kind, relative.as_str()) {
            (SourceKind::Csv, "") => "./".to_owned(),
            (SourceKind::Csv, _) => format!("{relative}/"),
            (SourceKind::Sqlite, _) => relative,
        }
    });
    out.push_str(&format!(
        "kind = {}\npath = {}\n",
        quoted(kind),
        quoted(&relative.unwrap_or(path))
    ));
    let names = names(at, &inspection.listed[at], wanted);
    if !names.is_empty() {
        let pairs: Vec<String> = names
            .iter()
            .map(|(table, name)| format!("{table} = {}", quoted(name)))
            .collect();
        if names.values().any(|name| name.is_empty()) {
            comment(
                out,
                "",
                "An empty name: the table is not to be taken from here.",
            );
        }
        out.push_str(&format!("tables = {{ {} }}\n", pairs.join(", ")));
    }
    for (key, setting) in [
        ("encoding", &source.encoding),
        ("delimiter", &source.delimiter),
        ("dates", &source.dates),
        ("decimals", &source.decimals),
    ] {
        if let Some(Setting { values, why }) = setting {
            comment(out, "", &format!("{why}."));
            let sign = if values.len() > 1 { "# " } else { "" };
            for value in values {
                out.push_str(&format!("{sign}{key} = \"{value}\"\n"));
            }
        }
    }
}

/// What is said of a table above its source.
fn about_table(out: &mut String, table: &Table, meetassist: Option<&Dataset>) {
    let name = &table.shape.name;
    if let Some(why) = &table.trouble {
        comment(out, "", &format!("LEFT OUT: {name:?}: {why}."));
        return;
    }
    let (Some(dataset), Some(matched)) = (meetassist, &table.matched) else {
        return;
    };
    let declared = &dataset.tables[matched.table];
    let same = matched
        .columns
        .iter()
        .filter(|c| matches!(c, Spelling::Same(_)))
        .count();
    comment(
        out,
        "",
        &format!(
            "{name:?} is {}: {same} of its {} columns are there; {}.",
            declared.name,
            matched.columns.len(),
            count(table.rows, "row")
        ),
    );
    for remark in table.meetassist_remarks(dataset) {
        comment(out, "", &format!("- {remark}"));
    }
}

/// The entries of `tables`: where the agent would find no table, or another one than is meant.
fn names<'w>(
    source: usize,
    listed: &[String],
    wanted: &[SoughtTable<'w>],
) -> BTreeMap<&'w str, &'w str> {
    let mut names = BTreeMap::new();
    for wanted in wanted {
        let fitting = wanted.fits.iter().find_map(|name| fits(name, listed));
        match wanted.meant {
            Some((meant, name)) if meant == source && fitting == Some(Fit::Only(name)) => {}
            Some((meant, name)) if meant == source => {
                names.insert(wanted.table, name);
            }
            _ if fitting.is_some() => {
                names.insert(wanted.table, "");
            }
            _ => {}
        }
    }
    names
}

/// What the agent finds by a name.
#[derive(Debug, PartialEq, Eq)]
enum Fit<'l> {
    /// One table.
    Only(&'l str),
    /// Several that differ in case.
    Several,
}

fn fits<'l>(name: &str, listed: &'l [String]) -> Option<Fit<'l>> {
    let mut alike = listed
        .iter()
        .filter(|other| other.to_lowercase() == name.to_lowercase());
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(Fit::Only(only)),
        (Some(_), Some(_)) => Some(Fit::Several),
        (None, _) => None,
    }
}
