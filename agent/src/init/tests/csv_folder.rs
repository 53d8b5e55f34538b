//! CSV folders: encodings, delimiters, dates, names, and no declarations at all.

use super::*;

fn visits() -> Site {
    let mut text = String::from("Mã lượt;Ngày;Giờ;Khách hàng;SĐT;Số tiền;Thanh toán;Ghi chú\n");
    for i in 0..40 {
        text += &format!(
            "{};{:02}/11/2025;{}:30;K{:03};09{:08};{},50;{};\n",
            i + 1,
            1 + i % 28,
            8 + i % 9,
            i % 7,
            i * 37,
            i,
            if i % 2 == 0 { "có" } else { "không" }
        );
    }
    Site::new().with_file("csv/lượt khám.csv", format!("\u{feff}{text}"))
}

#[test]
fn a_spreadsheets_export() {
    let proposal = visits().propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "luot_kham"), @"");
    insta::assert_snapshot!(sources(&proposal), @"");
}

#[test]
fn files_that_refer_to_each_other() {
    let proposal = Site::new()
        .with_file("customers.csv", "customer_id,name\n1,An\n2,Bình\n3,Chi\n")
        .with_file(
            "orders.csv",
            "order_id,date,customer_id\n10,2025-11-27,1\n11,2025-11-28,1\n12,2025-11-28,3\n",
        )
        .with_file(
            "order_lines.csv",
            "order_id,line,sku,qty\n10,1,A,2\n10,2,B,1\n11,1,A,5\n12,1,C,1\n",
        )
        .propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "order_lines"), @"");
    insta::assert_snapshot!(table(&proposal, "orders"), @"");
}

#[test]
fn what_auto_cannot_find_out_is_written() {
    let proposal = Site::new()
        .with_file(
            "a/people.csv",
            b"id,name\n1,Nguy\xea\xden V\xe3n \xd0\xf4ng\n2,Tr\xe2\xecn\n",
        )
        .with_file("a/cities.csv", "id,name\n1,Đà Nẵng\n2,Huế\n")
        .with_file("a/days.csv", "id,day\n1,01/02/2025\n2,03/04/2025\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @"");
}

#[test]
fn files_that_cannot_be_carried_are_named() {
    let proposal = Site::new()
        .with_file("empty.csv", "")
        .with_file("header.csv", "id,name\n")
        .with_file("values.csv", "1,2025-11-28\n2,2025-11-29\n")
        .with_file("pipes.csv", "id|name\n1|a\n")
        .with_file("twice.csv", "id,name,name,\n1,a,b,c\n2,a,b,c,d\n")
        .with_file("list.xlsx", "PK")
        .with_file("broken.db", "SQLite format 3\0 and then nothing")
        .propose();
    insta::assert_snapshot!(table(&proposal, "twice"), @"");
    insta::assert_snapshot!(sources(&proposal), @"");
}

#[test]
fn one_table_in_two_files() {
    let proposal = Site::new()
        .with_sqlite("a.db", "CREATE TABLE Orders (id INTEGER PRIMARY KEY); CREATE TABLE notes (id INTEGER PRIMARY KEY, a);")
        .with_sqlite("b.db", "CREATE TABLE ORDERS (Id INTEGER PRIMARY KEY); CREATE TABLE Notes (id INTEGER PRIMARY KEY, b);")
        .propose();
    let names: Vec<String> = dataset(&proposal)
        .tables
        .iter()
        .map(|t| t.name.to_string())
        .collect();
    assert_eq!(names, ["orders", "notes", "notes_2"]);
    insta::assert_snapshot!(sources(&proposal), @"");
}

#[test]
fn nothing_to_carry_is_an_error_that_says_why() {
    let site = Site::new()
        .with_file("a.csv", "state\nopen\nopen\n")
        .with_file("b.csv", "");
    let error = site.inspect().unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(site.folder.to_str().unwrap(), "/srv"), @"");
}
