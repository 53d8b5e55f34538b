//! Which columns hold the keys of other tables: declared, or by their names and all their values.

use causeway_shared::value::Type;

use super::keys::Key;
use super::names::{fold, stem};
use super::shape::Shape;

/// Key names that say nothing about the table.
const GENERAL_KEYS: [&str; 12] = [
    "id", "code", "key", "no", "nr", "name", "uuid", "guid", "number", "ma", "email", "date",
];

/// A column that may hold another table's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PossibleReference {
    /// The table, by position.
    pub(super) child: usize,
    /// Its column, by position.
    pub(super) column: usize,
    /// The other table, by position.
    pub(super) parent: usize,
    /// The other table's column, by position.
    pub(super) to: usize,
    /// It is a declared foreign key.
    pub(super) declared: bool,
}

/// A column that holds another table's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    /// The column, by position.
    pub(super) column: usize,
    /// The other table, by position.
    pub(super) parent: usize,
    /// It is a declared foreign key.
    pub(super) declared: bool,
    /// Its different values.
    pub(super) distinct: u64,
    /// How many of those are no keys of the other table.
    pub(super) missing: u64,
}

/// A table, and the columns that others may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyedTable<'t> {
    /// The file that it is in, within which foreign keys are declared.
    pub(super) input: usize,
    pub(super) shape: &'t Shape,
    /// Columns that may each be the key, best first.
    pub(super) keys: &'t [usize],
}

/// Columns worth comparing with another table's keys.
pub(super) fn guess(tables: &[KeyedTable<'_>]) -> Vec<PossibleReference> {
    let mut guesses = Vec::new();
    for (child, table) in tables.iter().enumerate() {
        for column in 0..table.shape.columns.len() {
            let declared = declared(tables, child, column);
            match declared {
                Some(guess) => guesses.push(guess),
                None => guesses.extend(by_name(tables, child, column)),
            }
        }
    }
    guesses
}

/// What a declared foreign key of one column points to.
fn declared(tables: &[KeyedTable<'_>], child: usize, column: usize) -> Option<PossibleReference> {
    let from = &tables[child];
    let key = from
        .shape
        .foreign_keys
        .iter()
        .find(|key| key.columns == [column])?;
    let parent = tables.iter().position(|table| {
        table.input == from.input && table.shape.name.eq_ignore_ascii_case(&key.table)
    })?;
    let to = match key.to.first() {
        Some(name) => tables[parent].shape.position(name)?,
        None => *tables[parent].shape.primary_key.first()?,
    };
    Some(PossibleReference {
        child,
        column,
        parent,
        to,
        declared: true,
    })
}

/// What a column's name points to, if only one table fits best.
fn by_name(tables: &[KeyedTable<'_>], child: usize, column: usize) -> Option<PossibleReference> {
    let from = &tables[child];
    let name = fold(&from.shape.columns[column].name);
    let is_own_key = from.keys.first() == Some(&column);
    let mut best: Vec<(bool, usize, usize)> = Vec::new();
    for (parent, table) in tables.iter().enumerate() {
        if parent == child {
            continue;
        }
        for to in table.keys {
            let key = fold(&table.shape.columns[*to].name);
            let table = stem(&table.shape.name);
            // A table need not have a name.
            let by_table = !table.is_empty()
                && (name == format!("{table}{key}") || (name == key && key.starts_with(&table)));
            let by_key = name == key && !GENERAL_KEYS.contains(&key.as_str()) && !is_own_key;
            if by_table || by_key {
                best.push((by_table, parent, *to));
            }
        }
    }
    if best.iter().any(|(by_table, ..)| *by_table) {
        best.retain(|(by_table, ..)| *by_table);
    }
    match best[..] {
        [(_, parent, to)] => Some(PossibleReference {
            child,
            column,
            parent,
            to,
            declared: false,
        }),
        _ => None,
    }
}

/// Whether a guess can be declared: to the whole key of the other table, of the same type.
pub(super) fn can_be_declared(
    guess: &PossibleReference,
    types: (Type, Type),
    parent: &Key,
) -> bool {
    let (child, key) = types;
    let same = child == key || (child.is_text() && key.is_text());
    same && matches!(parent, Key::Columns { columns, .. } if *columns == [guess.to])
}

#[cfg(test)]
mod tests {
    use super::super::shape::{ColumnShape, ForeignKey};
    use super::*;

    fn shape(name: &str, columns: &[&str]) -> Shape {
        let column = |name: &&str| ColumnShape {
            name: (*name).to_owned(),
            ..ColumnShape::default()
        };
        Shape {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            ..Shape::default()
        }
    }

    fn guessed(shapes: &[Shape]) -> String {
        let ends: Vec<KeyedTable<'_>> = shapes
            .iter()
            .map(|shape| KeyedTable {
                input: 0,
                shape,
                keys: &[0],
            })
            .collect();
        let name = |table: usize, column: usize| {
            format!(
                "{}.{}",
                shapes[table].name, shapes[table].columns[column].name
            )
        };
        guess(&ends)
            .iter()
            .map(|g| format!("{} -> {}", name(g.child, g.column), name(g.parent, g.to)))
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn names_point_to_tables() {
        let shapes = [
            shape("Orders", &["id", "customer_id", "code"]),
            shape("customers", &["id"]),
            shape("codes", &["code"]),
            shape("lines", &["line_no", "order_id"]),
        ];
        insta::assert_snapshot!(guessed(&shapes), @"Orders.customer_id -> customers.id; Orders.code -> codes.code; lines.order_id -> Orders.id");
    }

    #[test]
    fn a_shared_key_points_to_the_table_that_it_is_named_after() {
        let shapes = [
            shape("appointment", &["appointmentid"]),
            shape("appointmentfeedback", &["appointmentid"]),
        ];
        insta::assert_snapshot!(guessed(&shapes), @"appointmentfeedback.appointmentid -> appointment.appointmentid");
    }

    #[test]
    fn declared_foreign_keys_win() {
        let mut staff = shape("staff", &["id", "boss"]);
        staff.foreign_keys.push(ForeignKey {
            columns: vec![1],
            table: "STAFF".into(),
            to: vec!["ID".into()],
        });
        insta::assert_snapshot!(guessed(&[staff]), @"staff.boss -> staff.id");
    }
}
