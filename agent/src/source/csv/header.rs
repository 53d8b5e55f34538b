//! The header, and the lines that repeat it: files that were put together bring theirs along.

use super::dialect::cleaned;
use super::lexer::Record;

/// A file's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// The names, cleaned.
    names: Vec<String>,
    /// Bytes of the names, cleaned and as they are written.
    bytes: (usize, usize),
}

/// What a later line is that has the header's names in it and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RepeatedHeader {
    /// The header once more.
    Same,
    /// The header of another file: what stands behind it is not what the first header says.
    OtherOrder,
}

impl Header {
    pub(crate) fn of(record: Record<'_>) -> Self {
        let names: Vec<String> = record.fields().map(name).collect();
        let cleaned = names.iter().map(String::len).sum();
        let bytes = (cleaned, record.to_parts().0.len());
        Self { names, bytes }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether a record is the header of this file, or of one like it.
    pub(crate) fn repeated_by(&self, record: Record<'_>) -> Option<RepeatedHeader> {
        // A byte order mark and the quotes behind it may come in addition. Hardly any row is as long.
        const ADDED_BYTES: usize = 8;
        let (least, most) = (self.bytes.0, self.bytes.1 + ADDED_BYTES);
        let bytes = record.to_parts().0.len();
        if record.len() != self.len() || !(least..=most).contains(&bytes) {
            return None;
        }
        // A byte order mark and its quotes stand before the first name alone.
        let is_known = |field: &[u8]| self.names.iter().any(|known| known.as_bytes() == field);
        let last = record.get(self.len().saturating_sub(1));
        if self.len() > 1 && !last.is_some_and(|last| is_known(last.trim_ascii())) {
            return None;
        }
        let names = || record.fields().map(name);
        if names().eq(self.names.iter().map(String::as_str)) {
            return Some(RepeatedHeader::Same);
        }
        let (mut here, mut there) = (names().collect::<Vec<_>>(), self.names.clone());
        here.sort_unstable();
        there.sort_unstable();
        (here == there).then_some(RepeatedHeader::OtherOrder)
    }
}

fn name(field: &[u8]) -> String {
    cleaned(&String::from_utf8_lossy(field))
}
