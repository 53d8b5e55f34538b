//! Stores that somebody wrote into who means no good, or whose disk is not what it seems: what becomes
//! of the site that it is about, and that nothing becomes of the one beside it.
//!
//! Each case begins with a store that holds two sites, `bad` and `good`, and a hub that has loaded
//! neither. Whatever is done to `bad`, a load brings the rows of `good`, `status` tells of both, and
//! a service answers for `good`, refreshes and ends when it is asked to: each within a time and a
//! memory that do not depend on what lies there. What is told of `bad` stands below, word for word.

mod catalog;
mod checkpoints;
mod folders;
mod ground;
mod objects;
mod silent;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use ground::{FEW_MIB, Ground, MANY_MIB};

/// Where the only commit of the bad site lies, and where its last could.
const COMMIT: &str = "log/00000000000000000001.json";
const LAST_COMMIT: &str = "log/18446744073709551615.json";

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn folder(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path).unwrap();
}

fn link(path: &Path, to: &str) {
    let _ = fs::remove_file(path);
    symlink(to, path).unwrap();
}

/// A file that says it is as long as this, and takes no place on the disk.
fn sparse(path: &Path, bytes: u64) {
    let file = fs::File::create(path).unwrap();
    file.set_len(bytes).unwrap();
}

/// Ten GiB of one byte in a zstd frame of 320 kB, behind some bytes that are there as they are.
fn bomb(path: &Path, begin: &[u8], byte: u8) {
    const BLOCK_BYTES: u32 = 128 * 1_024;
    const BLOCKS: u32 = 80 * 1_024;
    let mut file = fs::File::create(path).unwrap();
    // The magic number; no size, no checksum; a window of 128 KiB.
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    let block = |kind: u32, bytes: u32, is_last: bool| {
        let header = u32::from(is_last) | (kind << 1) | (bytes << 3);
        header.to_le_bytes()[..3].to_vec()
    };
    frame.extend(block(0, u32::try_from(begin.len()).unwrap(), false));
    frame.extend(begin);
    for at in 1..=BLOCKS {
        frame.extend(block(1, BLOCK_BYTES, at == BLOCKS));
        frame.push(byte);
    }
    file.write_all(&frame).unwrap();
}

/// As many lists in each other.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}
