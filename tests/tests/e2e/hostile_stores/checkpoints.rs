//! Checkpoints and hints that say the impossible, and what is longer than a reader takes.

use serde_json::{Value, json};

use super::*;

const LAST_CHECKPOINT: &str = "checkpoint/18446744073709551615.json.zst";

/// The checkpoint of the only commit, changed, under a key; the hint names the number.
fn checkpoint(ground: &Ground, key: &str, change: impl FnOnce(&mut Value)) {
    let mut commit: Value = serde_json::from_slice(&fs::read(ground.bad(COMMIT)).unwrap()).unwrap();
    let of = commit.as_object_mut().unwrap();
    of.remove("check");
    let dataset = of["dataset"].clone();
    let mut partitions = of.remove("changes").unwrap();
    partitions[0]["dataset"] = dataset;
    of.insert("partitions".to_owned(), partitions);
    change(&mut commit);
    let file = ground.bad(key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(
        file,
        zstd::bulk::compress(commit.to_string().as_bytes(), 3).unwrap(),
    )
    .unwrap();
}

fn hint(ground: &Ground, number: u64) {
    let text = json!({ "format": 1, "checkpoint": number }).to_string();
    fs::write(ground.bad("latest.json"), text).unwrap();
}

#[tokio::test]
async fn a_checkpoint_or_a_hint_that_is_none() {
    let ground = Ground::new();
    let first = "checkpoint/00000000000000000001.json.zst";
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("a hint that points nowhere", &|ground| hint(ground, 99)),
                ("a hint of 8 GiB", &|ground| {
                    sparse(&ground.bad("latest.json"), 8 << 30)
                }),
                ("a hint of a thousand lists", &|ground| {
                    fs::write(ground.bad("latest.json"), nested(1_000)).unwrap();
                }),
                ("a hint that is a FIFO", &|ground| {
                    fifo(&ground.bad("latest.json"))
                }),
                ("a checkpoint that is a FIFO", &|ground| {
                    fifo(&ground.bad(first));
                    hint(ground, 1);
                }),
                ("a checkpoint that says 2^64-1 rows", &|ground| {
                    checkpoint(ground, first, |of| {
                        of["partitions"][0]["rows"] = json!(u64::MAX)
                    });
                    hint(ground, 1);
                }),
                ("a checkpoint numbered 2^64-1", &|ground| {
                    checkpoint(ground, LAST_CHECKPOINT, |of| of["seq"] = json!(u64::MAX));
                    hint(ground, u64::MAX);
                }),
                ("a checkpoint and a commit numbered 2^64-1", &|ground| {
                    let text = fs::read_to_string(ground.bad(COMMIT)).unwrap();
                    let more = ground.change_commit(|commit| commit["seq"] = json!(u64::MAX));
                    fs::write(ground.bad(LAST_COMMIT), more).unwrap();
                    checkpoint(ground, LAST_CHECKPOINT, |of| of["seq"] = json!(u64::MAX));
                    fs::write(ground.bad(COMMIT), text).unwrap();
                    hint(ground, u64::MAX);
                }),
                ("a checkpoint and a commit numbered 2^63-1", &|ground| {
                    let last = i64::MAX.unsigned_abs();
                    let text = fs::read_to_string(ground.bad(COMMIT)).unwrap();
                    let more = ground.change_commit(|commit| commit["seq"] = json!(last));
                    fs::write(ground.bad(&format!("log/{last:020}.json")), more).unwrap();
                    checkpoint(ground, &format!("checkpoint/{last:020}.json.zst"), |of| {
                        of["seq"] = json!(last)
                    });
                    fs::write(ground.bad(COMMIT), text).unwrap();
                    hint(ground, last);
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    a hint that points nowhere; a hint of 8 GiB; a hint of a thousand lists; a checkpoint that says 2^64-1 rows; a checkpoint numbered 2^64-1; a checkpoint and a commit numbered 2^64-1; a checkpoint and a commit numbered 2^63-1
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    a hint that is a FIFO
      load: exit 3
        site bad: the store refuses read of …/latest.json: a FIFO lies there and no file; remove it
      status: exit 3
        site bad: the store refuses read of …/latest.json: a FIFO lies there and no file; remove it
    a checkpoint that is a FIFO
      load: exit 3
        site bad: the store refuses read of …/checkpoint/…001.json.zst: a FIFO lies there and no file; remove it
      status: exit 3
        1 behind
    "#);
}

#[tokio::test]
async fn what_is_as_long_as_a_reader_takes() {
    let ground = Ground::new();
    let first = "checkpoint/00000000000000000001.json.zst";
    let told = ground
        .outcomes(
            MANY_MIB,
            &[
                ("a writer's id of 200 MiB", &|ground| {
                    ground.change_commit(|commit| {
                        commit["writer"]["id"] = json!("w".repeat(200 << 20))
                    });
                }),
                ("a checkpoint of 10 GiB of spaces", &|ground| {
                    checkpoint(ground, first, |_| {});
                    bomb(&ground.bad(first), b"{", b' ');
                    hint(ground, 1);
                }),
                ("a checkpoint of 10 GiB of name", &|ground| {
                    checkpoint(ground, first, |_| {});
                    bomb(&ground.bad(first), b"{\"site\":\"", b'a');
                    hint(ground, 1);
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    a writer's id of 200 MiB
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: a text of 209715200 bytes is longer than 256 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a checkpoint of 10 GiB of spaces; a checkpoint of 10 GiB of name
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    "#);
}
