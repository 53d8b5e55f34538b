//! Canonical texts ↔ typed values.

use causeway_shared::canonical_csv::{canonical_text, split_fields};
use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Column, Partitioning, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::Part;
use causeway_shared::partition::{bucket, own_part};
use causeway_shared::value::{Forms, Raw, Value, parse, sort_key};

use super::error::EditsError;

/// A row's texts.
pub(crate) fn texts_of(table: &Table, row: &[Value<'_>]) -> Texts {
    let columns = table.columns.iter().zip(row);
    columns
        .map(|(column, value)| (column.name.to_string(), canonical_text(value)))
        .collect()
}

/// The key and the texts of a record of the site's object.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn site_row(table: &Table, record: &[u8]) -> Result<(RowKey, Texts), String> {
    let mut fields = Vec::with_capacity(table.columns.len());
    split_fields(record, &mut fields)?;
    if fields.len() != table.columns.len() {
        return Err("it has another number of fields than the table".to_owned());
    }
    let text = |column: &usize| fields[*column].as_deref().unwrap_or_default().to_owned();
    let key = table.key.iter().map(text).collect::<Vec<_>>().try_into()?;
    let names = table.columns.iter().map(|column| column.name.to_string());
    let texts = fields
        .iter()
        .map(|field| field.as_deref().map(str::to_owned));
    Ok((key, names.zip(texts).collect()))
}

/// The values of a row that an entry or the journal holds, in the order of the table's columns.
///
/// # Errors
/// [`EditsError::Row`] where it lacks a column or has one too many, where a text is not of its
/// column's type, and where the row's own key is another.
pub(super) fn values_of<'r>(
    table: &Table,
    key: &RowKey,
    row: &'r Texts,
) -> Result<Vec<Value<'r>>, EditsError> {
    let value = |column: &Column| {
        let name = column.name.as_str();
        let text = row
            .get(name)
            .ok_or_else(|| format!("it lacks the column {name}"))?;
        let raw = text.as_deref().map_or(Raw::Null, Raw::Text);
        parse(raw, column.ty, &Forms::default())
            .map_err(|refusal| format!("column {name}: {refusal}"))
    };
    let values: Result<Vec<_>, String> = table.columns.iter().map(value).collect();
    let values = values.map_err(|problem| EditsError::row(table, key, problem))?;
    if row.len() != values.len() {
        let problem = "it has a column that the table does not have";
        return Err(EditsError::row(table, key, problem));
    }
    let own_key = table.key_of(&values).map(canonical_text);
    if !own_key.eq(key.texts().iter().map(|text| Some(text.clone()))) {
        return Err(EditsError::row(table, key, "its columns hold another key"));
    }
    Ok(values)
}

/// A row in canonical texts.
///
/// # Errors
/// As [`values_of`].
pub(super) fn canonical(table: &Table, key: &RowKey, row: &Texts) -> Result<Texts, EditsError> {
    Ok(texts_of(table, &values_of(table, key, row)?))
}

/// Bytes that sort as the keys of a table do.
///
/// # Errors
/// [`EditsError::Row`] if it is no key of the table.
pub(crate) fn key_order(table: &Table, key: &RowKey) -> Result<Vec<u8>, EditsError> {
    Ok(sort_key(&key_values(table, key)?))
}

/// The date on which a row lies, in a table that is partitioned by one of its columns.
///
/// # Errors
/// As [`values_of`], and a row without a date.
pub(super) fn date_part(
    table: &Table,
    key: &RowKey,
    row: &Texts,
) -> Result<Option<Part>, EditsError> {
    if !matches!(table.partition, Partitioning::By { .. }) {
        return Ok(None);
    }
    let part = own_part(table, &values_of(table, key, row)?, &mut Vec::new());
    match part {
        Some(part) => Ok(Some(part)),
        None => Err(EditsError::row(table, key, "it has no date")),
    }
}

/// The bucket of a key.
///
/// # Errors
/// [`EditsError::Row`] if it is no key of the table.
pub(crate) fn bucket_of(table: &Table, key: &RowKey, count: u32) -> Result<Part, EditsError> {
    let values = key_values(table, key)?;
    Ok(Part::Bucket(bucket(&values, count, &mut Vec::new()), count))
}

fn key_values<'k>(table: &Table, key: &'k RowKey) -> Result<Vec<Value<'k>>, EditsError> {
    if key.texts().len() != table.key.len() {
        let problem = "it has another number of key columns than the table";
        return Err(EditsError::row(table, key, problem));
    }
    let columns = table.key.iter().zip(key.texts());
    let values = columns.map(|(column, text)| {
        let column = &table.columns[*column];
        parse(Raw::Text(text), column.ty, &Forms::default())
            .map_err(|refusal| format!("key column {}: {refusal}", column.name))
    });
    let values: Result<Vec<_>, String> = values.collect();
    values.map_err(|problem| EditsError::row(table, key, problem))
}
