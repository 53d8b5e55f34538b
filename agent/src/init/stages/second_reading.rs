//! The second reading of an inspection: what the typed values show of keys, references and dates.

use causeway_shared::value::Type;

use crate::init::InitError;
use crate::init::evidence::{Evidence, Gathering, Questions};
use crate::init::input::Input;
use crate::init::inspection::Table;
use crate::init::keys::{Candidate, Key, KeySearch};
use crate::init::references::{KeyedTable, PossibleReference, Reference, can_be_declared, guess};
use crate::init::scratch::Scratch;

/// The second reading: keys, references, and on which dates rows are.
pub(in crate::init) fn evidence(inputs: &[Input], tables: &mut [Table]) -> Result<(), InitError> {
    let mut scratch = Scratch::create()?;
    let candidates: Vec<Vec<Candidate>> = tables
        .iter()
        .map(|table| key_search(table).candidates())
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
            match key(
                &inputs[table.input],
                table,
                &candidates[at],
                &evidence,
                &mut scratch,
            )? {
                Ok(key) => table.key = key,
                Err(why) => table.trouble = Some(why),
            }
        }
        table.too_wide = evidence.too_wide;
        table.has_null.clone_from(&evidence.has_null);
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

/// A table's key, for which its rows are read once more where no column alone is a good one. The
/// inner error is about its file.
fn key(
    input: &Input,
    table: &Table,
    candidates: &[Candidate],
    evidence: &Evidence,
    scratch: &mut Scratch,
) -> Result<Result<Key, String>, InitError> {
    let search = key_search(table);
    let mut candidates = candidates.to_vec();
    let mut shown: Vec<_> = evidence.keys.iter().map(|(shown, _)| *shown).collect();
    let combinations = search.combinations(&candidates, &shown);
    if !combinations.is_empty() {
        let questions = Questions {
            keys: columns_of(&combinations),
            ..Questions::default()
        };
        match read_again(input, table, questions, scratch)? {
            Ok(evidence) => shown.extend(evidence.keys.iter().map(|(shown, _)| *shown)),
            Err(why) => return Ok(Err(why)),
        }
        candidates.extend(combinations);
    }
    Ok(Ok(search.choose(&candidates, &shown)))
}

fn columns_of(candidates: &[Candidate]) -> Vec<Vec<usize>> {
    let columns = candidates.iter().map(|candidate| candidate.columns.clone());
    columns.collect()
}

fn key_search(table: &Table) -> KeySearch<'_> {
    KeySearch {
        shape: &table.shape,
        profiles: &table.profiles,
        verdicts: &table.verdicts,
        rows: table.rows,
        without_key: &table.without_key,
    }
}

/// Columns worth comparing with other tables' keys.
fn guesses(tables: &[Table], candidates: &[Vec<Candidate>]) -> Vec<PossibleReference> {
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
    let ends: Vec<KeyedTable<'_>> = tables
        .iter()
        .zip(&keys)
        .map(|(table, keys)| KeyedTable {
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

fn questions(
    table: &Table,
    candidates: &[Candidate],
    guesses: &[PossibleReference],
    at: usize,
) -> Questions {
    let columns = 0..table.shape.columns.len();
    Questions {
        keys: columns_of(candidates),
        unique: unique_rules(table).flatten().collect(),
        references: guesses
            .iter()
            .filter(|guess| guess.child == at && table.pick(guess.column).is_some())
            .map(|guess| guess.column)
            .collect(),
        dates: columns
            .filter(|column| {
                let ty = table.pick(*column).map(|pick| pick.ty);
                matches!(ty, Some(Type::Date | Type::Timestamp))
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
    let mut gathering = Gathering::new(scratch, types, (table.order, table.decimals), questions);
    let mut failed = None;
    let read = input.rows(&table.shape.name, &mut |_, row| {
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
    guess: &PossibleReference,
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
