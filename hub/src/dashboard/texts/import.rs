//! The texts of the page of imports.

use causeway_agent::{HeldTable, Reason};

use crate::import::ImportError;
use crate::import::dump::DumpError;
use crate::import::jobs::Stage;
use crate::import::upload::UploadError;

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct ImportTexts {
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) hint: &'static str,
    pub(in crate::dashboard) how: &'static str,
    pub(in crate::dashboard) replace: &'static str,
    pub(in crate::dashboard) add: &'static str,
    pub(in crate::dashboard) dialect: &'static str,
    pub(in crate::dashboard) any_dialect: &'static str,
    pub(in crate::dashboard) file: &'static str,
    pub(in crate::dashboard) preview: &'static str,
    /// While a script sends a file to the store, and before why it could not.
    pub(in crate::dashboard) uploading: &'static str,
    pub(in crate::dashboard) not_uploaded: &'static str,
    pub(in crate::dashboard) earlier: &'static str,
    pub(in crate::dashboard) state: &'static str,
    pub(in crate::dashboard) a_preview: &'static str,
    /// Why the form was not taken.
    pub(in crate::dashboard) no_file: &'static str,
    pub(in crate::dashboard) no_site: &'static str,
    pub(in crate::dashboard) has_agent: &'static str,
    /// Why the file was not taken.
    too_large: &'static str,
    not_whole: &'static str,
    no_room: &'static str,
    /// Other imports are under way.
    pub(in crate::dashboard) busy: &'static str,
    /// Of an address.
    pub(in crate::dashboard) unknown: &'static str,
    /// Of the file of a preview.
    pub(in crate::dashboard) not_kept: &'static str,
    /// Before a reason.
    pub(in crate::dashboard) failed: &'static str,
    pub(in crate::dashboard) goes_on: &'static str,
    pub(in crate::dashboard) partitions: &'static str,
    pub(in crate::dashboard) written: &'static str,
    pub(in crate::dashboard) removed: &'static str,
    pub(in crate::dashboard) before: &'static str,
    pub(in crate::dashboard) after: &'static str,
    pub(in crate::dashboard) rows_read: &'static str,
    pub(in crate::dashboard) nothing_written: &'static str,
    pub(in crate::dashboard) nothing_to_change: &'static str,
    pub(in crate::dashboard) nothing_changed: &'static str,
    pub(in crate::dashboard) imported: &'static str,
    /// Before the number of objects that the store had lost.
    pub(in crate::dashboard) restored: &'static str,
    /// Before kinds of statements.
    pub(in crate::dashboard) skipped: &'static str,
    pub(in crate::dashboard) allow_shrink: &'static str,
    pub(in crate::dashboard) import_now: &'static str,
    pub(in crate::dashboard) another: &'static str,
    waiting: &'static str,
    reading: &'static str,
    judging: &'static str,
    sending: &'static str,
    done: &'static str,
    has_failed: &'static str,
    /// What to do about tables that would lose too much.
    shrink_hint: &'static str,
    /// About one that goes with another.
    family_hint: &'static str,
    /// About a file that cannot be read.
    file_hint: &'static str,
    /// What errors say, where they do not say it in the page's language.
    errors: Option<ErrorTexts>,
}

/// What the errors of imports say, which are English themselves.
#[derive(Debug, PartialEq, Eq)]
struct ErrorTexts {
    no_kind: &'static str,
    no_table: &'static str,
    too_large_statement: &'static str,
    cut_off_dump: &'static str,
    backslash: &'static str,
    encoding: &'static str,
    columns: &'static str,
    unreadable: &'static str,
    nothing: &'static str,
    cut_off: &'static str,
    failed: &'static str,
    /// Behind a table's name.
    held: &'static str,
    shrunk: [&'static str; 3],
    columns_gone: &'static str,
    undeclared: &'static str,
    family: &'static str,
}

impl ImportTexts {
    pub(in crate::dashboard) fn stage(&self, stage: &Stage) -> &'static str {
        match stage {
            Stage::Waiting => self.waiting,
            Stage::Reading => self.reading,
            Stage::Judging => self.judging,
            Stage::Sending => self.sending,
            Stage::Done => self.done,
            Stage::Failed => self.has_failed,
        }
    }

    pub(in crate::dashboard) fn not_taken(&self, error: &UploadError) -> &'static str {
        match error {
            UploadError::Stalled
            | UploadError::Broken(_)
            | UploadError::Store(_)
            | UploadError::Another { .. } => self.not_whole,
            UploadError::TooLarge => self.too_large,
            UploadError::NoRoom { .. } => self.no_room,
        }
    }

    /// Why nothing was imported, in words that stand before the error's own; `None`: those will do.
    pub(in crate::dashboard) fn why(&self, error: &ImportError) -> Option<&'static str> {
        let texts = self.errors.as_ref()?;
        Some(match error {
            ImportError::NoKind { .. } => texts.no_kind,
            ImportError::NoTable { .. } => texts.no_table,
            ImportError::Nothing { .. } => texts.nothing,
            ImportError::HasAgent { .. } => self.has_agent,
            ImportError::CutOff => texts.cut_off,
            ImportError::Folder(_)
            | ImportError::Room { .. }
            | ImportError::Dump {
                source: DumpError::Spool(_),
                ..
            } => self.no_room,
            ImportError::Dump { source, .. } => match source {
                DumpError::TooLarge { .. } => texts.too_large_statement,
                DumpError::CutOff { .. } | DumpError::NoEnd | DumpError::RolledBack => {
                    texts.cut_off_dump
                }
                DumpError::Backslash { .. } => texts.backslash,
                DumpError::Encoding { .. } => texts.encoding,
                DumpError::NoColumns { .. } => texts.columns,
                _ => texts.unreadable,
            },
            _ => texts.failed,
        })
    }

    /// That a table stays as it is, and why.
    pub(in crate::dashboard) fn held(&self, held: &HeldTable) -> String {
        let Some(texts) = &self.errors else {
            return held.to_string();
        };
        let why = match &held.reason {
            Reason::Shrunk { was, now } => {
                let [of, to, rows] = texts.shrunk;
                format!("{of} {was} {to} {now} {rows}")
            }
            Reason::ColumnsGone { columns } => {
                let names: Vec<&str> = columns.iter().map(|name| name.as_str()).collect();
                format!("{} {}", texts.columns_gone, names.join(", "))
            }
            Reason::Undeclared { .. } => texts.undeclared.to_owned(),
            Reason::Family { of } => format!("{} {of}", texts.family),
            // What is wrong with the file is said in English alone.
            Reason::Unreadable(_) => return held.to_string(),
        };
        format!("{} {}: {why}", held.table, texts.held)
    }

    /// What to do about a table that stays as it is.
    pub(in crate::dashboard) fn remedy(&self, held: &HeldTable) -> &'static str {
        match held.reason {
            Reason::Shrunk { .. } | Reason::Undeclared { .. } | Reason::ColumnsGone { .. } => {
                self.shrink_hint
            }
            Reason::Family { .. } => self.family_hint,
            _ => self.file_hint,
        }
    }
}

pub(super) const VIETNAMESE: ImportTexts = ImportTexts {
    title: "Nhập dữ liệu từ tệp",
    hint: "Dành cho cơ sở không có agent: tệp .sql (pg_dump, mysqldump, sqlite3 .dump, phpMyAdmin) hoặc .csv mang tên bảng. Trước hết chỉ xem trước, chưa ghi gì.",
    how: "Các dòng trong tệp",
    replace: "thay toàn bộ bảng",
    add: "thêm vào, cập nhật dòng trùng khóa",
    dialect: "Cơ sở dữ liệu đã tạo ra tệp",
    any_dialect: "theo nội dung tệp",
    file: "Tệp",
    preview: "Xem trước",
    uploading: "Đang tải tệp lên…",
    not_uploaded: "Không tải lên được",
    earlier: "Các lần nhập gần đây",
    state: "Trạng thái",
    a_preview: "xem trước",
    no_file: "Hãy chọn một tệp .sql hoặc .csv.",
    no_site: "Hãy ghi tên cơ sở: chữ thường, số và dấu gạch nối, ví dụ hcm-02.",
    has_agent: "Cơ sở này do một agent ghi. Hãy khai báo tệp làm nguồn trong agent.toml tại cơ sở, hoặc nhập vào một cơ sở khác.",
    too_large: "Tệp lớn hơn 1 GiB. Hãy dùng lệnh `causeway-hub import` trên máy chủ.",
    not_whole: "Tệp chưa được gửi hết. Hãy gửi lại.",
    no_room: "Máy chủ không đủ chỗ cho tệp trong thư mục tạm. Hãy giải phóng chỗ trống, hoặc đặt TMPDIR của hub sang thư mục khác.",
    busy: "Đang có các lần nhập khác. Hãy thử lại khi một lần đã xong.",
    unknown: "Hub không biết lần nhập này từ khi khởi động. Hãy nhập lại tệp: nếu đã nhập xong thì không có gì thay đổi.",
    not_kept: "Tệp đã xem trước không còn được giữ. Hãy chọn lại tệp.",
    failed: "Không nhập được",
    goes_on: "Trang tự cập nhật; việc nhập vẫn tiếp tục khi đóng trang.",
    partitions: "phân vùng",
    written: "được ghi",
    removed: "Bị xóa",
    before: "Trước",
    after: "Sau",
    rows_read: "dòng đã đọc",
    nothing_written: "Chưa ghi gì. Đây là những gì sẽ được ghi.",
    nothing_to_change: "Mọi thứ trong tệp đã có sẵn, không có gì để ghi.",
    nothing_changed: "Mọi thứ trong tệp đã có sẵn, không có gì thay đổi.",
    imported: "Đã nhập xong:",
    restored: "Số đối tượng bị mất trong kho mà tệp khôi phục:",
    skipped: "Không thực thi:",
    allow_shrink: "Đồng ý để bảng mất nhiều dòng như trên",
    import_now: "Nhập",
    another: "Nhập tệp khác",
    waiting: "Đang chờ; sẽ bắt đầu trong vòng một phút",
    reading: "Đang đọc tệp",
    judging: "Đang kiểm tra các dòng",
    sending: "Đang ghi",
    done: "xong",
    has_failed: "không thành công",
    shrink_hint: "nếu đúng là muốn bỏ các dòng này, hãy đánh dấu đồng ý bên dưới; để giữ các dòng mà tệp không có, hãy nhập lại theo cách “thêm vào”",
    family_hint: "xem bảng đó",
    file_hint: "hãy sửa tệp rồi nhập lại",
    errors: Some(ErrorTexts {
        no_kind: "Tên tệp phải kết thúc bằng .sql hoặc .csv.",
        no_table: "Tệp .csv phải mang tên một bảng đã khai báo.",
        too_large_statement: "Tệp có một câu lệnh lớn hơn 16 MiB. Hãy xuất lại với các câu lệnh nhỏ hơn.",
        cut_off_dump: "Tệp không đầy đủ: phần cuối bị thiếu. Hãy xuất lại.",
        backslash: "Tệp có dấu \\ mà ý nghĩa tùy cơ sở dữ liệu. Hãy chọn cơ sở dữ liệu đã tạo ra tệp.",
        encoding: "Tệp không ở mã UTF-8. Hãy xuất lại bằng UTF-8.",
        columns: "Các câu INSERT không ghi tên cột, và tệp không có CREATE TABLE. Hãy xuất lại kèm tên cột.",
        unreadable: "Nội dung tệp không đọc được.",
        nothing: "Tệp không có dòng nào của các bảng đã khai báo.",
        cut_off: "Việc nhập bị ngắt giữa chừng. Hãy nhập lại tệp.",
        failed: "Việc nhập không thành công. Có thể nhập lại cùng tệp.",
        held: "được giữ nguyên",
        shrunk: ["bảng sẽ giảm từ", "còn", "dòng"],
        columns_gone: "tệp không còn các cột",
        undeclared: "bảng không còn được khai báo",
        family: "các dòng của bảng đi cùng bảng",
    }),
};

pub(super) const ENGLISH: ImportTexts = ImportTexts {
    title: "Import a file",
    hint: "For a site without an agent: a .sql file (pg_dump, mysqldump, sqlite3 .dump, phpMyAdmin) or a .csv file that is called as its table is. First it is previewed, and nothing is written.",
    how: "The file's rows",
    replace: "replace their tables",
    add: "are added, or update rows of their keys",
    dialect: "The database that wrote the file",
    any_dialect: "as the file says",
    file: "File",
    preview: "Preview",
    uploading: "Uploading the file…",
    not_uploaded: "It could not be uploaded",
    earlier: "Recent imports",
    state: "State",
    a_preview: "preview",
    no_file: "Choose a .sql or .csv file.",
    no_site: "Name the site in lower-case letters, digits and hyphens, like hcm-02.",
    has_agent: "An agent writes this site. Give it the file as a source in its agent.toml, or import it as another site.",
    too_large: "The file is larger than 1 GiB. Use `causeway-hub import` on the server.",
    not_whole: "The file did not come whole. Send it again.",
    no_room: "The server has no room for the file among its temporary files. Free space there, or let the hub's TMPDIR name another folder.",
    busy: "Other imports are under way. Try again when one has ended.",
    unknown: "This hub knows no such import since its start. Import the file again: it changes nothing where it was done.",
    not_kept: "The previewed file is not kept any more. Choose it again.",
    failed: "Nothing was imported",
    goes_on: "This page follows by itself; the import goes on if you close it.",
    partitions: "partitions",
    written: "written",
    removed: "Removed",
    before: "Before",
    after: "After",
    rows_read: "rows read",
    nothing_written: "Nothing is written yet. This is what would be.",
    nothing_to_change: "All of it is there already; there is nothing to write.",
    nothing_changed: "All of it was there already; nothing changed.",
    imported: "Imported:",
    restored: "Lost objects of the store that the file puts back:",
    skipped: "Not executed:",
    allow_shrink: "Let tables lose as many rows as said above",
    import_now: "Import",
    another: "Import another file",
    waiting: "Waiting; it begins within a minute",
    reading: "Reading the file",
    judging: "Judging its rows",
    sending: "Writing",
    done: "done",
    has_failed: "failed",
    shrink_hint: "if the rows are meant to go, agree to it below; to leave rows that the file lacks, import it again so that its rows are added",
    family_hint: "see that table",
    file_hint: "put the file in order and import it again",
    errors: None,
};
