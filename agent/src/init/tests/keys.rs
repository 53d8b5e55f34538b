//! Which columns are proposed as a key where none is declared.

use super::*;

/// The proposed key of a table of a CSV file.
fn key(csv: &str) -> String {
    let proposal = Site::new().with_file("t.csv", csv).propose();
    dataset(&proposal);
    let text = proposal.dataset_toml.unwrap();
    let line = text.lines().find(|line| line.starts_with("key = "));
    line.unwrap().to_owned()
}

#[test]
fn three_columns_with_a_time_among_them() {
    let mut visits = String::from("date,time,room,note\n");
    for (day, hour, room) in [
        (1, 9, "A"),
        (1, 9, "B"),
        (1, 10, "A"),
        (2, 9, "A"),
        (2, 10, "A"),
    ] {
        visits += &format!("2025-11-0{day},{hour:02}:00,{room},x\n");
    }
    insta::assert_snapshot!(key(&visits), @r#"key = ["date", "time", "room"]  # PLEASE CHECK: no declared key; in all 5 rows the three together differ, and no two of them do"#);
}

#[test]
fn a_measure_that_happens_to_be_unique_is_no_key() {
    let mut cases = String::from("date,country,new_cases,hospitalised,is_final\n");
    for (at, (day, country)) in [(1, "VN"), (1, "LA"), (2, "VN"), (2, "LA"), (3, "VN")]
        .into_iter()
        .enumerate()
    {
        cases += &format!(
            "2025-11-0{day},{country},{},{},{}\n",
            90 + at * 7,
            30 - at,
            at % 2 == 0
        );
    }
    insta::assert_snapshot!(key(&cases), @r#"key = ["date", "country"]  # PLEASE CHECK: no declared key; in all 5 rows the two together differ, and neither does alone; new_cases, hospitalised differ too, perhaps by chance"#);
    let prices =
        "Date,Open,Volume\n2025-11-03,10.5,9000\n2025-11-04,10.5,8000\n2025-11-05,11.5,7000\n";
    insta::assert_snapshot!(key(prices), @r#"key = ["date"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs"#);
}

#[test]
fn decimals_and_flags_are_tried_last() {
    let slots = "day,morning\n2025-11-01,yes\n2025-11-01,no\n2025-11-02,yes\n2025-11-02,no\n";
    insta::assert_snapshot!(key(slots), @r#"key = ["day", "morning"]  # PLEASE CHECK: no declared key; in all 4 rows the two together differ, and neither does alone"#);
    let grid = "lat,lon,warm\n10.25,106.25,true\n10.25,106.75,true\n10.75,106.25,true\n10.75,106.75,true\n";
    insta::assert_snapshot!(key(grid), @r#"key = ["lat", "lon"]  # PLEASE DECIDE: no declared key; in all 4 rows the two together differ, and neither does alone, which a figure may do by chance"#);
    insta::assert_snapshot!(key("price\n1.25\n2.50\n3.75\n"), @r#"key = ["price"]  # PLEASE DECIDE: no declared key; in all 3 rows it is there and differs, which a figure may do by chance"#);
}

#[test]
fn a_column_named_like_a_key_is_one() {
    let orders = "created,OrderNo,paid\n2025-11-01,7,10\n2025-11-02,8,20\n2025-11-03,9,30\n";
    insta::assert_snapshot!(key(orders), @r#"key = ["orderno"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs"#);
    let yearly = "region,year,month,rain\nN,2024,1,5\nN,2024,2,5\nS,2024,1,6\nS,2025,1,7\n";
    insta::assert_snapshot!(key(yearly), @r#"key = ["region", "year", "month"]  # PLEASE CHECK: no declared key; in all 4 rows the three together differ, and no two of them do"#);
}

#[test]
fn with_no_key_at_all_the_template_is_written() {
    let proposal = Site::new()
        .with_file("log.csv", "level,message\ninfo,started\ninfo,started\n")
        .propose();
    insta::assert_snapshot!(proposal.dataset_toml.as_deref().unwrap(), @r#"
    # A dataset proposed by `causeway-agent init`, which read all of 2 rows in 1 table. Read it through
    # before the first `sync`: what is said behind a line is why it was proposed; what needs a look or a
    # decision says so in capital letters. Then see what `causeway-agent plan` says.
    #
    # Where site and cloud change the same value, the cloud's stands, unless a table says merge =
    # "site".
    name = "log"
    version = 1

    # LEFT OUT: "log": no declared key, and no columns that were tried, alone or together, differ in all
    # rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them as `key` and take
    # the comment signs away; else give the table a PRIMARY KEY in its application, or the file a column
    # of numbers that stay with their rows.
    # [[table]]
    # name = "log"
    # key = []  # no declared key, and no columns that were tried, alone or together, differ in all rows
    # partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    # column = [
    #   { name = "level", type = "text" },  # text, longest 4
    #   { name = "message", type = "text" },  # text, longest 7
    # ]
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    0 tables, 0 rows: 0 by date, 0 via a parent, 0 in buckets
    "log" is left out, behind comment signs in dataset.toml: no declared key, and no columns that were tried, alone or together, differ in all rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them as `key` and take the comment signs away; else give the table a PRIMARY KEY in its application, or the file a column of numbers that stay with their rows.
    4 places ask for a look or a decision: search for PLEASE
    "#);
    let refused = Dataset::from_toml(proposal.dataset_toml.as_deref().unwrap()).unwrap_err();
    insta::assert_snapshot!(refused.to_string(), @"the dataset declares no table: write a [[table]], or take the comment signs away from one that `init` left out");
}

#[test]
fn a_declared_key_of_a_table_without_rows_is_no_question() {
    let proposal = Site::new()
        .with_sqlite(
            "library.db",
            "CREATE TABLE loan (id INTEGER PRIMARY KEY, note TEXT);
             CREATE TABLE tag (book INTEGER, name TEXT, PRIMARY KEY (book, name)) WITHOUT ROWID;",
        )
        .propose();
    let text = proposal.dataset_toml.as_deref().unwrap();
    let keys: Vec<&str> = text.lines().filter(|l| l.starts_with("key = ")).collect();
    insta::assert_snapshot!(keys.join("\n"), @r#"
    key = ["id"]  # declared PRIMARY KEY
    key = ["book", "name"]  # declared PRIMARY KEY
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r"
    2 tables, 0 rows: 0 by date, 0 via a parent, 2 in buckets
    3 places ask for a look or a decision: search for PLEASE
    ");
}

#[test]
fn a_sequence_tells_rows_apart_and_a_rapid_rating_does_not() {
    let stops = "trip_id,arrival_time,stop_id,stop_sequence\n1562,09:00:00,A1,1\n1562,09:02:00,A2,2\n\
                 1563,09:00:00,A1,1\n1563,09:02:00,A2,2\n1564,09:10:00,A1,1\n1564,09:10:00,A1,2\n";
    insta::assert_snapshot!(key(stops), @r#"key = ["trip_id", "stop_sequence"]  # PLEASE CHECK: no declared key; in all 6 rows the two together differ, and neither does alone"#);
    let exceptions = "service_id,date,exception_type\nA,20200914,1\nA,20200915,1\nB,20200914,2\n";
    insta::assert_snapshot!(key(exceptions), @r#"key = ["service_id", "date"]  # PLEASE CHECK: no declared key; in all 3 rows the two together differ, and neither does alone"#);
    let players =
        "name,current_rapid,current_blitz\nMagnus Carlsen,2906,3221\nFabiano Caruana,2823,3114\n";
    insta::assert_snapshot!(key(players), @r#"key = ["name"]  # PLEASE CHECK: no declared key; in all 2 rows it is there and differs"#);
}

#[test]
fn more_than_three_columns_are_a_key_where_no_fewer_are() {
    let mut votes = String::from("county,office,district,party,candidate\n");
    for n in 0..16 {
        let of = |bit: u8| if n >> bit & 1 == 0 { "a" } else { "b" };
        votes += &format!("{},{},{},{},x\n", of(0), of(1), of(2), of(3));
    }
    insta::assert_snapshot!(key(&votes), @r#"key = ["county", "office", "district", "party"]  # PLEASE CHECK: no declared key; in all 16 rows these 4 together differ, and no fewer of them that were tried"#);
}

#[test]
fn a_number_of_unknown_meaning_may_differ_by_chance() {
    let wards = format!(
        "kind,about,wahlberechtigte\na,{0} 1,300\na,{0} 2,200\nb,{0} 3,100\n",
        "long".repeat(16)
    );
    insta::assert_snapshot!(key(&wards), @r#"key = ["wahlberechtigte"]  # PLEASE DECIDE: no declared key; in all 3 rows it is there and differs, which a figure may do by chance"#);
}
