//! One sorted run on disk: its records' bytes, and a reader that stands on one of them.

use std::io::{self, Read as _, Write};

use super::prefix;
use crate::scan::spill::RunBytes;

/// Before each record: the key's length and the payload's, little-endian.
const HEAD_BYTES: usize = 8;

pub(super) fn write(out: &mut impl Write, key: &[u8], payload: &[u8]) -> io::Result<()> {
    out.write_all(&super::length(key)?.to_le_bytes())?;
    out.write_all(&super::length(payload)?.to_le_bytes())?;
    out.write_all(key)?;
    out.write_all(payload)
}

/// Reads a run, record by record.
#[derive(Debug)]
pub(super) struct Run<'s> {
    file: RunBytes<'s>,
    buffer: Vec<u8>,
    /// The bytes read but not passed, of which the record stood on comes first.
    start: usize,
    end: usize,
    key_bytes: usize,
    payload_bytes: usize,
    /// The prefix of the key stood on.
    pub(super) prefix: u128,
}

impl<'s> Run<'s> {
    /// A reader before the first record.
    pub(super) fn new(file: RunBytes<'s>, buffer_bytes: usize) -> Self {
        Self {
            file,
            buffer: vec![0; buffer_bytes.max(HEAD_BYTES)],
            start: 0,
            end: 0,
            key_bytes: 0,
            payload_bytes: 0,
            prefix: 0,
        }
    }

    /// Goes to the next record; `false` at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.start += self.key_bytes + self.payload_bytes;
        (self.key_bytes, self.payload_bytes) = (0, 0);
        if !self.fill(HEAD_BYTES)? {
            return if self.start == self.end {
                Ok(false)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        let [a, b, c, d, e, f, g, h] = self.buffer[self.start..][..HEAD_BYTES] else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        self.start += HEAD_BYTES;
        let key_bytes = u32::from_le_bytes([a, b, c, d]) as usize;
        let payload_bytes = u32::from_le_bytes([e, f, g, h]) as usize;
        if !self.fill(key_bytes + payload_bytes)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.key_bytes, self.payload_bytes) = (key_bytes, payload_bytes);
        self.prefix = prefix(self.key());
        Ok(true)
    }

    /// Makes sure that this many bytes follow the start; `false` if the run has no more.
    fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        if self.end - self.start >= bytes {
            return Ok(true);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < bytes {
            self.buffer.resize(bytes, 0);
        }
        while self.end < bytes {
            match self.file.read(&mut self.buffer[self.end..])? {
                0 => return Ok(false),
                read => self.end += read,
            }
        }
        Ok(true)
    }

    /// The key of the record stood on.
    pub(super) fn key(&self) -> &[u8] {
        &self.buffer[self.start..][..self.key_bytes]
    }

    /// The payload of the record stood on.
    pub(super) fn payload(&self) -> &[u8] {
        &self.buffer[self.start + self.key_bytes..][..self.payload_bytes]
    }
}
