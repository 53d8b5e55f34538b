//! Objects that are none.

use super::*;

#[tokio::test]
async fn an_object_that_is_no_file_or_not_its_own() {
    let ground = Ground::new();
    let told = ground
        .outcomes(
            FEW_MIB,
            &[
                ("a FIFO", &|ground| fifo(&ground.object())),
                ("a folder", &|ground| folder(&ground.object())),
                ("a link to nothing", &|ground| {
                    link(&ground.object(), "nowhere")
                }),
                ("a link to itself", &|ground| {
                    let object = ground.object();
                    link(&object, object.to_str().unwrap());
                }),
                ("a device without end", &|ground| {
                    link(&ground.object(), "/dev/zero")
                }),
                ("cut short", &|ground| {
                    let bytes = fs::read(ground.object()).unwrap();
                    fs::write(ground.object(), &bytes[..bytes.len() / 2]).unwrap();
                }),
                ("other rows", &|ground| {
                    let rows = zstd::bulk::compress(b"id,body,amount\n1,a,5\n2,b,7\n", 3).unwrap();
                    fs::write(ground.object(), rows).unwrap();
                }),
                ("8 GiB of zeros", &|ground| {
                    sparse(&ground.object(), 8 << 30)
                }),
                ("10 GiB of one record", &|ground| {
                    bomb(&ground.object(), b"id,body,amount\n1,", b'x')
                }),
                ("10 GiB of empty records", &|ground| {
                    bomb(&ground.object(), b"id,body,amount\n", b'\n')
                }),
                ("10 GiB of header", &|ground| {
                    bomb(&ground.object(), b"id", b'x')
                }),
            ],
        )
        .await;
    assert_snapshot!(told, @r#"
    a FIFO
      load: exit 3
        site bad: the store refuses read of …/data/note/b=0of1/<md5>.csv.zst: a FIFO lies there and no file; remove it
      status: exit 3
        1 behind
    a folder; a link to nothing
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst is missing; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    a link to itself
      load: exit 3
        site bad: the store refuses read of …/data/note/b=0of1/<md5>.csv.zst: Too many levels of symbolic links (os error 40); a link lies there that leads to itself; remove it
      status: exit 3
        1 behind
    a device without end
      load: exit 3
        site bad: the store refuses read of …/data/note/b=0of1/<md5>.csv.zst: a device lies there and no file; remove it
      status: exit 3
        1 behind
    cut short; other rows
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst has changed: the MD5 of its rows is <md5>; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    8 GiB of zeros
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst cannot be decompressed: Unknown frame descriptor; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    10 GiB of one record
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst is not canonical CSV: record 1 (the header is 0): it is longer than any row can be; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    10 GiB of empty records
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst does not have the 2 rows that its commit says; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    10 GiB of header
      load: exit 3
        site bad, table note, partition b=0of1: …/data/note/b=0of1/<md5>.csv.zst is not canonical CSV: record 0 (the header is 0): it is longer than any row can be; run `causeway-agent verify --repair` at the site
      status: exit 3
        1 behind
    "#);
}
