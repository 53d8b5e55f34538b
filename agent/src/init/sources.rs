//! The `[[source]]`s that the inspected files make up. CSV files of one folder are one source as
//! long as one set of settings reads them all, else several over the same folder.

use std::path::PathBuf;

use causeway_shared::value::{DateOrder, DecimalMark};

use super::csv::{DetectedDelimiter, DetectedEncoding};
use super::dates::Votes;
use super::decimal_marks::DecimalMarks;
use crate::source::{Encoding, SourceKind};

/// A setting, and why it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// What it is; of several values a person has to choose one.
    pub(super) values: Vec<&'static str>,
    pub(super) why: String,
}

impl Setting {
    fn new(value: &'static str, why: String) -> Self {
        let values = vec![value];
        Self { values, why }
    }
}

/// A source to propose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProposedSource {
    pub(super) kind: SourceKind,
    /// The SQLite file or the CSV folder.
    pub(super) path: PathBuf,
    /// The inputs that are read from it.
    pub(super) inputs: Vec<usize>,
    /// Settings that `auto` would not find out.
    pub(super) encoding: Option<Setting>,
    pub(super) delimiter: Option<Setting>,
    pub(super) dates: Option<Setting>,
    pub(super) decimals: Option<Setting>,
    /// The order of its dates.
    pub(super) order: DateOrder,
    /// The mark before its numbers' fractions.
    pub(super) mark: DecimalMark,
}

/// A file, as far as settings go.
pub(super) struct FileSettings<'f> {
    pub(super) input: usize,
    pub(super) path: PathBuf,
    /// Its encoding and delimiter, if it is CSV.
    pub(super) csv: Option<(&'f DetectedEncoding, &'f DetectedDelimiter)>,
    pub(super) votes: Votes,
    pub(super) marks: DecimalMarks,
}

/// What reads all files of a source so far.
struct SourceDraft<'f> {
    files: Vec<FileSettings<'f>>,
    order: Option<DateOrder>,
    mark: Option<DecimalMark>,
}

/// Whether one setting serves both; what is `None` is served by any.
fn agree<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// Makes sources of the files.
pub(super) fn group(files: Vec<FileSettings<'_>>) -> Vec<ProposedSource> {
    let mut drafts: Vec<SourceDraft<'_>> = Vec::new();
    let folder_votes: Vec<Votes> = files.iter().map(|file| together(&files, file)).collect();
    for (file, folder) in files.into_iter().zip(folder_votes) {
        // A file whose own dates leave their order open is read as its neighbours are.
        let neighbours = folder.wanted().filter(|order| *order != DateOrder::Iso);
        let order = match file.votes.wanted() {
            Some(own) if file.votes.is_open() => neighbours.or(Some(own)),
            own => own,
        };
        let mark = file.marks.wanted();
        let fits = |draft: &&mut SourceDraft<'_>| {
            file.csv.is_some()
                && draft.files.iter().all(|other| can_share(other, &file))
                && agree(draft.order, order)
                && agree(draft.mark, mark)
        };
        match drafts.iter_mut().find(fits) {
            Some(draft) => {
                draft.order = draft.order.or(order);
                draft.mark = draft.mark.or(mark);
                draft.files.push(file);
            }
            None => drafts.push(SourceDraft {
                files: vec![file],
                order,
                mark,
            }),
        }
    }
    drafts.into_iter().map(SourceDraft::source).collect()
}

/// The votes of all files of a folder.
fn together(files: &[FileSettings<'_>], file: &FileSettings<'_>) -> Votes {
    let mut votes = Votes::default();
    files
        .iter()
        .filter(|other| other.path == file.path)
        .for_each(|other| votes.merge(&other.votes));
    votes
}

/// Whether one `encoding` and one `delimiter` read both files of a folder.
fn can_share(a: &FileSettings<'_>, b: &FileSettings<'_>) -> bool {
    let (Some((a_encoding, a_delimiter)), Some((b_encoding, b_delimiter))) = (a.csv, b.csv) else {
        return false;
    };
    let encodings = match (&a_encoding.why, &b_encoding.why) {
        (None, None) => true,
        _ if a_encoding.is_ascii => is_one_byte(b_encoding.encoding),
        _ if b_encoding.is_ascii => is_one_byte(a_encoding.encoding),
        _ => a_encoding.encoding == b_encoding.encoding,
    };
    let all_auto = a_delimiter.why.is_none() && b_delimiter.why.is_none();
    a.path == b.path && encodings && (all_auto || a_delimiter.byte == b_delimiter.byte)
}

fn is_one_byte(encoding: Encoding) -> bool {
    !matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be)
}

impl SourceDraft<'_> {
    fn source(self) -> ProposedSource {
        let mut votes = Votes::default();
        self.files.iter().for_each(|file| votes.merge(&file.votes));
        let mut marks = DecimalMarks::default();
        self.files.iter().for_each(|file| marks.merge(&file.marks));
        let mark = self.mark.unwrap_or_default();
        let csv = || self.files.iter().filter_map(|file| file.csv);
        let encoding = csv().find_map(|(encoding, _)| {
            Some(Setting::new(
                encoding.encoding.name(),
                encoding.why.clone()?,
            ))
        });
        let delimiter = csv().find_map(|(_, delimiter)| {
            Some(Setting::new(delimiter.setting(), delimiter.why.clone()?))
        });
        let order = self.order.unwrap_or_default();
        let proposed = votes.propose();
        let values = match order {
            DateOrder::Dmy | DateOrder::Mdy if !proposed.is_certain => vec!["dmy", "mdy"],
            DateOrder::Dmy => vec!["dmy"],
            DateOrder::Mdy => vec!["mdy"],
            DateOrder::Iso | DateOrder::Ymd => vec!["ymd"],
        };
        ProposedSource {
            kind: match self.files.first() {
                Some(FileSettings { csv: None, .. }) => SourceKind::Sqlite,
                _ => SourceKind::Csv,
            },
            path: self
                .files
                .first()
                .map(|file| file.path.clone())
                .unwrap_or_default(),
            inputs: self.files.iter().map(|file| file.input).collect(),
            encoding,
            delimiter,
            dates: proposed.why.map(|why| Setting { values, why }),
            decimals: (mark == DecimalMark::Comma).then(|| Setting::new("comma", marks.why())),
            order,
            mark,
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::value::Raw;

    use super::super::profile::{Orders, Profile};
    use super::*;

    fn grouped(files: &[(Encoding, bool, &str)]) -> Vec<String> {
        let detected: Vec<DetectedEncoding> = files
            .iter()
            .map(|(encoding, certain, _)| DetectedEncoding {
                encoding: *encoding,
                why: (!certain).then(|| "?".to_owned()),
                is_ascii: *certain && *encoding == Encoding::Utf8,
            })
            .collect();
        let comma = DetectedDelimiter {
            byte: b',',
            why: None,
        };
        let orders = Orders::new();
        let files =
            files
                .iter()
                .zip(&detected)
                .enumerate()
                .map(|(input, ((_, _, date), detected))| {
                    let (mut profile, mut votes) = (Profile::default(), Votes::default());
                    profile.look(Raw::Text(date), &orders);
                    votes.add("day", &profile);
                    FileSettings {
                        input,
                        path: "csv".into(),
                        csv: Some((detected, &comma)),
                        votes,
                        marks: DecimalMarks::default(),
                    }
                });
        let show = |source: ProposedSource| {
            let show = |setting: Option<Setting>| match setting {
                Some(setting) => setting.values.join(" or "),
                None => "auto".to_owned(),
            };
            let (encoding, dates) = (show(source.encoding), show(source.dates));
            format!("{:?} {encoding} {dates}", source.inputs)
        };
        group(files.collect()).into_iter().map(show).collect()
    }

    #[test]
    fn files_that_one_setting_reads_are_one_source() {
        use Encoding::Utf8;
        let windows_1258 = Encoding::CodePage(encoding_rs::WINDOWS_1258);
        assert_eq!(
            grouped(&[
                (Utf8, true, ""),
                (windows_1258, false, ""),
                (Utf8, true, "")
            ]),
            ["[0, 1, 2] windows-1258 auto"]
        );
        assert_eq!(
            grouped(&[
                (Utf8, true, "2025-11-28"),
                (Utf8, true, "28/11/2025"),
                (Utf8, true, "x")
            ]),
            ["[0, 2] auto auto", "[1] auto dmy"]
        );
    }

    #[test]
    fn an_open_order_is_taken_from_the_neighbours() {
        use Encoding::Utf8;
        assert_eq!(
            grouped(&[(Utf8, true, "01/02/2025"), (Utf8, true, "11/28/2025")]),
            ["[0, 1] auto mdy"]
        );
    }
}
