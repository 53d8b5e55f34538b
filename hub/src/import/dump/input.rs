//! A file's bytes, with a look ahead.

use std::io::{self, Read};

const BYTES: usize = 64 * 1024;

pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// The line of the next byte, from 1.
    pub(super) line: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BYTES],
            at: 0,
            end: 0,
            line: 1,
        }
    }

    /// The bytes that come next, at least so many of them unless the file ends before.
    pub(super) fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.end - self.at < bytes {
            if self.at > 0 {
                self.buffer.copy_within(self.at..self.end, 0);
                self.end -= self.at;
                self.at = 0;
            }
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// The next byte, which is passed over.
    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = match self.buffer.get(self.at) {
            Some(byte) if self.at < self.end => Some(*byte),
            _ => self.peek(1)?.first().copied(),
        };
        if let Some(byte) = byte {
            self.at += 1;
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// Whether these bytes come next.
    pub(super) fn is_before(&mut self, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.peek(bytes.len())?.starts_with(bytes))
    }
}
