//! What people do to CSV files: the rows that come of it, or the refusal.

mod encodings;
mod files;
mod header;
mod rows;
mod values;

use super::*;

pub(super) const PEOPLE: &str = r#"
    name = "people"
    version = 1
    [[table]]
    name = "person"
    key = ["id"]
    partition = { buckets = 1 }
    column = [
      { name = "id", type = "int" },
      { name = "fullname", type = "text", not_null = true, source = "Họ tên" },
      { name = "phone", type = "phone" },
      { name = "born", type = "date" },
      { name = "height", type = "float" },
      { name = "seen", type = "timestamp" },
      { name = "active", type = "bool", default = true },
    ]
"#;

/// What becomes of a file `person.csv`.
fn person(text: impl AsRef<[u8]>, settings: &'static str) -> String {
    let site = Site::new(PEOPLE).declared(settings).csv("person.csv", text);
    shown(&site)
}

/// Everything about a site's tables, without the folder's name.
fn shown(site: &Site) -> String {
    let found = site.scan_tables(&site.sources(), &BTreeSet::from([TableId(0)]));
    let mut shown = found.show(&site.dataset);
    for column in found.tables().flat_map(|table| &table.unknown_columns) {
        writeln!(shown, "unknown column {column:?}").unwrap();
    }
    let shown = shown.replace('\0', "␀");
    shown.replace(site.folder.path().to_str().unwrap(), "")
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}
