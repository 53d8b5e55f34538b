//! Which texts the lists search, and how they are compared: without case, diacritics and strokes.
//!
//! A database keeps the searched texts of a table of people or programs in one hidden column, a line for each, so that
//! a search is one look for a part of a text in each row. Other texts it folds when they are searched: rows of a few
//! dates, of which a load brings many more.

use unicode_normalization::char::decompose_canonical;

/// The columns of a table that lists search.
#[derive(Debug)]
pub(crate) struct Searched {
    pub table: &'static str,
    pub texts: &'static [&'static str],
    /// Telephone numbers: without what people write between the digits.
    pub phones: &'static [&'static str],
}

pub(crate) const SEARCHED: [Searched; 3] = [
    Searched {
        table: "customer",
        texts: &["fullname", "email"],
        phones: &["phonenumber"],
    },
    Searched {
        table: "consultant",
        texts: &["fullname", "email", "specialties"],
        phones: &["phonenumber"],
    },
    Searched {
        table: "communityprogram",
        texts: &["programname", "organizer", "description"],
        phones: &[],
    },
];

/// What people write between the digits of a telephone number.
pub(crate) const SEPARATORS: &str = "+ .()/-";
/// Letters that no decomposition takes apart and spaces of other kinds, and what each is compared as.
pub(crate) const ALIKE: [&str; 2] = ["đĐ\t\u{a0}", "dd  "];
/// The first and the last of the marks that a decomposition takes off letters.
const MARKS: [char; 2] = ['\u{300}', '\u{36f}'];

/// A text as it is compared, with one space where it has several.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii() {
            true => push(&mut folded, c),
            false => decompose_canonical(c, |part| push(&mut folded, part)),
        }
    }
    folded
}

fn push(folded: &mut String, c: char) {
    if (MARKS[0]..=MARKS[1]).contains(&c) {
        return;
    }
    let alike = ALIKE[0].chars().zip(ALIKE[1].chars());
    let c = match c.is_ascii() && c != '\t' {
        true => c,
        false => alike.fold(c, |c, (from, to)| if c == from { to } else { c }),
    };
    if c != ' ' || !folded.ends_with(' ') {
        folded.extend(c.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    #[test]
    fn texts_that_differ_by_case_and_diacritics_alone_are_one() {
        let decomposed: String = "Nguyễn Đức".nfd().collect();
        for text in [
            "Nguyễn Đức",
            &decomposed,
            "NGUYEN DUC",
            "nguyển  \tđưc",
            "Nguye\u{303}\u{302}n\u{a0}Duc",
        ] {
            assert_eq!(fold(text), "nguyen duc");
        }
        assert_eq!(fold("ΑΘΗΝΑ Ёж Ångström"), "αθηνα еж angstrom");
        assert_eq!(fold("αθήνα"), "αθηνα");
        assert_eq!(fold("A.B+C%_\\\nx"), "a.b+c%_\\\nx");
        assert_eq!(fold("山田"), "山田");
    }
}
