//! What can be damaged, and how.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

/// What lies in the store, or beside the agent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thing {
    /// The rows as of commit 3.
    Object,
    /// A commit with another one behind it.
    Commit,
    /// The newest commit.
    Head,
    /// The newest commit, where the only checkpoint is an older one.
    BareHead,
    /// The newest of two.
    Checkpoint,
    Latest,
    Dataset,
    State,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    Missing,
    Truncated,
    FlippedBit,
    Older,
    Newer,
    Empty,
}

pub(super) const DAMAGES: [Damage; 6] = [
    Damage::Missing,
    Damage::Truncated,
    Damage::FlippedBit,
    Damage::Older,
    Damage::Newer,
    Damage::Empty,
];

/// Where a file is cut: half of it, or within a word that each commit has.
pub(super) fn middle(thing: Thing, bytes: &[u8]) -> usize {
    match thing {
        Thing::Commit | Thing::Head | Thing::BareHead => find(bytes, b"writer"),
        _ => bytes.len() / 2,
    }
}

/// The bytes with one bit flipped: of a number, where it leaves JSON as JSON.
pub(super) fn flipped(thing: Thing, mut bytes: Vec<u8>) -> Vec<u8> {
    let number: &[u8] = match thing {
        Thing::Commit | Thing::Head | Thing::BareHead | Thing::Checkpoint => b"\"rows\":2",
        Thing::Latest => b"\"checkpoint\":3",
        Thing::Dataset => b"\"version\":2",
        Thing::Object | Thing::State => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            return bytes;
        }
    };
    // Its compression has no check of its own.
    if matches!(thing, Thing::Checkpoint) {
        bytes = zstd::bulk::decompress(&bytes, 1 << 20).unwrap();
    }
    let at = find(&bytes, number) + number.len() - 1;
    bytes[at] ^= 1;
    match thing {
        Thing::Checkpoint => zstd::bulk::compress(&bytes, 3).unwrap(),
        _ => bytes,
    }
}

fn find(bytes: &[u8], text: &[u8]) -> usize {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text).expect("the text")
}

/// What a program of the future would have written there.
pub(super) fn newer(thing: Thing, file: &Path, bytes: Vec<u8>) -> Vec<u8> {
    let compressed = |text: &[u8]| zstd::bulk::compress(text, 3).unwrap();
    let upgraded = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        text.replace("\"format\":1", "\"format\":7").into_bytes()
    };
    match thing {
        Thing::Object => compressed(b"id,body,mood\n1,version 3,good\n2,other,good\n"),
        Thing::Commit | Thing::Head | Thing::BareHead | Thing::Latest => upgraded(bytes),
        Thing::Checkpoint => {
            compressed(&upgraded(zstd::bulk::decompress(&bytes, 1 << 20).unwrap()))
        }
        Thing::Dataset => {
            let text = String::from_utf8(bytes).unwrap();
            text.replacen('{', "{\"mood\":\"good\",", 1).into_bytes()
        }
        Thing::State => {
            let db = Connection::open(file).unwrap();
            db.pragma_update(None, "user_version", 99).unwrap();
            drop(db);
            fs::read(file).unwrap()
        }
    }
}
