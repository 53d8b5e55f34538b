//! What `init` writes into files and what it says at the end are the same questions.

use super::*;

#[test]
fn every_question_of_the_files_is_listed() {
    let wide: Vec<String> = (0..400).map(|at| format!("c{at}")).collect();
    let row = vec!["x".repeat(100); 399].join(",");
    let site = Site::new()
        .with_file("people.csv", "id,id,name\n1,7,An\n2,8,Binh\n")
        .with_file(
            "wide.csv",
            format!("{}\n1,{row}\n2,{row}\n", wide.join(",")),
        )
        .with_file(
            "days.csv",
            "id,day,n\n1,03/04/2025,007\n2,04/05/2025,008\n3,,\n,,\n",
        )
        .with_file("two.csv", "a,b;c,d\n1,2;3,4\n5,6;7,8\n")
        .with_file(
            "title.csv",
            "Account,NL91\n\nid,name,x\n1,a,b\n2,c,d\n3,e,f\n",
        )
        .with_file("cities.csv", b"id,name\n1,M\xfcnchen\n2,K\xf6ln\n")
        .with_sqlite(
            "x.db",
            "CREATE TABLE log (a BLOB, b TEXT); INSERT INTO log VALUES (x'00', 'a'), (NULL, 'a')",
        );
    let proposal = site.propose();
    let unwrapped = |text: &str| {
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect();
        lines.join(" ")
    };
    let files = unwrapped(&proposal.agent_toml)
        + " "
        + &unwrapped(proposal.dataset_toml.as_deref().unwrap());
    let listed = proposal.notes.join("\n");
    let mut unlisted = Vec::new();
    for at in files.match_indices("PLEASE").map(|(at, _)| at) {
        // Enough to know a question by.
        let question: String = files[at..].chars().take(60).collect();
        if !listed.contains(&question) {
            unlisted.push(question);
        }
    }
    insta::assert_snapshot!(unlisted.join("\n"), @r#"
    PLEASE DECIDE: the name of this installation, for good datas
    PLEASE CHECK: of timestamps, and of the dates that they are 
    PLEASE DECIDE: make this folder, to try it out; for good s3:
    "#);
}

#[test]
fn tables_called_as_pragmas_hide_none() {
    let pragmas = [
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
    ];
    let made: String = pragmas
        .map(|pragma| format!("CREATE TABLE pragma_{pragma} (id INTEGER PRIMARY KEY, x TEXT);"))
        .concat();
    let proposal = Site::new()
        .with_sqlite(
            "app.db",
            &format!(
                "{made} CREATE TABLE parent (a INTEGER PRIMARY KEY, b TEXT UNIQUE);
                 CREATE TABLE child (id INTEGER PRIMARY KEY, pid INT REFERENCES parent);
                 INSERT INTO parent VALUES (7, 'x'); INSERT INTO child VALUES (1, 7);
                 CREATE VIRTUAL TABLE words USING fts5(w);"
            ),
        )
        .propose();
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    9 tables, 2 rows: 0 by date, 0 via a parent, 9 in buckets
    "words" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    "words_config" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    "words_content" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    "words_data" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    "words_docsize" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    "words_idx" in /srv/HCM 01/app.db is left out: a virtual table, or one that such a table keeps its content in
    3 places ask for a look or a decision: search for PLEASE
    "#);
    insta::assert_snapshot!(table(&proposal, "parent"), @r#"
    [[table]]
    name = "parent"
    key = ["a"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 1 row, about 5000 a bucket
    unique = [{ columns = ["b"] }]  # declared UNIQUE
    column = [
      { name = "a", type = "int", not_null = true },  # declared INTEGER, 1 value: whole numbers
      { name = "b", type = "text" },  # declared TEXT, longest 1
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "child"), @r#"
    [[table]]
    name = "child"
    key = ["id"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 1 row, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # declared INTEGER, 1 value: whole numbers
      { name = "pid", type = "int", references = "parent" },  # declared INT, 1 value: whole numbers; declared FOREIGN KEY
    ]
    "#);
}

#[test]
fn tables_whose_names_differ_in_case_alone_are_told_apart_for_the_agent() {
    let proposal = Site::new()
        .with_file("a.b.csv", "id,x\n1,a\n")
        .with_file("A.B.csv", "id,x\n1,a\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    tables = { a_b = "A.B" }

    # Found and left out:
    # - "a.b" in a.b.csv: A.B.csv has a table of that name with the same columns
    "#);
}

#[test]
fn nothing_refers_to_a_table_for_having_no_name() {
    let proposal = Site::new()
        .with_sqlite(
            "x.db",
            "CREATE TABLE \"\" (id INTEGER PRIMARY KEY); INSERT INTO \"\" VALUES (1);
             CREATE TABLE other (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO other VALUES (1, 'a')",
        )
        .propose();
    assert!(!proposal.dataset_toml.unwrap().contains("references"));
}
