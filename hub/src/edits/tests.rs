//! Rows, edits and what became of them, in a form that a test can show.

mod fold;
mod in_hand;
mod merge;
mod random;
mod settle;
mod take;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Dataset, Merge, Table};
use causeway_shared::edits_object::{Conflict, Loser, Texts};
use causeway_shared::ids::Part;

use super::{PlacedRow, RowChange, RowEdit, RowState};

const DATASET: &str = r#"
name = "t"
version = 1
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
merge_together = [["day", "slot"]]
unique = [{ columns = ["day", "slot"], unless = { state = ["void"] } }]
summary = { count_by = ["state"], sum = ["price"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", not_null = true },
  { name = "slot", type = "int" },
  { name = "note", type = "text" },
  { name = "state", type = "text" },
  { name = "price", type = "float" },
]
[[table]]
name = "report"
key = ["id"]
partition = { via = "visit", on = "id" }
column = [{ name = "id", type = "int" }, { name = "note", type = "text" }]
[[table]]
name = "item"
key = ["code"]
partition = { buckets = 4 }
column = [{ name = "code", type = "text" }, { name = "note", type = "text" }]
"#;

/// A table of the dataset, under a merge rule.
fn table(name: &str, merge: Merge) -> Table {
    let dataset = Dataset::from_toml(DATASET).unwrap();
    let mut table = dataset.table(name).unwrap().clone();
    table.merge = merge;
    table
}

/// Visits, `cloud` being the rule.
fn visits() -> Table {
    table("visit", Merge::Cloud)
}

fn key(text: &str) -> RowKey {
    vec![text.to_owned()].try_into().unwrap()
}

/// A day of November 2025.
fn day(day: &str) -> Part {
    Part::new(&format!("dt=2025-11-{day}")).unwrap()
}

/// A visit: `28 9 a open`, its day, slot, note and state, lying on that day; `-` is NULL.
fn visit(id: &str, words: &str) -> PlacedRow {
    let words: Vec<&str> = words.split(' ').collect();
    let text = |word: &str| (word != "-").then(|| word.to_owned());
    let row = [
        ("id", Some(id.to_owned())),
        ("day", Some(format!("2025-11-{}", words[0]))),
        ("slot", text(words[1])),
        ("note", text(words[2])),
        ("state", text(words[3])),
        ("price", None),
    ];
    PlacedRow {
        part: day(words[0]),
        row: row.map(|(name, text)| (name.to_owned(), text)).into(),
    }
}

/// A report on a visit of that day.
fn report(id: &str, on: &str, note: &str) -> PlacedRow {
    let row = [("id", id), ("note", note)];
    PlacedRow {
        part: day(on),
        row: row
            .map(|(name, text)| (name.to_owned(), Some(text.to_owned())))
            .into(),
    }
}

/// A change by a writer whose database had loaded the site's row `base`.
fn change(old: Option<PlacedRow>, new: Option<PlacedRow>, base: Option<&PlacedRow>) -> RowChange {
    let id = new.as_ref().or(old.as_ref()).unwrap().row["id"].clone();
    RowChange {
        key: key(&id.unwrap()),
        old,
        new,
        base: base.map(|base| base.row.clone()),
        is_at_site: base.is_some(),
        taken: Conflict::default(),
        actor: "lan".into(),
        at: "2025-11-28T02:30:00Z".parse().unwrap(),
    }
}

fn edit(state: RowState) -> RowEdit {
    RowEdit {
        state,
        conflict: Conflict::default(),
        actor: "lan".into(),
        at: "2025-11-28T02:30:00Z".parse().unwrap(),
    }
}

/// Columns that a side lost: `note=b state=done`.
fn lost(columns: &str) -> Option<Loser> {
    Some(Loser::Columns(texts(columns)))
}

fn texts(columns: &str) -> Texts {
    let columns = columns
        .split(' ')
        .filter_map(|column| column.split_once('='));
    columns
        .map(|(name, text)| (name.to_owned(), Some(text.to_owned())))
        .collect()
}

/// A visit of the 28th that the cloud changed, with what either side lost before.
fn changed(words: &str, was: &str, site: Option<Loser>, cloud: Option<Loser>) -> RowEdit {
    let row = visit("1", words).row;
    RowEdit {
        conflict: Conflict { site, cloud },
        ..edit(RowState::Changed {
            home: day("28"),
            row,
            was: texts(was),
        })
    }
}

/// An edit in words.
fn show(edit: Option<&RowEdit>) -> String {
    let Some(edit) = edit else {
        return "nothing".into();
    };
    let state = match &edit.state {
        RowState::Changed { home, row, was } => {
            format!(
                "changed on {}: {}, was {}",
                date(*home),
                words(row),
                columns(was)
            )
        }
        RowState::Born { place, row } => format!("born on {}: {}", date(*place), words(row)),
        RowState::Moved {
            home,
            was,
            place,
            row,
        } => {
            let (home, place) = (date(*home), date(*place));
            format!(
                "moved {home} to {place}: {}, was {}",
                words(row),
                words(was)
            )
        }
        RowState::Deleted { home, was: None } => format!("deleted on {}, both", date(*home)),
        RowState::Deleted {
            home,
            was: Some(was),
        } => {
            format!("deleted on {}, was {}", date(*home), words(was))
        }
    };
    let lost = |side, loser: &Option<Loser>| match loser {
        None => String::new(),
        Some(Loser::Deletion) => format!("; {side} lost its deletion"),
        Some(Loser::Columns(lost)) if lost.contains_key("id") => {
            format!("; {side} lost the row {}", words(lost))
        }
        Some(Loser::Columns(lost)) => format!("; {side} lost {}", columns(lost)),
    };
    let site = lost("the site", &edit.conflict.site);
    let cloud = lost("the cloud", &edit.conflict.cloud);
    format!("{state}{site}{cloud}")
}

fn date(part: Part) -> String {
    let date = part.date().map(|date| date.day().to_string());
    date.unwrap_or_else(|| part.to_string())
}

fn word(text: Option<&str>) -> &str {
    text.map_or("-", |text| text.strip_prefix("2025-11-").unwrap_or(text))
}

/// A row but for its key and price.
fn words(row: &Texts) -> String {
    let names = ["day", "slot", "note", "state"].into_iter();
    let texts = names.filter_map(|name| row.get(name));
    texts
        .map(|text| word(text.as_deref()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn columns(columns: &Texts) -> String {
    let columns = columns
        .iter()
        .map(|(name, text)| format!("{name}={}", word(text.as_deref())));
    columns.collect::<Vec<_>>().join(" ")
}
