//! From a CSV file's bytes to UTF-8, piece by piece.
//!
//! A byte order mark is certain, whatever is declared. Without one, `auto` is valid UTF-8 and
//! nothing else: the first byte that is not ends the reading, with the setting that would take the
//! file. Of a declared encoding each character is taken as the encoding says, without
//! normalisation: Windows-1258 writes tone marks as characters of their own, and so they stay.

mod code_page;
mod ends;
mod guess;
mod looks;
mod signs;

use std::io::{self, Read};

use encoding_rs::DecoderResult;

use crate::source::Encoding;
use code_page::CodePage;
use ends::{begun_utf8, begun_utf16, whole};
pub(crate) use guess::guess;
pub(super) use looks::show;
pub(crate) use looks::two_lines;
use looks::{Line, Remedy};
use signs::SignsOfUtf8;
pub(crate) use signs::is_damaged_utf8;

/// Stands in the decoded text for bytes that are no character in their encoding. No UTF-8 text
/// has it, so the field that it is in is refused, and its row with it.
pub(super) const UNDECODABLE: u8 = 0xff;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// How much of a line is kept to be shown.
const MAX_KEPT_BYTES: usize = 512;

/// Why a file's bytes are not decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nothing is declared, and the bytes are not UTF-8.
    #[error("line {line} is not UTF-8; {looks}; {remedy}")]
    NotUtf8 {
        /// The line with the first byte that is not, from 1.
        line: u64,
        /// What the file looks like.
        looks: String,
        remedy: Remedy,
    },
    /// The bytes look like UTF-16, which is neither marked nor declared.
    #[error(
        "it looks like {name} without a byte order mark, in which its first lines are {lines}; {remedy}"
    )]
    LooksLikeUtf16 {
        name: &'static str,
        lines: String,
        remedy: Remedy,
    },
    /// UTF-16 is declared, and the bytes are not.
    #[error(
        "it is not {name}, which is declared: it has no byte 0; correct `encoding` of this source"
    )]
    NotUtf16 { name: &'static str },
    /// A code page is declared, and the bytes are UTF-8 from the first to the last.
    #[error(
        "all of it is UTF-8, and not {name}, which is declared; write `encoding = \"utf-8\"` for this source"
    )]
    IsUtf8 { name: &'static str },
    /// A code page is declared, and too much of the file is UTF-8 for that.
    #[error(
        "it looks like damaged UTF-8 and not {name}, which is declared: {characters} of its characters are written as in UTF-8, against {others}; write `encoding = \"utf-8\"` for this source, which puts damaged rows into quarantine, or, if it is {name} all the same, save it as UTF-8"
    )]
    LooksLikeUtf8 {
        name: &'static str,
        /// Characters of more than one byte in UTF-8.
        characters: u64,
        /// Places with bytes over 127 that are no such character.
        others: u64,
    },
    /// A mark that no supported encoding has.
    #[error("it is in UTF-32, which is not read; save it as UTF-8")]
    Utf32,
    /// The file ends before its last character does.
    #[error("it ends in the middle of a character; it is still being written, or was cut")]
    CutOff,
}

impl DecodeError {
    /// The same, where nobody can write a setting.
    pub(super) fn without_settings(mut self) -> Self {
        if let Self::NotUtf8 { remedy, .. } | Self::LooksLikeUtf16 { remedy, .. } = &mut self {
            *remedy = match remedy {
                Remedy::MendOrDeclare | Remedy::Mend => Remedy::Mend,
                Remedy::Declare(_) | Remedy::Save => Remedy::Save,
            };
        }
        self
    }
}

/// Turns a file's bytes into UTF-8.
pub(crate) struct Decoder<R> {
    source: R,
    form: Form,
    /// Bytes that are read and not decoded.
    input: Vec<u8>,
    /// Whether `source` has ended.
    at_end: bool,
    /// Whether all is decoded.
    done: bool,
}

/// How bytes become text.
enum Form {
    /// UTF-8, by mark or declaration; what is not valid is left to the fields.
    Utf8,
    /// UTF-8 if all of it is.
    Utf8OrNothing(Checked),
    Utf16 {
        decoder: Box<encoding_rs::Decoder>,
        /// Two bytes as a code unit.
        unit: fn([u8; 2]) -> u16,
    },
    CodePage {
        page: CodePage,
        name: &'static str,
        /// What speaks for the file being UTF-8 after all.
        utf8: SignsOfUtf8,
    },
}

/// What has been read of a file that is checked.
#[derive(Default)]
struct Checked {
    /// Line ends so far.
    line_ends: u64,
    /// Whether the last byte was a CR, whose LF would be of the same line end.
    after_cr: bool,
    /// The beginning of the line that the last piece ended in.
    line: Vec<u8>,
    /// Whether there were characters of more than one byte.
    has_long: bool,
}

impl<R: Read> Decoder<R> {
    /// Reads the beginning of a file and decides how it is decoded.
    pub(crate) fn new(source: R, declared: Encoding) -> Result<Self, DecodeError> {
        let mut decoder = Self {
            source,
            form: Form::Utf8,
            input: Vec::with_capacity(CHUNK_BYTES),
            at_end: false,
            done: false,
        };
        while decoder.input.len() < CHUNK_BYTES && !decoder.at_end {
            decoder.read_more()?;
        }
        let head = &decoder.input;
        let (marked, mark_bytes) = by_mark(head)?;
        let encoding = marked.unwrap_or(declared);
        if marked.is_none() {
            contradiction(head, declared)?;
        }
        decoder.form = match encoding {
            Encoding::Auto => Form::Utf8OrNothing(Checked::default()),
            Encoding::Utf8 => Form::Utf8,
            Encoding::Utf16Le => utf16(encoding_rs::UTF_16LE, u16::from_le_bytes),
            Encoding::Utf16Be => utf16(encoding_rs::UTF_16BE, u16::from_be_bytes),
            Encoding::CodePage(page) => Form::CodePage {
                page: CodePage::new(page),
                name: page.name(),
                utf8: SignsOfUtf8::default(),
            },
        };
        decoder.input.drain(..mark_bytes);
        Ok(decoder)
    }

    /// Appends the next piece of text, of bounded size. Returns whether there may be more.
    pub(crate) fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool, DecodeError> {
        if self.done {
            return Ok(false);
        }
        if !self.at_end {
            self.read_more()?;
        }
        let taken = self.form.decode(&self.input, self.at_end, text)?;
        self.input.drain(..taken);
        self.done = self.at_end;
        Ok(true)
    }

    fn read_more(&mut self) -> io::Result<()> {
        let held = self.input.len();
        if held >= CHUNK_BYTES {
            return Ok(());
        }
        self.input.resize(CHUNK_BYTES, 0);
        let read = loop {
            match self.source.read(&mut self.input[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let bytes = *read.as_ref().unwrap_or(&0);
        self.input.truncate(held + bytes);
        self.at_end = read? == 0;
        Ok(())
    }

    /// Memory that is held, in bytes.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.input.capacity()
    }
}

fn utf16(encoding: &'static encoding_rs::Encoding, unit: fn([u8; 2]) -> u16) -> Form {
    Form::Utf16 {
        decoder: Box::new(encoding.new_decoder_without_bom_handling()),
        unit,
    }
}

/// The encoding that a byte order mark names, and the mark's length.
fn by_mark(head: &[u8]) -> Result<(Option<Encoding>, usize), DecodeError> {
    match head {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(DecodeError::Utf32),
        [0xff, 0xfe, ..] => Ok((Some(Encoding::Utf16Le), 2)),
        [0xfe, 0xff, ..] => Ok((Some(Encoding::Utf16Be), 2)),
        [0xef, 0xbb, 0xbf, ..] => Ok((Some(Encoding::Utf8), 3)),
        _ => Ok((None, 0)),
    }
}

/// Says if the beginning of a file without a mark is not what is declared.
fn contradiction(head: &[u8], declared: Encoding) -> Result<(), DecodeError> {
    let is_utf16_declared = matches!(declared, Encoding::Utf16Le | Encoding::Utf16Be);
    match looks::utf16(head) {
        Some(looks) if looks != declared => Err(DecodeError::LooksLikeUtf16 {
            name: looks.name(),
            lines: looks::two_lines(head, looks.table()),
            remedy: Remedy::Declare(looks.name()),
        }),
        None if is_utf16_declared && !head.is_empty() && !head.contains(&0) => {
            Err(DecodeError::NotUtf16 {
                name: declared.name(),
            })
        }
        _ => Ok(()),
    }
}

impl Form {
    /// Decodes bytes. Returns how many were taken; the rest belongs to the next ones.
    fn decode(
        &mut self,
        bytes: &[u8],
        last: bool,
        text: &mut Vec<u8>,
    ) -> Result<usize, DecodeError> {
        match self {
            Self::Utf8 => {
                let taken = whole(bytes, begun_utf8(bytes), last)?;
                text.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            Self::Utf8OrNothing(checked) => {
                let valid = checked.check(bytes, last)?;
                text.extend_from_slice(&bytes[..valid]);
                Ok(valid)
            }
            Self::Utf16 { decoder, unit } => {
                let taken = whole(bytes, begun_utf16(bytes, *unit), last)?;
                decode_utf16(decoder, &bytes[..taken], last, text);
                Ok(taken)
            }
            Self::CodePage { page, name, utf8 } => {
                let taken = utf8.note(bytes, last);
                if last {
                    utf8.judge(name)?;
                }
                page.decode(&bytes[..taken], text);
                Ok(taken)
            }
        }
    }
}

fn decode_utf16(
    decoder: &mut encoding_rs::Decoder,
    mut bytes: &[u8],
    last: bool,
    text: &mut Vec<u8>,
) {
    loop {
        let start = text.len();
        let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        // A chunk's length times three is far from overflowing.
        text.resize(start + most.unwrap_or(3 * CHUNK_BYTES), 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(bytes, &mut text[start..], last);
        text.truncate(start + written);
        bytes = &bytes[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(UNDECODABLE),
        }
    }
}

impl Checked {
    /// How many of the bytes are whole UTF-8 characters; the few others wait for the next bytes.
    fn check(&mut self, bytes: &[u8], last: bool) -> Result<usize, DecodeError> {
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() && !last => error.valid_up_to(),
            Err(error) if error.error_len().is_none() => return Err(DecodeError::CutOff),
            Err(error) => return Err(self.refuse(bytes, error.valid_up_to())),
        };
        self.note(&bytes[..valid]);
        Ok(valid)
    }

    /// Takes note of valid bytes.
    fn note(&mut self, bytes: &[u8]) {
        self.has_long |= !bytes.is_ascii();
        self.line_ends += count_line_ends(bytes, &mut self.after_cr);
        let line_start = looks::line_start(bytes);
        if line_start > 0 {
            self.line.clear();
        }
        let room = MAX_KEPT_BYTES.saturating_sub(self.line.len());
        let rest = &bytes[line_start..];
        self.line.extend_from_slice(&rest[..rest.len().min(room)]);
    }

    fn refuse(&mut self, bytes: &[u8], valid: usize) -> DecodeError {
        self.note(&bytes[..valid]);
        // From the beginning of the line with the first bad byte.
        let sample = [&self.line, &bytes[valid..]].concat();
        let line = Line {
            sample: &sample,
            has_utf8: self.has_long,
        };
        let (looks, remedy) = line.hint();
        DecodeError::NotUtf8 {
            line: self.line_ends + 1,
            looks,
            remedy,
        }
    }
}

/// How many lines end in some bytes: by CR, LF or both.
pub(super) fn count_line_ends(bytes: &[u8], after_cr: &mut bool) -> u64 {
    let mut ends = 0;
    for byte in bytes {
        ends += u64::from(*byte == b'\r' || *byte == b'\n' && !*after_cr);
        *after_cr = *byte == b'\r';
    }
    ends
}

#[cfg(test)]
pub(super) use tests::Pieces;

#[cfg(test)]
mod tests;
