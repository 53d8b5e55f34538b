//! Finding declared tables and columns among a source's own names.

use super::Columns;
use causeway_shared::dataset::Table;

/// Two of a source's names that are the same or differ only in case, so that neither can be
/// chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous(pub(super) String, pub(super) String);

/// The position of a wanted name: the very same text first, else the same but for case.
fn position(wanted: &str, names: &[&str]) -> Result<Option<usize>, Ambiguous> {
    let folded = wanted.to_lowercase();
    match the_only(names, |name| name == wanted)? {
        Some(exact) => Ok(Some(exact)),
        None => the_only(names, |name| name.to_lowercase() == folded),
    }
}

fn the_only(names: &[&str], is_it: impl Fn(&str) -> bool) -> Result<Option<usize>, Ambiguous> {
    let mut alike = names.iter().enumerate().filter(|(_, name)| is_it(name));
    match (alike.next(), alike.next()) {
        (Some((_, a)), Some((_, b))) => Err(Ambiguous((*a).to_owned(), (*b).to_owned())),
        (first, _) => Ok(first.map(|(position, _)| position)),
    }
}

/// The first of the wanted names that is there.
pub(super) fn first_of(wanted: &[&str], names: &[&str]) -> Result<Option<usize>, Ambiguous> {
    for wanted in wanted {
        if let Some(found) = position(wanted, names)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where a source's columns hold a table's declared ones: by their declared source name first,
/// then by their own.
pub(super) fn columns(table: &Table, names: &[&str]) -> Result<Columns, Ambiguous> {
    let mut found = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let own = column.name.as_str();
        found.push(first_of(
            &[column.source.as_deref().unwrap_or(own), own],
            names,
        )?);
    }
    let unknown = names
        .iter()
        .enumerate()
        .filter(|(position, _)| !found.contains(&Some(*position)))
        .map(|(_, name)| (*name).to_owned())
        .collect();
    Ok(Columns { found, unknown })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_wins_over_the_same_but_for_case() {
        assert_eq!(position("date", &["DATE", "date"]), Ok(Some(1)));
        assert_eq!(position("date", &["x", "Date"]), Ok(Some(1)));
        assert_eq!(position("date", &["x"]), Ok(None));
        assert_eq!(
            position("date", &["DATE", "Date"]),
            Err(Ambiguous("DATE".into(), "Date".into()))
        );
        assert_eq!(
            position("date", &["date", "date"]),
            Err(Ambiguous("date".into(), "date".into()))
        );
    }

    #[test]
    fn the_first_wanted_name_wins() {
        assert_eq!(first_of(&["ngày", "date"], &["date", "NGÀY"]), Ok(Some(1)));
        assert_eq!(first_of(&["ngày", "date"], &["date"]), Ok(Some(0)));
    }
}
