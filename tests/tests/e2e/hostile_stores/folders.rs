//! What lies beside the sites' logs, and folders that are no sites.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::*;

#[tokio::test]
async fn a_list_of_refused_rows_that_is_none() {
    let ground = Ground::new();
    let list = |ground: &Ground| {
        fs::create_dir_all(ground.bad("quarantine")).unwrap();
        ground.bad("quarantine/note.csv")
    };
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("over its limit", &|ground| {
                    sparse(&list(ground), (16 << 20) + 1)
                }),
                ("8 GiB of zeros", &|ground| sparse(&list(ground), 8 << 30)),
                ("16 MiB of quotes", &|ground| {
                    fs::write(list(ground), "\"".repeat(16 << 20)).unwrap()
                }),
                ("a total of 2^64-1", &|ground| {
                    let header = "since,source,place,column,reason,row,total";
                    fs::write(list(ground), format!("{header}\n,,,,,,{}\n", u64::MAX)).unwrap();
                }),
                ("a FIFO", &|ground| fifo(&list(ground))),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    over its limit; 8 GiB of zeros; 16 MiB of quotes; a total of 2^64-1
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
        refused rows of note: null
    a FIFO
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    "#);
}

#[tokio::test]
async fn folders_that_are_no_sites() {
    let ground = Ground::new();
    let site = |ground: &Ground, name: &OsStr| {
        let folder = ground.path("store/sites").join(name);
        fs::create_dir_all(folder.join("log")).unwrap();
        fs::write(folder.join("log/00000000000000000001.json"), "{}").unwrap();
    };
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("odd names", &|ground| {
                    let long = "x".repeat(255);
                    let names = [
                        "UPPER", "a b", "a\nb", "'; --", "causeway", "public", "...", "%2e%2e",
                        &long,
                    ];
                    names.iter().for_each(|name| site(ground, OsStr::new(name)));
                    site(ground, OsStr::from_bytes(b"\xff\xfe"));
                }),
                ("a folder that leads back to its own", &|ground| {
                    symlink("..", ground.path("store/sites/loop")).unwrap();
                    symlink("../..", ground.bad("data/loop")).unwrap();
                }),
                ("10 000 folders with nothing to read", &|ground| {
                    for number in 0..10_000 {
                        fs::create_dir(ground.path(&format!("store/sites/s{number}"))).unwrap();
                    }
                }),
                ("200 sites whose first commit is none", &|ground| {
                    (0..200).for_each(|number| site(ground, OsStr::new(&format!("s{number}"))));
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    odd names; a folder that leads back to its own; 10 000 folders with nothing to read
      load: exit 0
        bad: 2 rows in
      status: exit 0
        0 behind
    200 sites whose first commit is none
      load: exit 3
        200 of 202 sites fail
        bad: 2 rows in
        site s0: sites/s0/log/…001.json is damaged: it is not what it should be: missing field `format` at line 1 column n; run `causeway-agent verify --repair` at the site
        site s1: sites/s1/log/…001.json is damaged: it is not what it should be: missing field `format` at line 1 column n; run `causeway-agent verify --repair` at the site
      status: exit 3
        0 behind
    "#);
}
