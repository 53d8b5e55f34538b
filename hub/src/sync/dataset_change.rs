//! Whether tables that were made from one dataset can take rows of another.

use causeway_shared::dataset::{Dataset, Table};

/// The first way in which tables made from `was` do not fit `now`; `None` if they do.
///
/// New tables fit, and so does whatever the database's tables do not show: summaries, lookups,
/// merge rules, defaults, bounds, names in the source.
#[must_use]
pub(crate) fn first_obstacle(was: &Dataset, now: &Dataset) -> Option<String> {
    was.tables.iter().find_map(|table| {
        let name = &table.name;
        match now.table(name.as_str()) {
            None => Some(format!("table {name} is gone")),
            Some(now) => obstacle(table, now).map(|what| format!("table {name}: {what}")),
        }
    })
}

fn obstacle(was: &Table, now: &Table) -> Option<String> {
    let key = |table: &Table| -> Vec<String> {
        let names = table
            .key
            .iter()
            .map(|at| table.columns[*at].name.to_string());
        names.collect()
    };
    if key(was) != key(now) {
        return Some("its key is another".to_owned());
    }
    for column in &was.columns {
        let name = &column.name;
        let Some(now) = now.column(name.as_str()).map(|at| &now.columns[at]) else {
            return Some(format!("column {name} is gone"));
        };
        if (column.ty, column.max_chars, column.not_null) != (now.ty, now.max_chars, now.not_null) {
            return Some(format!(
                "column {name} has another type, length or `not_null`"
            ));
        }
    }
    let added = now
        .columns
        .iter()
        .find(|column| was.column(column.name.as_str()).is_none());
    if let Some(added) = added {
        return Some(format!("column {} is new", added.name));
    }
    let moved = (0..was.columns.len()).any(|at| was.columns[at].name != now.columns[at].name);
    if moved {
        return Some("its columns stand in another order".to_owned());
    }
    (was.unique != now.unique).then(|| "its unique rules are others".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "name = 'shop'\nversion = 1\n[[table]]\nname = 'orders'\nkey = ['id']\n\
        partition = { buckets = 4 }\ncolumn = [{ name = 'id', type = 'int' }, \
        { name = 'note', type = 'text' }]";

    fn obstacle_after(change: impl Fn(&str) -> String) -> Option<String> {
        let was = Dataset::from_toml(ORDERS).unwrap();
        first_obstacle(&was, &Dataset::from_toml(&change(ORDERS)).unwrap())
    }

    #[test]
    fn what_the_tables_do_not_show_is_followed() {
        assert_eq!(obstacle_after(str::to_owned), None);
        assert_eq!(
            obstacle_after(|d| d.replace("buckets = 4", "buckets = 8")),
            None
        );
        let table = "\n[[table]]\nname = 'stock'\nkey = ['id']\npartition = { buckets = 1 }\n\
            column = [{ name = 'id', type = 'int' }]";
        assert_eq!(obstacle_after(|d| format!("{d}{table}")), None);
    }

    #[test]
    fn what_they_show_is_refused_by_name() {
        let obstacle = |from: &str, to: &str| obstacle_after(|d| d.replace(from, to)).unwrap();
        insta::assert_snapshot!(obstacle("'orders'", "'sales'"), @"table orders is gone");
        insta::assert_snapshot!(obstacle("'note'", "'remark'"), @"table orders: column note is gone");
        insta::assert_snapshot!(obstacle("type = 'text'", "type = 'int'"), @"table orders: column note has another type, length or `not_null`");
        insta::assert_snapshot!(obstacle("'text' }", "'text' }, { name = 'x', type = 'int' }"), @"table orders: column x is new");
        insta::assert_snapshot!(obstacle("key = ['id']", "key = ['id', 'note']"), @"table orders: its key is another");
    }
}
