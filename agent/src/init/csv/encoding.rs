//! The encoding of a CSV file: told by all its bytes.

use std::io::{self, Read};

use crate::source::Encoding;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (Encoding, bool) {
        let detected = detect(bytes).unwrap();
        (detected.encoding, detected.why.is_none())
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
}
