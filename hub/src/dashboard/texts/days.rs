//! The texts of the page of the days that are in the database.

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct DaysTexts {
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) window: &'static str,
    pub(in crate::dashboard) hint: &'static str,
    pub(in crate::dashboard) loaded_rows: &'static str,
    pub(in crate::dashboard) why: &'static str,
    pub(in crate::dashboard) pinned: &'static str,
    pub(in crate::dashboard) in_window: &'static str,
    pub(in crate::dashboard) asked: &'static str,
    pub(in crate::dashboard) pin: &'static str,
    pub(in crate::dashboard) unpin: &'static str,
}

pub(super) const VIETNAMESE: DaysTexts = DaysTexts {
    title: "Các ngày đang nạp",
    window: "Luôn nạp",
    hint: "Mọi ngày khác được nạp khi có người mở, và nhường chỗ khi có nhiều ngày khác được mở sau đó. Ngày được ghim thì ở lại.",
    loaded_rows: "Số dòng đang nạp",
    why: "Lý do",
    pinned: "đã ghim",
    in_window: "quanh hôm nay",
    asked: "có người mở",
    pin: "Ghim",
    unpin: "Bỏ ghim",
};

pub(super) const ENGLISH: DaysTexts = DaysTexts {
    title: "Days in the database",
    window: "Always loaded",
    hint: "Every other day is loaded when somebody opens it, and makes room when many others were opened after it. A pinned day stays.",
    loaded_rows: "Rows loaded",
    why: "Why",
    pinned: "pinned",
    in_window: "around today",
    asked: "somebody opened it",
    pin: "Pin",
    unpin: "Unpin",
};
