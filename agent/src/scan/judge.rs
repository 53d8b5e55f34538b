//! The rules that a row is judged by on its own: from raw values to a row that the dataset takes,
//! or the reason why it does not.

use causeway_shared::dataset::{Column, Default, MAX_ROW_WIDTH, Table, row_width};
use causeway_shared::value::{Forms, MAX_FIELD_BYTES, MAX_KEY_BYTES, Raw, Value, parse};
use jiff::civil::Time;

use super::record::Fields;
use super::unique::UniqueRule;

/// Most bytes that a row may have in canonical form. What sorts and loads rows holds a few of them
/// at a time.
pub(super) const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;

/// What a row is refused for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowProblem {
    /// The column to blame.
    pub(super) column: Option<usize>,
    /// What was found.
    pub(super) reason: String,
}

impl RowProblem {
    /// A problem of the row as a whole.
    pub(super) fn of_row(reason: String) -> Self {
        Self {
            column: None,
            reason,
        }
    }

    fn of(column: usize, reason: impl Into<String>) -> Self {
        Self {
            column: Some(column),
            reason: reason.into(),
        }
    }
}

/// Judges the rows of one table.
#[derive(Debug)]
pub(super) struct Judge<'d> {
    table: &'d Table,
    forms: Forms,
    may_be_too_wide: bool,
    /// Of columns whose leading zeros mean nothing.
    dropping: Forms,
}

impl<'d> Judge<'d> {
    /// For a table whose source writes values in these forms.
    pub(super) fn new(table: &'d Table, forms: Forms) -> Self {
        let dropping = Forms {
            drop_leading_zeros: true,
            ..forms.clone()
        };
        Self {
            table,
            forms,
            dropping,
            may_be_too_wide: table.may_be_too_wide(),
        }
    }

    /// Turns one raw value per column into a row, defaults filled in.
    pub(super) fn row<'r>(
        &'r self,
        raw: &[Raw<'r>],
        row: &mut Vec<Value<'r>>,
    ) -> Result<(), RowProblem> {
        row.clear();
        for (at, (column, raw)) in self.table.columns.iter().zip(raw).enumerate() {
            let value = parse(*raw, column.ty, self.forms_of(column))
                .map_err(|refusal| RowProblem::of(at, refusal.to_string()))?;
            row.push(match (&value, &column.default) {
                (Value::Null, Some(Default::Constant(constant))) => borrowed(constant),
                _ => value,
            });
        }
        for (at, column) in self.table.columns.iter().enumerate() {
            if let (Value::Null, Some(Default::Column(from))) = (&row[at], &column.default) {
                row[at] = as_default(&row[*from], column);
            }
            allowed(column, &row[at]).map_err(|reason| RowProblem::of(at, reason))?;
        }
        self.checks(row)?;
        self.width(row)
    }

    /// A row that no database page holds would fail the whole load.
    fn width(&self, row: &[Value<'_>]) -> Result<(), RowProblem> {
        if !self.may_be_too_wide {
            return Ok(());
        }
        match row_width(row) {
            fits if fits <= MAX_ROW_WIDTH => Ok(()),
            width => Err(RowProblem::of_row(format!(
                "the row takes {width} bytes in a page of PostgreSQL, which has {MAX_ROW_WIDTH}; \
                 declare fewer columns of the table, or divide it: two views in the source, each \
                 with the key and some of the columns"
            ))),
        }
    }

    /// The key of a row as it comes, in the form in which it sorts; empty where it is none.
    pub(super) fn key(&self, raw: &[Raw<'_>]) -> Vec<u8> {
        let mut key = Vec::new();
        for column in &self.table.key {
            let declared = &self.table.columns[*column];
            let forms = self.forms_of(declared);
            match parse(raw[*column], declared.ty, forms) {
                Ok(value) => value.write_sort_key(&mut key),
                Err(_) => return Vec::new(),
            }
        }
        key
    }

    fn forms_of(&self, column: &Column) -> &Forms {
        match column.drop_leading_zeros {
            true => &self.dropping,
            false => &self.forms,
        }
    }

    fn checks(&self, row: &[Value<'_>]) -> Result<(), RowProblem> {
        for check in &self.table.check {
            let (left, right) = (&row[check.left], &row[check.right]);
            if left.is_null() || right.is_null() || check.operator.holds(left, right) {
                continue;
            }
            let name = |column: usize| self.table.columns[column].name.as_str();
            let (left, right) = (name(check.left), name(check.right));
            let reason = format!("it must be that {left} {} {right}", check.operator.symbol());
            return Err(RowProblem::of(check.left, reason));
        }
        Ok(())
    }

    /// Judges the sizes of a row in canonical form.
    pub(super) fn sizes(
        &self,
        fields: Fields<'_>,
        unique: &[UniqueRule],
    ) -> Result<(), RowProblem> {
        let row_bytes = fields.record().len();
        if row_bytes > MAX_ROW_BYTES {
            let reason =
                format!("the row is {row_bytes} bytes long, over the limit of {MAX_ROW_BYTES}");
            return Err(RowProblem::of_row(reason));
        }
        // A row within a limit has its fields within it.
        if row_bytes > MAX_FIELD_BYTES {
            for column in 0..self.table.columns.len() {
                let bytes = fields.get(column).len();
                if bytes > MAX_FIELD_BYTES {
                    return Err(RowProblem::of(
                        column,
                        too_long("it", bytes, MAX_FIELD_BYTES),
                    ));
                }
            }
        }
        if row_bytes > MAX_KEY_BYTES {
            let mut values = Vec::new();
            fields.write_of(&self.table.key, &mut values);
            if values.len() > MAX_KEY_BYTES {
                let reason = too_long("the key", values.len(), MAX_KEY_BYTES);
                return Err(RowProblem::of(self.table.key[0], reason));
            }
            for rule in unique {
                values.clear();
                if rule.applies(fields, &mut values) && values.len() > MAX_KEY_BYTES {
                    let what = format!("{} together", rule.names(self.table));
                    let reason = too_long(&what, values.len(), MAX_KEY_BYTES);
                    return Err(RowProblem::of(rule.columns()[0], reason));
                }
            }
        }
        Ok(())
    }
}

fn too_long(what: &str, bytes: usize, limit: usize) -> String {
    let are = if what.ends_with("together") {
        "are"
    } else {
        "is"
    };
    format!("{what} {are} {bytes} bytes long, over the limit of {limit}")
}

/// A value that borrows another's text.
fn borrowed<'r>(value: &'r Value<'_>) -> Value<'r> {
    match value {
        Value::Text(text) => Value::Text(std::borrow::Cow::Borrowed(text)),
        other => other.clone().into_owned(),
    }
}

/// Another column's value as a default: a date as a timestamp is its midnight.
fn as_default<'r>(value: &Value<'r>, column: &Column) -> Value<'r> {
    match value {
        Value::Date(date) if column.ty == causeway_shared::value::Type::Timestamp => {
            Value::Timestamp(date.to_datetime(Time::midnight()))
        }
        other => other.clone(),
    }
}

/// Judges a value by its column's rules.
fn allowed(column: &Column, value: &Value<'_>) -> Result<(), String> {
    match value {
        Value::Null if column.not_null => return Err("a value is required".to_owned()),
        Value::Null => return Ok(()),
        Value::Text(text) => return allowed_text(column, text),
        _ => {}
    }
    let shown = || String::from_utf8_lossy(&canonical(value)).into_owned();
    if let Some(min) = column.min.as_ref().filter(|min| value.compare(min).is_lt()) {
        let min = String::from_utf8_lossy(&canonical(min)).into_owned();
        return Err(format!("{} is less than {min}", shown()));
    }
    if let Some(max) = column.max.as_ref().filter(|max| value.compare(max).is_gt()) {
        let max = String::from_utf8_lossy(&canonical(max)).into_owned();
        return Err(format!("{} is more than {max}", shown()));
    }
    Ok(())
}

fn allowed_text(column: &Column, text: &str) -> Result<(), String> {
    if let Some(max) = column.max_chars.map(|max| max as usize)
        && text.len() > max
    {
        let chars = text.chars().count();
        if chars > max {
            return Err(format!(
                "{} is {chars} characters long, over {max}",
                Raw::Text(text).show()
            ));
        }
    }
    if !column.values.is_empty() && !column.values.iter().any(|allowed| allowed == text) {
        let allowed = column.values.join(", ");
        return Err(format!(
            "{} is not one of {allowed}",
            Raw::Text(text).show()
        ));
    }
    Ok(())
}

fn canonical(value: &Value<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    causeway_shared::canonical_csv::write_value(value, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::{Dataset, TableId};
    use insta::assert_snapshot;

    use super::super::record::CanonicalRecord;
    use super::*;

    const DATASET: &str = r#"
        name = "t"
        version = 1
        [[table]]
        name = "t"
        key = ["id"]
        partition = { by = "day" }
        unique = [{ columns = ["day", "note"], unless = { note = ["free"] } }]
        check = ["a < b"]
        column = [
          { name = "id", type = "text" },
          { name = "day", type = "date", not_null = true },
          { name = "made", type = "timestamp", default = { column = "day" } },
          { name = "a", type = "int", min = 0, default = 1 },
          { name = "b", type = "int", max = 9 },
          { name = "short", type = "text", max = 3, values = ["ab", "áàả", "abcd"] },
          { name = "note", type = "text" },
        ]
    "#;

    /// The canonical record, or `column: reason`.
    fn judged(id: &str, a: Raw<'_>, b: Raw<'_>, short: Raw<'_>, note: &str) -> String {
        let dataset = Dataset::from_toml(DATASET).unwrap();
        let table = &dataset.tables[TableId(0)];
        let raw = [
            Raw::Text(id),
            Raw::Text("2025-11-28"),
            Raw::Null,
            a,
            b,
            short,
            Raw::Text(note),
        ];
        let judge = Judge::new(table, Forms::default());
        let rules: Vec<UniqueRule> = table.unique.iter().map(UniqueRule::new).collect();
        let (mut row, mut record) = (Vec::new(), CanonicalRecord::default());
        let judged = judge.row(&raw, &mut row).and_then(|()| {
            let fields = record.write(&row);
            judge.sizes(fields, &rules)?;
            Ok(String::from_utf8(fields.record().to_vec()).unwrap())
        });
        judged.unwrap_or_else(|problem| {
            let column = problem
                .column
                .map_or("row", |at| table.columns[at].name.as_str());
            format!("{column}: {}", problem.reason)
        })
    }

    #[test]
    fn defaults_fill_what_is_missing() {
        assert_snapshot!(
            judged("x", Raw::Null, Raw::Null, Raw::Null, "n"),
            @"x,2025-11-28,2025-11-28T00:00:00,1,,,n"
        );
    }

    #[test]
    fn values_are_held_to_their_columns_rules() {
        let a = |a| judged("x", a, Raw::Null, Raw::Null, "n");
        assert_snapshot!(a(Raw::Int(-1)), @"a: -1 is less than 0");
        assert_snapshot!(a(Raw::Text("one")), @r#"a: "one" is not a value of type int"#);
        assert_snapshot!(a(Raw::Blob(&[1])), @"a: a BLOB of 1 byte is not taken");
        let b = |b| judged("x", Raw::Null, b, Raw::Null, "n");
        assert_snapshot!(b(Raw::Int(10)), @"b: 10 is more than 9");
        assert_snapshot!(b(Raw::Int(1)), @"a: it must be that a < b");
        let short = |short| judged("x", Raw::Null, Raw::Null, Raw::Text(short), "n");
        assert_snapshot!(short("abcd"), @r#"short: "abcd" is 4 characters long, over 3"#);
        assert_snapshot!(short("áàả"), @"x,2025-11-28,2025-11-28T00:00:00,1,,áàả,n");
        assert_snapshot!(short("ba"), @r#"short: "ba" is not one of ab, áàả, abcd"#);
    }

    #[test]
    fn a_key_is_required_and_short() {
        let id = |id: &str| judged(id, Raw::Null, Raw::Null, Raw::Null, "n");
        assert_snapshot!(id(&"k".repeat(2_001)), @"id: the key is 2001 bytes long, over the limit of 2000");
        assert!(id(&"k".repeat(2_000)).starts_with("kkk"));
        assert_snapshot!(id("a\0b"), @"id: the text holds a U+0000 character");
    }

    #[test]
    fn a_row_that_fits_no_page_is_refused() {
        let columns: String = (1..500)
            .map(|at| format!("{{ name = 'c{at}', type = 'text' }},"))
            .collect();
        let dataset = Dataset::from_toml(&format!(
            "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
             partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'id', type = 'int' }}, {columns}]"
        ))
        .unwrap();
        let judge = Judge::new(&dataset.tables[TableId(0)], Forms::default());
        let long = "x".repeat(1_000);
        let judged = |values: usize| {
            let texts = (1..500).map(|at| {
                if at <= values {
                    Raw::Text(&long)
                } else {
                    Raw::Null
                }
            });
            let raw: Vec<_> = std::iter::once(Raw::Int(1)).chain(texts).collect();
            judge.row(&raw, &mut Vec::new())
        };
        assert_eq!(judged(330), Ok(()));
        let refused = judged(499).unwrap_err();
        assert_eq!(refused.column, None);
        assert_snapshot!(refused.reason, @"the row takes 12024 bytes in a page of PostgreSQL, which has 8160; declare fewer columns of the table, or divide it: two views in the source, each with the key and some of the columns");
    }

    #[test]
    fn unique_values_are_short_unless_exempt() {
        let note = |note: &str| judged("x", Raw::Null, Raw::Null, Raw::Null, note);
        assert_snapshot!(
            note(&"n".repeat(1_990)),
            @"day: day, note together are 2001 bytes long, over the limit of 2000"
        );
        assert!(note(&"n".repeat(1_980)).starts_with("x,2025"));
    }

    #[test]
    fn a_field_is_measured_in_canonical_form() {
        let note = |note: &str| judged("x", Raw::Null, Raw::Null, Raw::Null, note);
        let quotes = "\"".repeat(600 * 1024);
        assert_snapshot!(note(&quotes), @"note: it is 1228802 bytes long, over the limit of 1048576");
    }
}
