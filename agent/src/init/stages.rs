//! The stages of an inspection, from opened files to what was found in them.

use std::collections::BTreeMap;

use causeway_shared::dataset::Dataset;
use causeway_shared::value::DateOrder;

use super::csv::Ragged;
use super::dates::Votes;
use super::evidence::{Evidence, Gathering, Questions};
use super::input::{Draft, Input};
use super::inspection::{LeftOut, Table};
use super::keys::{Candidate, Ground, Key};
use super::profile::{Orders, Profile};
use super::references::{End, Guess, Reference, can_be_declared, guess};
use super::scratch::Scratch;
use super::sources::{File, Kind, Source, group};
use super::types::{Known, Verdict, propose};
use super::{InitError, meetassist, partition};

/// Which tables are looked into: MeetAssist's, if there are any; else all that are no views and no
/// copies.
pub(super) fn choose(
    inputs: &[Input],
    mut drafts: Vec<Draft>,
    left_out: &mut Vec<LeftOut>,
) -> (Vec<Draft>, Option<Dataset>) {
    let shapes: Vec<_> = drafts.iter().map(|draft| &draft.shape).collect();
    // A build whose tests pass has the dataset.
    let recognised = Dataset::meetassist()
        .ok()
        .and_then(|dataset| Some((meetassist::recognise(&shapes, &dataset)?, dataset)));
    let mut leave = |draft: &Draft, why: String| {
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
    let mut chosen: Vec<Draft> = Vec::new();
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
fn is_copy(a: &Draft, b: &Draft) -> bool {
    let columns = |draft: &Draft| {
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
    drafts: Vec<Draft>,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Table> {
    let orders = Orders::new();
    let mut tables = Vec::new();
    for draft in drafts {
        let input = &inputs[draft.input];
        let mut profiles = vec![Profile::default(); draft.shape.columns.len()];
        let mut rows = 0;
        let read = input.rows(&draft.shape.name, &mut |row| {
            rows += 1;
            for (profile, raw) in profiles.iter_mut().zip(row) {
                profile.look(*raw, &orders);
            }
            Ok(())
        });
        match read {
            Ok(ragged) => tables.push(table(draft, input, rows, ragged, profiles)),
            Err(why) => left_out.push(LeftOut::table(&input.path, &draft.shape.name, why)),
        }
    }
    tables
}

/// A table of which only the values are known.
fn table(draft: Draft, input: &Input, rows: u64, ragged: Ragged, profiles: Vec<Profile>) -> Table {
    Table {
        input: draft.input,
        source: 0,
        path: input.path.clone(),
        matched: draft.matched,
        trouble: None,
        unique: vec![None; draft.shape.unique.len()],
        shape: draft.shape,
        rows,
        ragged,
        order: DateOrder::default(),
        profiles,
        verdicts: Vec::new(),
        key: Key::None { why: String::new() },
        spreads: BTreeMap::new(),
        references: Vec::new(),
    }
}

/// Makes sources of the files, and tells each table its own.
pub(super) fn sources(inputs: &[Input], tables: &mut [Table]) -> Vec<Source> {
    let with_tables = (0..inputs.len()).filter(|input| tables.iter().any(|t| t.input == *input));
    let files = with_tables.map(|input| File {
        input,
        path: inputs[input].source_path().to_owned(),
        csv: inputs[input]
            .sheet()
            .map(|sheet| (&sheet.encoding, &sheet.delimiter)),
        votes: votes(tables.iter().filter(|table| table.input == input)),
    });
    let sources = group(files.collect());
    for table in tables {
        let source = sources
            .iter()
            .position(|source| source.inputs.contains(&table.input));
        table.source = source.unwrap_or_default();
        table.order = sources[table.source].order;
    }
    sources
}

fn votes<'t>(tables: impl Iterator<Item = &'t Table>) -> Votes {
    let mut votes = Votes::default();
    for table in tables {
        let columns = table.shape.columns.iter().zip(&table.profiles);
        for (at, (column, profile)) in columns.enumerate() {
            // What is not carried has no say in how dates are read.
            if !may_be_carried(table, at) {
                continue;
            }
            votes.add(&format!("{}.{}", table.shape.name, column.name), profile);
        }
    }
    votes
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
                return Verdict::LeaveOut("it has no name in the header".to_owned());
            }
            if names.iter().filter(|name| **name == column.name).count() > 1 {
                return Verdict::LeaveOut("another column has the same name".to_owned());
            }
            propose(Known {
                name: &column.name,
                declared: &column.declared,
                profile,
                order: table.order,
            })
        });
        table.verdicts = verdicts.collect();
        if table
            .verdicts
            .iter()
            .all(|verdict| matches!(verdict, Verdict::LeaveOut(_)))
        {
            table.trouble = Some("none of its columns can be carried".to_owned());
        }
    }
}

/// The second reading: keys, references, and on which dates rows are.
pub(super) fn evidence(inputs: &[Input], tables: &mut [Table]) -> Result<(), InitError> {
    let mut scratch = Scratch::create()?;
    let candidates: Vec<Vec<Candidate>> = tables
        .iter()
        .map(|table| ground(table).candidates())
        .collect();
    let guesses = guesses(tables, &candidates);
    let mut gathered = Vec::with_capacity(tables.len());
    for (at, table) in tables.iter_mut().enumerate() {
        let questions = questions(table, &candidates[at], &guesses, at);
        let evidence = read_again(&inputs[table.input], table, questions, &mut scratch)?;
        let evidence = evidence.unwrap_or_else(|why| {
            table.trouble = Some(why);
            Evidence::default()
        });
        if table.trouble.is_none() {
            let shown: Vec<_> = evidence.keys.iter().map(|(shown, _)| *shown).collect();
            table.key = ground(table).choose(&candidates[at], &shown);
        }
        let mut shown = evidence.unique.iter().copied();
        table.unique = unique_rules(table)
            .map(|rule| rule.and_then(|_| shown.next()))
            .collect();
        table.spreads = evidence.spreads.clone();
        gathered.push(evidence);
    }
    for found in &guesses {
        if let Some(reference) = checked(found, tables, &candidates, &gathered, &scratch)? {
            tables[found.child].references.push(reference);
        }
    }
    Ok(())
}

fn ground(table: &Table) -> Ground<'_> {
    Ground {
        shape: &table.shape,
        profiles: &table.profiles,
        verdicts: &table.verdicts,
        rows: table.rows,
    }
}

/// Columns worth comparing with other tables' keys.
fn guesses(tables: &[Table], candidates: &[Vec<Candidate>]) -> Vec<Guess> {
    let alone = |candidates: &Vec<Candidate>| -> Vec<usize> {
        let mut alone = Vec::new();
        for candidate in candidates {
            match candidate.columns[..] {
                [column] if !alone.contains(&column) => alone.push(column),
                _ => {}
            }
        }
        alone
    };
    let keys: Vec<Vec<usize>> = candidates.iter().map(alone).collect();
    let ends: Vec<End<'_>> = tables
        .iter()
        .zip(&keys)
        .map(|(table, keys)| End {
            input: table.input,
            shape: &table.shape,
            keys,
        })
        .collect();
    guess(&ends)
}

/// The columns of each of a table's unique rules, where all are carried.
fn unique_rules(table: &Table) -> impl Iterator<Item = Option<Vec<usize>>> + '_ {
    table.shape.unique.iter().map(|index| {
        let columns = index.columns.clone()?;
        columns
            .iter()
            .all(|column| table.pick(*column).is_some())
            .then_some(columns)
    })
}

fn questions(table: &Table, candidates: &[Candidate], guesses: &[Guess], at: usize) -> Questions {
    let columns = 0..table.shape.columns.len();
    Questions {
        keys: candidates
            .iter()
            .map(|candidate| candidate.columns.clone())
            .collect(),
        unique: unique_rules(table).flatten().collect(),
        references: guesses
            .iter()
            .filter(|guess| guess.child == at && table.pick(guess.column).is_some())
            .map(|guess| guess.column)
            .collect(),
        dates: columns
            .filter(|column| {
                let profile = &table.profiles[*column];
                let fits = |ty, order| profile.fits(ty, order);
                table
                    .pick(*column)
                    .is_some_and(|pick| partition::may_be_date(pick.ty, fits, table.order))
            })
            .collect(),
    }
}

/// Reads a table's rows as typed values. The inner error is about its file.
fn read_again(
    input: &Input,
    table: &Table,
    questions: Questions,
    scratch: &mut Scratch,
) -> Result<Result<Evidence, String>, InitError> {
    let columns = 0..table.shape.columns.len();
    let types = columns
        .map(|column| table.pick(column).map(|pick| pick.ty))
        .collect();
    let mut gathering = Gathering::new(scratch, types, table.order, questions);
    let mut failed = None;
    let read = input.rows(&table.shape.name, &mut |row| {
        gathering.look(row).map_err(|error| {
            failed = Some(error);
            String::new()
        })
    });
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(why)) => Ok(Err(why)),
        (None, Ok(_)) => gathering.finish().map(Ok),
    }
}

/// A guess that the keys and values of both tables bear out.
fn checked(
    guess: &Guess,
    tables: &[Table],
    candidates: &[Vec<Candidate>],
    gathered: &[Evidence],
    scratch: &Scratch,
) -> Result<Option<Reference>, InitError> {
    let (child, parent) = (&tables[guess.child], &tables[guess.parent]);
    let types = child.pick(guess.column).zip(parent.pick(guess.to));
    let Some(types) = types.map(|(child, parent)| (child.ty, parent.ty)) else {
        return Ok(None);
    };
    let keys = candidates[guess.parent]
        .iter()
        .position(|c| c.columns == [guess.to]);
    let keys = keys.and_then(|at| gathered[guess.parent].keys.get(at));
    let values = gathered[guess.child].references.get(&guess.column);
    let (Some((_, keys)), Some((values, distinct))) = (keys, values) else {
        return Ok(None);
    };
    if !can_be_declared(guess, types, &parent.key) {
        return Ok(None);
    }
    let missing = scratch.missing(*values, *keys)?;
    let borne_out = guess.declared || (missing == 0 && *distinct > 0);
    Ok(borne_out.then_some(Reference {
        column: guess.column,
        parent: guess.parent,
        declared: guess.declared,
        distinct: *distinct,
        missing,
    }))
}

/// Lets go of the files; tables of one that changed meanwhile cannot be proposed. Returns per
/// source the names of all tables in it.
pub(super) fn close(
    inputs: Vec<Input>,
    sources: &[Source],
    tables: &mut [Table],
) -> Vec<Vec<String>> {
    let listed = sources.iter().map(|source| match source.kind {
        Kind::Sqlite => inputs[source.inputs[0]].listed.clone(),
        Kind::Csv => csv_names(source),
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
fn csv_names(source: &Source) -> Vec<String> {
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
