//! Dumps that are broken by chance.

use fastrand::Rng;

use super::*;

/// A dump with random bytes taken away, doubled, changed, and cut off.
fn broken(dump: &[u8], chance: &mut Rng) -> Vec<u8> {
    const TOKENS: [&[u8]; 14] = [
        b"'", b"\"", b"`", b"(", b")", b",", b";", b"\\", b"--", b"/*", b"*/", b"\n\\.\n", b"$$",
        b"\xff",
    ];
    let mut broken = dump.to_vec();
    for _ in 0..chance.usize(1..6) {
        let at = chance.usize(..broken.len());
        match chance.u8(..6) {
            0 => drop(broken.drain(at..(at + chance.usize(..40)).min(broken.len()))),
            1 => {
                let to = (at + chance.usize(..200)).min(broken.len());
                let piece = broken[at..to].to_vec();
                let into = chance.usize(..broken.len());
                broken.splice(into..into, piece);
            }
            2 => broken[at] = chance.u8(..),
            3 if chance.u8(..8) == 0 => broken.truncate(at.max(1)),
            _ => {
                let token = TOKENS[chance.usize(..TOKENS.len())];
                broken.splice(at..at, token.iter().copied());
            }
        }
        if broken.is_empty() {
            broken.push(b' ');
        }
    }
    broken
}

/// So many random and broken dumps are read.
const BROKEN: u32 = 10_000;
/// One of so many of them is imported, and one of ten of these committed.
const IMPORTED_OF: u32 = 10;

#[tokio::test]
async fn broken_dumps_lose_no_row_and_stop_nothing() {
    let mut chance = Rng::with_seed(11);
    let (mut taken, mut committed) = (0, 0);
    let empty = Cloud::new();
    let dataset = Dataset::meetassist().unwrap();
    for round in 0..BROKEN {
        let (tool, dump) = DUMPS[chance.usize(..DUMPS.len())];
        let dump = match chance.u8(..10) {
            0 => (0..chance.usize(..3_000)).map(|_| chance.u8(..)).collect(),
            _ => broken(dump, &mut chance),
        };
        if !round.is_multiple_of(IMPORTED_OF) {
            let _ = dump::read_dump(&dump[..], &dataset, None, empty.folder.path());
            continue;
        }
        let options = ImportOptions {
            dry_run: !(round / IMPORTED_OF).is_multiple_of(10),
            ..Cloud::options()
        };
        let fresh = (!options.dry_run).then(Cloud::new);
        let cloud = fresh.as_ref().unwrap_or(&empty);
        // What cannot be read is refused whole.
        let Ok(imported) = cloud.run(&[("dump.sql", &dump)], &options).await else {
            continue;
        };
        let report = imported.report;
        if !report.held.is_empty() {
            // A table without its columns is not scanned.
            assert!(
                imported.dumped >= report.rows.scanned,
                "{tool}, round {round}"
            );
            continue;
        }
        taken += 1;
        assert_eq!(
            imported.dumped, report.rows.scanned,
            "{tool}, round {round}"
        );
        let rows: u64 = match options.dry_run {
            true => report.changes.iter().map(|change| change.rows).sum(),
            false => {
                committed += 1;
                cloud.committed().await
            }
        };
        assert_eq!(
            rows + report.rows.quarantined,
            report.rows.scanned,
            "{tool}, round {round}"
        );
    }
    assert!(taken > BROKEN / IMPORTED_OF / 10, "{taken} were taken");
    assert!(committed > 10, "{committed} were committed");
}
