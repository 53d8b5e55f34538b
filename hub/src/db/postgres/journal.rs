//! The journal's rows, as the triggers write them.

use tokio_postgres::Row;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Name, Part, Seq};
use causeway_shared::value::{Forms, Raw, parse};

use crate::db::JournalEntry;
use crate::db::records::{count, json, text};

/// A row of `sql/journal_read.sql`.
///
/// # Errors
/// What cannot be read of it.
pub(super) fn entry(row: &Row, dataset: &Dataset) -> Result<JournalEntry, String> {
    let id: String = get(row, 0)?;
    let read = || -> Result<JournalEntry, String> {
        let table: Name = text("table", &get::<String>(row, 2)?)?;
        let declared = dataset.table(table.as_str());
        let mark: Option<String> = get(row, 13)?;
        let side = |part: usize, values: usize| {
            let (part, values) = (get::<Option<String>>(row, part)?, get(row, values)?);
            match (&mark, &values) {
                // It changes nothing.
                (Some(_), None) => Ok(None),
                _ => side(declared, part.as_deref(), values),
            }
        };
        let object: Option<String> = get(row, 7)?;
        Ok(JournalEntry {
            tx: get(row, 1)?,
            old: side(3, 4)?,
            new: side(5, 6)?,
            object: object.map(|md5| text("object", &md5)).transpose()?,
            site_seq: Seq(count(get(row, 8)?)?),
            edits_seq: Seq(count(get(row, 9)?)?),
            actor: get(row, 10)?,
            at: text("at", &get::<String>(row, 11)?)?,
            held: get(row, 12)?,
            mark: mark.clone().map(|mark| json("mark", &mark)).transpose()?,
            id: id.clone(),
            table,
        })
    };
    read().map_err(|what| format!("row {id} of the journal: {what}"))
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, String> {
    row.try_get(at).map_err(|error| error.to_string())
}

/// The row before or after, and its part. The triggers write values as PostgreSQL does.
fn side(
    table: Option<&Table>,
    part: Option<&str>,
    values: Option<String>,
) -> Result<Option<(Part, Texts)>, String> {
    let (Some(part), Some(values)) = (part, &values) else {
        return match (part, values) {
            (None, None) => Ok(None),
            _ => Err("a row and its part are not both there".to_owned()),
        };
    };
    let mut texts: Texts = json("row", values)?;
    for column in table.iter().flat_map(|table| &table.columns) {
        let Some(Some(value)) = texts.get_mut(column.name.as_str()) else {
            continue;
        };
        let typed = parse(Raw::Text(value), column.ty, &Forms::default());
        let typed = typed.map_err(|refusal| format!("column {}: {refusal}", column.name))?;
        if let Some(canonical) = canonical_text(&typed) {
            *value = canonical;
        }
    }
    Ok(Some((text("part", part)?, texts)))
}
