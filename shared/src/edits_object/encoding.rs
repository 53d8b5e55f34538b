//! Entries → bytes, and back.

use std::io::Read as _;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Conflict, Entry, EntryState, Loser, Texts};
use crate::commit::RowKey;
use crate::ids::{Md5, Part};
use crate::limits;
use crate::log::ZSTD_LEVEL;

/// The version of the format.
const FORMAT: u32 = 1;

/// Most bytes of an object, uncompressed, that a reader takes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Why bytes are not an edits object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditsObjectError {
    /// Not zstd.
    #[error("cannot be decompressed: {0}")]
    Compression(#[source] std::io::Error),
    /// More than a reader takes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Of a format that this program does not know.
    #[error("is of format {found}, and this program knows format {FORMAT}: upgrade causeway")]
    Version {
        /// The format found.
        found: u64,
    },
    /// Its bytes are not those that its name says.
    #[error("has changed: the MD5 of its lines is {computed}")]
    Changed {
        /// The MD5 of what is there.
        computed: Md5,
    },
    /// A line that is none of an edits object. The first is line 1.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u64,
    nonce: String,
}

/// An entry as a line has it.
#[derive(Serialize, Deserialize)]
struct Line {
    key: RowKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<Texts>,
    /// Absent and `null` are the same: of a born row, and of a deleted one that the site deleted too.
    was: Option<Texts>,
    #[serde(default, skip_serializing_if = "is_false")]
    gone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Part>,
    #[serde(default, skip_serializing_if = "Conflict::is_none")]
    conflict: Conflict,
    #[serde(deserialize_with = "limits::name")]
    actor: String,
    at: Timestamp,
}

/// Per side the columns that lost; `null`: a deletion that did.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredConflict {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    site: Option<Option<Texts>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    cloud: Option<Option<Texts>>,
}

impl From<Conflict> for StoredConflict {
    fn from(conflict: Conflict) -> Self {
        let lost = |loser: Option<Loser>| {
            loser.map(|loser| match loser {
                Loser::Columns(columns) => Some(columns),
                Loser::Deletion => None,
            })
        };
        Self {
            site: lost(conflict.site),
            cloud: lost(conflict.cloud),
        }
    }
}

impl From<StoredConflict> for Conflict {
    fn from(stored: StoredConflict) -> Self {
        let loser = |lost: Option<Option<Texts>>| {
            lost.map(|lost| lost.map_or(Loser::Deletion, Loser::Columns))
        };
        Self {
            site: loser(stored.site),
            cloud: loser(stored.cloud),
        }
    }
}

/// A member that is there, `null` or not.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Texts>>, D::Error> {
    Option::<Texts>::deserialize(from).map(Some)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// An object's bytes, uncompressed and compressed. The entries are in key order; the nonce is new.
///
/// # Errors
/// [`EditsObjectError::TooLong`]
pub fn encode(nonce: &str, entries: &[Entry]) -> Result<(Vec<u8>, Vec<u8>), EditsObjectError> {
    let header = Header {
        format: FORMAT.into(),
        nonce: nonce.to_owned(),
    };
    let mut bytes = Vec::new();
    write_line(&header, &mut bytes).map_err(|error| line(1, &error))?;
    for (at, entry) in entries.iter().enumerate() {
        write_line(&Line::from(entry), &mut bytes).map_err(|error| line(at + 2, &error))?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(EditsObjectError::TooLong);
    }
    let compressed = zstd::bulk::compress(&bytes, ZSTD_LEVEL);
    let compressed = compressed.map_err(EditsObjectError::Compression)?;
    Ok((bytes, compressed))
}

fn write_line<T: Serialize>(line: &T, into: &mut Vec<u8>) -> serde_json::Result<()> {
    into.extend(serde_json_canonicalizer::to_vec(line)?);
    into.push(b'\n');
    Ok(())
}

/// The entries of an object as it is stored, compressed, under the name that a commit says.
///
/// # Errors
/// [`EditsObjectError`]
pub fn decode(compressed: &[u8], named: Md5) -> Result<Vec<Entry>, EditsObjectError> {
    let mut bytes = Vec::new();
    zstd::Decoder::new(compressed)
        .and_then(|decoder| decoder.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(EditsObjectError::Compression)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(EditsObjectError::TooLong);
    }
    let computed = Md5::of(&bytes);
    if computed != named {
        return Err(EditsObjectError::Changed { computed });
    }
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let header = lines.next().map_or(&[][..], |(_, header)| header);
    let Header { format, .. } = serde_json::from_slice(header).map_err(|e| line(1, &e))?;
    if format != u64::from(FORMAT) {
        return Err(EditsObjectError::Version { found: format });
    }
    lines
        .map(|(at, text)| {
            let read: Line = serde_json::from_slice(text).map_err(|e| line(at + 1, &e))?;
            Entry::try_from(read).map_err(|problem| line(at + 1, &problem))
        })
        .collect()
}

fn line(line: usize, problem: &impl ToString) -> EditsObjectError {
    let problem = problem.to_string();
    // serde counts lines within the one that it is given.
    let problem = problem.replace(" at line 1 column ", " at column ");
    EditsObjectError::Line {
        line,
        problem: limits::cut(problem),
    }
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Self {
        let (row, was, gone, to, from) = match entry.state.clone() {
            EntryState::Changed { row, was } => (Some(row), Some(was), false, None, None),
            EntryState::Born { row, from } => (Some(row), None, false, None, from),
            EntryState::Gone { was, to } => (None, was, true, to, None),
        };
        Self {
            key: entry.key.clone(),
            row,
            was,
            gone,
            to,
            from,
            conflict: entry.conflict.clone(),
            actor: entry.actor.clone(),
            at: entry.at,
        }
    }
}

impl TryFrom<Line> for Entry {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let state = match (line.gone, line.row, line.was, line.to, line.from) {
            (false, Some(row), Some(was), None, None) => EntryState::Changed { row, was },
            (false, Some(row), None, None, from) => EntryState::Born { row, from },
            (true, None, was, to, None) => EntryState::Gone { was, to },
            _ => return Err("row, was, gone, to and from do not go together"),
        };
        Ok(Self {
            key: line.key,
            state,
            conflict: line.conflict,
            actor: line.actor,
            at: line.at,
        })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn texts(pairs: &[(&str, Option<&str>)]) -> Texts {
        let text = |(name, value): &(&str, Option<&str>)| {
            ((*name).to_owned(), value.map(ToOwned::to_owned))
        };
        pairs.iter().map(text).collect()
    }

    fn entry(key: &str, state: EntryState) -> Entry {
        Entry {
            key: vec![key.to_owned()].try_into().unwrap(),
            state,
            conflict: Conflict::default(),
            actor: "admin/lan".into(),
            at: "2025-11-28T02:30:00Z".parse().unwrap(),
        }
    }

    /// One entry of each form.
    fn entries() -> Vec<Entry> {
        let row = texts(&[
            ("id", Some("1")),
            ("note", None),
            ("status", Some("cancelled")),
        ]);
        let was = texts(&[("status", Some("pending"))]);
        let tenth = Some(Part::new("dt=2025-12-10").unwrap());
        let mut changed = entry(
            "1",
            EntryState::Changed {
                row: row.clone(),
                was: was.clone(),
            },
        );
        changed.conflict.site = Some(Loser::Columns(was.clone()));
        let mut kept = entry(
            "2",
            EntryState::Born {
                row: row.clone(),
                from: None,
            },
        );
        kept.conflict.site = Some(Loser::Deletion);
        let mut deleted = entry(
            "5",
            EntryState::Gone {
                was: None,
                to: None,
            },
        );
        deleted.conflict.cloud = Some(Loser::Columns(row.clone()));
        vec![
            changed,
            kept,
            entry(
                "3",
                EntryState::Born {
                    row: row.clone(),
                    from: tenth,
                },
            ),
            entry(
                "4",
                EntryState::Gone {
                    was: Some(row),
                    to: tenth,
                },
            ),
            deleted,
        ]
    }

    #[test]
    fn each_form_of_an_entry_is_a_line() {
        let (bytes, _) = encode("n", &entries()).unwrap();
        assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        {"format":1,"nonce":"n"}
        {"actor":"admin/lan","at":"2025-11-28T02:30:00Z","conflict":{"site":{"status":"pending"}},"key":["1"],"row":{"id":"1","note":null,"status":"cancelled"},"was":{"status":"pending"}}
        {"actor":"admin/lan","at":"2025-11-28T02:30:00Z","conflict":{"site":null},"key":["2"],"row":{"id":"1","note":null,"status":"cancelled"},"was":null}
        {"actor":"admin/lan","at":"2025-11-28T02:30:00Z","from":"dt=2025-12-10","key":["3"],"row":{"id":"1","note":null,"status":"cancelled"},"was":null}
        {"actor":"admin/lan","at":"2025-11-28T02:30:00Z","gone":true,"key":["4"],"to":"dt=2025-12-10","was":{"id":"1","note":null,"status":"cancelled"}}
        {"actor":"admin/lan","at":"2025-11-28T02:30:00Z","conflict":{"cloud":{"id":"1","note":null,"status":"cancelled"}},"gone":true,"key":["5"],"was":null}
        "#);
    }

    #[test]
    fn what_is_written_is_read() {
        let (bytes, compressed) = encode("n", &entries()).unwrap();
        assert_eq!(decode(&compressed, Md5::of(&bytes)).unwrap(), entries());
        let (empty, compressed) = encode("n", &[]).unwrap();
        assert_eq!(decode(&compressed, Md5::of(&empty)).unwrap(), []);
    }

    /// What is said of an object of these lines.
    fn refused(lines: &str) -> String {
        let compressed = zstd::bulk::compress(lines.as_bytes(), 3).unwrap();
        let error = decode(&compressed, Md5::of(lines.as_bytes())).unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_no_program_of_this_format_writes_is_refused() {
        let (bytes, compressed) = encode("n", &entries()).unwrap();
        let error = decode(&compressed, Md5::of(b"another")).unwrap_err();
        assert_snapshot!(error, @"has changed: the MD5 of its lines is 3b0a3d31873fa7168aaa6cc13bb788f5");
        let error = decode(b"plain text", Md5::of(&bytes)).unwrap_err();
        assert_snapshot!(error, @"cannot be decompressed: Unknown frame descriptor");
        assert_snapshot!(refused(""), @"line 1: EOF while parsing a value at column 0");
        assert_snapshot!(refused("{\"format\":2,\"nonce\":\"\"}\n"), @"is of format 2, and this program knows format 1: upgrade causeway");
        let line = |members: &str| {
            let end = r#""actor":"a","at":"2025-11-28T02:30:00Z","key":["1"]}"#;
            refused(&format!(
                "{{\"format\":1,\"nonce\":\"\"}}\n{{{members}{end}\n"
            ))
        };
        assert_snapshot!(line(""), @"line 2: row, was, gone, to and from do not go together");
        assert_snapshot!(line(r#""gone":true,"row":{},"#), @"line 2: row, was, gone, to and from do not go together");
        assert_snapshot!(line(r#""row":{},"was":{},"to":"b=0of1","#), @"line 2: row, was, gone, to and from do not go together");
        assert_snapshot!(line(r#""row":{"a":1},"#), @"line 2: invalid type: integer `1`, expected a string at column 13");
        assert_snapshot!(line(r#""row":{},"from":"b=9of1","#), @r#"line 2: "b=9of1" is not a partition: `dt=YYYY-MM-DD`, of the years 1900 to 2199, or `b=<i>of<N>`, i padded to the width of N, N at most 4096 at column 25"#);
    }

    proptest! {
        #[test]
        fn no_lines_panic(lines in "(\\{\"format\":1,\"nonce\":\"\"\\}\n)?.{0,80}\n?") {
            let compressed = zstd::bulk::compress(lines.as_bytes(), 1).unwrap();
            let _ = decode(&compressed, Md5::of(lines.as_bytes()));
        }
    }
}
