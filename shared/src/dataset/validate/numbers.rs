//! Numbers of a dataset as its canonical JSON keeps them: RFC 8785 writes each as a 64-bit float. What
//! would be read as another number is written as a text, or refused.

use super::DatasetError;
use crate::dataset::file::{ColumnSection, Constant, DatasetFile, DefaultValue};

/// The greatest whole number up to which every whole number is a float of its own.
const MAX_EXACT: i64 = (1 << 53) - 1;

/// Most digits of a number that a float is sure to give back as they were written.
const MAX_DIGITS: usize = 15;

/// Makes each number one that canonical JSON keeps.
pub(super) fn make_exact(file: &mut DatasetFile) -> Result<(), DatasetError> {
    for table in &mut file.tables {
        for column in &mut table.columns {
            let name = column.name.clone();
            for constant in constants(column) {
                keep(constant).map_err(|problem| DatasetError::Column {
                    table: table.name.clone(),
                    column: name.clone(),
                    problem,
                })?;
            }
        }
    }
    Ok(())
}

fn constants(column: &mut ColumnSection) -> impl Iterator<Item = &mut Constant> {
    let default = match &mut column.default {
        Some(DefaultValue::Constant(constant)) => Some(constant),
        _ => None,
    };
    let bounds = [column.min.as_mut(), column.max.as_mut()];
    bounds.into_iter().chain([default]).flatten()
}

fn keep(constant: &mut Constant) -> Result<(), String> {
    match constant {
        Constant::Int(number) if number.unsigned_abs() > MAX_EXACT.unsigned_abs() => {
            *constant = Constant::Text(number.to_string());
        }
        Constant::Float(number) => {
            let digits = format!("{number:e}");
            let (digits, _) = digits.split_once('e').unwrap_or((&digits, ""));
            if digits.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS {
                return Err(format!(
                    "{number} may be another number than what was written, since it has more than \
                     {MAX_DIGITS} digits: write it as a text, in quotes"
                ));
            }
            #[expect(clippy::cast_precision_loss, reason = "a float holds this number")]
            if number.abs() > MAX_EXACT as f64 {
                *constant = Constant::Text(format!("{number:?}"));
            }
        }
        _ => {}
    }
    Ok(())
}
