//! The files themselves.

use insta::assert_snapshot;

use super::*;

#[test]
fn an_empty_file_is_not_ready_and_a_header_alone_is_no_rows() {
    assert_snapshot!(person("", ""), @r#"person NotReady { why: "/csv/person.csv: it is empty; a table without rows still has its header" }"#);
    assert_snapshot!(person("\u{feff}\r\n", ""), @r#"person NotReady { why: "/csv/person.csv: it is empty; a table without rows still has its header" }"#);
    assert_snapshot!(person("id,fullname\n", ""), @"");
    assert_snapshot!(shown(&Site::new(PEOPLE)), @r#"person Missing { why: "no source holds table person", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }"#);
}

#[test]
fn file_names_may_be_in_another_case_and_other_files_are_left_alone() {
    let site = Site::new(PEOPLE)
        .csv("PERSON.CSV", "id,fullname\n1,An\n")
        .csv("person.csv.bak", "id,fullname\n2,B\n")
        .csv("~$person.xlsx", "x")
        .csv("notes.csv", "a\n");
    std::fs::create_dir(site.path("csv/old")).unwrap();
    assert_snapshot!(shown(&site), @r"
    person b=0of1
      1,An,,,,,true
    ");
    let unknown: Vec<String> = site
        .sources()
        .unknown()
        .iter()
        .map(|table| table.name.clone())
        .collect();
    assert_eq!(unknown, ["notes"]);
}

#[test]
fn two_files_that_differ_in_case_only_fail_their_table() {
    let site = Site::new(PEOPLE)
        .csv("person.csv", "id,fullname\n1,An\n")
        .csv("Person.CSV", "id,fullname\n2,B\n");
    assert_snapshot!(shown(&site), @r#"person Failed { why: "in /csv, \"Person.CSV\" and \"person.csv\" both fit table person; take one of them away, or write the right one under `tables` of that source" }"#);
    let site = site.declared("tables = { person = \"person\" }");
    assert_snapshot!(shown(&site), @r"
    person b=0of1
      1,An,,,,,true
    ");
}

#[test]
fn a_file_that_grows_or_is_replaced_while_it_is_read_is_not_ready() {
    let rows: String = (0..10_000).map(|id| format!("{id},An\n")).collect();
    let grow = |path: &Path| {
        let mut text = std::fs::read(path).unwrap();
        text.extend(b"10000,B");
        std::fs::write(path, text).unwrap();
    };
    let replace = |path: &Path| {
        let other = path.with_extension("new");
        std::fs::write(&other, std::fs::read(path).unwrap()).unwrap();
        std::fs::rename(other, path).unwrap();
    };
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let changes: [&dyn Fn(&Path); 3] = [&grow, &replace, &remove];
    for change in changes {
        let site = Site::new(PEOPLE).csv("person.csv", format!("id,fullname\n{rows}"));
        let is_changed = std::cell::Cell::new(false);
        let on_rows = |_, _| {
            if !is_changed.replace(true) {
                change(&site.path("csv/person.csv"));
            }
            ControlFlow::Continue(())
        };
        let found = site.scan_with(&site.sources(), &BTreeSet::from([TableId(0)]), &on_rows);
        assert!(is_changed.get() && found.parts.is_empty());
        let shown = found.show(&site.dataset);
        let shown = shown.replace(site.folder.path().to_str().unwrap(), "");
        insta::allow_duplicates! {
            assert_snapshot!(shown, @r#"person NotReady { why: "/csv/person.csv was changed while it was read" }"#);
        }
    }
}
