//! Damage to what the log is made of.

use insta::assert_snapshot;

use super::ground::Ground;
use super::kinds::Thing;

#[tokio::test]
async fn a_commit_with_others_behind_it() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Commit), @r#"
    Missing
      both hubs: at 3
      sync: commit 4
      verify: whole
    Truncated
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n
      repair: mended
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: mended
    Older
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it says that it is commit 1 of hcm-01; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it says that it is commit 1 of hcm-01
      repair: mended
    Newer
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      afterwards: commit null; ["exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway", "at 4"]; site hcm-01: …/log/…002.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
    Empty
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n
      repair: mended
    "#);
}

#[tokio::test]
async fn the_newest_commit() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Head), @r#"
    Missing
      loaded hub: at 2
      new hub: at 3
      sync: commit 4
      verify: whole
    Truncated
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n
      repair: mended
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: mended
    Older
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it says that it is commit 2 of hcm-01; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: it says that it is commit 2 of hcm-01
      repair: mended
    Newer
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      afterwards: commit null; ["exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway", "at 4"]; site hcm-01: …/log/…003.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway
    Empty
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n
      repair: mended
    "#);
}

#[tokio::test]
async fn the_newest_commit_without_a_checkpoint() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::BareHead), @"");
}

#[tokio::test]
async fn a_checkpoint() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Checkpoint), @r#"
    Missing
      both hubs: at 3
      sync: commit 4
      verify: …/latest.json names checkpoint 3, which is missing; the newest is 1
      repair: mended
    Truncated, Empty
      both hubs: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: it cannot be decompressed: incomplete frame
      repair: mended
    FlippedBit
      both hubs: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: mended
    Older
      both hubs: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst says that it is checkpoint 1 of hcm-01
      repair: mended
    Newer
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      afterwards: commit null; ["at 4", "exit 3, stays at null: site hcm-01: …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway"]; checkpoint …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
    "#);
}

#[tokio::test]
async fn the_hint() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Latest), @r#"
    Missing
      both hubs: at 3
      sync: commit 4
      verify: …/latest.json is missing; the newest is 3
      repair: mended
    Truncated, Empty
      both hubs: at 3
      sync: commit 4
      verify: …/latest.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; the newest is 3
      repair: mended
    FlippedBit
      both hubs: at 3
      sync: commit 4
      verify: …/latest.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; the newest is 3
      repair: mended
    Older
      both hubs: at 3
      sync: commit 4
      verify: whole
    Newer
      both hubs: at 3
      sync: commit 4
      verify: …/latest.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway; the newest is 3
      afterwards: commit null; ["at 4", "at 4"]; …/latest.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway; the newest is 3
    "#);
}
