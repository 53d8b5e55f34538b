//! The texts of the page that says how the sites stand.

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct SyncTexts {
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) commit: &'static str,
    pub(in crate::dashboard) sent: &'static str,
    pub(in crate::dashboard) loaded: &'static str,
    /// Behind a number of commits.
    pub(in crate::dashboard) behind: &'static str,
    pub(in crate::dashboard) partitions: &'static str,
    pub(in crate::dashboard) rows: &'static str,
    pub(in crate::dashboard) edits_waiting: &'static str,
    pub(in crate::dashboard) takes_changes: &'static str,
    /// Before the database whose edits count.
    pub(in crate::dashboard) read_only: &'static str,
    pub(in crate::dashboard) no_answer: &'static str,
    pub(in crate::dashboard) quarantine: &'static str,
    pub(in crate::dashboard) quarantine_hint: &'static str,
    pub(in crate::dashboard) none_refused: &'static str,
    pub(in crate::dashboard) since: &'static str,
    pub(in crate::dashboard) place: &'static str,
    pub(in crate::dashboard) reason: &'static str,
    pub(in crate::dashboard) more: &'static str,
}

pub(super) const VIETNAMESE: SyncTexts = SyncTexts {
    title: "Đồng bộ",
    commit: "Lần gửi",
    sent: "Gửi lúc",
    loaded: "Nạp lúc",
    behind: "lần gửi chưa nạp",
    partitions: "Phần đang nạp / tất cả",
    rows: "Dòng đang nạp / tất cả",
    edits_waiting: "Thay đổi chờ ghi vào kho",
    takes_changes: "nhận thay đổi",
    read_only: "chỉ đọc; thay đổi do cơ sở dữ liệu khác ghi:",
    no_answer: "Kho không trả lời; bên dưới là điều cơ sở dữ liệu biết:",
    quarantine: "Dòng bị cách ly",
    quarantine_hint: "Dòng mà cơ sở có nhưng không đúng khai báo. Sửa tại cơ sở thì dòng tự được gửi.",
    none_refused: "Không có dòng nào bị cách ly.",
    since: "Từ lúc",
    place: "Ở đâu",
    reason: "Lý do",
    more: "Tiếp theo",
};

pub(super) const ENGLISH: SyncTexts = SyncTexts {
    title: "Sync",
    commit: "Commit",
    sent: "Sent",
    loaded: "Loaded",
    behind: "commits not loaded yet",
    partitions: "Partitions loaded / known",
    rows: "Rows loaded / in all history",
    edits_waiting: "Changes that wait for the store",
    takes_changes: "takes changes",
    read_only: "read-only; the edits belong to the database",
    no_answer: "The store does not answer; below is what the database knows:",
    quarantine: "Rows in quarantine",
    quarantine_hint: "Rows that a site holds and that do not fit what is declared. A row that is mended at the site is sent by itself.",
    none_refused: "No row is in quarantine.",
    since: "Since",
    place: "Where",
    reason: "Reason",
    more: "More",
};
