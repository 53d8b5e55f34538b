//! The values of one column, while a row group is collected, and how they become Parquet.

use std::mem;

use bytes::Bytes;
use causeway_shared::dataset::Column;
use causeway_shared::value::{Forms, Raw, Type, Value, parse};
use jiff::civil::{Date, DateTime};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::Result as ParquetResult;
use parquet::file::writer::SerializedColumnWriter;

use super::bounds::Bounds;

/// The day from which Parquet counts.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The definition levels of a column that may be NULL.
const NULL: i16 = 0;
const PRESENT: i16 = 1;

/// What a decimal of 38 digits takes.
const DECIMAL_BYTES: usize = 16;

/// What most texts take at least: names, numbers, times of day.
const SHORT_TEXT_BYTES: usize = 8;

/// A column of a row group.
#[derive(Debug)]
pub(super) struct ColumnBuffer {
    ty: Type,
    levels: Vec<i16>,
    values: Values,
    /// Of the whole file.
    pub(super) bounds: Bounds,
}

/// Values as Parquet has them, without NULLs.
#[derive(Debug)]
enum Values {
    Int64(Vec<i64>),
    Int32(Vec<i32>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    /// One after another, and where each ends.
    Bytes(Vec<u8>, Vec<usize>),
    Decimals(Vec<u8>),
}

impl Values {
    /// With room for so many rows.
    fn of(ty: Type, rows: usize) -> Self {
        match ty {
            Type::Int | Type::Timestamp => Self::Int64(Vec::with_capacity(rows)),
            Type::Date => Self::Int32(Vec::with_capacity(rows)),
            Type::Float => Self::Double(Vec::with_capacity(rows)),
            Type::Bool => Self::Bool(Vec::with_capacity(rows)),
            Type::Text | Type::Phone | Type::Time => Self::Bytes(
                Vec::with_capacity(rows * SHORT_TEXT_BYTES),
                Vec::with_capacity(rows),
            ),
            Type::Decimal(_) => Self::Decimals(Vec::with_capacity(rows * DECIMAL_BYTES)),
        }
    }
}

impl ColumnBuffer {
    /// Of so many rows, as far as that is known.
    pub(super) fn new(column: &Column, rows: usize) -> Self {
        Self {
            ty: column.ty,
            levels: Vec::with_capacity(rows),
            values: Values::of(column.ty, rows),
            bounds: Bounds::default(),
        }
    }

    /// Takes a field of a canonical record; how many bytes it takes about.
    ///
    /// # Errors
    /// Why it is no value of the column.
    pub(super) fn push(&mut self, field: Option<&str>) -> Result<usize, String> {
        let Some(text) = field else {
            self.levels.push(NULL);
            self.bounds.nulls += 1;
            return Ok(mem::size_of::<i16>());
        };
        self.levels.push(PRESENT);
        // A time of day has no type of its own in Delta Lake.
        if self.ty.is_text() || self.ty == Type::Time {
            let Values::Bytes(bytes, ends) = &mut self.values else {
                return Err(self.other_type());
            };
            bytes.extend_from_slice(text.as_bytes());
            ends.push(bytes.len());
            self.bounds.text(text);
            return Ok(text.len() + mem::size_of::<usize>());
        }
        let value = parse(Raw::Text(text), self.ty, &Forms::default());
        let value = value.map_err(|refusal| refusal.to_string())?;
        match (&mut self.values, &value) {
            (Values::Int64(values), Value::Int(int)) => values.push(*int),
            (Values::Int64(values), Value::Timestamp(at)) => values.push(micros(*at)),
            (Values::Int32(values), Value::Date(date)) => values.push(days(*date)),
            (Values::Double(values), Value::Float(float)) => values.push(*float),
            (Values::Bool(values), Value::Bool(flag)) => values.push(*flag),
            (Values::Decimals(values), Value::Decimal(units, _)) => {
                values.extend_from_slice(&units.to_be_bytes());
            }
            _ => return Err(self.other_type()),
        }
        self.bounds.value(&value);
        Ok(DECIMAL_BYTES)
    }

    fn other_type(&self) -> String {
        format!("it is not of type {}", self.ty)
    }

    /// Writes the column of a row group, and is empty then.
    ///
    /// # Errors
    /// Parquet's.
    pub(super) fn write(&mut self, to: &mut SerializedColumnWriter<'_>) -> ParquetResult<()> {
        let levels = mem::take(&mut self.levels);
        let levels = Some(levels.as_slice());
        match mem::replace(&mut self.values, Values::of(self.ty, 0)) {
            Values::Int64(values) => {
                let to = to.typed::<Int64Type>();
                to.write_batch(&values, levels, None)?;
            }
            Values::Int32(values) => {
                let to = to.typed::<Int32Type>();
                to.write_batch(&values, levels, None)?;
            }
            Values::Double(values) => {
                let to = to.typed::<DoubleType>();
                to.write_batch(&values, levels, None)?;
            }
            Values::Bool(values) => {
                let to = to.typed::<BoolType>();
                to.write_batch(&values, levels, None)?;
            }
            Values::Bytes(bytes, ends) => {
                let values = slices(bytes, &ends);
                let to = to.typed::<ByteArrayType>();
                to.write_batch(&values, levels, None)?;
            }
            Values::Decimals(bytes) => {
                let ends: Vec<usize> = (1..=bytes.len() / DECIMAL_BYTES)
                    .map(|count| count * DECIMAL_BYTES)
                    .collect();
                let values = slices(bytes, &ends).into_iter();
                let values: Vec<_> = values.map(FixedLenByteArray::from).collect();
                let to = to.typed::<FixedLenByteArrayType>();
                to.write_batch(&values, levels, None)?;
            }
        }
        Ok(())
    }
}

/// Values that lie one after another, without copying them.
fn slices(bytes: Vec<u8>, ends: &[usize]) -> Vec<ByteArray> {
    let bytes = Bytes::from(bytes);
    let mut start = 0;
    let slice = |end: &usize| {
        let slice = bytes.slice(start..*end);
        start = *end;
        ByteArray::from(slice)
    };
    ends.iter().map(slice).collect()
}

/// Days since 1970.
fn days(date: Date) -> i32 {
    // A dataset's years are 1900 to 2199, and each day has as many seconds: nothing is cut.
    (date - EPOCH).get_days()
}

/// Microseconds since 1970, as a clock on the wall counts them.
fn micros(at: DateTime) -> i64 {
    let time = at.time();
    let seconds = [
        (time.hour(), 3_600),
        (time.minute(), 60),
        (time.second(), 1),
    ];
    let seconds = seconds.map(|(count, each)| i64::from(count) * each);
    let of_day: i64 = seconds.iter().sum();
    let nanos = i64::from(time.subsec_nanosecond());
    (i64::from(days(at.date())) * 86_400 + of_day) * 1_000_000 + nanos / 1_000
}
