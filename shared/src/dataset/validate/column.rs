//! One column as it is written, and its validated form.

use super::DatasetError;
use super::table::TableReader;
use crate::dataset::{Column, Default, file, reserved};
use crate::ids::Name;
use crate::value::{Forms, Raw, Refusal, Type, Value, parse};

impl TableReader<'_> {
    pub(super) fn column(&self, file: &file::ColumnSection) -> Result<Column, DatasetError> {
        let ty = Type::from_name(&file.ty).ok_or_else(|| {
            self.column_error(
                &file.name,
                format!(
                    "has no type {:?}; write int, float, decimal(scale), bool, text, phone, \
                     date, time or timestamp",
                    file.ty
                ),
            )
        })?;
        if self
            .file
            .columns
            .iter()
            .filter(|other| other.name == file.name)
            .count()
            > 1
        {
            return Err(self.column_error(&file.name, "is declared twice"));
        }
        if let Some(owner) = reserved::column_name_owner(&file.name) {
            let problem = reserved::problem(owner, &file.name, file.source.as_deref());
            return Err(self.column_error(&file.name, problem));
        }
        if !file.values.is_empty() && !ty.is_text() {
            return Err(self.column_error(&file.name, "`values` is for text columns"));
        }
        if file.leading_zeros.is_some() && !matches!(ty, Type::Int | Type::Decimal(0)) {
            let problem = "`leading_zeros` is for columns of type int and decimal(0)";
            return Err(self.column_error(&file.name, problem));
        }
        let bound = |bound: &Option<file::Constant>, what| match bound {
            Some(bound) => self.constant(&file.name, what, bound, ty).map(Some),
            None => Ok(None),
        };
        let (min, max, max_chars) = if ty.is_text() {
            if file.min.is_some() {
                return Err(self.column_error(&file.name, "`min` is for numbers and dates"));
            }
            (None, None, self.max_chars(file)?)
        } else {
            (bound(&file.min, "min")?, bound(&file.max, "max")?, None)
        };
        Ok(Column {
            name: Name::new(&file.name)?,
            source: file.source.clone(),
            ty,
            not_null: file.not_null,
            default: match &file.default {
                None => None,
                Some(file::DefaultValue::Constant(constant)) => Some(Default::Constant(
                    self.constant(&file.name, "default", constant, ty)?,
                )),
                Some(file::DefaultValue::Column(from)) => Some(Default::Column(
                    self.default_column(file, &from.column, ty)?,
                )),
            },
            min,
            max,
            max_chars,
            values: file.values.clone(),
            references: match &file.references {
                Some(table) => Some(self.table_id(table)?),
                None => None,
            },
            drop_leading_zeros: file.leading_zeros == Some(file::LeadingZeros::Drop),
        })
    }

    fn max_chars(&self, file: &file::ColumnSection) -> Result<Option<u32>, DatasetError> {
        match &file.max {
            None => Ok(None),
            Some(file::Constant::Int(max)) if (1..=1_048_576).contains(max) => {
                Ok(u32::try_from(*max).ok())
            }
            Some(_) => Err(self.column_error(
                &file.name,
                "`max` of a text is a number of characters from 1 to 1048576",
            )),
        }
    }

    fn constant(
        &self,
        column: &str,
        what: &str,
        constant: &file::Constant,
        ty: Type,
    ) -> Result<Value<'static>, DatasetError> {
        let raw = match constant {
            file::Constant::Bool(true) => Raw::Text("true"),
            file::Constant::Bool(false) => Raw::Text("false"),
            file::Constant::Int(v) => Raw::Int(*v),
            file::Constant::Float(v) => Raw::Real(*v),
            file::Constant::Text(v) => Raw::Text(v),
        };
        let value = parse(raw, ty, &Forms::default()).map(Value::into_owned);
        value.map_err(|refusal: Refusal| self.column_error(column, format!("`{what}`: {refusal}")))
    }

    /// A default is taken from a column that has none itself, so that no order matters.
    fn default_column(
        &self,
        file: &file::ColumnSection,
        from: &str,
        ty: Type,
    ) -> Result<usize, DatasetError> {
        let position = self.position(from)?;
        let source = &self.file.columns[position];
        let source_ty = Type::from_name(&source.ty);
        let fits = source_ty == Some(ty)
            || (source_ty == Some(Type::Date) && ty == Type::Timestamp)
            || (source_ty.is_some_and(Type::is_text) && ty.is_text());
        if matches!(source.default, Some(file::DefaultValue::Column(_))) || !fits {
            return Err(self.column_error(
                &file.name,
                format!(
                    "`default` from {from:?}: that column must be of type {ty} (or a date for a \
                     timestamp) and not itself take its default from a column"
                ),
            ));
        }
        Ok(position)
    }
}
