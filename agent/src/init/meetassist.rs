//! MeetAssist's tables under other names.

use causeway_shared::dataset::{Dataset, Table, TableId};
use causeway_shared::runtime::program::count;
use causeway_shared::value::{DateOrder, DecimalMark, Type};

use super::names::{fold, stem};
use super::profile::Profile;
use super::shape::Shape;

/// The share of a table's columns that make it one of MeetAssist's if its name agrees, and if not;
/// with its name and all columns that a row cannot do without, it is one whatever else is missing.
const ENOUGH_WITH_NAME: f64 = 0.5;
const ENOUGH_WITHOUT_NAME: f64 = 0.75;

/// The embedded dataset as it is written, to be copied where columns have other names.
pub(super) const FILE: &str = include_str!("../../../config/meetassist.toml");

/// A table that is one of MeetAssist's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    /// The dataset's table.
    pub(super) table: TableId,
    /// Per declared column where it was found.
    pub(super) columns: Vec<Spelling>,
}

/// Where a declared column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Under its name, in whatever case.
    Same(usize),
    /// Under a name of the same letters and digits.
    Other(usize),
    /// Nowhere.
    Missing,
}

impl Spelling {
    /// The column's position in the source.
    pub(super) fn position(self) -> Option<usize> {
        match self {
            Self::Same(position) | Self::Other(position) => Some(position),
            Self::Missing => None,
        }
    }
}

/// Finds MeetAssist's tables: per shape what it is. `None` if what was found is something else.
pub(super) fn recognise(shapes: &[&Shape], dataset: &Dataset) -> Option<Vec<Option<Match>>> {
    let mut scored = Vec::new();
    for (found, shape) in shapes.iter().enumerate() {
        for (table, declared) in dataset.tables.with_ids() {
            let matched = Match {
                table,
                columns: spellings(declared, shape),
            };
            if let Some(score) = score(&matched, declared, shape) {
                scored.push((score, found, matched));
            }
        }
    }
    // The best first; of equals the first found.
    scored.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    let mut matches: Vec<Option<Match>> = vec![None; shapes.len()];
    for (_, found, matched) in scored {
        let is_taken = matches
            .iter()
            .flatten()
            .any(|other| other.table == matched.table);
        if matches[found].is_none() && !is_taken {
            matches[found] = Some(matched);
        }
    }
    let tables = shapes.iter().filter(|shape| !shape.is_view).count();
    let enough = match matches.iter().flatten().count() {
        0 => false,
        // One table may look like one of MeetAssist's by chance.
        1 => tables <= 2,
        _ => true,
    };
    enough.then_some(matches)
}

fn spellings(declared: &Table, shape: &Shape) -> Vec<Spelling> {
    let of = |name: &str| {
        let position = |is: &dyn Fn(&str) -> bool| shape.columns.iter().position(|c| is(&c.name));
        if let Some(same) = position(&|column| column.to_lowercase() == name) {
            Spelling::Same(same)
        } else if let Some(other) = position(&|column| fold(column) == fold(name)) {
            Spelling::Other(other)
        } else {
            Spelling::Missing
        }
    };
    declared
        .columns
        .iter()
        .map(|column| of(column.name.as_str()))
        .collect()
}

/// How much a table is one of MeetAssist's; `None` if it is not.
fn score(matched: &Match, declared: &Table, shape: &Shape) -> Option<f64> {
    let has = |column: &usize| matched.columns[*column] != Spelling::Missing;
    let found = (0..matched.columns.len()).filter(has).count();
    let share = found as f64 / matched.columns.len() as f64;
    let named = stem(&shape.name) == stem(declared.name.as_str());
    // Sites may hold any subset of the columns that a row can do without.
    let required = |column: &usize| {
        let column = &declared.columns[*column];
        column.not_null && column.default.is_none()
    };
    let complete = (0..declared.columns.len())
        .filter(required)
        .all(|c| has(&c));
    let enough = match named {
        true if complete => 0.0,
        true => ENOUGH_WITH_NAME,
        false => ENOUGH_WITHOUT_NAME,
    };
    if !declared.key.iter().all(has) || share < enough {
        return None;
    }
    let view = if shape.is_view { 0.0 } else { 0.5 };
    Some(share + view + if named { 1.0 } else { 0.0 })
}

/// What a person should know of a recognised table, each in one line.
pub(super) fn remarks(
    matched: &Match,
    declared: &Table,
    shape: &Shape,
    profiles: &[Profile],
    (order, decimals): (DateOrder, DecimalMark),
) -> Vec<String> {
    let mut remarks = Vec::new();
    for (column, spelling) in declared.columns.iter().zip(&matched.columns) {
        let name = column.name.as_str();
        let needed = column.not_null && column.default.is_none();
        let Some(position) = spelling.position() else {
            remarks.push(match (needed, &column.default) {
                (true, _) => format!(
                    "PLEASE DECIDE: no column {name}, which every row must have: the table is not \
                     carried before it is there"
                ),
                (false, Some(_)) => format!("no column {name}: rows take its default"),
                (false, None) => format!("no column {name}: it stays empty"),
            });
            continue;
        };
        if let Spelling::Other(_) = spelling {
            remarks.push(format!(
                "{name} is {:?} there",
                shape.columns[position].name
            ));
        }
        let profile = &profiles[position];
        let is_number = matches!(column.ty, Type::Float | Type::Decimal(_));
        let is_with_comma = decimals == DecimalMark::Comma && profile.commas.fits();
        if !(is_number && is_with_comma) {
            remarks.extend(values(name, column.ty, needed, profile, order));
        }
        remarks.extend(limits(column, &profiles[position]));
    }
    let known: Vec<usize> = matched
        .columns
        .iter()
        .filter_map(|s| s.position())
        .collect();
    let unknown = (0..shape.columns.len()).filter(|column| !known.contains(column));
    let unknown: Vec<&str> = unknown
        .map(|column| shape.columns[column].name.as_str())
        .collect();
    if !unknown.is_empty() {
        remarks.push(format!("left alone: {}", unknown.join(", ")));
    }
    remarks
}

/// Values that are not of a column's type, and rows that lack one.
fn values(
    name: &str,
    ty: Type,
    needed: bool,
    profile: &Profile,
    order: DateOrder,
) -> Option<String> {
    let trial = profile.trial(ty, order);
    if !ty.is_text() && trial.refused > 0 {
        let some = if trial.nearly_fits() {
            trial.refused.to_string()
        } else {
            "many".to_owned()
        };
        return Some(format!(
            "PLEASE CHECK: {some} of {} values of {name} are not of type {ty} (such as {}); \
             their rows go to quarantine",
            profile.values, trial.refused_samples
        ));
    }
    (needed && profile.nulls > 0).then(|| {
        format!(
            "PLEASE CHECK: {} without {name}, which every row must have; such rows go to quarantine",
            count(profile.nulls, "row")
        )
    })
}

/// Texts that are too long, or none of those allowed.
fn limits(column: &causeway_shared::dataset::Column, profile: &Profile) -> Option<String> {
    let name = column.name.as_str();
    let too_long = column
        .max_chars
        .filter(|max| profile.max_chars > *max as usize);
    if let Some(max) = too_long {
        return Some(format!(
            "PLEASE CHECK: the longest {name} has {} characters, over {max}",
            profile.max_chars
        ));
    }
    if column.values.is_empty() || profile.values == 0 {
        return None;
    }
    let allowed = column.values.join(", ");
    match &profile.distinct {
        None => Some(format!(
            "PLEASE CHECK: {name} has many values; {allowed} are allowed"
        )),
        Some(distinct) => {
            let other: Vec<String> = distinct
                .iter()
                .filter(|value| !column.values.contains(value))
                .map(|value| format!("{value:?}"))
                .collect();
            (!other.is_empty()).then(|| {
                format!(
                    "PLEASE CHECK: {name} has {}; only {allowed} are allowed, other rows go to \
                     quarantine",
                    other.join(", ")
                )
            })
        }
    }
}

/// The embedded dataset with the names that columns have in the source.
pub(super) fn with_spellings(matches: &[(&Match, &Shape)], dataset: &Dataset) -> String {
    let mut text = String::with_capacity(FILE.len() + 1_024);
    let mut table = None;
    let mut in_table = false;
    for line in FILE.lines() {
        if line.starts_with("[[table]]") {
            in_table = true;
            table = None;
        } else if let Some(name) = in_table.then(|| quoted_after(line, "name = ")).flatten()
            && table.is_none()
        {
            table = matches
                .iter()
                .find(|(m, _)| dataset.tables[m.table].name.as_str() == name);
        }
        text.push_str(&match table {
            Some((matched, shape)) => with_source(line, matched, shape, dataset),
            None => line.to_owned(),
        });
        text.push('\n');
    }
    text
}

/// A column's line with its name in the source.
fn with_source(line: &str, matched: &Match, shape: &Shape, dataset: &Dataset) -> String {
    let unchanged = || line.to_owned();
    let Some(name) = quoted_after(line, "  { name = ") else {
        return unchanged();
    };
    let Some(column) = dataset.tables[matched.table].column(name) else {
        return unchanged();
    };
    match matched.columns[column] {
        Spelling::Other(position) => line.replacen(
            &format!("{{ name = \"{name}\","),
            &format!(
                "{{ name = \"{name}\", source = {},",
                super::text::quoted(&shape.columns[position].name)
            ),
            1,
        ),
        _ => unchanged(),
    }
}

/// The text in quotes that follows a line's beginning.
fn quoted_after<'l>(line: &'l str, beginning: &str) -> Option<&'l str> {
    line.strip_prefix(beginning)?
        .strip_prefix('"')?
        .split('"')
        .next()
}
