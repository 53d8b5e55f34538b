//! What stands in the fields.

use insta::assert_snapshot;

use super::*;

#[test]
fn spreadsheets_are_forgiven_where_it_is_certain_or_declared() {
    let text = "id,fullname,phone\n=\"1\",\"=\"\"An\"\"\",=\"0912345678\"\n2,B,912345678\n3,C,+84 912 345 678\n4,D,9.12E+08\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      1,An,0912345678,,,,true
      2,B,912345678,,,,true
      3,C,+84 912 345 678,,,,true
    refused person.phone line 5: "9.12E+08" is a telephone number that a spreadsheet cut; give the column the format text there, type the number again and export the file [4,D,9.12E+08,,,,]
    "#);
    assert_snapshot!(person(text, "phone_country = \"VN\""), @r#"
    person b=0of1
      1,An,0912345678,,,,true
      2,B,0912345678,,,,true
      3,C,+84 912 345 678,,,,true
    refused person.phone line 5: "9.12E+08" is a telephone number that a spreadsheet cut; give the column the format text there, type the number again and export the file [4,D,9.12E+08,,,,]
    "#);
}

#[test]
fn dates_are_never_guessed() {
    let text = "id,fullname,born,seen\n1,An,03/04/2025,2025-11-28 09:30\n2,B,2025-04-03,28/11/2025 9:30\n3,C,45989,\n";
    assert_snapshot!(person(text, ""), @r#"
    refused person.born line 2: "03/04/2025" is a value of type date only where that is declared: write `dates = "dmy"` (2025-04-03) or `dates = "mdy"` (2025-03-04) for its source [1,An,,03/04/2025,,2025-11-28 09:30,]
    refused person.seen line 3: "28/11/2025 9:30" is a value of type timestamp only where that is declared: write `dates = "dmy"` (2025-11-28) for its source [2,B,,2025-04-03,,28/11/2025 9:30,]
    refused person.born line 4: "45989" is a value of type date only where that is declared: write `date_numbers = "excel"` (2025-11-28T00:00:00) for its source [3,C,,45989,,,]
    "#);
    assert_snapshot!(person(text, "dates = \"dmy\"\ndate_numbers = \"excel\""), @r"
    person b=0of1
      1,An,,2025-04-03,,2025-11-28T09:30:00,true
      2,B,,2025-04-03,,2025-11-28T09:30:00,true
      3,C,,2025-11-28,,,true
    ");
}

#[test]
fn a_decimal_comma_has_to_be_declared() {
    let text = "id;fullname;height\n1;An;1,65\n2;B;1.70\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      2,B,,,1.7,,true
    refused person.height line 2: "1,65" is a value of type float only where that is declared: write `decimals = "comma"` for its source [1,An,,,"1,65",,]
    "#);
    assert_snapshot!(person(text, "decimals = \"comma\""), @r#"
    person b=0of1
      1,An,,,1.65,,true
    refused person.height line 3: "1.70" is not a value of type float where `decimals = "comma"`, since its point may part thousands or be a decimal mark; write 1234,5 or 1.234,5 there, or, where its source writes 1234.5 throughout, take `decimals` away [2,B,,,1.70,,]
    "#);
}

#[test]
fn booleans_have_many_words() {
    let text = "id,fullname,active\n1,A,TRUE\n2,B,no\n3,C,0\n4,D,1.0\n5,E,\n6,F,maybe\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      1,A,,,,,true
      2,B,,,,,false
      3,C,,,,,false
      4,D,,,,,true
      5,E,,,,,true
    refused person.active line 7: "maybe" is not a value of type bool [6,F,,,,,maybe]
    "#);
}

#[test]
fn leading_zeros_are_dropped_where_the_column_says_so() {
    let text = "id,fullname\n007,An\n+8,B\n";
    assert_snapshot!(person(text, ""), @r#"
    refused person.id line 2: "007" would lose its leading zeros as a value of type int: declare the column as text, or, if that loses nothing, write `leading_zeros = "drop"` for it in the dataset [007,An,,,,,]
    refused person.id line 3: "+8" would lose its plus as a value of type int: declare the column as text, or, if that loses nothing, write `leading_zeros = "drop"` for it in the dataset [+8,B,,,,,]
    "#);
    let dataset = PEOPLE.replace("type = \"int\"", "type = \"int\", leading_zeros = \"drop\"");
    let site = Site::new(&dataset).csv("person.csv", text);
    assert_snapshot!(shown(&site), @r"
    person b=0of1
      7,An,,,,,true
      8,B,,,,,true
    ");
}
