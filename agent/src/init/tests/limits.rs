//! What a database cannot hold is renamed or left out, and nothing else with it.

use super::*;

/// A CSV file of so many columns, with these values in its second row.
fn wide(columns: usize, value: &str) -> String {
    let header: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    let row = |id: u32| format!("{id}{}", format!(",{value}").repeat(columns - 1));
    format!("{}\n{}\n{}\n", header.join(","), row(1), row(2))
}

#[test]
fn names_that_a_database_keeps_are_changed() {
    let proposal = Site::new()
        .with_file("json_each.csv", "id,xmin,CTID,oid\n1,2,3,4\n2,2,3,4\n")
        .propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "x_json_each"), @r#"
    [[table]]
    name = "x_json_each"
    source = "json_each"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 2 rows it is there and differs
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 2 values are whole numbers
      { name = "x_xmin", source = "xmin", type = "int" },  # all 2 values are whole numbers
      { name = "x_ctid", source = "CTID", type = "int" },  # all 2 values are whole numbers
      { name = "oid", type = "int" },  # all 2 values are whole numbers
    ]
    "#);
}

#[test]
fn a_table_of_too_many_columns_leaves_its_neighbours_alone() {
    let proposal = Site::new()
        .with_file("survey.csv", wide(1_501, "x"))
        .with_file("visit.csv", "id,survey_c0\n1,1\n2,2\n")
        .propose();
    let names: Vec<String> = dataset(&proposal)
        .tables
        .into_iter()
        .map(|table| table.name.to_string())
        .collect();
    assert_eq!(names, ["visit"]);
    let text = proposal.dataset_toml.as_deref().unwrap();
    let start = text.find("# LEFT OUT").unwrap();
    let end = start + text[start..].find("# [[table]]").unwrap();
    insta::assert_snapshot!(&text[start..end], @r#"
    # LEFT OUT: "survey": it has 1501 columns; declare 1 to 1500, or divide it: two views in the source,
    # each with the key and some of the columns. PLEASE DECIDE: change the table accordingly and take
    # the comment signs away.
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    1 table, 2 rows: 0 by date, 0 via a parent, 1 in buckets
    "survey" is left out, behind comment signs in dataset.toml: it has 1501 columns; declare 1 to 1500, or divide it: two views in the source, each with the key and some of the columns. PLEASE DECIDE: change the table accordingly and take the comment signs away.
    visit: key: PLEASE CHECK: no declared key; in all 2 rows it is there and differs
    6 places ask for a look or a decision: search for PLEASE
    "#);
    assert!(text.contains("\n#   { name = \"c1500\", type = \"text\" },"));
}

#[test]
fn rows_that_are_too_wide_are_asked_about() {
    let long = "x".repeat(35);
    let proposal = Site::new()
        .with_file("survey.csv", wide(1_000, &long))
        .propose();
    dataset(&proposal);
    let block = table(&proposal, "survey");
    insta::assert_snapshot!(&block[..block.find("key = ").unwrap()], @r#"
    [[table]]
    name = "survey"
    # PLEASE DECIDE: 2 rows are too wide for a page of PostgreSQL and would go to quarantine; take
    # columns away, or divide the table: two views in the source, each with the key and some of the
    # columns.
    "#);
}
