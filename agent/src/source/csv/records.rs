//! The records of a CSV file, in bounded memory.

use std::io::Read;

use super::encoding::{DecodeError, Decoder};
use super::lexer::{Lexer, OpenQuote, Record};

/// Most bytes that the header may have, and how much is read ahead to find it.
pub(super) const MAX_HEADER_BYTES: usize = 64 * 1024;

pub(crate) struct Records<R> {
    decoder: Decoder<R>,
    lexer: Lexer,
    /// Text that is decoded and not yet cut.
    text: Vec<u8>,
    /// How much of `text` is taken.
    taken: usize,
    has_last_line_end: bool,
}

/// Why there is no next record.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// The bytes are no text.
    Decode(DecodeError),
    /// The file ends within quotes, in the row that begins on this line.
    OpenQuote { line: u64 },
}

impl From<DecodeError> for RecordError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<OpenQuote> for RecordError {
    fn from(OpenQuote { line }: OpenQuote) -> Self {
        Self::OpenQuote { line }
    }
}

impl<R: Read> Records<R> {
    /// Of a file whose delimiter is not known yet.
    pub(crate) fn new(decoder: Decoder<R>) -> Self {
        Self {
            decoder,
            lexer: Lexer::new(b','),
            text: Vec::new(),
            taken: 0,
            has_last_line_end: true,
        }
    }

    /// The beginning of the file, long enough for any header, and whether it is all there is.
    pub(crate) fn head(&mut self) -> Result<(&[u8], bool), DecodeError> {
        while self.text.len() < MAX_HEADER_BYTES {
            if !self.decoder.fill(&mut self.text)? {
                return Ok((&self.text, true));
            }
        }
        Ok((&self.text, false))
    }

    /// Goes on behind a first line of this many bytes, which is no record, with a delimiter.
    pub(crate) fn start(&mut self, delimiter: u8, first_line_bytes: usize) {
        self.lexer = Lexer::new(delimiter);
        if first_line_bytes > 0 {
            self.taken = first_line_bytes;
            self.lexer.skip_line();
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        self.lexer.begin();
        loop {
            let (taken, is_whole) = self.lexer.feed(&self.text[self.taken..]);
            self.taken += taken;
            if is_whole {
                return Ok(Some(self.lexer.record()));
            }
            self.text.clear();
            self.taken = 0;
            if !self.decoder.fill(&mut self.text)? {
                let is_whole = self.lexer.finish()?;
                self.has_last_line_end &= !is_whole;
                return Ok(is_whole.then(|| self.lexer.record()));
            }
        }
    }

    /// Whether the last line ended, once all is read.
    pub(super) fn has_last_line_end(&self) -> bool {
        self.has_last_line_end
    }

    /// Memory that is held, in bytes.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.decoder.held_bytes() + self.lexer.held_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::source::Encoding;

    /// A file of one row again and again, which is nowhere.
    struct Endless<'r> {
        row: &'r [u8],
        at: usize,
        left: u64,
    }

    impl Read for Endless<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.at == self.row.len() {
                self.at = 0;
            }
            let row = &self.row[self.at..];
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let bytes = row.len().min(into.len()).min(most);
            into[..bytes].copy_from_slice(&row[..bytes]);
            self.at += bytes;
            self.left -= bytes as u64;
            Ok(bytes)
        }
    }

    /// How many records a file has, and the most memory that reading it took.
    fn read(row: &[u8], rows: u64, declared: Encoding) -> (u64, usize) {
        let left = rows * row.len() as u64;
        let file = Endless { row, at: 0, left };
        let mut records = Records::new(Decoder::new(file, declared).unwrap());
        let (mut rows, mut most_bytes) = (0, 0);
        records.head().unwrap();
        records.start(b';', 0);
        while let Some(record) = records.next().unwrap() {
            assert_eq!((record.len(), record.problem), (3, None));
            rows += 1;
            most_bytes = most_bytes.max(records.held_bytes());
        }
        (rows, most_bytes)
    }

    #[test]
    fn a_large_file_is_read_in_little_memory() {
        let row = "1;\"Nguyễn Văn A\";một dòng ghi chú dài hơn một chút\r\n".repeat(1_000);
        let utf16: Vec<u8> = row.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let windows = b"1;\"Nguy\xea\xden V\xe3n A\";m\xf4\xf2t do\xccng\r\n".repeat(1_000);
        for (bytes, declared, megabytes) in [
            (row.as_bytes(), Encoding::Auto, 200),
            (&utf16, Encoding::Utf16Le, 20),
            (&windows, Encoding::CodePage(encoding_rs::WINDOWS_1258), 20),
        ] {
            let times = megabytes * 1_000_000 / bytes.len() as u64;
            let (rows, most_bytes) = read(bytes, times, declared);
            assert_eq!(rows, times * 1_000);
            assert!(
                most_bytes < 1024 * 1024,
                "{most_bytes} bytes of {declared:?}"
            );
        }
    }
}
