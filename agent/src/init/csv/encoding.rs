//! The encoding of a CSV file: told by all its bytes, and turned into UTF-8.

use std::io::{self, Read};

/// How a file's bytes stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
    Windows1258,
}

impl Encoding {
    /// As `agent.toml` writes it.
    pub(in crate::init) fn setting(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
            Self::Windows1258 => "windows-1258",
        }
    }
}

/// What a file's bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Detected {
    pub(in crate::init) encoding: Encoding,
    /// Why, where the encoding has to be declared: it is not certain.
    pub(in crate::init) why: Option<String>,
    /// Every byte is ASCII, so that other encodings would do as well.
    pub(in crate::init) is_ascii: bool,
}

/// Bytes that are marks above or below the letter before them in Windows-1258.
const MARKS_1258: [u8; 5] = [0xcc, 0xd2, 0xde, 0xec, 0xf2];

/// Letters that carry such marks, in Windows-1258.
const VOWELS_1258: &[u8] = b"aeiouyAEIOUY\xc2\xca\xd4\xc3\xd5\xdd\xe2\xea\xf4\xe3\xf5\xfd";

/// What the bytes of a file are, one after another.
#[derive(Default)]
struct Tally {
    first: Vec<u8>,
    bytes: u64,
    zeros_even: u64,
    zeros_odd: u64,
    high: u64,
    marks_after_vowels: u64,
    before: u8,
    /// The beginning of a character that the last chunk ended in.
    partial: Vec<u8>,
    not_utf8: bool,
}

impl Tally {
    fn look(&mut self, chunk: &[u8]) {
        for byte in chunk {
            if self.first.len() < 3 {
                self.first.push(*byte);
            }
            if *byte == 0 {
                match self.bytes % 2 {
                    0 => self.zeros_even += 1,
                    _ => self.zeros_odd += 1,
                }
            }
            if *byte >= 0x80 {
                self.high += 1;
                let after_vowel = VOWELS_1258.contains(&self.before);
                self.marks_after_vowels += u64::from(MARKS_1258.contains(byte) && after_vowel);
            }
            self.bytes += 1;
            self.before = *byte;
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

    fn detected(&self) -> Detected {
        let certain = |encoding| Detected {
            encoding,
            why: None,
            is_ascii: false,
        };
        let declared = |encoding, why: &str| Detected {
            why: Some(why.to_owned()),
            ..certain(encoding)
        };
        if self.first.starts_with(b"\xff\xfe") {
            return certain(Encoding::Utf16Le);
        }
        if self.first.starts_with(b"\xfe\xff") {
            return certain(Encoding::Utf16Be);
        }
        // ASCII text in UTF-16 has a zero in every pair, on one side.
        if self.zeros_odd * 8 > self.bytes && self.zeros_even * 8 < self.zeros_odd {
            return declared(
                Encoding::Utf16Le,
                "every second byte is zero and there is no byte order mark: UTF-16, low byte first",
            );
        }
        if self.zeros_even * 8 > self.bytes && self.zeros_odd * 8 < self.zeros_even {
            return declared(
                Encoding::Utf16Be,
                "every second byte is zero and there is no byte order mark: UTF-16, high byte first",
            );
        }
        if !self.not_utf8 && self.partial.is_empty() {
            return Detected {
                is_ascii: self.high == 0,
                ..certain(Encoding::Utf8)
            };
        }
        if self.marks_after_vowels * 5 >= self.high {
            declared(
                Encoding::Windows1258,
                "PLEASE CHECK: it is not UTF-8, and its bytes make Vietnamese words as Windows-1258",
            )
        } else {
            declared(
                Encoding::Windows1252,
                "PLEASE CHECK: it is not UTF-8, and its bytes are no Vietnamese in Windows-1258; \
                 Windows-1252 is the usual one then",
            )
        }
    }
}

/// Looks at all bytes of a file.
pub(super) fn detect(mut file: impl Read) -> io::Result<Detected> {
    let mut tally = Tally::default();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(tally.detected()),
            read => tally.look(&chunk[..read]),
        }
    }
}

/// A file's text in UTF-8, without byte order mark.
pub(super) fn decoded(file: impl Read + 'static, encoding: Encoding) -> Box<dyn Read> {
    match encoding {
        Encoding::Utf8 => Box::new(WithoutMark {
            inner: file,
            head: None,
        }),
        _ => Box::new(Decoder {
            inner: file,
            encoding,
            partial: Vec::new(),
            pending: Vec::new(),
            given: 0,
            at_start: true,
        }),
    }
}

/// Leaves a UTF-8 byte order mark out.
struct WithoutMark<R> {
    inner: R,
    /// The first bytes that are no mark and not given yet; `None` before the first read.
    head: Option<Vec<u8>>,
}

impl<R: Read> Read for WithoutMark<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head.is_none() {
            let mut head = Vec::new();
            self.inner.by_ref().take(3).read_to_end(&mut head)?;
            if head == b"\xef\xbb\xbf" {
                head.clear();
            }
            self.head = Some(head);
        }
        match &mut self.head {
            Some(head) if !head.is_empty() => {
                let given = head.len().min(into.len());
                into[..given].copy_from_slice(&head[..given]);
                head.drain(..given);
                Ok(given)
            }
            _ => self.inner.read(into),
        }
    }
}

/// Turns another encoding into UTF-8.
struct Decoder<R> {
    inner: R,
    encoding: Encoding,
    /// Bytes that are half a character.
    partial: Vec<u8>,
    pending: Vec<u8>,
    given: usize,
    at_start: bool,
}

impl<R: Read> Decoder<R> {
    fn refill(&mut self) -> io::Result<()> {
        let mut chunk = vec![0; 16 * 1024];
        let read = self.inner.read(&mut chunk)?;
        let is_end = read == 0;
        self.partial.extend_from_slice(&chunk[..read]);
        let mut text = String::with_capacity(self.partial.len() * 2);
        match self.encoding {
            Encoding::Windows1252 => text.extend(self.partial.drain(..).map(windows_1252)),
            Encoding::Windows1258 => text.extend(self.partial.drain(..).map(windows_1258)),
            _ => self.utf16(&mut text, is_end),
        }
        if self.at_start && !text.is_empty() {
            self.at_start = false;
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
        }
        self.pending = text.into_bytes();
        self.given = 0;
        if is_end || !self.pending.is_empty() {
            return Ok(());
        }
        self.refill()
    }

    /// Decodes whole characters; half a one waits for the next chunk, and is replaced at the end.
    fn utf16(&mut self, text: &mut String, is_end: bool) {
        let mut units: Vec<u16> = self
            .partial
            .chunks_exact(2)
            .map(|pair| match self.encoding {
                Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
                _ => u16::from_le_bytes([pair[0], pair[1]]),
            })
            .collect();
        let waits = !is_end
            && units
                .last()
                .is_some_and(|unit| (0xd800..0xdc00).contains(unit));
        if waits {
            units.pop();
        }
        let decoded = char::decode_utf16(units.iter().copied());
        text.extend(decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        self.partial.drain(..units.len() * 2);
        if is_end && !self.partial.is_empty() {
            self.partial.clear();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.pending.len() {
            self.refill()?;
        }
        let left = &self.pending[self.given..];
        let given = left.len().min(into.len());
        into[..given].copy_from_slice(&left[..given]);
        self.given += given;
        Ok(given)
    }
}

/// Bytes 0x80 to 0x9f; those without a character keep their number, as the web's standard has it.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn windows_1258(byte: u8) -> char {
    match byte {
        0x8a | 0x8e | 0x9a | 0x9e => char::from(byte),
        0xc3 => 'Ă',
        0xcc => '\u{300}',
        0xd0 => 'Đ',
        0xd2 => '\u{309}',
        0xd5 => 'Ơ',
        0xdd => 'Ư',
        0xde => '\u{303}',
        0xe3 => 'ă',
        0xec => '\u{301}',
        0xf0 => 'đ',
        0xf2 => '\u{323}',
        0xf5 => 'ơ',
        0xfd => 'ư',
        0xfe => '₫',
        _ => windows_1252(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (Encoding, bool) {
        let detected = detect(bytes).unwrap();
        (detected.encoding, detected.why.is_none())
    }

    fn text(bytes: &'static [u8], encoding: Encoding) -> String {
        let mut text = String::new();
        decoded(bytes, encoding).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn encodings_are_told_by_their_bytes() {
        assert_eq!(of("id,tên\n1,Nguyễn".as_bytes()), (Encoding::Utf8, true));
        assert_eq!(of(b"\xff\xfei\0d\0"), (Encoding::Utf16Le, true));
        assert_eq!(of(b"i\0d\0,\0n\0"), (Encoding::Utf16Le, false));
        assert_eq!(of(b"\0i\0d\0,\0n"), (Encoding::Utf16Be, false));
        assert_eq!(
            of(b"Nguy\xea\xden V\xe3n \xd0\xf4ng, Tr\xe2\xecn"),
            (Encoding::Windows1258, false)
        );
        assert_eq!(
            of(b"Caf\xe9 M\xfcller, Fran\xe7ois"),
            (Encoding::Windows1252, false)
        );
    }

    #[test]
    fn texts_are_decoded() {
        assert_eq!(text(b"\xef\xbb\xbfid", Encoding::Utf8), "id");
        assert_eq!(text(b"i", Encoding::Utf8), "i");
        assert_eq!(text(b"\xff\xfei\0\x3d\xd8\0\xde", Encoding::Utf16Le), "i😀");
        assert_eq!(text(b"\0i\0d", Encoding::Utf16Be), "id");
        assert_eq!(
            text(b"\xd0\xf4ng Tr\xe2\xecn", Encoding::Windows1258),
            "Đông Trâ\u{301}n"
        );
        assert_eq!(text(b"Caf\xe9 \x80", Encoding::Windows1252), "Café €");
    }
}
