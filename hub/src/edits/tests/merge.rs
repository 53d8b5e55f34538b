use causeway_shared::edits_object::{Entry, EntryState};
use causeway_shared::ids::Name;

use super::*;
use crate::edits::{EditsError, MergedPart, MergedRow, RowMerge, site_row};

/// The merged rows of the 28th, each with its marks, and what they add up to.
fn merged(site: &str, entries: &[Entry]) -> Result<(Vec<String>, MergedPart), EditsError> {
    let table = visits();
    let mut rows = Vec::new();
    let mut each = |row: MergedRow<'_>| {
        let record = String::from_utf8_lossy(row.record).replace("2025-11-28,", "");
        let key = row.texts().unwrap().0;
        assert!(record.starts_with(&format!("{},", key.texts()[0])));
        let edited = if row.is_edited { " edited" } else { "" };
        let shared = row.shares_values(&key);
        assert_eq!(row.is_clash, !shared.is_empty());
        let shared = shared.iter().map(|shared| {
            let columns: Vec<&str> = shared.columns.iter().map(Name::as_str).collect();
            format!(
                " clash with {} in {}",
                shared.key.texts()[0],
                columns.join(" ")
            )
        });
        let clash: String = shared.collect();
        rows.push(format!("{record}{edited}{clash}"));
    };
    let mut merge = RowMerge::new(&table, entries)?;
    for line in site.lines() {
        merge.push(line.trim().as_bytes(), &mut each)?;
    }
    let part = merge.finish(each)?;
    Ok((rows, part))
}

fn rows(site: &str, entries: &[Entry]) -> Vec<String> {
    merged(site, entries).unwrap().0
}

fn refused(site: &str, entries: &[Entry]) -> String {
    merged(site, entries).unwrap_err().to_string()
}

fn entry(id: &str, state: EntryState) -> Entry {
    Entry {
        key: key(id),
        state,
        conflict: Conflict::default(),
        actor: "lan".into(),
        at: "2025-11-28T02:30:00Z".parse().unwrap(),
    }
}

fn changed(id: &str, words: &str) -> Entry {
    let row = visit(id, words).row;
    let was = [("note".to_owned(), None)].into();
    entry(id, EntryState::Changed { row, was })
}

fn born(id: &str, words: &str) -> Entry {
    let row = visit(id, words).row;
    entry(id, EntryState::Born { row, from: None })
}

fn gone(id: &str, was: Option<&str>) -> Entry {
    let was = was.map(|words| visit(id, words).row);
    entry(id, EntryState::Gone { was, to: None })
}

const SITE: &str = "2,2025-11-28,9,a,open,1.5
    9,2025-11-28,10,\"x, \"\"y\"\"\",open,2
    10,2025-11-28,11,,void,";

#[test]
fn entries_lie_over_the_sites_rows_in_the_order_of_typed_keys() {
    // In the order of texts 10 and 100 come before 2.
    let entries = [
        born("100", "28 15 e open"),
        born("1", "28 12 b open"),
        changed("9", "28 10 c done"),
        gone("10", Some("28 11 - void")),
        gone("3", None),
        born("11", "28 14 d open"),
    ];
    let (rows, part) = merged(SITE, &entries).unwrap();
    assert_eq!(
        rows,
        [
            "1,12,b,open, edited",
            "2,9,a,open,1.5",
            "9,10,c,done, edited",
            "11,14,d,open, edited",
            "100,15,e,open, edited",
        ]
    );
    let summary = serde_json::to_string(&part.summary).unwrap();
    let counts = r#"{"count_by":{"state":{"values":{"done":1,"open":4},"null":0}},"#;
    assert_eq!(
        summary,
        format!(r#"{counts}"sum":{{"price":{{"sum":1.5,"count":1}}}}}}"#)
    );
    assert_eq!(part.rows, 5);
}

#[test]
fn a_partition_that_only_one_side_has() {
    assert_eq!(
        rows("", &[born("1", "28 12 b,c open")]),
        ["1,12,\"b,c\",open, edited"]
    );
    let site = [
        "2,9,a,open,1.5",
        "9,10,\"x, \"\"y\"\"\",open,2",
        "10,11,,void,",
    ];
    assert_eq!(rows(SITE, &[]), site);
    assert_eq!(rows("", &[]), [""; 0]);
}

#[test]
fn of_rows_that_share_unique_values_an_edited_one_comes_first_then_the_lower_key() {
    let site = "1,2025-11-28,9,a,open,\n2,2025-11-28,10,b,void,\n3,2025-11-28,,c,open,";
    let entries = [
        born("5", "28 9 e open"),
        born("4", "28 9 d open"),
        born("6", "28 10 f open"),
        born("7", "28 - g open"),
        born("8", "28 9 h void"),
    ];
    assert_eq!(
        rows(site, &entries),
        [
            "1,9,a,open, clash with 4 in day slot",
            "2,10,b,void,",
            "3,,c,open,",
            "4,9,d,open, edited",
            "5,9,e,open, edited clash with 4 in day slot",
            "6,10,f,open, edited",
            "7,,g,open, edited",
            "8,9,h,void, edited",
        ]
    );
}

#[test]
fn an_entry_that_is_not_settled_with_the_object_is_refused() {
    let unsettled = |id| {
        let it = "its entry is not settled with the site's object of the partition";
        format!("table visit, row {id}: {it}")
    };
    for (id, entry) in [
        ("5", changed("5", "28 9 b open")),
        ("5", gone("5", Some("28 9 a open"))),
        ("11", changed("11", "28 9 b open")),
        ("9", born("9", "28 9 b open")),
        ("9", gone("9", None)),
    ] {
        assert_eq!(refused(SITE, &[entry]), unsettled(id));
    }
}

#[test]
fn rows_that_are_none_of_the_table_are_refused_by_name() {
    let problem = "table visit, row 5: column slot: \"late\" is not a value of type int";
    assert_eq!(refused(SITE, &[born("5", "28 late b open")]), problem);
    let of_site = |site: &str| refused(site, &[]).replace("table visit, record ", "");
    let number = "2 of the site's object: it has another number of fields than the table";
    assert_eq!(of_site("1,2025-11-28,9,a,open,\n2,a"), number);
    let order = "2 of the site's object: its key is not greater than the one before";
    assert_eq!(
        of_site("10,2025-11-28,9,a,open,\n9,2025-11-28,9,a,open,"),
        order
    );
    let key = "1 of the site's object: column id: \"x\" is not a value of type int";
    assert_eq!(of_site("x,2025-11-28,9,a,open,"), key);
}

#[test]
fn a_record_is_read_as_the_row_it_is() {
    let record = b"9,2025-11-28,10,\"x, \"\"y\"\"\",,2";
    let (key, row) = site_row(&visits(), record).unwrap();
    assert_eq!(
        (key.texts(), words(&row).as_str()),
        (&["9".to_owned()][..], "28 10 x, \"y\" -")
    );
    assert_eq!(row["price"].as_deref(), Some("2"));
    assert!(site_row(&visits(), b"9").is_err());
}
