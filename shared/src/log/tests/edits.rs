//! The log of edits beside the agent's: its writer is a database, known by its address; its head says
//! more, and so do its commits and its objects.

use std::collections::BTreeMap;

use super::*;
use crate::commit::{
    EditsHead, EditsLog, EditsObject, Journal, JournalRow, MAX_BYTES, Merged, Operation, Owner,
};

fn edits_log(beside: &SiteLog) -> SiteLog<EditsLog> {
    SiteLog::of_kind(Store::clone(beside.store()), beside.site().clone())
}

/// Commit n of a database, `id@address`, in an epoch: one edit of one partition.
fn edits(writer: &str, epoch: u64, seq: u64) -> Commit<EditsLog> {
    let (id, address) = writer.split_once('@').unwrap();
    Commit {
        format: FORMAT,
        site: SiteName::new("hcm-01").unwrap(),
        head: EditsHead {
            seq: Seq(seq),
            at: Timestamp::UNIX_EPOCH,
            epoch,
            writer: Owner {
                id: id.into(),
                address: address.into(),
            },
            dataset: Md5::of(b""),
            site_seq: Seq(3),
        },
        changes: vec![Change {
            table: Name::new("customer").unwrap(),
            part: Part::Bucket(0, 1),
            now: Now::Object(EditsObject {
                md5: Md5::of(&seq.to_be_bytes()),
                edits: 1,
                conflicts: 0,
                kept: Vec::new(),
                merged: Merged {
                    object: Some(Md5::of(b"rows")),
                    parents: None,
                    site_seq: Seq(3),
                    rows: 2,
                    summary: Summary::default(),
                },
            }),
        }],
        more: Journal {
            journal: vec![JournalRow {
                id: format!("{id} {seq}"),
                table: Name::new("customer").unwrap(),
                part: Part::Bucket(0, 1),
                key: vec!["7".to_owned()].try_into().unwrap(),
                op: Operation::Update,
                columns: BTreeMap::from([("name".into(), [None, Some("An".into())])]),
                actor: "admin".into(),
                at: Timestamp::UNIX_EPOCH,
            }],
        },
    }
}

#[tokio::test]
async fn two_kinds_of_log_lie_side_by_side() {
    let agents = log_with(2, &[2]).await;
    let edited = edits_log(&agents);
    assert_eq!(edited.read_catalog().await.unwrap().seq(), Seq::NONE);
    let commit = edits("a@one", 1, 1);
    let appended = edited.append(commit.clone()).await.unwrap();
    assert_eq!(appended, Appended::Written(commit.clone().into()));

    let key = "sites/hcm-01/edits/log/00000000000000000001.json";
    let stored = edited.store().get(key).await.unwrap();
    let stored = stored.bytes(MAX_BYTES).await.unwrap();
    assert_snapshot!(String::from_utf8(stored).unwrap(), @r#"{"format":1,"site":"hcm-01","seq":1,"at":"1970-01-01T00:00:00Z","epoch":1,"writer":{"id":"a","address":"one"},"dataset":"d41d8cd98f00b204e9800998ecf8427e","site_seq":3,"changes":[{"table":"customer","part":"b=0of1","md5":"fa5ad9a8557e5a84cf23e52d3d3adf77","edits":1,"conflicts":0,"merged":{"object":"df347a373b8f92aa0ae3dd920a5ec2f6","site_seq":3,"rows":2,"summary":{}}}],"journal":[{"id":"a 1","table":"customer","part":"b=0of1","key":["7"],"op":"update","columns":{"name":[null,"An"]},"actor":"admin","at":"1970-01-01T00:00:00Z"}],"check":"423b312195fc46fa6c43972db587b97a"}"#);
    assert_eq!(agents.read_catalog().await.unwrap().seq(), Seq(2));
    let listed = list_all(&**agents.store(), "sites/hcm-01/log/", None).await;
    assert_eq!(listed.unwrap().len(), 2);
}

#[tokio::test]
async fn a_second_kind_is_replayed_from_its_own_checkpoint() {
    let edited = edits_log(&log());
    let mut catalog = Catalog::empty(edited.site().clone());
    for seq in 1..=70 {
        let commit = edits("a@one", 1, seq);
        edited.append(commit.clone()).await.unwrap();
        catalog.apply(&commit);
        edited.write_due_checkpoint(&catalog).await;
    }
    assert_eq!(edited.checkpoints().await.unwrap(), [Seq(64)]);
    let first = edited.key(&LogKey::Commit(Seq(1)));
    edited.store().delete(&first).await.unwrap();
    let read = edited.read_catalog().await.unwrap();
    assert_eq!(read, catalog);
    assert_eq!(read.head.unwrap().site_seq, Seq(3));
    let missing = edited.key(&LogKey::Commit(Seq(68)));
    edited.store().delete(&missing).await.unwrap();
    assert_snapshot!(
        edited.read_catalog().await.unwrap_err().to_string(),
        @"site hcm-01: commit 68 (sites/hcm-01/edits/log/00000000000000000068.json) is missing, though 69 is there; run `causeway-hub verify --repair` with the database that owns the edits"
    );
}

#[tokio::test]
async fn a_database_is_fenced_by_the_one_that_took_over() {
    let edited = edits_log(&log());
    let own = edits("a@one", 1, 1);
    edited.append(own.clone()).await.unwrap();
    let appended = edited.append(own.clone()).await.unwrap();
    assert_eq!(appended, Appended::Written(own.into()), "a lost answer");
    // Another hub of the same database flushed meanwhile.
    edited.append(edits("a@one", 1, 2)).await.unwrap();
    let mut behind = edits("a@one", 1, 2);
    behind.more.journal.clear();
    assert_eq!(edited.append(behind).await.unwrap(), Appended::Behind);

    let head = edited.read_catalog().await.unwrap().head.unwrap();
    let other = edits("b@two", 1, 3).head;
    let refused = claim(&other.writer, 0, Some(&head), |_| false);
    assert_eq!(refused, Err(head.clone()));
    let taken = claim(&other.writer, 0, Some(&head), |_| true);
    assert_eq!(taken, Ok(Claim::Begin { epoch: 2 }));
    let takes_over = edits("b@two", 2, 3);
    edited.append(takes_over.clone()).await.unwrap();
    assert_eq!(
        edited.append(edits("a@one", 1, 3)).await.unwrap(),
        Appended::Fenced(takes_over.head)
    );
}
