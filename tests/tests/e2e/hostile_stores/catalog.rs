//! Commits and datasets that say the impossible.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_commit_that_is_none() {
    let ground = Ground::new();
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("a FIFO", &|ground| fifo(&ground.bad(COMMIT))),
                ("a folder", &|ground| folder(&ground.bad(COMMIT))),
                ("a link to nothing", &|ground| {
                    link(&ground.bad(COMMIT), "nowhere")
                }),
                ("8 GiB of zeros", &|ground| {
                    sparse(&ground.bad(COMMIT), 8 << 30)
                }),
                ("16 MiB of zeros", &|ground| {
                    sparse(&ground.bad(COMMIT), 16 << 20)
                }),
                ("a million lists in each other", &|ground| {
                    fs::write(ground.bad(COMMIT), nested(1_000_000)).unwrap();
                }),
                (
                    "a million lists in each other, in a field that nobody knows",
                    &|ground| {
                        let text = ground.change_commit(|_| {});
                        let text =
                            text.replacen('{', &format!("{{\"more\":{},", nested(1_000_000)), 1);
                        fs::write(ground.bad(COMMIT), text).unwrap();
                    },
                ),
                ("the number 2^64-1 under its own key", &|ground| {
                    ground.change_commit(|commit| commit["seq"] = json!(u64::MAX));
                    fs::rename(ground.bad(COMMIT), ground.bad(LAST_COMMIT)).unwrap();
                }),
                ("one more with the number 2^64-1", &|ground| {
                    let text = fs::read_to_string(ground.bad(COMMIT)).unwrap();
                    let more = ground.change_commit(|commit| commit["seq"] = json!(u64::MAX));
                    fs::write(ground.bad(LAST_COMMIT), more).unwrap();
                    fs::write(ground.bad(COMMIT), text).unwrap();
                }),
                ("of another site", &|ground| {
                    ground.change_commit(|commit| commit["site"] = json!("good"));
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    a FIFO
      load: exit 3
        site bad: the store refuses read of …/log/…001.json: a FIFO lies there and no file; remove it
      status: exit 3
        0 behind
    a folder; a link to nothing; the number 2^64-1 under its own key
      load: exit 0
      status: exit 0
    8 GiB of zeros
      load: exit 3
        site bad: …/log/…001.json is damaged: it is longer than 268435456 bytes; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    16 MiB of zeros
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: expected value at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a million lists in each other
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: invalid type: sequence, expected u64 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a million lists in each other, in a field that nobody knows
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: recursion limit exceeded at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    one more with the number 2^64-1
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    of another site
      load: exit 3
        site bad: …/log/…001.json is damaged: it says that it is commit 1 of good; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    "#);
}

#[tokio::test]
async fn a_commit_that_says_the_impossible() {
    let ground = Ground::new();
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("2^64-1 rows", &|ground| {
                    ground.change_commit(|commit| commit["changes"][0]["rows"] = json!(u64::MAX));
                }),
                ("2^40 rows", &|ground| {
                    ground
                        .change_commit(|commit| commit["changes"][0]["rows"] = json!(1_u64 << 40));
                }),
                ("-1 rows", &|ground| {
                    ground.change_commit(|commit| commit["changes"][0]["rows"] = json!(-1));
                }),
                ("2^64-1 values counted", &|ground| {
                    ground.change_commit(|commit| {
                        commit["changes"][0]["summary"]["count_by"]["body"]["values"]["a"] =
                            json!(u64::MAX);
                    });
                }),
                ("a sum of 60 digits", &|ground| {
                    ground.change_commit(|commit| {
                        commit["changes"][0]["summary"]["sum"]["amount"]["sum"] =
                            json!("9".repeat(60));
                    });
                }),
                ("a sum of 1e308", &|ground| {
                    ground.change_commit(|commit| {
                        commit["changes"][0]["summary"]["sum"]["amount"]["sum"] = json!(1e308);
                    });
                }),
                ("the epoch 2^64-1", &|ground| {
                    ground.change_commit(|commit| commit["epoch"] = json!(u64::MAX));
                }),
                ("a time before all others", &|ground| {
                    ground.change_commit(|commit| commit["at"] = json!("-009999-01-02T01:59:59Z"));
                }),
                ("a table in another folder", &|ground| {
                    ground.change_commit(|commit| {
                        commit["changes"][0]["table"] = json!("../../good/data/note")
                    });
                }),
                ("a bucket of none", &|ground| {
                    ground.change_commit(|commit| commit["changes"][0]["part"] = json!("b=0of0"));
                }),
                ("4 096 partitions without objects", &|ground| {
                    ground.change_commit(|commit| {
                        let one = commit["changes"][0].clone();
                        let many = (0..4_096).map(|at| {
                            let mut one = one.clone();
                            one["part"] = json!(format!("b={at:04}of4096"));
                            one
                        });
                        commit["changes"] = many.collect();
                    });
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    2^64-1 rows; 2^64-1 values counted
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: note, b=0of1: 18446744073709551615 is more than 1099511627776 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    2^40 rows
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst does not have the 1099511627776 rows that its commit says; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    -1 rows
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: note, b=0of1: invalid value: integer `-1`, expected u64 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a sum of 60 digits
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: note, b=0of1: "999999999999999999999999999999999999999999999999999999999" is no decimal number of at most 57 digits, 18 of them after the point at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a sum of 1e308; a time before all others
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    the epoch 2^64-1
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: 18446744073709551615 is more than 1099511627776 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a table in another folder
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: "../../good/data/note" is not a table or column name: a lower-case letter, then up to 62 lower-case letters, digits or `_` (write the source's own name as `source`) at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a bucket of none
      load: exit 3
        site bad: …/log/…001.json is damaged: it is not what it should be: "b=0of0" is not a partition: `dt=YYYY-MM-DD`, of the years 1900 to 2199, or `b=<i>of<N>`, i padded to the width of N, N at most 4096 at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    4 096 partitions without objects
      load: exit 3
        site bad, table note, partition b=0000of4096: …/data/note/b=0000of4096/<md5>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    "#);
}

#[tokio::test]
async fn a_dataset_that_is_none() {
    let ground = Ground::new();
    let dataset = |ground: &Ground, json: &[u8]| {
        let md5 = format!("{:x}", md5::compute(json));
        fs::write(ground.bad(&format!("dataset/{md5}.json")), json).unwrap();
        ground.change_commit(|commit| commit["dataset"] = json!(md5));
    };
    let own = |ground: &Ground| {
        let file = fs::read_dir(ground.bad("dataset")).unwrap().next().unwrap();
        file.unwrap().path()
    };
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("a FIFO", &|ground| fifo(&own(ground))),
                ("8 GiB of zeros", &|ground| sparse(&own(ground), 8 << 30)),
                ("a million lists in each other", &|ground| {
                    dataset(ground, nested(1_000_000).as_bytes())
                }),
                ("without a table", &|ground| {
                    dataset(ground, b"{\"name\":\"x\",\"version\":1}")
                }),
                ("a table that names a function of SQLite", &|ground| {
                    let json = fs::read_to_string(own(ground)).unwrap();
                    dataset(ground, json.replace("\"note\"", "\"json_each\"").as_bytes());
                }),
                ("a name with a quote in it", &|ground| {
                    let json = fs::read_to_string(own(ground)).unwrap();
                    dataset(
                        ground,
                        json.replace("\"body\"", r#""body\"; DROP TABLE x; --""#)
                            .as_bytes(),
                    );
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    a FIFO
      load: exit 3
        site bad: the store refuses read of …/dataset/<md5>.json: a FIFO lies there and no file; remove it
      status: exit 3
        1 behind
    8 GiB of zeros
      load: exit 3
        site bad: the dataset …/dataset/<md5>.json cannot be used: it is longer than 16777216 bytes; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a million lists in each other
      load: exit 3
        site bad: the dataset …/dataset/<md5>.json cannot be used: the dataset cannot be read: invalid type: sequence, expected a string at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    without a table
      load: exit 3
        site bad: the dataset …/dataset/<md5>.json cannot be used: the dataset declares no table: write a [[table]], or take the comment signs away from one that `init` left out; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a table that names a function of SQLite
      load: exit 3
        site bad: the dataset …/dataset/<md5>.json cannot be used: dataset, table json_each: is a name that SQLite keeps for itself; choose another, with source = "json_each"; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a name with a quote in it
      load: exit 3
        site bad: the dataset …/dataset/<md5>.json cannot be used: dataset: "body\"; DROP TABLE x; --" is not a table or column name: a lower-case letter, then up to 62 lower-case letters, digits or `_` (write the source's own name as `source`); run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    "#);
}
