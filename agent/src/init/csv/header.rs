//! Whether the first line of a CSV file is its header: it may be a row, or a title above one.
//!
//! A row that is taken for a header is lost without a trace, so that a doubtful file is left out.

use std::collections::BTreeMap;

use causeway_shared::runtime::program::count;
use causeway_shared::value::{DateOrder, Raw, Type, parse};

use super::delimiter::{CANDIDATES, each_record, setting};
use crate::init::trial::forms;
use crate::source::csv::{Record, raw};

/// The first line of a file, and what is known of the lines below.
pub(super) struct FirstLine<'f> {
    /// The first part of the file's text, from the first line on.
    pub(super) sample: &'f [u8],
    /// The file goes on behind the sample, so that its last line may be cut.
    pub(super) is_cut: bool,
    /// What stands between the fields.
    pub(super) delimiter: u8,
    /// The file itself says so.
    pub(super) is_named: bool,
    /// The fields of the first line.
    pub(super) fields: &'f [String],
}

impl FirstLine<'_> {
    /// Why it may be no header, and what to do then, for a person.
    pub(super) fn doubt(&self) -> Option<String> {
        self.title()
            .or_else(|| self.values())
            .or_else(|| self.gap())
            .map(|why| format!("PLEASE DECIDE: {why}"))
    }

    /// It has another number of fields than the lines below, which are even.
    fn title(&self) -> Option<String> {
        let own = self.fields.len();
        let is_one_column = own == 1 && self.is_named;
        // Title lines may be even among themselves.
        let below = self.below(self.delimiter);
        let like = below.get(&own).copied().unwrap_or_default();
        let is_like_others = own > 1 && like > 0 && like * 2 >= below.values().sum::<u64>();
        if is_one_column || is_like_others {
            return None;
        }
        let even = CANDIDATES.into_iter().filter_map(|byte| {
            let below = self.below(byte);
            let lines: u64 = below.values().sum();
            let (fields, most) = below.into_iter().max_by_key(|(_, lines)| *lines)?;
            (fields > 1 && fields != own && most * 3 >= lines * 2).then_some((fields, byte))
        });
        let (fields, byte) = even.max_by_key(|(fields, _)| *fields)?;
        let mut like_most = None;
        each_record(self.sample, byte, |record| {
            like_most = (record.len() == fields).then(|| show(&record, byte));
            like_most.is_none()
        });
        let one_column = match own {
            1 => "; if the file has but one column, put its values in quotes",
            _ => "",
        };
        Some(format!(
            "its first line ({}) has {}, and the lines below, such as {}, have {fields} with {:?} \
             between them; if it is a title, take it away: the first line has to name every \
             column{one_column}",
            self.show(1),
            count(own as u64, "field"),
            like_most.unwrap_or_default(),
            setting(byte),
        ))
    }

    /// How many of the lines below have how many fields.
    fn below(&self, delimiter: u8) -> BTreeMap<usize, u64> {
        let (mut below, mut last) = (BTreeMap::new(), None);
        let mut is_first = true;
        each_record(self.sample, delimiter, |record| {
            if !std::mem::take(&mut is_first)
                && let Some(before) = last.replace(record.len())
            {
                *below.entry(before).or_default() += 1;
            }
            true
        });
        if let (Some(last), false) = (last, self.is_cut) {
            *below.entry(last).or_default() += 1;
        }
        below
    }

    /// A field in it is a value, or none is a word.
    fn values(&self) -> Option<String> {
        let value = self
            .fields
            .iter()
            .find_map(|field| Some((field, value(field)?)));
        if let Some((field, what)) = value {
            return Some(format!(
                "{field:?} in its first line reads as {what}, so that the line may be a row (its lines \
                 begin {}); if it is, write a first line with the columns' names above it; if not, \
                 give that column another name",
                self.show(2)
            ));
        }
        let is_word = |field: &String| field.chars().any(char::is_alphabetic);
        let is_anything = self.fields.iter().any(|field| !field.is_empty());
        (is_anything && !self.fields.iter().any(is_word)).then(|| {
            format!(
                "its first line has no names (its lines begin {}); write a first line with the \
                 columns' names above it",
                self.show(2)
            )
        })
    }

    /// A field in it is empty where a line below has a value.
    fn gap(&self) -> Option<String> {
        let empty: Vec<usize> = (0..self.fields.len())
            .filter(|at| self.fields[*at].is_empty())
            .collect();
        if empty.is_empty() {
            return None;
        }
        let (mut found, mut is_first) = (None, true);
        each_record(self.sample, self.delimiter, |record| {
            // Of a row with more or fewer fields it cannot be told which is which.
            if std::mem::take(&mut is_first) || record.len() != self.fields.len() {
                return true;
            }
            let fields: Vec<&[u8]> = record.fields().collect();
            found = empty.iter().find_map(|at| {
                let value = raw(fields.get(*at)?);
                (value != Raw::Null).then(|| (at + 1, show(&record, self.delimiter)))
            });
            found.is_none()
        });
        let (at, line) = found?;
        Some(format!(
            "its first line ({}) has nothing in field {at}, where a line below has a value ({line}); \
             if it is a row, write a first line with the columns' names above it; if not, write \
             that column's name",
            self.show(1)
        ))
    }

    /// The first lines.
    fn show(&self, lines: usize) -> String {
        let mut shown = Vec::new();
        each_record(self.sample, self.delimiter, |record| {
            shown.push(show(&record, self.delimiter));
            shown.len() < lines
        });
        shown.join(" and ")
    }
}

fn show(record: &Record<'_>, delimiter: u8) -> String {
    Raw::Text(&record.text(delimiter)).show()
}

/// What a field reads as that is no name.
fn value(field: &str) -> Option<&'static str> {
    if !field.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let orders = [
        DateOrder::Iso,
        DateOrder::Ymd,
        DateOrder::Dmy,
        DateOrder::Mdy,
    ];
    let is = |ty, forms| parse(Raw::Text(field), ty, &forms).is_ok();
    // Telephone numbers, thousands and decimal commas as well.
    let is_number = || {
        field
            .bytes()
            .all(|b| b.is_ascii_digit() || b" .,+-".contains(&b))
    };
    let is_date = |order| is(Type::Date, forms(order)) || is(Type::Timestamp, forms(order));
    if orders.into_iter().any(is_date) {
        Some("a date")
    } else if is(Type::Float, forms(DateOrder::Iso)) || is_number() {
        Some("a number")
    } else if is(Type::Time, forms(DateOrder::Iso)) {
        Some("a time")
    } else {
        has_date_parts(field).then_some("a date")
    }
}

/// `5/1/26`: a date, though not one that can be read.
fn has_date_parts(field: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    field.split('/').count() == 3 && field.split('/').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::super::delimiter;
    use super::*;

    fn doubt(sample: &str) -> String {
        let delimiter = delimiter::detect(sample.as_bytes(), None).byte;
        let first = FirstLine {
            sample: sample.as_bytes(),
            is_cut: false,
            delimiter,
            is_named: false,
            fields: &delimiter::header(sample.as_bytes(), delimiter),
        };
        first.doubt().unwrap_or_default()
    }

    #[test]
    fn a_row_is_no_header() {
        insta::assert_snapshot!(doubt("1,An,2026-01-05\n2,Binh,2026-01-06\n"), @r#"PLEASE DECIDE: "1" in its first line reads as a number, so that the line may be a row (its lines begin "1,An,2026-01-05" and "2,Binh,2026-01-06"); if it is, write a first line with the columns' names above it; if not, give that column another name"#);
        insta::assert_snapshot!(doubt("An,,Hà Nội\nBình,0912,Huế\n"), @r#"PLEASE DECIDE: its first line ("An,,Hà Nội") has nothing in field 2, where a line below has a value ("Bình,0912,Huế"); if it is a row, write a first line with the columns' names above it; if not, write that column's name"#);
        insta::assert_snapshot!(doubt("-,*\na,b\n"), @r#"PLEASE DECIDE: its first line has no names (its lines begin "-,*" and "a,b"); write a first line with the columns' names above it"#);
    }

    #[test]
    fn values_are_no_names() {
        for (field, what) in [
            ("2025", "a number"),
            ("150.000", "a number"),
            ("1.250.000", "a number"),
            ("1,5", "a number"),
            ("+84 912 345 678", "a number"),
            ("28/11/2025", "a date"),
            ("5/1/26", "a date"),
            ("2026/01/05", "a date"),
            ("2026-01-05T08:00:00Z", "a date"),
            ("8:30", "a time"),
            ("2:30 PM", "a time"),
        ] {
            assert_eq!(value(field), Some(what), "{field}");
        }
        for name in [
            "id", "Q1", "2025Q1", "1st", "#1", "số 1", "nan", "inf", "#", "a/b",
        ] {
            assert_eq!(value(name), None, "{name}");
        }
    }

    #[test]
    fn a_title_is_no_header() {
        insta::assert_snapshot!(doubt("Title: members 2026\nid,name\n1,a\n"), @r#"PLEASE DECIDE: its first line ("Title: members 2026") has 1 field, and the lines below, such as "id,name", have 2 with "," between them; if it is a title, take it away: the first line has to name every column; if the file has but one column, put its values in quotes"#);
        insta::assert_snapshot!(doubt("Members, all\nid;name;day\n1;a;b\nthe end\n"), @r#"PLEASE DECIDE: its first line ("Members, all") has 2 fields, and the lines below, such as "id;name;day", have 3 with ";" between them; if it is a title, take it away: the first line has to name every column"#);
    }

    #[test]
    fn several_title_lines_are_no_header() {
        insta::assert_snapshot!(doubt("Account,NL91ABNA0417164300\nFrom,2025-01-01\nTo,2025-01-31\n\nDate,Text,Amount\n2025-01-02,Coffee,-3.50\n2025-01-03,Salary,2500.00\n2025-01-04,Rent,-900.00\n"), @r#"PLEASE DECIDE: its first line ("Account,NL91ABNA0417164300") has 2 fields, and the lines below, such as "Date,Text,Amount", have 3 with "," between them; if it is a title, take it away: the first line has to name every column"#);
    }

    #[test]
    fn usual_headers_raise_no_doubt() {
        for sample in [
            "id,name\n1,a\n",
            "id,name\n",
            "id,name,\n1,a,\n2,a,b,c\n",
            "id;note\n1;a,b\n2;c,d\n",
            "name\nAn\nBình\n",
            "name\n\"Nguyễn, An\"\n\"Lê, Bình\"\n",
            "note\nwell, yes, no\nso\nsome, or other\nno\n",
            "Mã lượt;Ngày;Giờ;Q1 2025\n1;05/01/2026;8:30;1,5\n",
        ] {
            assert_eq!(doubt(sample), "", "{sample}");
        }
    }
}
