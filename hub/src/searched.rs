//! Which texts the lists search, and how they are compared: without case, diacritics and strokes.
//!
//! A database keeps the searched texts of a table of people or programs in one hidden column, a line for each, so that
//! a search is one look for a part of a text in each row. Other texts it folds when they are searched: rows of a few
//! dates, of which a load brings many more.

use std::sync::LazyLock;

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

/// Characters below this are folded by a table; most alphabets lie there.
const TABLE_CHARS: u32 = 0x2000;
/// What each of them is compared as. U+0000: that is not one character.
static FOLDED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let one = |c| {
        let mut folded = String::new();
        decompose_canonical(c, |part| push_lower(&mut folded, part));
        let mut folded = folded.chars();
        let first = folded.next().unwrap_or_default();
        folded.next().map_or(first, |_| char::default())
    };
    let all = (0..TABLE_CHARS).map(|c| char::from_u32(c).unwrap_or_default());
    all.map(one).collect()
});

/// A text as it is compared, with one space where it has several.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(&mut folded, text);
    folded
}

/// Adds a text as it is compared.
pub(crate) fn fold_into(folded: &mut String, text: &str) {
    for c in text.chars() {
        match FOLDED.get(c as usize) {
            Some(&one) if one != char::default() => push(folded, one),
            _ => decompose_canonical(c, |part| push_lower(folded, part)),
        }
    }
}

fn push_lower(folded: &mut String, c: char) {
    if (MARKS[0]..=MARKS[1]).contains(&c) {
        return;
    }
    let mut alike = ALIKE[0].chars().zip(ALIKE[1].chars());
    let c = alike.find(|(from, _)| *from == c).map_or(c, |(_, to)| to);
    c.to_lowercase().for_each(|c| push(folded, c));
}

fn push(folded: &mut String, c: char) {
    if c != ' ' || !folded.ends_with(' ') {
        folded.push(c);
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
