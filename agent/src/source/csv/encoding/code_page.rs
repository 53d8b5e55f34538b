//! Code pages of one byte a character.

use super::UNDECODABLE;

/// The characters of a code page's upper half, as UTF-8. Its lower half is ASCII.
pub(super) struct CodePage {
    upper: Vec<Vec<u8>>,
}

impl CodePage {
    pub(super) fn new(page: &'static encoding_rs::Encoding) -> Self {
        let character = |byte: u8| {
            let bytes = [byte];
            let (character, _) = page.decode_without_bom_handling(&bytes);
            // Browsers read a byte that the page leaves empty as a control character.
            let is_empty = character.contains(|c: char| c.is_control() || c == '\u{fffd}');
            if is_empty {
                vec![UNDECODABLE]
            } else {
                character.into_owned().into_bytes()
            }
        };
        Self {
            upper: (0x80..=0xff).map(character).collect(),
        }
    }

    pub(super) fn decode(&self, bytes: &[u8], text: &mut Vec<u8>) {
        for byte in bytes {
            match byte.checked_sub(0x80) {
                None => text.push(*byte),
                Some(upper) => text.extend_from_slice(&self.upper[usize::from(upper)]),
            }
        }
    }
}
