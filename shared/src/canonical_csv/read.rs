//! Bytes → records → fields, in chunks of any size and in bounded memory.

use std::borrow::Cow;

use crate::value::MAX_FIELD_BYTES;

/// Most bytes one record may have: far above any table that PostgreSQL takes, and a bound on what
/// a damaged object can make a reader hold.
const MAX_RECORD_BYTES: usize = 64 * MAX_FIELD_BYTES;

/// Bytes that are not canonical CSV.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {record} (the header is 0): {problem}")]
pub struct Malformed {
    /// Which record, counted from the header as 0.
    pub record: u64,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Cuts a stream of bytes into records.
///
/// A line feed ends a record exactly when the quotes before it are even, so no field has to be
/// looked at to find the end of its record.
#[derive(Debug, Default)]
pub struct RecordSplitter {
    /// The beginning of a record whose end has not arrived.
    carry: Vec<u8>,
    /// Whether the bytes seen so far end inside quotes.
    quoted: bool,
    /// Records given out.
    records: u64,
}

impl RecordSplitter {
    /// Takes the next bytes and gives each record that ends in them, without its line feed, to
    /// `each`, together with its number (the header is 0).
    ///
    /// # Errors
    /// What `each` returns, or [`Malformed`] for a record that is too long.
    pub fn push<E: From<Malformed>>(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = 0;
        for (at, byte) in chunk.iter().enumerate() {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    let piece = &chunk[start..at];
                    if self.carry.is_empty() {
                        each(self.records, piece)?;
                    } else {
                        self.carry.extend_from_slice(piece);
                        each(self.records, &self.carry)?;
                        self.carry.clear();
                    }
                    self.records += 1;
                    start = at + 1;
                }
                _ => {}
            }
        }
        self.carry.extend_from_slice(&chunk[start..]);
        if self.carry.len() > MAX_RECORD_BYTES {
            return Err(self.malformed("it is longer than any row can be").into());
        }
        Ok(())
    }

    /// Says that the bytes have ended.
    ///
    /// # Errors
    /// [`Malformed`] if they end inside a record.
    pub fn finish(&self) -> Result<u64, Malformed> {
        if self.carry.is_empty() && !self.quoted {
            Ok(self.records)
        } else {
            Err(self.malformed("the data ends inside it"))
        }
    }

    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed {
            record: self.records,
            problem,
        }
    }
}

/// A field: `None` is NULL, an empty text is `""` in the file.
pub type Field<'r> = Option<Cow<'r, str>>;

/// Cuts one record (without its line feed) into fields.
///
/// # Errors
/// What is wrong with it, for [`Malformed::problem`].
pub fn split_fields<'r>(record: &'r [u8], into: &mut Vec<Field<'r>>) -> Result<(), &'static str> {
    into.clear();
    let record = std::str::from_utf8(record).map_err(|_| "it is not UTF-8")?;
    let mut rest = record;
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted_field(quoted)?;
            (Some(text), after)
        } else {
            // Fields are short: a search that begins with more than this takes longer.
            let is_end = |byte| matches!(byte, b',' | b'"');
            let end = rest.bytes().position(is_end).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            if after.starts_with('"') {
                return Err("a quote stands inside a field that is not quoted");
            }
            ((!text.is_empty()).then_some(Cow::Borrowed(text)), after)
        };
        into.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(()),
            None => return Err("something stands between a closing quote and the comma"),
        }
    }
}

/// One field as people read it: without the quotes that canonical CSV puts around it.
#[must_use]
pub fn unquoted(field: &str) -> Cow<'_, str> {
    let quoted = field.strip_prefix('"').and_then(|f| f.strip_suffix('"'));
    quoted.map_or(Cow::Borrowed(field), |text| {
        Cow::Owned(text.replace("\"\"", "\""))
    })
}

/// The text up to the closing quote, and what follows that quote.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let mut unescaped = String::new();
    let mut rest = text;
    loop {
        let Some(quote) = rest.find('"') else {
            return Err("a quoted field has no end");
        };
        let (piece, after) = (&rest[..quote], &rest[quote + 1..]);
        if let Some(after_pair) = after.strip_prefix('"') {
            unescaped.push_str(piece);
            unescaped.push('"');
            rest = after_pair;
        } else if unescaped.is_empty() {
            return Ok((Cow::Borrowed(piece), after));
        } else {
            unescaped.push_str(piece);
            return Ok((Cow::Owned(unescaped), after));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical_csv::write_record;
    use crate::value::Value;

    /// All fields of all records, read in chunks of a given size.
    fn read(bytes: &[u8], chunk: usize) -> Result<Vec<Vec<Option<String>>>, Malformed> {
        let mut splitter = RecordSplitter::default();
        let mut rows = Vec::new();
        for chunk in bytes.chunks(chunk) {
            splitter.push(chunk, |record, bytes| {
                let mut fields = Vec::new();
                split_fields(bytes, &mut fields)
                    .map_err(|problem| Malformed { record, problem })?;
                rows.push(fields.into_iter().map(|f| f.map(Cow::into_owned)).collect());
                Ok::<_, Malformed>(())
            })?;
        }
        splitter.finish()?;
        Ok(rows)
    }

    #[test]
    fn people_read_fields_without_their_quotes() {
        let text = |field| unquoted(field).into_owned();
        let fields = ["a", "\"a, b\"", "\"say \"\"hi\"\"\"", "\"\"", "\"", "a\"b"];
        let read = ["a", "a, b", "say \"hi\"", "", "\"", "a\"b"];
        assert_eq!(fields.map(text), read);
    }

    #[test]
    fn null_and_the_empty_text_differ() {
        assert_eq!(
            read(b"a,b\n,\"\"\n", 3),
            Ok(vec![
                vec![Some("a".into()), Some("b".into())],
                vec![None, Some(String::new())]
            ])
        );
    }

    #[test]
    fn malformed_records_are_named() {
        for (bytes, record, problem) in [
            (
                &b"a\nb\"c\"\n"[..],
                1,
                "a quote stands inside a field that is not quoted",
            ),
            (
                b"a\n\"b\"c\n",
                1,
                "something stands between a closing quote and the comma",
            ),
            (b"a\nb", 1, "the data ends inside it"),
            (b"a\n\"b\n", 1, "the data ends inside it"),
            (b"\xff\n", 0, "it is not UTF-8"),
        ] {
            assert_eq!(read(bytes, 64), Err(Malformed { record, problem }));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of("[a,\"\n\r \\\\.é]{0,6}"), 3), 1..5),
            chunk in 1usize..9,
        ) {
            let mut bytes = Vec::new();
            for row in &rows {
                let values: Vec<_> = row.iter()
                    .map(|f| f.as_deref().map_or(Value::Null, |t| Value::Text(t.into())))
                    .collect();
                write_record(&values, &mut bytes);
            }
            prop_assert_eq!(read(&bytes, chunk), Ok(rows));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), chunk in 1usize..9) {
            let _ = read(&bytes, chunk);
        }
    }
}
