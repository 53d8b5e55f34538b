//! Whether a file of a declared code page is UTF-8 after all: any bytes are text in a code page, so
//! nothing else would tell.

use super::DecodeError;
use super::ends::begun_utf8;

/// What speaks for and against bytes of a code page being UTF-8.
#[derive(Default)]
pub(super) struct SignsOfUtf8 {
    /// Characters of more than one byte in UTF-8.
    characters: u64,
    /// Places with bytes over 127 that are no such character.
    others: u64,
    /// Whether the last bytes were of such a place.
    in_other: bool,
}

/// Whether lines of a file that is not UTF-8 are rather damaged UTF-8 than of a code page.
pub(crate) fn is_damaged_utf8(lines: &[u8]) -> bool {
    let mut signs = SignsOfUtf8::default();
    signs.note(lines, true);
    signs.is_rather_utf8()
}

impl SignsOfUtf8 {
    /// Takes note of bytes; returns how many to take, so that no character is parted.
    pub(super) fn note(&mut self, bytes: &[u8], last: bool) -> usize {
        let mut taken = 0;
        for chunk in bytes.utf8_chunks() {
            let (valid, other) = (chunk.valid(), chunk.invalid());
            if !valid.is_empty() {
                self.in_other = false;
                let long = valid.chars().filter(|c| !c.is_ascii()).count();
                self.characters += long as u64;
                taken += valid.len();
            }
            let is_end = taken + other.len() == bytes.len();
            if is_end && !last && begun_utf8(other) == other.len() {
                return taken;
            }
            if !other.is_empty() {
                // Letters that follow each other are one place: each of them is no character by
                // the same chance.
                self.others += u64::from(!self.in_other);
                self.in_other = true;
                taken += other.len();
            }
        }
        taken
    }

    /// Whether bytes are rather UTF-8 than of a code page.
    fn is_rather_utf8(&self) -> bool {
        self.characters > 0 && self.characters * 4 >= self.others
    }

    /// Refuses what is rather UTF-8. In a code page's text it is chance if letters and signs make
    /// a UTF-8 character, as `é` with the space and quote behind it in French: a few in a hundred.
    pub(super) fn judge(&self, name: &'static str) -> Result<(), DecodeError> {
        let &Self {
            characters, others, ..
        } = self;
        match (characters, others) {
            (1.., 0) => Err(DecodeError::IsUtf8 { name }),
            _ if self.is_rather_utf8() => Err(DecodeError::LooksLikeUtf8 {
                name,
                characters,
                others,
            }),
            _ => Ok(()),
        }
    }
}
