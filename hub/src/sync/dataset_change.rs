//! What becomes of a site's tables when its dataset changes: what they can follow in place, and what is
//! refused by name.

use causeway_shared::dataset::{Column, Dataset, Partitioning, Table, Unique};

/// The first way in which tables made from `was` cannot become those of `now` with their rows, edits,
/// grants and views in place; `None` if they can.
///
/// They follow new tables and columns that earlier rows have a value for, longer texts, another number of
/// buckets, another order, and whatever the database's tables do not show: `values`, summaries, lookups,
/// merge rules, defaults, bounds, checks, references, names in the source.
#[must_use]
pub(crate) fn first_obstacle(was: &Dataset, now: &Dataset) -> Option<String> {
    was.tables.iter().find_map(|table| {
        let name = &table.name;
        match now.table(name.as_str()) {
            None => Some(format!("table {name} is gone")),
            Some(new) => {
                obstacle((was, table), (now, new)).map(|what| format!("table {name}: {what}"))
            }
        }
    })
}

/// The tables in which rows that an earlier dataset wrote have other values now, since they take the
/// default of a column that they lack.
pub(crate) fn with_other_defaults<'n>(
    was: &Dataset,
    now: &'n Dataset,
) -> impl Iterator<Item = &'n Table> {
    now.tables.iter().filter(|table| {
        let Some(was) = was.table(table.name.as_str()) else {
            return false;
        };
        table.columns.iter().any(|column| {
            let before = was.column(column.name.as_str());
            before.is_some_and(|at| was.columns[at].default != column.default)
        })
    })
}

/// The first reason why what the site wrote into a table with an earlier dataset cannot be read with the
/// newest.
#[must_use]
pub(crate) fn first_unreadable(was: &Dataset, now: &Dataset, table: &str) -> Option<String> {
    let (was, now) = (was.table(table)?, now.table(table)?);
    unreadable(was, now).map(|what| format!("table {table}: {what}"))
}

fn obstacle(
    (was_in, was): (&Dataset, &Table),
    (now_in, now): (&Dataset, &Table),
) -> Option<String> {
    if let Some(what) = unreadable(was, now) {
        return Some(what);
    }
    if rule(was_in, was) != rule(now_in, now) {
        return Some("its rows are partitioned by another rule".to_owned());
    }
    for column in &was.columns {
        let name = &column.name;
        let now = now.column(name.as_str()).map(|at| &now.columns[at]);
        if now.is_some_and(|now| is_narrower(column, now)) {
            return Some(format!("column {name} is shorter"));
        }
        if now.is_some_and(|now| column.not_null != now.not_null) {
            return Some(format!("column {name} has another `not_null`"));
        }
    }
    (uniques(was) != uniques(now)).then(|| "its unique rules are others".to_owned())
}

fn unreadable(was: &Table, now: &Table) -> Option<String> {
    let key = |table: &Table| names(table, &table.key);
    if key(was) != key(now) {
        return Some("its key is another".to_owned());
    }
    for column in &was.columns {
        let name = &column.name;
        match now.column(name.as_str()).map(|at| &now.columns[at]) {
            None => return Some(format!("column {name} is gone")),
            Some(now) if now.ty != column.ty => {
                return Some(format!(
                    "column {name} was {} and is {} now",
                    column.ty, now.ty
                ));
            }
            Some(_) => {}
        }
    }
    let mut added = (0..now.columns.len()).filter(|at| {
        let name = now.columns[*at].name.as_str();
        was.column(name).is_none()
    });
    let refused = added.find(|at| !now.can_be_added(*at))?;
    Some(format!(
        "column {} is new and must have a value, which earlier rows do not have: it takes a `default`",
        now.columns[refused].name
    ))
}

/// Whether the text may be shorter than before.
fn is_narrower(was: &Column, now: &Column) -> bool {
    let most = |column: &Column| column.max_chars.unwrap_or(u32::MAX);
    most(now) < most(was)
}

/// How rows are partitioned, but for the number of buckets.
fn rule(dataset: &Dataset, table: &Table) -> Vec<String> {
    let name = |at: usize| table.columns[at].name.to_string();
    match table.partition {
        Partitioning::By { column } => vec!["by".to_owned(), name(column)],
        Partitioning::Via { parent, on } => {
            let parent = dataset.tables[parent].name.to_string();
            vec!["via".to_owned(), parent, name(on)]
        }
        Partitioning::Buckets { .. } => vec!["buckets".to_owned()],
    }
}

/// The unique rules by the names of their columns.
fn uniques(table: &Table) -> Vec<String> {
    let by_name = |rule: &Unique| {
        let unless = rule.unless.iter();
        let unless = unless.map(|(at, values)| (names(table, &[*at]), values));
        let unless: Vec<_> = unless.collect();
        format!("{:?} unless {unless:?}", names(table, &rule.columns))
    };
    table.unique.iter().map(by_name).collect()
}

fn names(table: &Table, columns: &[usize]) -> Vec<String> {
    let names = columns.iter().map(|at| table.columns[*at].name.to_string());
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "name = 'shop'\nversion = 1\n[[table]]\nname = 'orders'\nkey = ['id']\n\
        partition = { buckets = 4 }\nunique = [{ columns = ['note', 'day'] }]\ncolumn = [\
        { name = 'id', type = 'int' }, { name = 'note', type = 'text', max = 9 }, \
        { name = 'day', type = 'date', not_null = true }]";

    fn obstacle_after(change: impl Fn(&str) -> String) -> Option<String> {
        let was = Dataset::from_toml(ORDERS).unwrap();
        first_obstacle(&was, &Dataset::from_toml(&change(ORDERS)).unwrap())
    }

    #[test]
    fn what_tables_can_follow_is_followed() {
        let follows = |from: &str, to: &str| {
            assert_ne!(ORDERS.replace(from, to), ORDERS, "{from}");
            assert_eq!(obstacle_after(|d| d.replace(from, to)), None, "{to}");
        };
        assert_eq!(obstacle_after(str::to_owned), None);
        follows("buckets = 4", "buckets = 8");
        follows("max = 9", "max = 10");
        follows("max = 9", "values = ['a', 'b']");
        follows(
            "not_null = true }",
            "not_null = true }, { name = 'x', type = 'int' }",
        );
        follows(
            "[{ name = 'id'",
            "[{ name = 'x', type = 'text', not_null = true, default = 'a' }, { name = 'id'",
        );
        follows(
            "not_null = true }",
            "not_null = true }, { name = 'x', type = 'date', not_null = true, \
             default = { column = 'day' } }",
        );
        let table = "\n[[table]]\nname = 'stock'\nkey = ['id']\npartition = { buckets = 1 }\n\
            column = [{ name = 'id', type = 'int' }]";
        assert_eq!(obstacle_after(|d| format!("{d}{table}")), None);
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        let obstacle = |from: &str, to: &str| obstacle_after(|d| d.replace(from, to)).unwrap();
        insta::assert_snapshot!(obstacle("'orders'", "'sales'"), @"table orders is gone");
        insta::assert_snapshot!(obstacle("'note'", "'remark'"), @"table orders: column note is gone");
        insta::assert_snapshot!(obstacle("type = 'text', max = 9", "type = 'int'"), @"table orders: column note was text and is int now");
        insta::assert_snapshot!(obstacle("max = 9", "max = 8"), @"table orders: column note is shorter");
        insta::assert_snapshot!(obstacle(", not_null = true", ""), @"table orders: column day has another `not_null`");
        insta::assert_snapshot!(obstacle("true }", "true }, { name = 'x', type = 'int', not_null = true }"), @"table orders: column x is new and must have a value, which earlier rows do not have: it takes a `default`");
        insta::assert_snapshot!(obstacle("key = ['id']", "key = ['id', 'note']"), @"table orders: its key is another");
        insta::assert_snapshot!(obstacle("{ buckets = 4 }", "{ by = 'day' }"), @"table orders: its rows are partitioned by another rule");
        insta::assert_snapshot!(obstacle("unique = [{ columns = ['note', 'day'] }]\n", ""), @"table orders: its unique rules are others");
    }

    #[test]
    fn what_was_written_before_is_readable_where_only_its_rules_changed() {
        let was = Dataset::from_toml(ORDERS).unwrap();
        let unreadable = |from: &str, to: &str| {
            let now = Dataset::from_toml(&ORDERS.replace(from, to)).unwrap();
            first_unreadable(&was, &now, "orders")
        };
        assert_eq!(unreadable("max = 9", "max = 8"), None);
        assert_eq!(unreadable("buckets = 4", "buckets = 8"), None);
        assert_eq!(
            unreadable("type = 'date'", "type = 'timestamp'").unwrap(),
            "table orders: column day was date and is timestamp now"
        );
    }
}
