//! What becomes of damage: every stored thing × every kind of damage × both programs.
//!
//! The site's log has three commits. The hub has loaded the first and is about to load the others;
//! a new hub begins from nothing. The agent has a change to send. Each cell says what the programs
//! answer; whatever was damaged, after the agent's `sync` and `verify --repair` both hubs hold the
//! source's rows, unless the cell says otherwise.

mod ground;
mod kinds;
mod log;
mod outcomes;

use insta::assert_snapshot;

use ground::Ground;
use kinds::Thing;

#[tokio::test]
async fn an_object() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::Object), @r#"
    Missing
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is missing
      repair: mended
    Truncated, Empty
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: mended
    FlippedBit
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst cannot be decompressed: Restored data doesn't match checksum; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst cannot be decompressed: Restored data doesn't match checksum; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: mended
    Older
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <2>; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has changed: the MD5 of its rows is <2>; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: mended
    Newer
      loaded hub: exit 3, stays at 1: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has the columns "id,body,mood", and the dataset has others; run `causeway-agent verify --repair` at the site
      new hub: exit 3, stays at null: site hcm-01, table note, partition b=0of1: …/data/note/b=0of1/<3>.csv.zst has the columns "id,body,mood", and the dataset has others; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: note: object …/data/note/b=0of1/<3>.csv.zst is damaged
      repair: mended
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
      repair: mended
    Truncated, FlippedBit, Older, Newer, Empty
      loaded hub: at 3
      new hub: exit 3, stays at null: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed; run `causeway-agent verify --repair` at the site
      sync: commit 4
      verify: site hcm-01: the dataset …/dataset/<md5>.json cannot be used: its bytes changed
      repair: mended
    ");
}

#[tokio::test]
async fn the_agents_state() {
    let ground = Ground::new().await;
    assert_snapshot!(ground.outcomes(Thing::State), @r#"
    Missing, Truncated, FlippedBit, Older, Empty
      both hubs: at 3
      sync: commit 4
      verify: whole
    Newer
      both hubs: at 3
      sync: exit 3: "the state work/state/state.db is of version 99, and this program knows 3: upgrade causeway-agent"
      verify: exit 3: "the state work/state/state.db is of version 99, and this program knows 3: upgrade causeway-agent"
      afterwards: exit 3: "the state work/state/state.db is of version 99, and this program knows 3: upgrade causeway-agent"; ["at 3", "at 3"]; exit 3: "the state work/state/state.db is of version 99, and this program knows 3: upgrade causeway-agent"
    "#);
}
