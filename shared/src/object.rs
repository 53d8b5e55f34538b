//! One object of a partition: written, read and verified, each in bounded memory.

mod read;
mod verify;
mod write;

use std::io;

use bytes::{Buf as _, Bytes};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use crate::canonical_csv::{Digest, Malformed, RecordSplitter};
use crate::ids::Md5;

pub use read::ObjectReader;
pub use verify::{Contents, ObjectFault, contents, fault};
pub use write::compress;

/// The largest window of an object's compression that is accepted: 16 MiB.
const WINDOW_LOG_MAX: u32 = 24;

/// How much is decompressed at a time.
const STEP_BYTES: usize = 64 * 1024;

/// What is wrong with an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
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

impl ObjectError {
    /// Whether reading it again may succeed without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Arrived(_))
    }
}

/// An object's compressed bytes on their way to records.
struct RecordDecoder {
    decoder: Decoder<'static>,
    /// What was given and is not decompressed yet.
    given: Bytes,
    /// What was decompressed last.
    step: Box<[u8]>,
    digest: Digest,
    splitter: RecordSplitter,
}

impl RecordDecoder {
    fn new() -> Result<Self, ObjectError> {
        let mut decoder = Decoder::new().map_err(ObjectError::Compression)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .map_err(ObjectError::Compression)?;
        Ok(Self {
            decoder,
            given: Bytes::new(),
            step: vec![0; STEP_BYTES].into_boxed_slice(),
            digest: Digest::default(),
            splitter: RecordSplitter::default(),
        })
    }

    /// Takes the next compressed bytes, for [`step`](Self::step)s to read.
    fn give(&mut self, compressed: Bytes) {
        self.given = compressed;
    }

    /// Decompresses some of what was given, however well it was compressed, and gives each record
    /// that ends there to `each`, without its line feed, with its number; the header's is 0. Says
    /// whether there is more.
    fn step(
        &mut self,
        each: impl FnMut(u64, &[u8]) -> Result<(), ObjectError>,
    ) -> Result<bool, ObjectError> {
        let mut input = InBuffer::around(&self.given[..]);
        let mut output = OutBuffer::around(&mut self.step[..]);
        self.decoder
            .run(&mut input, &mut output)
            .map_err(ObjectError::Compression)?;
        let read = input.pos();
        let decompressed = output.as_slice();
        self.digest.update(decompressed);
        self.splitter.push(decompressed, each)?;
        let drained = decompressed.len() < STEP_BYTES;
        self.given.advance(read);
        Ok(!drained || !self.given.is_empty())
    }

    /// Says that the bytes have ended: their MD5, and the number of records, or why it is none.
    fn finish(self) -> (Md5, Result<u64, Malformed>) {
        (self.digest.finish(), self.splitter.finish())
    }
}
