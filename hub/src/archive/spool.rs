//! What is published while it is made: in memory, and past a size in a temporary file.

use std::io::{self, Write};

use causeway_shared::canonical_csv::Digest;
use causeway_shared::ids::Md5;
use causeway_shared::store::Body;
use tempfile::NamedTempFile;

/// What is longer goes to a file.
const MOST_IN_MEMORY: usize = 4 * 1024 * 1024;

/// Bytes that are written one after another.
#[derive(Default)]
pub(super) struct Spool {
    /// What is not in the temporary file.
    buffer: Vec<u8>,
    file: Option<NamedTempFile>,
    digest: Digest,
    bytes: u64,
}

/// What was written, ready to be sent.
pub(super) struct Spooled {
    pub(super) md5: Md5,
    pub(super) bytes: u64,
    pub(super) body: Body,
    /// Ends with this.
    _file: Option<NamedTempFile>,
}

impl Spool {
    fn count(&mut self) {
        self.digest.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
    }

    fn spill(&mut self) -> io::Result<()> {
        self.count();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(NamedTempFile::new()?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Says that there is no more.
    ///
    /// # Errors
    /// What the temporary folder says.
    pub(super) fn finish(mut self) -> io::Result<Spooled> {
        let body = if self.file.is_some() {
            self.spill()?;
            self.file
                .as_ref()
                .map(|file| Body::File(file.path().to_owned()))
        } else {
            self.count();
            None
        };
        Ok(Spooled {
            md5: self.digest.finish(),
            bytes: self.bytes,
            body: body.unwrap_or_else(|| self.buffer.into()),
            _file: self.file,
        })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= MOST_IN_MEMORY {
            self.spill()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
