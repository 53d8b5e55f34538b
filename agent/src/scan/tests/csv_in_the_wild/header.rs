//! What the first line says.

use insta::assert_snapshot;

use super::*;

#[test]
fn any_of_four_delimiters_is_proven_by_the_header() {
    let rows = person("id,fullname,phone\n1,An,2\n", "");
    assert_snapshot!(rows, @r"
    person b=0of1
      1,An,2,,,,true
    ");
    for text in [
        "id;fullname;phone\n1;An;2\n",
        "id\tfullname\tphone\n1\tAn\t2\n",
        "id|fullname|phone\n1|An|2\n",
        "sep=;\nid;fullname;phone\n1;An;2\n",
    ] {
        assert_eq!(person(text, ""), rows, "{text:?}");
    }
    assert_snapshot!(person("id,x;fullname\n1,2;An\n", ""), @r#"person Failed { why: "/csv/person.csv: what stands between its fields is not certain; it begins \"id,x;fullname\" and \"1,2;An\"; write `delimiter = \",\"` or `delimiter = \";\"` for this source" }"#);
    assert_snapshot!(person("id,fullname\n1,An\n", "delimiter = \";\""), @r#"person Failed { why: "/csv/person.csv: with `delimiter = \";\"` its first line names no column of table person; it begins \"id,fullname\" and \"1,An\"; write `delimiter = \",\"` for this source" }"#);
}

#[test]
fn a_header_whose_names_cannot_be_told_apart_is_refused() {
    assert_snapshot!(person("id,\"full\"name,phone\n1,An,2\n", ""), @r#"person Failed { why: "/csv/person.csv: its first line cannot be read: something stands behind the quote that closes field 2; a quote within quotes is written twice" }"#);
}

#[test]
fn a_header_is_read_however_it_is_written() {
    assert_snapshot!(person("\"PHONE\", Ho-Ten ,ghi chú,ID,,\n5,An,x,1,,\n6,B,y,2,,\n", ""), @r#"
    person b=0of1
      1,An,5,,,,true
      2,B,6,,,,true
    unknown column "ghi chú"
    "#);
    assert_snapshot!(person("id,phone\n1,2\n", ""), @r#"person Failed { why: "/csv/person.csv: table person has no column fullname; add it, or give it a default in the dataset" }"#);
    assert_snapshot!(person("id,ho ten,Họ_tên\n1,2,3\n", ""), @r#"person Failed { why: "/csv/person.csv: its columns \"ho ten\" and \"Họ_tên\" both fit column fullname of table person; take one of them away, or declare the right one as the column's `source` in the dataset" }"#);
    assert_snapshot!(person("1,An\n2,B\n", ""), @r#"person Failed { why: "/csv/person.csv: its first line names no column of table person, with `,` `;` `|` or a tab between the names; it begins \"1,An\" and \"2,B\"; write the columns' names into the first line, or declare what they are called there as the columns' `source` in the dataset" }"#);
}
