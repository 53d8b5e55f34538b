//! How a database file keeps its texts, and reading those that SQLite would alter.
//!
//! SQLite gives texts as UTF-8. Of a UTF-16 file it makes that itself, and takes half a surrogate
//! pair and the character behind it for one other character, without a word
//! (sqlite.org/src, `READ_UTF16LE` in `utf.c`). So the texts of such a file are asked for as the
//! bytes that they are, and decoded here.

use std::ops::Range;

use causeway_shared::value::Raw;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::raw;
use crate::source::row::reuse;

/// Stands in a decoded text for what is no character; no UTF-8 has it.
const UNDECODABLE: u8 = 0xff;

/// How a file keeps its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextEncoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl TextEncoding {
    /// Asks the file.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let name: String = connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
        Ok(match name.as_str() {
            "UTF-16le" => Self::Utf16Le,
            "UTF-16be" => Self::Utf16Be,
            _ => Self::Utf8,
        })
    }

    fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Utf16Be => u16::from_be_bytes(pair),
            Self::Utf16Le | Self::Utf8 => u16::from_le_bytes(pair),
        }
    }

    /// Appends UTF-16 as UTF-8, and [`UNDECODABLE`] for each thing in it that is no character.
    fn decode(self, bytes: &[u8], text: &mut Vec<u8>) {
        let (pairs, odd) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| self.unit(*pair));
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => {
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Err(_) => text.push(UNDECODABLE),
            }
        }
        if !odd.is_empty() {
            text.push(UNDECODABLE);
        }
    }
}

/// The fields of rows whose texts come as bytes, see [`super::select::rows_with_bytes`]: two
/// result columns for each, the value and whether its bytes are a text's.
pub(super) struct Decoding {
    encoding: TextEncoding,
    /// A row's texts, one after another.
    text: Vec<u8>,
    /// Of each declared column, where its text stands there; `None` where it is no text.
    places: Vec<Option<Range<usize>>>,
}

impl Decoding {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        Self {
            encoding,
            text: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Reads a row's fields, given the position in the row of each one that is there.
    pub(super) fn read<'r>(
        &'r mut self,
        row: &'r Row<'_>,
        positions: &[Option<usize>],
        buffer: Vec<Raw<'static>>,
    ) -> rusqlite::Result<Vec<Raw<'r>>> {
        self.text.clear();
        self.places.clear();
        for position in positions {
            let place = match position {
                Some(at) if row.get(2 * at + 1)? => {
                    let start = self.text.len();
                    if let ValueRef::Blob(bytes) = row.get_ref(2 * at)? {
                        self.encoding.decode(bytes, &mut self.text);
                    }
                    Some(start..self.text.len())
                }
                _ => None,
            };
            self.places.push(place);
        }
        let mut fields = reuse(buffer);
        for (position, place) in positions.iter().zip(&self.places) {
            fields.push(match (position, place) {
                (_, Some(place)) => raw(ValueRef::Text(&self.text[place.clone()])),
                (Some(at), None) => raw(row.get_ref(2 * at)?),
                (None, None) => Raw::Null,
            });
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(units: &[u16], odd: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        bytes.extend_from_slice(odd);
        let mut text = Vec::new();
        TextEncoding::Utf16Be.decode(&bytes, &mut text);
        text
    }

    #[test]
    fn half_a_pair_takes_no_character_with_it() {
        assert_eq!(decoded(&[0xd83d, 0xde00], &[]), "😀".as_bytes());
        assert_eq!(decoded(&[0xd83d, 0x61], &[]), b"\xffa");
        assert_eq!(decoded(&[0xde00, 0x61], &[]), b"\xffa");
        assert_eq!(decoded(&[0x61, 0xd83d], &[]), b"a\xff");
        assert_eq!(decoded(&[0x61], &[0x00]), b"a\xff");
    }
}
