//! The stages of an inspection, from opened files to what was found in them.

mod second_reading;

use std::collections::BTreeMap;

use causeway_shared::dataset::Dataset;
use causeway_shared::value::{DateOrder, DecimalMark, Raw};

use super::csv::Skipped;
use super::dates::Votes;
use super::decimal_marks::DecimalMarks;
use super::input::{FoundTable, Input};
use super::inspection::{LeftOut, Table};
use super::keys::Key;
use super::meetassist;
use super::profile::{Orders, Profile};
use super::samples::{Cell, Samples};
use super::sources::{FileSettings, ProposedSource, group};
use super::types::{ColumnProposal, Known, propose};
use crate::source::SourceKind;
pub(super) use second_reading::evidence;

/// Which tables are looked into: MeetAssist's, if there are any; else all that are no views and no
/// copies.
pub(super) fn choose(
    inputs: &[Input],
    mut drafts: Vec<FoundTable>,
    left_out: &mut Vec<LeftOut>,
) -> (Vec<FoundTable>, Option<Dataset>) {
    let shapes: Vec<_> = drafts.iter().map(|draft| &draft.shape).collect();
    // A build whose tests pass has the dataset.
    let recognised = Dataset::meetassist()
        .ok()
        .and_then(|dataset| Some((meetassist::recognise(&shapes, &dataset)?, dataset)));
    let mut leave = |draft: &FoundTable, why: String| {
        left_out.push(LeftOut::table(
            &inputs[draft.input].path,
            &draft.shape.name,
            why,
        ));
    };
    if let Some((matches, dataset)) = recognised {
        for (draft, matched) in drafts.iter_mut().zip(matches) {
            draft.matched = matched;
        }
        drafts.retain(|draft| {
            let keep = draft.matched.is_some();
            if !keep {
                leave(
                    draft,
                    "not one of MeetAssist's tables; it is left alone".to_owned(),
                );
            }
            keep
        });
        return (drafts, Some(dataset));
    }
    let mut chosen: Vec<FoundTable> = Vec::new();
    for draft in drafts {
        if draft.shape.is_view {
            leave(
                &draft,
                "a view; declare it like a table if it should be carried".to_owned(),
            );
        } else if let Some(other) = chosen.iter().find(|other| is_copy(other, &draft)) {
            let other = inputs[other.input].path.display();
            leave(
                &draft,
                format!("{other} has a table of that name with the same columns"),
            );
        } else {
            chosen.push(draft);
        }
    }
    (chosen, None)
}

/// Another file's table of the same name with the same columns.
fn is_copy(a: &FoundTable, b: &FoundTable) -> bool {
    let columns = |draft: &FoundTable| {
        let mut names: Vec<String> = draft
            .shape
            .names()
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        names.sort_unstable();
        names
    };
    a.input != b.input
        && a.shape.name.to_lowercase() == b.shape.name.to_lowercase()
        && columns(a) == columns(b)
}

/// The first reading: what all values are.
pub(super) fn profile(
    inputs: &[Input],
    drafts: Vec<FoundTable>,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Table> {
    let orders = Orders::new();
    let mut tables = Vec::new();
    for draft in drafts {
        let input = &inputs[draft.input];
        let mut profiles = vec![Profile::default(); draft.shape.columns.len()];
        let (mut rows, mut without_key) = (0, Samples::default());
        let primary_key = &draft.shape.primary_key;
        let read = input.rows(&draft.shape.name, &mut |line, row| {
            rows += 1;
            for (profile, raw) in profiles.iter_mut().zip(row) {
                profile.look(Cell { raw: *raw, line }, &orders);
            }
            if primary_key.iter().any(|column| row[*column] == Raw::Null) {
                without_key.add_row(row, line);
            }
            Ok(())
        });
        match read {
            Ok(skipped) => tables.push(Table {
                rows,
                skipped,
                profiles,
                without_key,
                ..table(draft, input)
            }),
            Err(why) => left_out.push(LeftOut::table(&input.path, &draft.shape.name, why)),
        }
    }
    tables
}

/// A table of which nothing is known but its shape.
fn table(draft: FoundTable, input: &Input) -> Table {
    Table {
        input: draft.input,
        source: 0,
        path: input.path.clone(),
        matched: draft.matched,
        trouble: None,
        unique: vec![None; draft.shape.unique.len()],
        shape: draft.shape,
        rows: 0,
        skipped: Skipped::default(),
        order: DateOrder::default(),
        decimals: DecimalMark::default(),
        profiles: Vec::new(),
        without_key: Samples::default(),
        has_null: Vec::new(),
        verdicts: Vec::new(),
        key: Key::None { why: String::new() },
        too_wide: 0,
        spreads: BTreeMap::new(),
        references: Vec::new(),
    }
}

/// Makes sources of the files, and tells each table its own.
pub(super) fn sources(inputs: &[Input], tables: &mut [Table]) -> Vec<ProposedSource> {
    let with_tables = (0..inputs.len()).filter(|input| tables.iter().any(|t| t.input == *input));
    let files = with_tables.map(|input| {
        let (votes, marks) = votes(tables.iter().filter(|table| table.input == input));
        FileSettings {
            input,
            path: inputs[input].source_path().to_owned(),
            csv: inputs[input]
                .sheet()
                .map(|sheet| (&sheet.encoding, &sheet.delimiter)),
            votes,
            marks,
        }
    });
    let sources = group(files.collect());
    for table in tables {
        let source = sources
            .iter()
            .position(|source| source.inputs.contains(&table.input));
        table.source = source.unwrap_or_default();
        table.order = sources[table.source].order;
        table.decimals = sources[table.source].mark;
    }
    sources
}

/// What a file's columns say about its dates and its decimal mark.
fn votes<'t>(tables: impl Iterator<Item = &'t Table>) -> (Votes, DecimalMarks) {
    let (mut votes, mut marks) = (Votes::default(), DecimalMarks::default());
    for table in tables {
        let columns = table.shape.columns.iter().zip(&table.profiles);
        for (at, (column, profile)) in columns.enumerate() {
            // What is not carried has no say in how dates are read.
            if !may_be_carried(table, at) {
                continue;
            }
            let name = format!("{}.{}", table.shape.name, column.name);
            votes.add(&name, profile);
            marks.add(&name, profile);
        }
    }
    (votes, marks)
}

/// Whether a column can be carried, as far as its name says.
fn may_be_carried(table: &Table, column: usize) -> bool {
    let name = &table.shape.columns[column].name;
    let is_declared = |matched: &meetassist::Match| {
        let mut found = matched.columns.iter().filter_map(|at| at.position());
        found.any(|at| at == column)
    };
    !name.is_empty() && table.matched.as_ref().is_none_or(is_declared)
}

/// Proposes a type for every column.
pub(super) fn types(tables: &mut [Table]) {
    for table in tables {
        let names = table.shape.names();
        let columns = table.shape.columns.iter().zip(&table.profiles);
        let verdicts = columns.map(|(column, profile)| {
            if column.name.is_empty() {
                return ColumnProposal::LeaveOut("it has no name in the header".to_owned());
            }
            if names.iter().filter(|name| **name == column.name).count() > 1 {
                return ColumnProposal::LeaveOut(format!(
                    "PLEASE DECIDE: another column has the same name, and which is which cannot be \
                     declared ({}); give each a name of its own in the first line",
                    profile.samples
                ));
            }
            propose(Known {
                name: &column.name,
                declared: &column.declared,
                profile,
                order: table.order,
                decimals: table.decimals,
            })
        });
        table.verdicts = verdicts.collect();
        if table
            .verdicts
            .iter()
            .all(|verdict| matches!(verdict, ColumnProposal::LeaveOut(_)))
        {
            table.trouble = Some("none of its columns can be carried".to_owned());
        }
    }
}

/// Lets go of the files; tables of one that changed meanwhile cannot be proposed. Returns per
/// source the names of all tables in it.
pub(super) fn close(
    inputs: Vec<Input>,
    sources: &[ProposedSource],
    tables: &mut [Table],
) -> Vec<Vec<String>> {
    let listed = sources.iter().map(|source| match source.kind {
        SourceKind::Sqlite => inputs[source.inputs[0]].listed.clone(),
        SourceKind::Csv => csv_names(source),
    });
    let listed = listed.collect();
    for (at, input) in inputs.into_iter().enumerate() {
        if let Err(why) = input.close() {
            for table in tables.iter_mut().filter(|table| table.input == at) {
                table.trouble = Some(why.clone());
            }
        }
    }
    listed
}

/// All tables of a CSV folder, those that were not given included.
fn csv_names(source: &ProposedSource) -> Vec<String> {
    let entries = std::fs::read_dir(&source.path)
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
        })
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    names
}
