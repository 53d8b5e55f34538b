//! The second reading of an inspection: what the typed values show of keys, references and dates.

use crate::init::evidence::{Evidence, Gathering, Questions};
use crate::init::input::Input;
use crate::init::inspection::Table;
use crate::init::keys::{Candidate, Ground};
use crate::init::references::{End, Guess, Reference, can_be_declared, guess};
use crate::init::scratch::Scratch;
use crate::init::{InitError, partition};

/// The second reading: keys, references, and on which dates rows are.
pub(in crate::init) fn evidence(inputs: &[Input], tables: &mut [Table]) -> Result<(), InitError> {
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
        without_key: &table.without_key,
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
