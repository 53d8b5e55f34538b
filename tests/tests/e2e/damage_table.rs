//! What becomes of damage: every stored thing × every kind of damage × both programs.
//!
//! The site's log has three commits. The hub has loaded the first and is about to load the others;
//! a new hub begins from nothing. The agent has a change to send. Each cell says what the programs
//! answer; whatever was damaged, after the agent's `sync` and `verify --repair` both hubs hold the
//! source's rows, unless the cell says otherwise.

use insta::assert_snapshot;

use crate::damage_ground::{Ground, Thing};

#[tokio::test]
async fn an_object() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Object), @r#"
    Missing
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is missing
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is missing (mended)
    Truncated
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is damaged (mended)
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst cannot be decompressed: Restored data doesn't match checksum; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst cannot be decompressed: Restored data doesn't match checksum; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is damaged (mended)
    Older
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <2>; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <2>; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is damaged (mended)
    Newer
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has the columns "id,body,mood", and the dataset has others; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has the columns "id,body,mood", and the dataset has others; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is damaged (mended)
    Empty
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: note: object …/data/note/b=0of1/<3>.csv.zst is damaged (mended)
    "#);
}

#[tokio::test]
async fn a_commit_with_others_behind_it() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Commit), @r#"
    Missing
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    Truncated
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n
      repair: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n (mended)
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: site hcm-01: …/log/…002.json is damaged: its bytes changed: check <md5> is written, <md5> is computed (mended)
    Older
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…002.json is damaged: it says that it is commit 1 of hcm-01; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…002.json is damaged: it says that it is commit 1 of hcm-01
      repair: site hcm-01: …/log/…002.json is damaged: it says that it is commit 1 of hcm-01 (mended)
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
      repair: site hcm-01: …/log/…002.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n (mended)
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
      repair: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a string at line 1 column n (mended)
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: site hcm-01: …/log/…003.json is damaged: its bytes changed: check <md5> is written, <md5> is computed (mended)
    Older
      loaded hub: exit 3, stays at 1: site hcm-01: …/log/…003.json is damaged: it says that it is commit 2 of hcm-01; run `causeway-agent verify --repair` at the site
      new hub: at 3
      sync: commit 4
      verify: site hcm-01: …/log/…003.json is damaged: it says that it is commit 2 of hcm-01
      repair: site hcm-01: …/log/…003.json is damaged: it says that it is commit 2 of hcm-01 (mended)
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
      repair: site hcm-01: …/log/…003.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n (mended)
    "#);
}

#[tokio::test]
async fn a_checkpoint() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Checkpoint), @r#"
    Missing
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json names checkpoint 3, which is missing; the newest is 1
      repair: …/latest.json names checkpoint 3, which is missing; the newest is 1 (mended)
    Truncated
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: it cannot be decompressed: incomplete frame
      repair: checkpoint …/checkpoint/…003.json.zst is damaged: it cannot be decompressed: incomplete frame (mended)
    FlippedBit
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: its bytes changed: check <md5> is written, <md5> is computed
      repair: checkpoint …/checkpoint/…003.json.zst is damaged: its bytes changed: check <md5> is written, <md5> is computed (mended)
    Older
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst says that it is checkpoint 1 of hcm-01
      repair: checkpoint …/checkpoint/…003.json.zst says that it is checkpoint 1 of hcm-01 (mended)
    Newer
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
      afterwards: commit null; ["at 4", "exit 3, stays at null: site hcm-01: …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway"]; checkpoint …/checkpoint/…003.json.zst is damaged: it is of format 7, and this program knows format 1: upgrade causeway
    Empty
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: checkpoint …/checkpoint/…003.json.zst is damaged: it cannot be decompressed: incomplete frame
      repair: checkpoint …/checkpoint/…003.json.zst is damaged: it cannot be decompressed: incomplete frame (mended)
    "#);
}

#[tokio::test]
async fn the_hint() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Latest), @r#"
    Missing
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json is missing; the newest is 3
      repair: …/latest.json is missing; the newest is 3 (mended)
    Truncated
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; the newest is 3
      repair: …/latest.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; the newest is 3 (mended)
    FlippedBit
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; the newest is 3
      repair: …/latest.json is damaged: its bytes changed: check <md5> is written, <md5> is computed; the newest is 3 (mended)
    Older
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    Newer
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway; the newest is 3
      afterwards: commit null; ["at 4", "at 4"]; …/latest.json is damaged: it is of format 7, and this program knows format 1: upgrade causeway; the newest is 3
    Empty
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: …/latest.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; the newest is 3
      repair: …/latest.json is damaged: it is not what it should be: EOF while parsing a value at line 1 column n; the newest is 3 (mended)
    "#);
}

#[tokio::test]
async fn a_dataset() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Dataset), @r"
    Missing
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: it is missing; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: it is missing
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: it is missing (mended)
    Truncated
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed (mended)
    FlippedBit
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed (mended)
    Older
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed (mended)
    Newer
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed (mended)
    Empty
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed (mended)
    ");
}

#[tokio::test]
async fn the_agents_state() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::State), @r#"
    Missing
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    Truncated
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    FlippedBit
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    Older
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    Newer
      loaded hub: at 3
      new hub: at 3
      sync: exit 1: "the state work/state/state.db is of version 99, and this program knows 2: upgrade causeway-agent"
      verify: exit 1: "the state work/state/state.db is of version 99, and this program knows 2: upgrade causeway-agent"
      afterwards: exit 1: "the state work/state/state.db is of version 99, and this program knows 2: upgrade causeway-agent"; ["at 3", "at 3"]; exit 1: "the state work/state/state.db is of version 99, and this program knows 2: upgrade causeway-agent"
    Empty
      loaded hub: at 3
      new hub: at 3
      sync: commit 4
      verify: whole
    "#);
}
