//! The rules that a changed row must keep, as the agent judges the site's rows by them, and the
//! words in which both databases refuse a change. Each renders the conditions in its own SQL.

use causeway_shared::dataset::{Check, Dataset, Partitioning, Table, TableId, Unique};
use causeway_shared::value::{MAX_FIELD_BYTES, MAX_KEY_BYTES, Type};

use super::value::counted;

/// Most values of a list that a message names.
const SHOWN_VALUES: usize = 20;

/// A condition on one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule<'t> {
    /// The column has a value.
    NotNull(usize),
    /// The value is of the column's type, in the form that a load gives it: a date of the years 1900
    /// to 2199, a float that is a number, a text without U+0000 and of at most
    /// [`MAX_FIELD_BYTES`]. A database whose own types say so judges only the rest.
    OfType(usize),
    /// The value is at least the column's `min`.
    Least(usize),
    /// The value is at most the column's `max`.
    Greatest(usize),
    /// The text has at most so many code points.
    MaxChars(usize, u32),
    /// The text is one of the column's `values`.
    OneOf(usize),
    /// The comparison of two columns holds, or one of them is NULL.
    Compare(&'t Check),
    /// The values of a key or unique rule have at most [`MAX_KEY_BYTES`] together.
    Fits(&'t [usize]),
}

/// The rules of a table, in the order in which a row is judged by them.
pub(super) fn rules(table: &Table) -> Vec<Rule<'_>> {
    let mut rules = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if column.not_null {
            rules.push(Rule::NotNull(at));
        }
        rules.push(Rule::OfType(at));
        if column.min.is_some() {
            rules.push(Rule::Least(at));
        }
        if column.max.is_some() {
            rules.push(Rule::Greatest(at));
        }
        if let Some(max) = column.max_chars {
            rules.push(Rule::MaxChars(at, max));
        }
        if !column.values.is_empty() {
            rules.push(Rule::OneOf(at));
        }
    }
    rules.extend(table.check.iter().map(Rule::Compare));
    let unique = table.unique.iter().map(|unique| &unique.columns[..]);
    let indexed = std::iter::once(&table.key[..]).chain(unique);
    // Only texts are long.
    let has_text = |columns: &&[usize]| columns.iter().any(|at| table.columns[*at].ty.is_text());
    rules.extend(indexed.filter(has_text).map(Rule::Fits));
    rules
}

impl Rule<'_> {
    /// The columns that it judges.
    pub(super) fn columns(self) -> Vec<usize> {
        match self {
            Self::NotNull(at) | Self::OfType(at) | Self::Least(at) | Self::Greatest(at) => vec![at],
            Self::MaxChars(at, _) | Self::OneOf(at) => vec![at],
            Self::Compare(check) => vec![check.left, check.right],
            Self::Fits(columns) => columns.to_vec(),
        }
    }

    /// The SQLSTATE with which a change that breaks the rule is refused.
    pub(super) fn state(self) -> &'static str {
        match self {
            Self::NotNull(_) => "23502",
            _ => "23514",
        }
    }

    /// What is wrong with a row that breaks it.
    pub(super) fn message(self, table: &Table) -> String {
        let column = |at: usize| format!("{}.{}", table.name, table.columns[at].name);
        let bound = |bound: &Option<_>| bound.as_ref().and_then(counted).unwrap_or_default();
        match self {
            Self::NotNull(at) => format!("{} must have a value", column(at)),
            Self::OfType(at) => {
                let form = form(table.columns[at].ty);
                format!("{} must be {form}", column(at))
            }
            Self::Least(at) => {
                let least = bound(&table.columns[at].min);
                format!("{} must be at least {least}", column(at))
            }
            Self::Greatest(at) => {
                let greatest = bound(&table.columns[at].max);
                format!("{} must be at most {greatest}", column(at))
            }
            Self::MaxChars(at, max) => format!("{} must have at most {max} characters", column(at)),
            Self::OneOf(at) => {
                let values = &table.columns[at].values;
                let more = if values.len() > SHOWN_VALUES {
                    ", …"
                } else {
                    ""
                };
                let shown = values[..values.len().min(SHOWN_VALUES)].join(", ");
                format!("{} must be one of {shown}{more}", column(at))
            }
            Self::Compare(check) => {
                let name = |at: usize| table.columns[at].name.as_str();
                let (left, right) = (name(check.left), name(check.right));
                let operator = check.operator.symbol();
                format!("{}: it must be that {left} {operator} {right}", table.name)
            }
            Self::Fits(columns) => format!(
                "{}: {} must have at most {MAX_KEY_BYTES} bytes",
                table.name,
                names(table, columns)
            ),
        }
    }
}

/// What a value of a type looks like.
fn form(ty: Type) -> String {
    match ty {
        Type::Int => "a whole number of 64 bits".to_owned(),
        Type::Float => "a number".to_owned(),
        Type::Decimal(0) => "a whole number of at most 38 digits".to_owned(),
        Type::Decimal(scale) => {
            format!("a number of at most 38 digits, {scale} of them after the point")
        }
        Type::Bool => "true or false".to_owned(),
        Type::Text | Type::Phone => {
            format!("a text without U+0000 of at most {MAX_FIELD_BYTES} bytes")
        }
        Type::Date => "a date like 2025-11-28, from 1900 to 2199".to_owned(),
        Type::Time => "a time like 09:30:00 or 09:30:00.120000".to_owned(),
        Type::Timestamp => {
            "a date and time like 2025-11-28T09:30:00 or with .120000, from 1900 to 2199".to_owned()
        }
    }
}

/// The names of some columns, for a person.
pub(super) fn names(table: &Table, columns: &[usize]) -> String {
    let names = columns.iter().map(|at| table.columns[*at].name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// The column whose value a row that is born here takes from the database's block of keys: the
/// key, where it is one whole number and no other table's key.
pub(super) fn given_key(table: &Table) -> Option<usize> {
    let [at] = table.key[..] else { return None };
    let is_parents = matches!(table.partition, Partitioning::Via { on, .. } if on == at);
    let column = &table.columns[at];
    (column.ty == Type::Int && column.references.is_none() && !is_parents).then_some(at)
}

/// Whether that key is never taken from a writer: another row may have it on a date that is not
/// loaded.
pub(super) fn refuses_given_keys(dataset: &Dataset, table: TableId) -> bool {
    dataset.is_dated(table) && given_key(&dataset.tables[table]).is_some()
}

/// The columns that name a row of another table, which has to be there.
pub(super) fn references(table: &Table) -> Vec<(usize, TableId)> {
    let via = match table.partition {
        Partitioning::Via { parent, on } => Some((on, parent)),
        _ => None,
    };
    let declared = table.columns.iter().enumerate();
    let declared = declared.filter_map(|(at, column)| Some((at, column.references?)));
    let mut references: Vec<_> = declared.chain(via).collect();
    references.sort_unstable();
    references.dedup();
    references
}

/// A row has a key from its writer that only the database gives.
pub(super) fn message_of_given_key(table: &Table, key: usize) -> String {
    format!(
        "{}.{} is given by the database: another row may have the number on a date that is not \
         loaded; leave it out",
        table.name, table.columns[key].name
    )
}

/// A change of a key.
pub(super) fn message_of_changed_key(table: &Table) -> String {
    format!(
        "{}: a key never changes; delete the row and insert another",
        table.name
    )
}

/// What stands after the value in the message about a reference to a row that is not there.
pub(super) fn message_of_missing_parent(dataset: &Dataset, parent: TableId) -> String {
    let hint = if dataset.is_dated(parent) {
        " among the dates that are loaded; load its date first"
    } else {
        ""
    };
    format!(" is not in {}{hint}", dataset.tables[parent].name)
}

/// A row of which others need that it is there.
pub(super) fn message_of_needed_parent(parent: &Table, child: &Table, column: usize) -> String {
    format!(
        "{}: rows of {} refer to it by {}; delete them first",
        parent.name, child.name, child.columns[column].name
    )
}

/// Whether rows that share the values of a unique rule lie in one partition, so that its merge judges
/// them. Of a rule across partitions the database judges what is written here; a row of the site's keeps
/// its values, since who merges one partition does not know the others, and a load never fails.
pub(super) fn is_within_part(table: &Table, unique: &Unique) -> bool {
    let has = |column: &usize| unique.columns.contains(column);
    table.key.iter().all(has)
        || match table.partition {
            Partitioning::By { column } => has(&column),
            Partitioning::Via { on, .. } => has(&on),
            Partitioning::Buckets { .. } => false,
        }
}

/// A table's unique rules across partitions, each with its position.
pub(super) fn unique_across_parts(table: &Table) -> impl Iterator<Item = (usize, &Unique)> {
    let rules = table.unique.iter().enumerate();
    rules.filter(|(_, unique)| !is_within_part(table, unique))
}

/// A unique rule's values that another row has.
pub(super) fn message_of_clash(table: &str, columns: &str) -> String {
    format!("{table}: another row has the same {columns}")
}

/// Most rows that one may delete of a table at once, however small it is; beyond it a fifth.
pub(super) const FREE_DELETES: u64 = 100;

/// Whether so many deleted rows of a table that had `loaded` are too many for a slip.
pub(super) fn is_large_delete(deleted: u64, loaded: u64) -> bool {
    deleted > FREE_DELETES && deleted.saturating_mul(5) > loaded
}

/// A delete of a large part of a table.
pub(super) fn message_of_large_delete(table: &str, deleted: u64, loaded: u64) -> String {
    format!(
        "{table}: deleting {deleted} of {loaded} rows is held back: a deleted row is deleted in the \
         store too"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_said_in_words() {
        let dataset = Dataset::from_toml(
            "name = 't'\nversion = 1\n[[table]]\nname = 'slot'\nkey = ['id']\n\
             partition = { buckets = 1 }\ncheck = ['opens < closes']\ncolumn = [\n\
             { name = 'id', type = 'text', max = 9 },\n\
             { name = 'no', type = 'int', min = -1, max = 7, not_null = true },\n\
             { name = 'price', type = 'decimal(2)', min = 0 },\n\
             { name = 'opens', type = 'time' }, { name = 'closes', type = 'time' },\n\
             { name = 'state', type = 'text', values = ['a', 'b'] }]",
        );
        let dataset = dataset.unwrap();
        let table = dataset.table("slot").unwrap();
        let words = rules(table).into_iter();
        let words = words.map(|rule| format!("{} {}", rule.state(), rule.message(table)));
        insta::assert_snapshot!(words.collect::<Vec<_>>().join("\n"), @r#"
        23502 slot.id must have a value
        23514 slot.id must be a text without U+0000 of at most 1048576 bytes
        23514 slot.id must have at most 9 characters
        23502 slot.no must have a value
        23514 slot.no must be a whole number of 64 bits
        23514 slot.no must be at least -1
        23514 slot.no must be at most 7
        23514 slot.price must be a number of at most 38 digits, 2 of them after the point
        23514 slot.price must be at least 0.00
        23514 slot.opens must be a time like 09:30:00 or 09:30:00.120000
        23514 slot.closes must be a time like 09:30:00 or 09:30:00.120000
        23514 slot.state must be a text without U+0000 of at most 1048576 bytes
        23514 slot.state must be one of a, b
        23514 slot: it must be that opens < closes
        23514 slot: id must have at most 2000 bytes
        "#);
    }

    #[test]
    fn a_database_gives_keys_that_are_whole_numbers_of_their_own() {
        let dataset = Dataset::meetassist().unwrap();
        let given = dataset.tables.iter();
        let given = given.filter_map(|table| Some((table.name.as_str(), given_key(table)?)));
        let expected = [
            ("consultant", 0),
            ("consultantschedule", 0),
            ("appointment", 0),
            ("communityprogram", 0),
        ];
        assert_eq!(given.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_fifth_of_a_large_table_is_a_large_delete() {
        assert!(!is_large_delete(100, 100));
        assert!(is_large_delete(101, 504));
        assert!(!is_large_delete(101, 505));
    }
}
