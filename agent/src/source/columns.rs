//! A declared table's columns among the names that a source has: those in a CSV file's header, or
//! a SQLite table's.
//!
//! The very same name is looked for first; then the same in another case; then the same but for
//! diacritics, spaces, `_` and `-`, so that `Customer ID` and `customer_id` are `customerid`, and
//! `Họ tên` is `ho_ten`. A source that has two names for one column, or one for two, is refused.

use causeway_shared::dataset::{Column, Table};
use unicode_normalization::UnicodeNormalization as _;

use super::Columns;

/// Names that cannot be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnsError {
    /// Two of its names fit one column.
    #[error(
        "its columns {first:?} and {second:?} both fit column {column} of table {table}; take one of them away, or declare the right one as the column's `source` in the dataset"
    )]
    TwoNames {
        table: String,
        column: String,
        first: String,
        second: String,
    },
    /// One of its names fits two columns.
    #[error(
        "its column {name:?} fits columns {first} and {second} of table {table}; declare what they are called there as the columns' `source` in the dataset"
    )]
    TwoColumns {
        table: String,
        name: String,
        first: String,
        second: String,
    },
}

/// Where a table's columns are, by their declared source name first, then by their own.
pub(super) fn columns(table: &Table, names: &[String]) -> Result<Columns, ColumnsError> {
    const WANTED: [fn(&Column) -> &str; 2] = [
        |column| column.source.as_deref().unwrap_or(column.name.as_str()),
        |column| column.name.as_str(),
    ];
    const ALIKE: [fn(&str) -> String; 3] = [str::to_owned, str::to_lowercase, folded];
    let mut found = vec![None; table.columns.len()];
    for wanted in WANTED {
        for alike in ALIKE {
            let given: Vec<String> = names.iter().map(|name| alike(name)).collect();
            let mut more = found.clone();
            for (position, column) in table.columns.iter().enumerate() {
                if found[position].is_some() {
                    continue;
                }
                let wanted = alike(wanted(column));
                let is_it = |at: &usize| given[*at] == wanted && !found.contains(&Some(*at));
                let mut fitting = (0..given.len()).filter(is_it);
                let Some(first) = fitting.next().filter(|_| !wanted.is_empty()) else {
                    continue;
                };
                if let Some(second) = fitting.next() {
                    return Err(ColumnsError::TwoNames {
                        table: table.name.to_string(),
                        column: column.name.to_string(),
                        first: names[first].clone(),
                        second: names[second].clone(),
                    });
                }
                if let Some(other) = more.iter().position(|taken| *taken == Some(first)) {
                    return Err(ColumnsError::TwoColumns {
                        table: table.name.to_string(),
                        name: names[first].clone(),
                        first: table.columns[other].name.to_string(),
                        second: column.name.to_string(),
                    });
                }
                more[position] = Some(first);
            }
            found = more;
        }
    }
    let unknown = names.iter().enumerate();
    let unknown = unknown
        .filter(|(at, name)| !name.is_empty() && !found.contains(&Some(*at)))
        .map(|(_, name)| name.clone())
        .collect();
    Ok(Columns { found, unknown })
}

/// A name without case, diacritics, spaces, `_` and `-`.
fn folded(name: &str) -> String {
    let is_diacritic = |c: char| matches!(c, '\u{300}'..='\u{36f}');
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '_' | '-');
    name.to_lowercase()
        .nfd()
        .filter(|c| !is_diacritic(*c) && !is_gap(*c))
        // The stroke of a đ is no mark of its own.
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// The names under which SQLite knows a row's number where no column has one of them.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

/// A column that every row must fill has to be there.
pub(super) fn required_columns(table: &Table, columns: &Columns) -> Result<(), String> {
    let lacking: Vec<&str> = table
        .columns
        .iter()
        .zip(&columns.found)
        .filter(|(column, found)| found.is_none() && column.not_null && column.default.is_none())
        .map(|(column, _)| column.name.as_str())
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let mut remedy = match &columns.unknown[..] {
        [] => "add it, or give it a default in the dataset".to_owned(),
        unknown => format!(
            "if it is one of {unknown:?}, declare that name as the column's `source` in the dataset"
        ),
    };
    if lacking.iter().any(|name| ROWID.contains(name)) {
        remedy = "SQLite's own rowid is no key, since VACUUM gives rows other ones".to_owned();
    }
    let lacking = lacking.join(", ");
    Err(format!(
        "table {} has no column {lacking}; {remedy}",
        table.name
    ))
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::{Dataset, TableId};

    use super::*;
    use crate::source::csv::cleaned;

    const PEOPLE: &str = r#"
        name = "people"
        version = 1
        [[table]]
        name = "person"
        key = ["person_id"]
        partition = { buckets = 1 }
        column = [
          { name = "person_id", type = "int" },
          { name = "ho_ten", type = "text" },
          { name = "phone", type = "phone", source = "Số điện thoại" },
        ]
    "#;

    fn found(names: &[&str]) -> Result<(Vec<Option<usize>>, Vec<String>), String> {
        let dataset = Dataset::from_toml(PEOPLE).unwrap();
        let names: Vec<String> = names.iter().map(|name| cleaned(name)).collect();
        let columns =
            columns(&dataset.tables[TableId(0)], &names).map_err(|error| error.to_string())?;
        Ok((columns.found, columns.unknown))
    }

    #[test]
    fn names_are_found_however_people_write_them() {
        let all = Ok((vec![Some(1), Some(0), Some(2)], vec![]));
        for names in [
            ["ho_ten", "person_id", "phone"],
            ["HO_TEN", "Person_ID", "PHONE"],
            [" Họ tên ", "Person ID", "Số điện thoại"],
            ["\u{feff}Ho-Ten", "\"person id\"", "so dien thoai"],
            ["ï»¿hoten", "PersonId", "SỐ ĐIỆN THOẠI"],
            // As Windows-1258 writes them: letters and tone marks apart.
            [
                "Ho\u{323} tên",
                "personid",
                "Sô\u{301} điê\u{323}n thoa\u{323}i",
            ],
        ] {
            assert_eq!(found(&names), all, "{names:?}");
        }
    }

    #[test]
    fn what_is_not_declared_is_unknown_and_what_is_missing_is_missing() {
        let (found, unknown) = found(&["person_id", "Ghi chú", "", "name"]).unwrap();
        assert_eq!(found, [Some(0), None, None]);
        assert_eq!(unknown, ["Ghi chú", "name"]);
    }

    #[test]
    fn the_nearer_name_wins() {
        let near = found(&["Person ID", "person_id", "phone", "Số điện thoại"]);
        let unknown = vec!["Person ID".to_owned(), "phone".to_owned()];
        assert_eq!(near, Ok((vec![Some(1), None, Some(3)], unknown)));
    }

    #[test]
    fn names_that_fit_twice_are_refused() {
        insta::assert_snapshot!(found(&["phone", "phone"]).unwrap_err(), @r#"its columns "phone" and "phone" both fit column phone of table person; take one of them away, or declare the right one as the column's `source` in the dataset"#);
        insta::assert_snapshot!(found(&["Ho ten", "Họ tên"]).unwrap_err(), @r#"its columns "Ho ten" and "Họ tên" both fit column ho_ten of table person; take one of them away, or declare the right one as the column's `source` in the dataset"#);
        let dataset = PEOPLE.replace(
            "\"phone\", type = \"phone\", source = \"Số điện thoại\"",
            "\"hoten\", type = \"phone\"",
        );
        let dataset = Dataset::from_toml(&dataset).unwrap();
        let two = columns(&dataset.tables[TableId(0)], &["Ho ten".to_owned()]);
        insta::assert_snapshot!(two.unwrap_err(), @r#"its column "Ho ten" fits columns ho_ten and hoten of table person; declare what they are called there as the columns' `source` in the dataset"#);
    }
}
