//! The texts of the page of the edits.

use causeway_shared::commit::Operation;

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct EditsTexts {
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) hint: &'static str,
    pub(in crate::dashboard) all: &'static str,
    pub(in crate::dashboard) key: &'static str,
    pub(in crate::dashboard) actor: &'static str,
    pub(in crate::dashboard) show: &'static str,
    pub(in crate::dashboard) when: &'static str,
    pub(in crate::dashboard) row: &'static str,
    pub(in crate::dashboard) what: &'static str,
    pub(in crate::dashboard) waits: &'static str,
    pub(in crate::dashboard) none: &'static str,
    /// Among the newest edits.
    pub(in crate::dashboard) none_yet: &'static str,
    pub(in crate::dashboard) older: &'static str,
    /// The link to the edits of one row.
    pub(in crate::dashboard) of_row: &'static str,
    /// In their place where they cannot be read.
    pub(in crate::dashboard) unreadable: &'static str,
    pub(in crate::dashboard) undo: &'static str,
    pub(in crate::dashboard) undo_hint: &'static str,
    pub(in crate::dashboard) undo_now: &'static str,
    pub(in crate::dashboard) is_undone: &'static str,
    /// Why an edit is not taken back.
    pub(in crate::dashboard) changed: &'static str,
    inserted: &'static str,
    updated: &'static str,
    deleted: &'static str,
    taken: &'static str,
    undone: &'static str,
}

impl EditsTexts {
    pub(in crate::dashboard) fn operation(&self, op: Operation) -> &'static str {
        match op {
            Operation::Insert => self.inserted,
            Operation::Update => self.updated,
            Operation::Delete => self.deleted,
            Operation::Take => self.taken,
            Operation::Undo => self.undone,
        }
    }
}

pub(super) const VIETNAMESE: EditsTexts = EditsTexts {
    title: "Ai đã sửa gì",
    hint: "Những gì đã sửa trên đám mây, mới nhất trước. Thay đổi tại cơ sở không nằm ở đây.",
    all: "tất cả",
    key: "Khóa",
    actor: "Người sửa",
    show: "Xem",
    when: "Lúc",
    row: "Dòng",
    what: "Thay đổi",
    waits: "chưa lưu vào kho",
    none: "Không có thay đổi nào.",
    none_yet: "Không có trong các thay đổi mới nhất.",
    older: "Cũ hơn",
    of_row: "Lịch sử",
    unreadable: "Hiện không đọc được các thay đổi.",
    undo: "Hoàn tác",
    undo_hint: "Dòng trở lại như trước thay đổi này.",
    undo_now: "Hoàn tác ngay",
    is_undone: "Đã hoàn tác. Dưới đây là các thay đổi của dòng này.",
    changed: "Dòng này đã được sửa tiếp sau đó, nên thay đổi này không hoàn tác được.",
    inserted: "Thêm",
    updated: "Sửa",
    deleted: "Xóa",
    taken: "Chọn bên",
    undone: "Hoàn tác",
};

pub(super) const ENGLISH: EditsTexts = EditsTexts {
    title: "Who changed what",
    hint: "What was changed in the cloud, the newest first. Changes at the site are not among it.",
    all: "all",
    key: "Key",
    actor: "By",
    show: "Show",
    when: "When",
    row: "Row",
    what: "Change",
    waits: "not in the store yet",
    none: "Nothing was changed.",
    none_yet: "None among the newest changes.",
    older: "Older",
    of_row: "History",
    unreadable: "The changes cannot be read now.",
    undo: "Take back",
    undo_hint: "The row becomes what it was before this change.",
    undo_now: "Take it back",
    is_undone: "The change is taken back. These are the changes of its row.",
    changed: "The row was changed since, so this change cannot be taken back.",
    inserted: "Added",
    updated: "Changed",
    deleted: "Deleted",
    taken: "Side taken",
    undone: "Taken back",
};
