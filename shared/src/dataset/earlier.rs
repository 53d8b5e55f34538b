//! What an earlier dataset of a site wrote, read with the newest: by column name, and what an earlier
//! row lacks is what the newest gives a row without a value.

use std::collections::BTreeMap;

use super::{Column, Dataset, Default, Partitioning, Table};
use crate::canonical_csv::{canonical_text, split_fields, write_value};
use crate::catalog::Catalog;
use crate::ids::Part;
use crate::value::{Type, Value};

impl Dataset {
    /// Takes over how many buckets the site's objects of a table are divided into. A table that the site
    /// holds back keeps its number until the site carries it again, whatever is declared; the canonical
    /// JSON and its MD5 stay those of what is declared.
    pub fn take_bucket_counts(&mut self, catalog: &Catalog) {
        for id in self.tables.ids() {
            let table = &self.tables[id];
            let Partitioning::Buckets { .. } = table.partition else {
                continue;
            };
            let newest = catalog
                .table(table.name.as_str())
                .max_by_key(|(_, entry)| entry.seq);
            if let Some((Part::Bucket(_, count), _)) = newest {
                self.tables[id].partition = Partitioning::Buckets { count };
            }
        }
    }
}

impl Table {
    /// Whether rows that were written before a column was declared have a value that it takes.
    #[must_use]
    pub fn can_be_added(&self, column: usize) -> bool {
        let is_required = |column: usize| self.columns[column].not_null;
        match &self.columns[column].default {
            _ if self.key.contains(&column) => false,
            None => !is_required(column),
            Some(Default::Constant(_)) => true,
            Some(Default::Column(from)) => !is_required(column) || is_required(*from),
        }
    }

    /// Gives a row that an earlier dataset wrote, canonical texts by column, the columns that it lacks.
    pub fn complete(&self, row: &mut BTreeMap<String, Option<String>>) {
        let lacking = |(_, column): &(usize, &Column)| !row.contains_key(column.name.as_str());
        let lacking = self.columns.iter().enumerate().filter(lacking);
        let texts: Vec<_> = lacking
            .map(|(at, column)| {
                let text = self.text_before(at, &|from| {
                    let name = self.columns[from].name.as_str();
                    row.get(name).cloned()
                });
                (column.name.to_string(), text)
            })
            .collect();
        row.extend(texts);
    }

    /// What a row has in a column that it was written before, as canonical text. `text` says what it has
    /// in another one; `None`: it lacks that as well.
    fn text_before(
        &self,
        column: usize,
        text: &dyn Fn(usize) -> Option<Option<String>>,
    ) -> Option<String> {
        match &self.columns[column].default {
            None => None,
            Some(Default::Constant(value)) => canonical_text(value),
            Some(Default::Column(from)) => {
                // That column's own default is a constant, if it has one.
                let text = text(*from).unwrap_or_else(|| self.text_before(*from, &|_| None))?;
                let is_moment = self.columns[column].ty == Type::Timestamp;
                match self.columns[*from].ty {
                    Type::Date if is_moment => Some(format!("{text}T00:00:00")),
                    _ => Some(text),
                }
            }
        }
    }
}

/// Records of an earlier dataset, as records of a table of the newest.
#[derive(Debug, Clone)]
pub struct RowOfNow {
    table: Table,
    /// Where an earlier record has each of the table's columns; `None`: it lacks it.
    from: Vec<Option<usize>>,
    /// How many columns an earlier record has.
    columns: usize,
}

impl RowOfNow {
    /// For records with these columns. `None`: they are no earlier ones of this table, which has lost one
    /// of them, or has another that they have no value for.
    #[must_use]
    pub fn of(table: &Table, columns: &[&str]) -> Option<Self> {
        let from = |column: &Column| {
            let name = column.name.as_str();
            columns.iter().position(|earlier| *earlier == name)
        };
        let from: Vec<_> = table.columns.iter().map(from).collect();
        let known = from.iter().flatten().count();
        let mut lacking = (0..from.len()).filter(|at| from[*at].is_none());
        let fits = known == columns.len() && lacking.all(|at| table.can_be_added(at));
        fits.then(|| Self {
            table: table.clone(),
            from,
            columns: columns.len(),
        })
    }

    /// Replaces `out` by the record of now, without a line feed.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn record(&self, earlier: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        let mut fields = Vec::with_capacity(self.columns);
        split_fields(earlier, &mut fields)?;
        if fields.len() != self.columns {
            return Err("it has another number of fields than its header");
        }
        let text = |column: usize| {
            let field = fields.get(self.from[column]?)?;
            Some(field.as_deref().map(str::to_owned))
        };
        out.clear();
        for at in 0..self.from.len() {
            if at > 0 {
                out.push(b',');
            }
            let field = text(at).unwrap_or_else(|| self.table.text_before(at, &text));
            if let Some(field) = field {
                write_value(&Value::Text(field.into()), out);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::TableId;

    fn table() -> Table {
        let dataset = "name = 'd'\nversion = 2\n[[table]]\nname = 't'\nkey = ['id']\n\
            partition = { by = 'day' }\ncolumn = [\n\
            { name = 'note', type = 'text' },\n\
            { name = 'id', type = 'int' },\n\
            { name = 'at', type = 'timestamp', not_null = true, default = { column = 'day' } },\n\
            { name = 'state', type = 'text', not_null = true, default = 'a,b' },\n\
            { name = 'day', type = 'date', not_null = true },\n\
            { name = 'copy', type = 'text', default = { column = 'state' } }]";
        Dataset::from_toml(dataset).unwrap().tables[TableId(0)].clone()
    }

    #[test]
    fn earlier_records_are_taken_by_name() {
        let map = RowOfNow::of(&table(), &["id", "day", "note"]).unwrap();
        let mut record = Vec::new();
        map.record(b"7,2025-11-28,\"\"", &mut record).unwrap();
        let record = String::from_utf8(record).unwrap();
        assert_eq!(record, r#""",7,2025-11-28T00:00:00,"a,b",2025-11-28,"a,b""#);
        assert!(map.record(b"7,2025-11-28", &mut Vec::new()).is_err());
    }

    #[test]
    fn columns_that_are_lost_or_need_a_value_are_not() {
        assert!(RowOfNow::of(&table(), &["id", "day", "gone"]).is_none());
        assert!(
            RowOfNow::of(&table(), &["id", "note"]).is_none(),
            "day is required"
        );
        assert!(
            RowOfNow::of(&table(), &["day", "note"]).is_none(),
            "id is the key"
        );
        assert!(RowOfNow::of(&table(), &["id", "id", "day"]).is_none());
    }

    #[test]
    fn a_row_of_texts_gets_what_it_lacks() {
        let mut row: BTreeMap<_, _> = [("id", "7"), ("day", "2025-11-28")]
            .map(|(name, text)| (name.to_owned(), Some(text.to_owned())))
            .into();
        table().complete(&mut row);
        let text = |name: &str| row[name].as_deref();
        assert_eq!(row.len(), 6);
        assert_eq!((text("note"), text("copy")), (None, Some("a,b")));
        assert_eq!(text("at"), Some("2025-11-28T00:00:00"));
    }
}
