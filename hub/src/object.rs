//! The object of a partition: fetched, decompressed, cut into records and checked against what
//! its commit says, in bounded memory.

use std::io;

use bytes::{Buf as _, Bytes};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use causeway_shared::canonical_csv::{Digest, Malformed, RecordSplitter, write_header};
use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::store::{Store, StoreError};

use crate::error::SiteError;

/// An object of up to this size is fetched whole as soon as it is its turn to be fetched ahead.
const FETCH_WHOLE_BYTES: u64 = 256 * 1024;

/// The largest window of an object's compression that is accepted: 16 MiB.
const WINDOW_LOG_MAX: u32 = 24;

/// How much is decompressed at a time.
const STEP_BYTES: usize = 64 * 1024;

/// What is wrong with an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ObjectProblem {
    /// It is not in the store.
    #[error("is missing")]
    Missing,
    /// The store noticed that it did not arrive as it was written.
    #[error("arrived damaged: {0}")]
    Arrived(String),
    /// It is not zstd.
    #[error("cannot be decompressed: {0}")]
    Compression(#[source] io::Error),
    /// It is not canonical CSV.
    #[error("is not canonical CSV: {0}")]
    Malformed(#[from] Malformed),
    /// Its columns are not the dataset's.
    #[error("has the columns {found:?}, and the dataset has others")]
    Columns {
        /// Its header, at most 200 characters of it.
        found: String,
    },
    /// It has more or fewer rows than its commit says.
    #[error("does not have the {expected} rows that its commit says")]
    Rows {
        /// How many the commit says.
        expected: u64,
    },
    /// Its bytes are not those that its name says.
    #[error("has changed: the MD5 of its rows is {computed}")]
    Changed {
        /// The MD5 of what is there.
        computed: Md5,
    },
}

/// Which object, for errors.
#[derive(Debug, Clone)]
pub(crate) struct ObjectName {
    pub(crate) site: SiteName,
    pub(crate) table: Name,
    pub(crate) part: Part,
    pub(crate) md5: Md5,
}

impl ObjectName {
    /// The object's key in the store.
    pub(crate) fn key(&self) -> String {
        LogKey::Object(self.table.clone(), self.part, self.md5).of(WhichLog::Agent, &self.site)
    }

    /// The error that this object causes.
    pub(crate) fn error(&self, source: ObjectProblem) -> SiteError {
        SiteError::Object {
            site: self.site.clone(),
            table: self.table.clone(),
            part: self.part,
            key: self.key(),
            source,
        }
    }

    fn store_error(&self, error: StoreError) -> SiteError {
        match error {
            StoreError::NotFound { .. } => self.error(ObjectProblem::Missing),
            StoreError::Damaged { detail, .. } => self.error(ObjectProblem::Arrived(detail)),
            source => SiteError::Store {
                site: self.site.clone(),
                source,
            },
        }
    }
}

/// An object's compressed bytes.
pub(crate) struct Body {
    name: ObjectName,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Body {
    /// Begins fetching an object; a small one arrives whole.
    pub(crate) async fn open(store: Store, name: ObjectName) -> Result<Self, SiteError> {
        let fetched = store.get(&name.key()).await;
        let fetched = fetched.map_err(|error| name.store_error(error))?;
        let chunks = if fetched.meta.bytes <= FETCH_WHOLE_BYTES {
            let whole = fetched.bytes(FETCH_WHOLE_BYTES).await;
            let whole = whole.map_err(|error| name.store_error(error))?;
            stream::iter([Ok(Bytes::from(whole))]).boxed()
        } else {
            fetched.body
        };
        Ok(Self { name, chunks })
    }

    /// Which object it is.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SiteError> {
        let chunk = self.chunks.next().await.transpose();
        chunk.map_err(|error| self.name.store_error(error))
    }
}

/// An object's bytes on their way to records.
pub(crate) struct ObjectReader {
    decoder: Decoder<'static>,
    /// What was given and is not decompressed yet.
    given: Bytes,
    /// What was decompressed last.
    step: Box<[u8]>,
    digest: Digest,
    splitter: RecordSplitter,
    header: Vec<u8>,
    expected: Md5,
    expected_rows: u64,
}

impl ObjectReader {
    /// A reader of an object of a table.
    pub(crate) fn new(table: &Table, object: &PartitionObject) -> Result<Self, ObjectProblem> {
        let mut decoder = Decoder::new().map_err(ObjectProblem::Compression)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .map_err(ObjectProblem::Compression)?;
        let mut header = Vec::new();
        write_header(
            table.columns.iter().map(|column| column.name.as_str()),
            &mut header,
        );
        header.pop();
        Ok(Self {
            decoder,
            given: Bytes::new(),
            step: vec![0; STEP_BYTES].into_boxed_slice(),
            digest: Digest::default(),
            splitter: RecordSplitter::default(),
            header,
            expected: object.md5,
            expected_rows: object.rows,
        })
    }

    /// Takes the next compressed bytes, for [`step`](Self::step)s to read.
    pub(crate) fn give(&mut self, compressed: Bytes) {
        self.given = compressed;
    }

    /// Decompresses some of what was given, however well it was compressed, and gives each record
    /// that ends there to `each`, without its line feed and without the header. Says whether there
    /// is more.
    pub(crate) fn step(&mut self, mut each: impl FnMut(&[u8])) -> Result<bool, ObjectProblem> {
        let Self {
            decoder,
            given,
            step,
            digest,
            splitter,
            header,
            expected_rows,
            ..
        } = self;
        let mut input = InBuffer::around(given);
        let mut output = OutBuffer::around(&mut step[..]);
        decoder
            .run(&mut input, &mut output)
            .map_err(ObjectProblem::Compression)?;
        let read = input.pos();
        let decompressed = output.as_slice();
        digest.update(decompressed);
        splitter.push(decompressed, |record, bytes| {
            if record == 0 {
                return check_header(header, bytes);
            }
            if record > *expected_rows {
                return Err(ObjectProblem::Rows {
                    expected: *expected_rows,
                });
            }
            each(bytes);
            Ok(())
        })?;
        let drained = decompressed.len() < STEP_BYTES;
        given.advance(read);
        Ok(!drained || !given.is_empty())
    }

    /// Says that the bytes have ended, and whether they were the object.
    pub(crate) fn finish(self) -> Result<u64, ObjectProblem> {
        let computed = self.digest.finish();
        if computed != self.expected {
            return Err(ObjectProblem::Changed { computed });
        }
        let records = self.splitter.finish()?;
        if records != self.expected_rows + 1 {
            return Err(ObjectProblem::Rows {
                expected: self.expected_rows,
            });
        }
        Ok(self.expected_rows)
    }
}

fn check_header(expected: &[u8], found: &[u8]) -> Result<(), ObjectProblem> {
    if found == expected {
        return Ok(());
    }
    let found = String::from_utf8_lossy(found);
    Err(ObjectProblem::Columns {
        found: found.chars().take(200).collect(),
    })
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;
    use causeway_shared::summary::Summary;

    use super::*;

    const ROWS: &[u8] = b"id,name\n1,a\n2,\"b\n,\"\n";

    fn table() -> Table {
        let dataset = "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
             partition = { buckets = 1 }\ncolumn = [{ name = 'id', type = 'int' }, \
             { name = 'name', type = 'text' }]";
        Dataset::from_toml(dataset).unwrap().tables[causeway_shared::dataset::TableId(0)].clone()
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
        let mut read = || -> Result<(), ObjectProblem> {
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
