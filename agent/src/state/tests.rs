use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer,
};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::plan::guard::{HeldTable, Reason};
use crate::scan::TableFindings;
use crate::source::gate::SourceFingerprints;

fn opened() -> (TempDir, AgentState) {
    let folder = tempfile::tempdir().unwrap();
    let state = AgentState::open(folder.path()).unwrap();
    (folder, state)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn empty() -> Catalog {
    Catalog::empty(SiteName::new("a").unwrap())
}

fn writer() -> StoredWriter {
    StoredWriter {
        site: SiteName::new("a").unwrap(),
        store: "memory".into(),
        writer: Writer {
            id: "w".into(),
            host: "h".into(),
        },
        epoch: 1,
        file: FileId {
            inode: 1,
            born: None,
        },
        boot: "b".into(),
        fence: None,
        seen: None,
        store_checked: true,
    }
}

/// A commit that writes partition `b=0of2` of `t` and removes `b=1of2`.
fn commit(seq: u64) -> Commit {
    let object = PartitionObject {
        md5: Md5::of(&seq.to_be_bytes()),
        rows: seq,
        bytes: 9,
        summary: Default::default(),
    };
    let change = |part, now| Change {
        table: name("t"),
        part: Part::new(part).unwrap(),
        now,
    };
    Commit {
        format: FORMAT,
        site: SiteName::new("a").unwrap(),
        head: Head {
            seq: Seq(seq),
            at: Timestamp::UNIX_EPOCH,
            epoch: 1,
            writer: writer().writer,
            dataset: Md5::of(b"d"),
        },
        changes: vec![
            change("b=0of2", Now::Object(object)),
            change("b=1of2", Now::removed()),
        ],
        more: NoLookups::default(),
    }
}

fn settle(state: &mut AgentState, commit: Option<&Commit>, found: &str) {
    let refused = RefusedRow {
        since: Timestamp::UNIX_EPOCH,
        source: "a.db".into(),
        place: found.into(),
        column: None,
        reason: "no".into(),
        row: "1,2".into(),
    };
    let findings = TableFindings {
        file: Some("a.db".into()),
        refused: RefusedRows {
            total: 7,
            listed: vec![refused],
        },
        dangling: vec![],
    };
    let held = HeldTable::new(name("u"), Reason::Shrunk { was: 100, now: 1 });
    let settled = CompletedCycle {
        writer: &writer(),
        commit,
        fingerprints: &SourceFingerprints {
            basis: Md5::of(b""),
            files: [].into(),
        },
        findings: &[(name("t"), findings)].into(),
        columns: &PresentColumns::new(),
        notes: &Notes::new(),
        passed_over: &[],
        undeclared: &[name("gone")],
        held: &[held],
        quarantine_is_due: false,
        cycle: &CycleOutcome::default(),
    };
    state.settle(&settled).unwrap();
}

#[test]
fn a_new_state_knows_nothing() {
    let (_folder, state) = opened();
    assert_eq!(state.writer().unwrap(), None);
    assert_eq!(state.catalog(empty()).unwrap(), empty());
    assert_eq!(state.fingerprints().unwrap(), None);
}

#[test]
fn a_settled_cycle_is_there_after_a_restart() {
    let (folder, mut state) = opened();
    let mut catalog = empty();
    for seq in 1..=2 {
        settle(&mut state, Some(&commit(seq)), "row 1");
        catalog.apply(&commit(seq));
    }
    drop(state);
    let state = AgentState::open(folder.path()).unwrap();
    assert_eq!(state.catalog(empty()).unwrap(), catalog);
    assert_eq!(state.writer().unwrap(), Some(writer()));
    assert_eq!(state.recent_commit(Seq(2)).unwrap(), Some(commit(2)));
    assert_eq!(
        state.held().unwrap()[0].reason,
        Reason::Shrunk { was: 100, now: 1 }
    );
}

#[test]
fn a_table_that_is_scanned_again_forgets_what_was_found_before() {
    let (_folder, mut state) = opened();
    settle(&mut state, None, "row 1");
    settle(&mut state, None, "row 2");
    let found = &state.findings().unwrap()[&name("t")];
    assert_eq!((found.refused.total, found.refused.listed.len()), (7, 1));
    assert_eq!(found.refused.listed[0].place, "row 2");
}

#[test]
fn only_the_newest_commits_are_kept() {
    let (_folder, mut state) = opened();
    for seq in 1..=66 {
        settle(&mut state, Some(&commit(seq)), "row 1");
    }
    assert_eq!(state.recent_commit(Seq(2)).unwrap(), None);
    assert_eq!(state.recent_commit(Seq(3)).unwrap(), Some(commit(3)));
}

#[test]
fn uploads_are_known_until_their_commit() {
    let (_folder, mut state) = opened();
    let object = (name("t"), Part::new("b=0of1").unwrap(), Md5::of(b"x"));
    let at = Timestamp::from_second(1_000).unwrap();
    state.note_uploads(&[(object.clone(), 12)], at).unwrap();
    assert_eq!(state.uploads(at).unwrap(), [(object, 12)].into());
    let later = Timestamp::from_second(1_001).unwrap();
    assert!(
        state.uploads(later).unwrap().is_empty(),
        "too old to be trusted"
    );
    settle(&mut state, Some(&commit(1)), "row 1");
    assert!(state.uploads(at).unwrap().is_empty());
}

#[test]
fn uploads_are_forgotten_with_the_log_that_they_were_for() {
    let (_folder, mut state) = opened();
    let object = (name("t"), Part::new("b=0of1").unwrap(), Md5::of(b"x"));
    let at = Timestamp::UNIX_EPOCH;
    state.note_uploads(&[(object, 12)], at).unwrap();
    state.adopt(&writer(), &empty()).unwrap();
    assert!(state.uploads(at).unwrap().is_empty());
}

#[test]
fn an_adopted_catalog_replaces_the_states_own_and_opens_the_gate() {
    let (_folder, mut state) = opened();
    settle(&mut state, Some(&commit(1)), "row 1");
    let mut catalog = empty();
    catalog.apply(&Commit {
        changes: vec![],
        ..commit(1)
    });
    state.adopt(&writer(), &catalog).unwrap();
    assert_eq!(state.catalog(empty()).unwrap(), catalog);
    assert_eq!(state.fingerprints().unwrap(), None);
}

#[test]
fn a_state_that_cannot_be_read_is_moved_aside() {
    let damages: [fn(&Path); 3] = [
        |path| fs::write(path, "not a database, but long enough to be looked at").unwrap(),
        |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(5_000).unwrap();
        },
        |path| {
            let db = Connection::open(path).unwrap();
            db.execute("UPDATE partition SET md5 = 'x'", []).unwrap();
        },
    ];
    for damage in damages {
        let (folder, mut state) = opened();
        settle(&mut state, Some(&commit(1)), "row 1");
        drop(state);
        damage(&folder.path().join(FILE));
        let state = AgentState::open(folder.path()).unwrap();
        assert_eq!(state.writer().unwrap(), None);
        assert!(folder.path().join("state.db.damaged.1").exists());
    }
}

#[test]
fn a_newer_programs_state_is_left_alone() {
    let (folder, state) = opened();
    state
        .db
        .pragma_update(None, "user_version", VERSION + 1)
        .unwrap();
    let error = AgentState::open(folder.path()).unwrap_err();
    assert!(
        error.to_string().ends_with("upgrade causeway-agent"),
        "{error}"
    );
}

#[test]
fn a_state_of_the_first_version_is_upgraded() {
    let (folder, mut state) = opened();
    settle(&mut state, Some(&commit(1)), "row 1");
    let older = "ALTER TABLE refused DROP COLUMN since_ms; ALTER TABLE partition DROP COLUMN seq;
        PRAGMA user_version = 1";
    state.db.execute_batch(older).unwrap();
    let error = AgentState::read(folder.path()).unwrap_err().to_string();
    let path = folder.path().join(FILE);
    assert_eq!(
        error,
        format!(
            "the state {} is of an earlier version; run `causeway-agent sync` first, which upgrades it",
            path.display()
        )
    );
    let state = AgentState::open(folder.path()).unwrap();
    assert_eq!(state.recent_commit(Seq(1)).unwrap(), Some(commit(1)));
    assert_eq!(
        state.findings().unwrap()[&name("t")].refused.listed.len(),
        1
    );
    assert_eq!(state.version().unwrap(), VERSION);
}

#[test]
fn a_state_that_did_not_keep_which_commit_set_a_partition_takes_its_last_one() {
    let (folder, mut state) = opened();
    settle(&mut state, Some(&commit(1)), "row 1");
    let mut elsewhere = commit(2);
    elsewhere.changes.truncate(1);
    elsewhere.changes[0].part = Part::new("b=1of2").unwrap();
    settle(&mut state, Some(&elsewhere), "row 1");
    let set_by = |state: &AgentState| -> Vec<u64> {
        let partitions = state.partitions().unwrap();
        partitions.values().map(|entry| entry.seq.0).collect()
    };
    assert_eq!(set_by(&state), [1, 2]);
    let older = "ALTER TABLE partition DROP COLUMN seq; PRAGMA user_version = 2";
    state.db.execute_batch(older).unwrap();
    assert_eq!(set_by(&AgentState::open(folder.path()).unwrap()), [2, 2]);
}

#[test]
fn it_is_read_beside_a_running_agent() {
    let folder = tempfile::tempdir().unwrap();
    assert!(AgentState::read(folder.path()).unwrap().is_none());
    let mut state = AgentState::open(folder.path()).unwrap();
    settle(&mut state, Some(&commit(1)), "row 1");
    let beside = AgentState::read(folder.path()).unwrap().unwrap();
    assert_eq!(beside.head().unwrap().unwrap().seq, Seq(1));
}
