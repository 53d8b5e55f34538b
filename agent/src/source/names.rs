//! Finding a declared table among the names of a source's tables or files.

/// A name that a table may have in a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedName<'n> {
    pub(super) name: &'n str,
    /// Whether a person wrote it for this source, so that its very spelling counts. Otherwise
    /// `Customer.csv` beside `customer.csv` is as likely to be the right one.
    pub(super) is_chosen: bool,
}

/// The positions of two names that both fit, so that neither can be chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous(pub(super) usize, pub(super) usize);

/// The position of the first of the wanted names that is there, in whatever case.
pub(super) fn first_of(
    wanted: &[WantedName<'_>],
    names: &[&str],
) -> Result<Option<usize>, Ambiguous> {
    for wanted in wanted {
        if let Some(found) = position(*wanted, names)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn position(wanted: WantedName<'_>, names: &[&str]) -> Result<Option<usize>, Ambiguous> {
    let folded = wanted.name.to_lowercase();
    match the_only(names, |name| wanted.is_chosen && name == wanted.name)? {
        Some(exact) => Ok(Some(exact)),
        None => the_only(names, |name| name.to_lowercase() == folded),
    }
}

fn the_only(names: &[&str], is_it: impl Fn(&str) -> bool) -> Result<Option<usize>, Ambiguous> {
    let mut alike = names.iter().enumerate().filter(|(_, name)| is_it(name));
    match (alike.next(), alike.next()) {
        (Some((a, _)), Some((b, _))) => Err(Ambiguous(a, b)),
        (first, _) => Ok(first.map(|(position, _)| position)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &[(&str, bool)], names: &[&str]) -> Result<Option<usize>, Ambiguous> {
        let wanted: Vec<WantedName<'_>> = wanted
            .iter()
            .map(|(name, is_chosen)| WantedName {
                name,
                is_chosen: *is_chosen,
            })
            .collect();
        first_of(&wanted, names)
    }

    #[test]
    fn names_that_differ_in_case_only_are_told_apart_by_a_person() {
        assert_eq!(found(&[("date", false)], &["x", "Date"]), Ok(Some(1)));
        assert_eq!(found(&[("date", false)], &["x"]), Ok(None));
        let both = Err(Ambiguous(0, 1));
        assert_eq!(found(&[("date", false)], &["DATE", "date"]), both);
        assert_eq!(found(&[("date", true)], &["DATE", "date"]), Ok(Some(1)));
        assert_eq!(found(&[("date", true)], &["DATE", "Date"]), both);
        assert_eq!(found(&[("date", true)], &["date", "date"]), both);
    }

    #[test]
    fn the_first_wanted_name_wins() {
        let wanted = [("ngày", false), ("date", false)];
        assert_eq!(found(&wanted, &["date", "NGÀY"]), Ok(Some(1)));
        assert_eq!(found(&wanted, &["date"]), Ok(Some(0)));
    }
}
