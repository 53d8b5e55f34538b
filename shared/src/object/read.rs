//! Reading an object's rows, and whether they are what its commit says.

use bytes::Bytes;

use super::{ObjectError, RecordDecoder};
use crate::canonical_csv::{Malformed, split_fields, write_header};
use crate::commit::PartitionObject;
use crate::dataset::{RowOfNow, Table};
use crate::ids::Md5;

/// An object's bytes on their way to rows. An object that an earlier dataset of the table wrote says
/// so by its header; its records are given as those of the table.
pub struct ObjectReader {
    records: RecordDecoder,
    table: Table,
    header: Vec<u8>,
    /// How its records become those of the table; `None` where they are.
    earlier: Option<RowOfNow>,
    /// The record that was made last.
    made: Vec<u8>,
    expected: Md5,
    expected_rows: u64,
}

impl ObjectReader {
    /// A reader of an object of a table.
    ///
    /// # Errors
    /// [`ObjectError::Compression`]
    pub fn new(table: &Table, object: &PartitionObject) -> Result<Self, ObjectError> {
        let mut header = Vec::new();
        write_header(
            table.columns.iter().map(|column| column.name.as_str()),
            &mut header,
        );
        header.pop();
        Ok(Self {
            records: RecordDecoder::new()?,
            table: table.clone(),
            header,
            earlier: None,
            made: Vec::new(),
            expected: object.md5,
            expected_rows: object.rows,
        })
    }

    /// Takes the next compressed bytes, for [`step`](Self::step)s to read.
    pub fn give(&mut self, compressed: Bytes) {
        self.records.give(compressed);
    }

    /// Decompresses some of what was given, however well it was compressed, and gives each record
    /// that ends there to `each`, without its line feed and without the header. Says whether there
    /// is more.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub fn step(&mut self, mut each: impl FnMut(&[u8])) -> Result<bool, ObjectError> {
        let (table, header, expected) = (&self.table, &self.header, self.expected_rows);
        let (earlier, made) = (&mut self.earlier, &mut self.made);
        self.records.step(|record, bytes| {
            if record == 0 {
                if bytes != *header {
                    *earlier = Some(of_header(table, bytes)?);
                }
                return Ok(());
            }
            if record > expected {
                return Err(ObjectError::Rows { expected });
            }
            match earlier {
                None => each(bytes),
                Some(earlier) => {
                    let malformed = |problem| Malformed { record, problem };
                    earlier.record(bytes, made).map_err(malformed)?;
                    each(made);
                }
            }
            Ok(())
        })
    }

    /// Says that the bytes have ended, and whether they were the object; its rows.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub fn finish(self) -> Result<u64, ObjectError> {
        let (computed, records) = self.records.finish();
        if computed != self.expected {
            return Err(ObjectError::Changed { computed });
        }
        if records? != self.expected_rows + 1 {
            return Err(ObjectError::Rows {
                expected: self.expected_rows,
            });
        }
        Ok(self.expected_rows)
    }
}

/// How records under another header become those of a table.
fn of_header(table: &Table, header: &[u8]) -> Result<RowOfNow, ObjectError> {
    let mut fields = Vec::new();
    if split_fields(header, &mut fields).is_err() {
        fields.clear();
    }
    let columns = fields
        .iter()
        .map(|name| name.as_deref().unwrap_or_default());
    RowOfNow::of(table, &columns.collect::<Vec<_>>()).ok_or_else(|| {
        let found = String::from_utf8_lossy(header);
        ObjectError::Columns {
            found: found.chars().take(200).collect(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, TableId};
    use crate::summary::Summary;

    const ROWS: &[u8] = b"id,name\n1,a\n2,\"b\n,\"\n";

    fn table() -> Table {
        let dataset = "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
             partition = { buckets = 1 }\ncolumn = [{ name = 'id', type = 'int' }, \
             { name = 'name', type = 'text' }]";
        Dataset::from_toml(dataset).unwrap().tables[TableId(0)].clone()
    }

    fn object(md5: Md5, rows: u64) -> PartitionObject {
        PartitionObject {
            md5,
            rows,
            bytes: 0,
            summary: Summary::default(),
        }
    }

    /// The records of bytes that arrive in pieces, or what is wrong with them.
    fn read(bytes: &[u8], object: &PartitionObject, piece: usize) -> Result<Vec<String>, String> {
        let mut records = Vec::new();
        let mut read = || -> Result<(), ObjectError> {
            let mut reader = ObjectReader::new(&table(), object)?;
            for piece in bytes.chunks(piece) {
                reader.give(Bytes::copy_from_slice(piece));
                while reader.step(|record| {
                    records.push(String::from_utf8_lossy(record).into_owned());
                })? {}
            }
            reader.finish().map(|_| ())
        };
        read().map_err(|problem| problem.to_string())?;
        Ok(records)
    }

    #[test]
    fn records_come_out_whole_whatever_the_pieces() {
        let compressed = zstd::bulk::compress(ROWS, 3).unwrap();
        for piece in [1, 5, 1_000] {
            let records = read(&compressed, &object(Md5::of(ROWS), 2), piece);
            assert_eq!(records, Ok(vec!["1,a".into(), "2,\"b\n,\"".into()]));
        }
    }

    #[test]
    fn an_object_of_an_earlier_dataset_is_read_as_one_of_now() {
        let earlier = b"id\n1\n2\n";
        let compressed = zstd::bulk::compress(earlier, 3).unwrap();
        for piece in [1, 1_000] {
            let records = read(&compressed, &object(Md5::of(earlier), 2), piece);
            assert_eq!(records, Ok(vec!["1,".into(), "2,".into()]));
        }
        let other = zstd::bulk::compress(b"id,gone\n1,a\n", 3).unwrap();
        assert!(read(&other, &object(Md5::of(b"id,gone\n1,a\n"), 1), 100).is_err());
    }

    #[test]
    fn rows_that_compress_well_pass_through_a_small_buffer() {
        let mut rows = b"id,name\n".to_vec();
        (0..100_000).for_each(|id| rows.extend(format!("{id},x\n").as_bytes()));
        let compressed = zstd::bulk::compress(&rows, 19).unwrap();
        let records = read(&compressed, &object(Md5::of(&rows), 100_000), usize::MAX).unwrap();
        assert_eq!(records.len(), 100_000);
        assert_eq!(records[99_999], "99999,x");
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let good = object(Md5::of(ROWS), 2);
        let compressed = zstd::bulk::compress(ROWS, 3).unwrap();
        let mut flipped = compressed.clone();
        flipped[12] ^= 1;
        let problem = |bytes: &[u8], object: &PartitionObject| read(bytes, object, 7).unwrap_err();
        insta::assert_snapshot!(problem(&flipped, &good), @"has the columns \"id,oame\", and the dataset has others");
        insta::assert_snapshot!(problem(&compressed[..compressed.len() - 1], &good), @"has changed: the MD5 of its rows is 1f3de80110e40282fca89aff0fa78506");
        insta::assert_snapshot!(problem(b"", &good), @"has changed: the MD5 of its rows is d41d8cd98f00b204e9800998ecf8427e");
        insta::assert_snapshot!(problem(b"plain text", &good), @"cannot be decompressed: Unknown frame descriptor");
        insta::assert_snapshot!(problem(&compressed, &object(Md5::of(ROWS), 1)), @"does not have the 1 rows that its commit says");
        insta::assert_snapshot!(problem(&compressed, &object(Md5::of(ROWS), 3)), @"does not have the 3 rows that its commit says");
        let other = zstd::bulk::compress(b"id,nome\n", 3).unwrap();
        insta::assert_snapshot!(problem(&other, &good), @"has the columns \"id,nome\", and the dataset has others");
    }
}
