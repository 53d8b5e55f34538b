//! The encoding of a CSV file: told by all its bytes, or asked about.

use std::io::{self, Read};

use encoding_rs::{UTF_8, WINDOWS_1250, WINDOWS_1252};

use crate::source::Encoding;
use crate::source::csv::{guess, is_damaged_utf8, two_lines};

/// Most bytes of lines that a code page is guessed by.
const MAX_SAMPLE_BYTES: usize = 256 * 1024;

/// What a file's bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct DetectedEncoding {
    pub(in crate::init) encoding: Encoding,
    /// Why, where the encoding has to be declared: it is not certain.
    pub(in crate::init) why: Option<String>,
    /// Every byte is ASCII, so that other encodings would do as well.
    pub(in crate::init) is_ascii: bool,
}

impl DetectedEncoding {
    fn certain(encoding: Encoding) -> Self {
        Self {
            encoding,
            why: None,
            is_ascii: false,
        }
    }
}

/// What the bytes of a file are, one after another.
#[derive(Default)]
struct Tally {
    bytes: u64,
    zeros_even: u64,
    zeros_odd: u64,
    is_beyond_ascii: bool,
    /// The beginning of the file.
    head: Vec<u8>,
    /// Lines, or parts of them, that are not all ASCII.
    lines: Vec<u8>,
    /// The beginning of a character that the last chunk ended in.
    partial: Vec<u8>,
    not_utf8: bool,
}

impl Tally {
    fn look(&mut self, chunk: &[u8]) {
        if self.head.is_empty() {
            self.head.extend_from_slice(chunk);
        }
        for byte in chunk {
            if *byte == 0 {
                match self.bytes % 2 {
                    0 => self.zeros_even += 1,
                    _ => self.zeros_odd += 1,
                }
            }
            self.bytes += 1;
        }
        self.is_beyond_ascii |= !chunk.is_ascii();
        for line in chunk.split(|byte| matches!(byte, b'\r' | b'\n')) {
            if !line.is_ascii() && self.lines.len() < MAX_SAMPLE_BYTES {
                self.lines.extend_from_slice(line);
                self.lines.push(b'\n');
            }
        }
        if !self.not_utf8 {
            self.partial.extend_from_slice(chunk);
            match std::str::from_utf8(&self.partial) {
                Ok(_) => self.partial.clear(),
                Err(error) if error.error_len().is_none() => {
                    self.partial.drain(..error.valid_up_to());
                }
                Err(_) => self.not_utf8 = true,
            }
        }
    }

    /// The encoding, or why the file is not read.
    fn detected(&self) -> Result<DetectedEncoding, String> {
        if self.head.starts_with(b"\xff\xfe") {
            return Ok(DetectedEncoding::certain(Encoding::Utf16Le));
        }
        if self.head.starts_with(b"\xfe\xff") {
            return Ok(DetectedEncoding::certain(Encoding::Utf16Be));
        }
        // ASCII text in UTF-16 has a zero in every pair, on one side.
        if self.zeros_odd * 8 > self.bytes && self.zeros_even * 8 < self.zeros_odd {
            return Ok(self.unmarked_utf16(Encoding::Utf16Le));
        }
        if self.zeros_even * 8 > self.bytes && self.zeros_odd * 8 < self.zeros_even {
            return Ok(self.unmarked_utf16(Encoding::Utf16Be));
        }
        if !self.not_utf8 && self.partial.is_empty() {
            return Ok(DetectedEncoding {
                is_ascii: !self.is_beyond_ascii,
                ..DetectedEncoding::certain(Encoding::Utf8)
            });
        }
        self.code_page()
    }

    fn unmarked_utf16(&self, encoding: Encoding) -> DetectedEncoding {
        DetectedEncoding {
            why: Some(format!(
                "PLEASE CHECK: every second byte is zero and there is no byte order mark; as {} its \
                 first lines read {}",
                encoding.name(),
                two_lines(&self.head, encoding.table())
            )),
            ..DetectedEncoding::certain(encoding)
        }
    }

    fn damaged_utf8(&self) -> DetectedEncoding {
        let lines = self.lines.split(|byte| *byte == b'\n');
        let damaged = lines.filter(|line| std::str::from_utf8(line).is_err());
        let damaged: Vec<&[u8]> = damaged.take(2).collect();
        let lines = two_lines(&damaged.join(&b'\n'), UTF_8);
        DetectedEncoding {
            why: Some(format!(
                "PLEASE DECIDE: it is UTF-8 but for some bytes, and such lines read {lines}; their rows \
                 go to quarantine until they are mended in the file"
            )),
            ..DetectedEncoding::certain(Encoding::Utf8)
        }
    }

    fn code_page(&self) -> Result<DetectedEncoding, String> {
        let guess = guess(&self.lines);
        let (page, name) = (guess.page, guess.page.name());
        let lines = two_lines(&self.lines, page);
        if !guess.is_read() {
            return Err(format!(
                "PLEASE DECIDE: it is not UTF-8, but perhaps {name}, which is not read, and as which \
                 two of its lines read {lines}; save it as UTF-8"
            ));
        }
        if is_damaged_utf8(&self.lines) {
            return Ok(self.damaged_utf8());
        }
        if !guess.is_plausible {
            return Err(format!(
                "PLEASE DECIDE: it is not UTF-8, and makes no words in any code page that is known: \
                 as {name} two of its lines read {lines}; save it as UTF-8"
            ));
        }
        let others = match two_lines(&self.lines, WINDOWS_1250) {
            // Western and Central European text differ in few letters.
            central if page == WINDOWS_1252 && central != lines => {
                format!(", as windows-1250 {central}")
            }
            _ => String::new(),
        };
        let question = format!(
            "PLEASE DECIDE: it is not UTF-8; as {name} two of its lines read {lines}{others}; if \
             that is not right, write another code page, such as windows-1252, windows-1250, \
             windows-1251, iso-8859-2 or macintosh"
        );
        Ok(DetectedEncoding {
            why: Some(question),
            ..DetectedEncoding::certain(guess.encoding())
        })
    }
}

/// Looks at all bytes of a file.
pub(super) fn detect(mut file: impl Read) -> io::Result<Result<DetectedEncoding, String>> {
    let mut tally = Tally::default();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(tally.detected()),
            read => tally.look(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (&'static str, bool) {
        let detected = detect(bytes).unwrap().unwrap();
        (detected.encoding.name(), detected.why.is_none())
    }

    #[test]
    fn encodings_are_told_by_their_bytes() {
        assert_eq!(of("id,tên\n1,Nguyễn".as_bytes()), ("utf-8", true));
        assert_eq!(of(b"\xff\xfei\0d\0"), ("utf-16le", true));
        assert_eq!(of(b"i\0d\0,\0n\0"), ("utf-16le", false));
        assert_eq!(of(b"\0i\0d\0,\0n"), ("utf-16be", false));
        assert_eq!(
            of(b"Nguy\xea\xden V\xe3n \xd0\xf4ng, Tr\xe2\xecn"),
            ("windows-1258", false)
        );
        assert_eq!(
            of(b"Caf\xe9 M\xfcller, Fran\xe7ois"),
            ("windows-1252", false)
        );
    }
}
