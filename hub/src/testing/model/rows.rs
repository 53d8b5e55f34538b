//! The rows that the model speaks of: canonical texts, and where they lie.

use std::collections::BTreeMap;

/// A dated table with groups of columns that are merged as one, its children, and a bucketed table.
/// `{visit}`, `{report}` and `{item}` are the tables' merge rules, `{buckets}` the number of buckets.
const DATASET: &str = r#"
name = "model"
version = 1
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
merge = "{visit}"
merge_together = [["day", "slot"], ["state", "note"]]
unique = [{ columns = ["day", "slot"], unless = { state = ["void"] } }]
summary = { count_by = ["state"], sum = ["price"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", not_null = true },
  { name = "slot", type = "int" },
  { name = "state", type = "text" },
  { name = "note", type = "text" },
  { name = "price", type = "int" },
]
[[table]]
name = "report"
key = ["visit"]
partition = { via = "visit", on = "visit" }
merge = "{report}"
column = [
  { name = "visit", type = "int", references = "visit" },
  { name = "note", type = "text" },
  { name = "stars", type = "int" },
]
[[table]]
name = "item"
key = ["code"]
partition = { buckets = {buckets} }
merge = "{item}"
column = [
  { name = "code", type = "text" },
  { name = "note", type = "text" },
  { name = "size", type = "int" },
]
"#;

/// The dates on which rows lie.
pub(super) const DAYS: [&str; 8] = [
    "2025-11-25",
    "2025-11-26",
    "2025-11-27",
    "2025-11-28",
    "2025-11-29",
    "2025-11-30",
    "2025-12-01",
    "2025-12-02",
];

/// What a row may have as its state; `void` is free of the unique rule.
pub(super) const STATES: [&str; 3] = ["open", "paid", "void"];

pub(super) const DAY: usize = 1;
pub(super) const SLOT: usize = 2;
pub(super) const STATE: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tab {
    Visit,
    Report,
    Item,
}

impl Tab {
    /// Parents come before their children.
    pub(super) const ALL: [Self; 3] = [Self::Visit, Self::Report, Self::Item];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Report => "report",
            Self::Item => "item",
        }
    }

    /// The key, then the others, in declared order.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Visit => &["id", "day", "slot", "state", "note", "price"],
            Self::Report => &["visit", "note", "stars"],
            Self::Item => &["code", "note", "size"],
        }
    }

    /// Columns that count as one value.
    pub(super) fn units(self) -> &'static [&'static [usize]] {
        match self {
            Self::Visit => &[&[0], &[DAY, SLOT], &[STATE, 4], &[5]],
            Self::Report | Self::Item => &[&[0], &[1], &[2]],
        }
    }
}

/// Whose value stands where site and cloud changed the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Cloud,
    Site,
}

/// The tables' rules, in the order of [`Tab::ALL`].
pub(super) type Rules = [Rule; 3];

pub(super) fn dataset(rules: Rules, buckets: u32) -> String {
    let mut text = DATASET.replace("{buckets}", &buckets.to_string());
    for tab in Tab::ALL {
        let rule = match rules[tab as usize] {
            Rule::Cloud => "cloud",
            Rule::Site => "site",
        };
        text = text.replace(&format!("{{{}}}", tab.name()), rule);
    }
    text
}

/// A canonical text; `None` is NULL.
pub(super) type Text = Option<String>;

/// A row's canonical texts, in declared order.
pub(super) type Row = Vec<Text>;

/// A table and a key. Numbers sort as numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) tab: Tab,
    number: i64,
    pub(super) text: String,
}

impl Key {
    pub(super) fn new(tab: Tab, text: &str) -> Self {
        Self {
            tab,
            number: text.parse().unwrap_or(0),
            text: text.to_owned(),
        }
    }

    /// The visit that a report is about.
    pub(super) fn parent(&self) -> Option<Self> {
        (self.tab == Tab::Report).then(|| Self::new(Tab::Visit, &self.text))
    }

    pub(super) fn number(&self) -> i64 {
        self.number
    }
}

/// A row and the date that it lies on; of bucketed rows that is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) on: String,
    pub(super) row: Row,
}

/// Rows by table and key.
pub(super) type Rows = BTreeMap<Key, Placed>;

/// The canonical record of a row; none of its values needs quotes.
pub(super) fn record(row: &Row) -> String {
    let texts = row.iter().map(|text| text.as_deref().unwrap_or(""));
    texts.collect::<Vec<_>>().join(",")
}

/// What a unique rule keeps apart; `None`: the row is free of it.
pub(super) fn taken(row: &Row) -> Option<(&str, &str)> {
    let is_void = row[STATE].as_deref() == Some("void");
    let taken = row[DAY].as_deref().zip(row[SLOT].as_deref());
    taken.filter(|_| !is_void)
}
