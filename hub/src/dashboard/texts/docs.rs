//! What the page of the API says.

/// The texts of one language.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct DocsTexts {
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) hint: &'static str,
    pub(in crate::dashboard) contents: &'static str,
    pub(in crate::dashboard) open: &'static str,
    pub(in crate::dashboard) parameters: &'static str,
    pub(in crate::dashboard) needed: &'static str,
    pub(in crate::dashboard) body: &'static str,
    pub(in crate::dashboard) answers: &'static str,
    pub(in crate::dashboard) headers: &'static str,
    pub(in crate::dashboard) example: &'static str,
    pub(in crate::dashboard) refusals: &'static str,
    pub(in crate::dashboard) schemas: &'static str,
}

pub(super) const VIETNAMESE: DocsTexts = DocsTexts {
    title: "API",
    hint: "Những gì chương trình gọi được, bằng tiếng Anh. Bản cho máy đọc:",
    contents: "Mục lục",
    open: "Không cần token.",
    parameters: "Tham số",
    needed: "bắt buộc",
    body: "Nội dung gửi",
    answers: "Trả lời",
    headers: "Header",
    example: "Ví dụ",
    refusals: "Từ chối",
    schemas: "Cấu trúc",
};

pub(super) const ENGLISH: DocsTexts = DocsTexts {
    title: "API",
    hint: "What programs can call. For programs to read:",
    contents: "Contents",
    open: "It needs no token.",
    parameters: "Parameters",
    needed: "needed",
    body: "Body",
    answers: "Answers",
    headers: "Headers",
    example: "Example",
    refusals: "Refusals",
    schemas: "Schemas",
};
