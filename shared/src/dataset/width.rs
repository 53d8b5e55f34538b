//! How wide a row may be: PostgreSQL keeps every row within one page.
//!
//! PostgreSQL moves a long text out of its row, to where a page does not bound it, and leaves a
//! pointer of 18 bytes. It does not do so with a text that takes 24 bytes or less in the row,
//! compressed or not. So a row of very many columns can be too wide whatever is done, and the
//! whole load would fail on it.
//!
//! What is computed here is an upper bound: a row within [`MAX_ROW_WIDTH`] is always taken. It
//! holds for SQLite as well, where rows have no such limit, since a dataset does not know which
//! database it will be loaded into.

use super::Table;
use crate::value::{MAX_DECIMAL_DIGITS, Type, Value};

/// Most bytes of a row in PostgreSQL's pages of 8 KiB.
pub const MAX_ROW_WIDTH: usize = 8_160;

/// A text's bytes in its row, at most: what is longer is moved out of the row.
const MAX_TEXT_WIDTH: usize = 24;

/// The header of a row, without its bitmap of NULLs.
const HEADER: usize = 23;

/// The columns that the hub adds, and what they take: a text for the part, `b=0000of4096`, and a
/// boolean.
const HIDDEN_COLUMNS: usize = 2;
const LONGEST_PART: usize = "dt=2025-11-28".len();

/// What a value takes in its row.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// So many bytes, at a place that is a multiple of them.
    Fixed(usize),
    /// A text of so many bytes, or a decimal, which is stored like one.
    Text(usize),
}

/// A row's width so far.
#[derive(Debug, Clone, Copy)]
struct Width(usize);

impl Width {
    /// Of a row without a value, and without the bitmap that it needs for NULLs.
    fn header() -> Self {
        Self(HEADER.next_multiple_of(8))
    }

    /// Of a row with so many declared columns without a value.
    fn header_and_bitmap(columns: usize) -> Self {
        let bitmap = (columns + HIDDEN_COLUMNS).div_ceil(8);
        Self((HEADER + bitmap).next_multiple_of(8))
    }

    fn and(self, size: Size) -> Self {
        match size {
            Size::Fixed(bytes) => Self(self.0.next_multiple_of(bytes) + bytes),
            Size::Text(bytes) if bytes + 1 < MAX_TEXT_WIDTH => Self(self.0 + bytes + 1),
            // Where it was compressed, it is aligned.
            Size::Text(_) => Self(self.0.next_multiple_of(4) + MAX_TEXT_WIDTH),
        }
    }

    /// With the hub's own columns, in bytes.
    fn whole(self) -> usize {
        let with_part = self.and(Size::Text(LONGEST_PART));
        with_part.and(Size::Fixed(1)).0.next_multiple_of(8)
    }
}

/// The width of a row: the bytes that it takes at most in a page of PostgreSQL.
#[must_use]
pub fn row_width(row: &[Value<'_>]) -> usize {
    let sizes = row.iter().filter_map(|value| match value {
        Value::Null => None,
        Value::Bool(_) => Some(Size::Fixed(1)),
        Value::Date(_) => Some(Size::Fixed(4)),
        Value::Int(_) | Value::Float(_) | Value::Time(_) | Value::Timestamp(_) => {
            Some(Size::Fixed(8))
        }
        Value::Text(text) => Some(Size::Text(text.len())),
        Value::Decimal(unscaled, scale) => Some(decimal(digits(*unscaled), *scale)),
    });
    let header = match row.iter().any(Value::is_null) {
        true => Width::header_and_bitmap(row.len()),
        false => Width::header(),
    };
    sizes.fold(header, Width::and).whole()
}

impl Table {
    /// The width of its narrowest row: NULL wherever that is allowed, texts without a character.
    pub(super) fn least_width(&self) -> usize {
        let columns = self.columns.iter().filter(|column| column.not_null);
        let sizes = columns.map(|column| size(column.ty, Size::Text(0)));
        sizes.fold(Width::header(), Width::and).whole()
    }

    /// Whether a row may be wider than [`MAX_ROW_WIDTH`]. In most tables none can.
    #[must_use]
    pub fn may_be_too_wide(&self) -> bool {
        let sizes = self.columns.iter().map(|column| {
            let longest = match column.ty {
                Type::Decimal(scale) => decimal(usize::from(MAX_DECIMAL_DIGITS), scale),
                _ => Size::Text(MAX_TEXT_WIDTH),
            };
            size(column.ty, longest)
        });
        let header = Width::header_and_bitmap(self.columns.len());
        sizes.fold(header, Width::and).whole() > MAX_ROW_WIDTH
    }
}

/// What a value of a type takes, given the size of a text or decimal.
fn size(ty: Type, text: Size) -> Size {
    match ty {
        Type::Bool => Size::Fixed(1),
        Type::Date => Size::Fixed(4),
        Type::Int | Type::Float | Type::Time | Type::Timestamp => Size::Fixed(8),
        Type::Text | Type::Phone | Type::Decimal(_) => text,
    }
}

/// What a decimal with so many digits takes, so many of them after the point: two bytes, and two
/// for each four digits on either side of the point.
fn decimal(digits: usize, scale: u8) -> Size {
    let after = usize::from(scale);
    let before = digits.saturating_sub(after);
    Size::Text(2 + 2 * (before.div_ceil(4) + after.div_ceil(4)))
}

/// A number's decimal digits.
fn digits(unscaled: i128) -> usize {
    let digits = unscaled.unsigned_abs().checked_ilog10();
    digits.map_or(0, |more| more as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, DatasetError, TableId};

    fn row(value: Value<'static>, columns: usize) -> usize {
        row_width(&vec![value; columns])
    }

    fn text(bytes: usize) -> Value<'static> {
        Value::Text("x".repeat(bytes).into())
    }

    /// The figures are PostgreSQL 15's own, in its "row is too big".
    #[test]
    fn a_row_is_as_wide_as_in_postgresql() {
        assert_eq!(row(text(23), 339), 8_176);
        assert_eq!(row(text(20), 500), 10_544);
        assert_eq!(row(text(8), 1_000), 9_040);
    }

    #[test]
    fn long_texts_are_moved_out_of_the_row() {
        assert!(row(text(5_000), 330) <= MAX_ROW_WIDTH);
        assert_eq!(row(text(35), 1_000), row(text(5_000), 1_000));
        assert_eq!(row(Value::Null, 1_500), 232);
    }

    fn dataset(columns: usize, column: &str) -> Result<Dataset, DatasetError> {
        let columns: String = (0..columns)
            .map(|at| format!("{{ name = 'c{at}', {column} }},"))
            .collect();
        Dataset::from_toml(&format!(
            "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['c0']\n\
             partition = {{ buckets = 1 }}\ncolumn = [{columns}]"
        ))
    }

    #[test]
    fn only_a_table_of_many_columns_has_rows_that_are_too_wide() {
        let may_be = |columns, column| {
            let dataset = dataset(columns, column).unwrap();
            dataset.tables[TableId(0)].may_be_too_wide()
        };
        assert!(!may_be(330, "type = 'text'") && may_be(340, "type = 'text'"));
        assert!(!may_be(990, "type = 'int'") && may_be(1_020, "type = 'int'"));
        assert!(!may_be(1_500, "type = 'bool'"));
    }
}
