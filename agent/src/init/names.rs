//! Names: made valid for a dataset, and compared the way people spell them.

use std::collections::BTreeSet;
use std::path::Path;

use causeway_shared::dataset::reserved::{column_name_owner, table_name_owner};
use causeway_shared::ids::{Name, SiteName};

/// Letters with a mark, by the plain letter that stands for them in a name.
const MARKED: [(&str, &str); 19] = [
    ("a", "àáảãạăằắẳẵặâầấẩẫậäåāą"),
    ("ae", "æ"),
    ("c", "çćč"),
    ("d", "đðď"),
    ("e", "èéẻẽẹêềếểễệëēęěė"),
    ("g", "ğģ"),
    ("i", "ìíỉĩịïîīıį"),
    ("k", "ķ"),
    ("l", "łļľ"),
    ("n", "ñńňņ"),
    ("o", "òóỏõọôồốổỗộơờớởỡợöøōő"),
    ("oe", "œ"),
    ("r", "řŕ"),
    ("s", "śšşș"),
    ("ss", "ß"),
    ("t", "ťţț"),
    ("u", "ùúủũụưừứửữựüûūůűų"),
    ("y", "ỳýỷỹỵÿ"),
    ("z", "źžż"),
];

/// Longest name of a table or column, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameOf {
    Table,
    Column,
}

impl NameOf {
    /// The name of one that has no letter of its own, by its number.
    fn numbered(self, number: usize) -> String {
        match self {
            Self::Table => format!("table_{number}"),
            Self::Column => format!("column_{number}"),
        }
    }

    /// Whether a dataset can have the name.
    fn allows(self, name: &str) -> bool {
        let owner = match self {
            Self::Table => table_name_owner(name),
            Self::Column => column_name_owner(name),
        };
        owner.is_none() && Name::new(name).is_ok()
    }
}

/// A source's name as the dataset calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProposedName {
    /// The dataset's name.
    pub(super) name: String,
    /// The source's own, where it differs by more than case.
    pub(super) source: Option<String>,
}

/// Lower-case ASCII of a text: marks taken off letters, anything else but digits a space.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => plain.push(c),
            // A combining mark belongs to the letter before it.
            '\u{300}'..='\u{36f}' => {}
            _ => plain.push_str(unmarked(c)),
        }
    }
    plain
}

fn unmarked(c: char) -> &'static str {
    let entry = MARKED.iter().find(|(_, marked)| marked.contains(c));
    entry.map_or(" ", |(letter, _)| letter)
}

/// A name by which two spellings of one thing are the same: letters and digits only.
pub(super) fn fold(text: &str) -> String {
    plain(text).split(' ').collect()
}

/// The words of a name, as `InvoiceLine`, `invoice_line` and `Invoice line` have them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let ends_capitals = before.is_uppercase() && rest.peek().is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (before.is_lowercase() || before.is_numeric() || ends_capitals) {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    plain(&spaced)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a name speaks of one of some things: as a word of its own, or, for things of four
/// letters and more, at the end of a compound (`invoicedate`).
pub(super) fn speaks_of(name: &str, things: &[&str]) -> bool {
    let is_word = words(name).iter().any(|word| {
        things
            .iter()
            .any(|thing| word == thing || (thing.len() >= 4 && word.ends_with(thing)))
    });
    // A long thing may be written as several words: `Số điện thoại`.
    let folded = fold(name);
    let is_phrase = |thing: &&str| thing.len() >= 8 && folded.contains(*thing);
    is_word || things.iter().any(is_phrase)
}

/// Words that end in `id` and name no key.
const NO_IDS: [&str; 25] = [
    "acid", "aid", "android", "avoid", "bid", "covid", "fluid", "grid", "humid", "hybrid",
    "invalid", "kid", "laid", "liquid", "paid", "prepaid", "pyramid", "raid", "rapid", "rigid",
    "said", "solid", "unpaid", "valid", "void",
];

/// Whether a word is an id's: `tripid`, but not `rapid`.
pub(super) fn ends_in_id(word: &str) -> bool {
    word.ends_with("id") && !NO_IDS.contains(&word)
}

/// What a table is called without what people put around that: `tblAppointments`, `appointment`.
pub(super) fn stem(table: &str) -> String {
    let mut words = words(table);
    if words.len() > 1 && matches!(words[0].as_str(), "tbl" | "tb" | "table" | "dbo" | "t") {
        words.remove(0);
    }
    let joined = words.concat();
    let joined = match joined.strip_prefix("tbl") {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => joined,
    };
    singular(&joined)
}

/// An English plural's singular, near enough to tell that two names mean one thing.
pub(super) fn singular(word: &str) -> String {
    match word {
        _ if word.len() < 4 || word.ends_with("ss") || word.ends_with("us") => word.to_owned(),
        _ if word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ if ["ches", "shes", "sses", "xes"]
            .iter()
            .any(|s| word.ends_with(s)) =>
        {
            word[..word.len() - 2].to_owned()
        }
        _ => word.strip_suffix('s').unwrap_or(word).to_owned(),
    }
}

/// A name that a table or column can have, as near to a source's as the rules allow.
fn valid(text: &str, number: usize, of: NameOf) -> String {
    let mut name = plain(text)
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_");
    // An underscore at either end is part of a name that is otherwise plain.
    if text.starts_with('_') {
        name.insert(0, '_');
    }
    if name.trim_matches('_').is_empty() {
        name = of.numbered(number);
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name.truncate(MAX_NAME_BYTES);
    // With a number behind it, `causeway` would begin with `causeway_`.
    let numbered = format!("{}_2", &name[..name.len().min(MAX_NAME_BYTES - 2)]);
    if !of.allows(&name) || !of.allows(&numbered) {
        name.insert_str(0, "x_");
        name.truncate(MAX_NAME_BYTES);
    }
    name
}

/// Valid names for a source's tables or columns, no two alike.
pub(super) fn dataset_names(originals: &[&str], of: NameOf) -> Vec<ProposedName> {
    let lower: Vec<String> = originals.iter().map(|name| name.to_lowercase()).collect();
    let mut taken = BTreeSet::new();
    let mut as_they_stand = vec![false; originals.len()];
    // Names that are valid as they stand keep them, whatever comes before; those in lower case
    // first, since the very same text is what a source is searched for first.
    for in_lower_case in [true, false] {
        for (at, name) in lower.iter().enumerate() {
            if (originals[at] == name) == in_lower_case && of.allows(name) {
                as_they_stand[at] = taken.insert(name.clone());
            }
        }
    }
    let named = originals.iter().zip(&lower).zip(as_they_stand).enumerate();
    named
        .map(|(at, ((original, lower), stands))| {
            if stands {
                return ProposedName {
                    name: lower.clone(),
                    source: None,
                };
            }
            let name = free(&valid(original, at + 1, of), &taken);
            taken.insert(name.clone());
            ProposedName {
                name,
                source: Some((*original).to_owned()),
            }
        })
        .collect()
}

/// A name that is not taken, with a number behind it if need be.
pub(super) fn free(wanted: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|n| {
        let suffix = format!("_{n}");
        let kept = wanted.len().min(MAX_NAME_BYTES - suffix.len());
        format!("{}{suffix}", &wanted[..kept])
    });
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

/// Names of folders that say what is in them, and not where they are.
const UNTELLING: [&str; 9] = [
    "csv",
    "data",
    "database",
    "databases",
    "db",
    "export",
    "exports",
    "files",
    "sqlite",
];

/// The name of the folder that says most of where data is: of `hcm-01/csv`, the first.
pub(super) fn telling_name(folder: &Path) -> String {
    let name = |folder: &Path| Some(folder.file_name()?.to_string_lossy().into_owned());
    let mut names = folder.ancestors().filter_map(name);
    let telling = names.find(|name| !UNTELLING.contains(&name.to_lowercase().as_str()));
    telling.or_else(|| name(folder)).unwrap_or_default()
}

/// A site's name, after the folder that its data lies in.
pub(super) fn site_name(folder: &str) -> String {
    let mut name = plain(folder)
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "site-");
    }
    name.truncate(40);
    let name = name.trim_end_matches('-');
    match SiteName::new(name) {
        Ok(_) => name.to_owned(),
        Err(_) => format!("site-{}", &name[..name.len().min(35)])
            .trim_end_matches('-')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_speaks_of_things_in_one_word_or_several() {
        for name in ["DienThoai", "Số điện thoại", "dien_thoai_nha", "homephone"] {
            assert!(speaks_of(name, &["dienthoai", "phone"]), "{name}");
        }
        assert!(!speaks_of("phonetic", &["dienthoai", "phone"]));
    }

    #[test]
    fn spellings_of_one_name() {
        for spelling in ["CustomerID", "customer_id", "Customer Id", "CUSTOMER-ID"] {
            assert_eq!(fold(spelling), "customerid", "{spelling}");
        }
        assert_eq!(fold("Ngày hẹn"), "ngayhen");
        assert_eq!(fold("Nga\u{300}y"), "ngay");
        assert_eq!(words("HTTPStatusCode2"), ["http", "status", "code2"]);
        assert_eq!(words("invoice_line"), words("InvoiceLine"));
    }

    #[test]
    fn a_table_by_any_of_its_names() {
        for spelling in [
            "Appointments",
            "tblAppointment",
            "tbl_appointment",
            "APPOINTMENT",
        ] {
            assert_eq!(stem(spelling), "appointment", "{spelling}");
        }
        assert_eq!(stem("Order Details"), "orderdetail");
        assert_eq!(stem("categories"), "category");
        assert_eq!(stem("status"), "status");
    }

    #[test]
    fn names_are_made_valid() {
        let named = |names: &[&str]| {
            dataset_names(names, NameOf::Column)
                .into_iter()
                .map(|n| match n.source {
                    Some(source) => format!("{}={source}", n.name),
                    None => n.name,
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        insta::assert_snapshot!(named(&["InvoiceId", "Unit Price", "Ngày", "2020", "%"]), @"invoiceid unit_price=Unit Price ngay=Ngày _2020=2020 column_5=%");
        insta::assert_snapshot!(named(&["Total!", "Total", "total", "causeway_part"]), @"total_2=Total! total_3=Total total x_causeway_part=causeway_part");
        insta::assert_snapshot!(named(&["xmin", "CTID", "rowid"]), @"x_xmin=xmin x_ctid=CTID rowid");
    }

    #[test]
    fn a_folder_that_says_what_is_in_it_is_passed_over() {
        for (folder, name) in [
            ("/srv/hcm-01/csv", "hcm-01"),
            ("/srv/hcm-01/Data/CSV", "hcm-01"),
            ("/srv/hcm-01", "hcm-01"),
            ("csv", "csv"),
            ("/", ""),
        ] {
            assert_eq!(telling_name(Path::new(folder)), name, "{folder}");
        }
    }

    #[test]
    fn sites_are_named_after_folders() {
        for (folder, site) in [
            ("HCM 01", "hcm-01"),
            ("Đà Nẵng", "da-nang"),
            ("2024", "site-2024"),
            ("public", "site-public"),
            ("", "site"),
        ] {
            assert_eq!(site_name(folder), site, "{folder:?}");
        }
    }

    proptest! {
        #[test]
        fn any_names_become_valid_and_distinct(names in proptest::collection::vec("xmin|CTID|sqlite_.{0,60}|pragma x|Json_Each|causeway_.{0,60}|.{0,80}", 1..8)) {
            let originals: Vec<&str> = names.iter().map(String::as_str).collect();
            for of in [NameOf::Table, NameOf::Column] {
                let named = dataset_names(&originals, of);
                let distinct: BTreeSet<&str> = named.iter().map(|n| n.name.as_str()).collect();
                prop_assert_eq!(distinct.len(), names.len());
                for named in &named {
                    prop_assert!(of.allows(&named.name), "{:?}", named);
                }
            }
            prop_assert!(SiteName::new(&site_name(originals[0])).is_ok());
        }
    }
}
