//! Limits on what is read from a store: whoever may write to it could write anything.
//!
//! A number or text past its limit makes the object that holds it a damaged one.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

/// Most rows, bytes or values that one partition, and most writers that one log may count: the
/// sum over all partitions of a catalog stays below 2^63.
pub const MAX_COUNT: u64 = 1 << 40;

/// Most bytes of a writer's id, its machine's name, and the like.
pub const MAX_NAME_BYTES: usize = 256;

/// Most characters of a message that quotes what it is about, and of a name in it.
const MAX_MESSAGE_CHARS: usize = 500;
const MAX_QUOTED_CHARS: usize = 80;

/// A number of rows, bytes, values or writers.
pub(crate) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(from)?;
    if count > MAX_COUNT {
        return Err(D::Error::custom(format_args!(
            "{count} is more than {MAX_COUNT}"
        )));
    }
    Ok(count)
}

/// A name.
pub(crate) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_str(ShortText(MAX_NAME_BYTES))
}

/// A text of at most so many bytes; a longer one is not copied.
struct ShortText(usize);

impl Visitor<'_> for ShortText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of at most {} bytes", self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        check_length(text, self.0).map(str::to_owned)
    }
}

/// A map of at most `ENTRIES` entries, whose keys have at most `BYTES` bytes.
pub(crate) fn map<'de, const ENTRIES: usize, const BYTES: usize, V, D>(
    from: D,
) -> Result<BTreeMap<String, V>, D::Error>
where
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let map = BTreeMap::<String, V>::deserialize(from)?;
    if map.len() > ENTRIES {
        return Err(D::Error::custom(format_args!(
            "{} entries are more than {ENTRIES}",
            map.len()
        )));
    }
    map.into_iter()
        .map(|(key, value)| Ok((check_length(key, BYTES)?, value)))
        .collect()
}

fn check_length<E: serde::de::Error, T: AsRef<str>>(text: T, most_bytes: usize) -> Result<T, E> {
    match text.as_ref().len() {
        bytes if bytes > most_bytes => Err(E::custom(format_args!(
            "a text of {bytes} bytes is longer than {most_bytes}"
        ))),
        _ => Ok(text),
    }
}

/// The sum of counts, and the greatest number where it would be past that: what reads many sites
/// goes on beside one that says the impossible.
#[must_use]
pub fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// A message, cut where it quotes without end.
#[must_use]
pub fn cut(message: impl Display) -> String {
    truncated(message.to_string(), MAX_MESSAGE_CHARS)
}

/// What is quoted of a name that is none.
pub(crate) fn quoted(text: &str) -> String {
    truncated(text.to_owned(), MAX_QUOTED_CHARS)
}

/// At most so many characters of a text, and `…` where there are more.
pub(crate) fn truncated(mut text: String, most_chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most_chars) {
        text.truncate(end);
        text.push('…');
    }
    text
}
