//! The texts of the page of the conflicts.

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct ConflictsTexts {
    pub(in crate::dashboard) title: &'static str,
    /// Behind a number of them.
    pub(in crate::dashboard) open: &'static str,
    pub(in crate::dashboard) hint: &'static str,
    pub(in crate::dashboard) none: &'static str,
    pub(in crate::dashboard) column: &'static str,
    pub(in crate::dashboard) row: &'static str,
    pub(in crate::dashboard) at_site: &'static str,
    pub(in crate::dashboard) in_cloud: &'static str,
    /// Of a value: it is shown everywhere now.
    pub(in crate::dashboard) stands: &'static str,
    /// Of a row.
    pub(in crate::dashboard) there: &'static str,
    pub(in crate::dashboard) deleted: &'static str,
    /// Before who changed the row.
    pub(in crate::dashboard) by: &'static str,
    pub(in crate::dashboard) take_site: &'static str,
    pub(in crate::dashboard) take_cloud: &'static str,
    pub(in crate::dashboard) site_stands: &'static str,
    pub(in crate::dashboard) cloud_stands: &'static str,
    /// Before the columns.
    pub(in crate::dashboard) clash: &'static str,
    pub(in crate::dashboard) clash_hint: &'static str,
    /// The row that is marked.
    pub(in crate::dashboard) second: &'static str,
    /// The row that keeps the values.
    pub(in crate::dashboard) first: &'static str,
    pub(in crate::dashboard) changed: &'static str,
    pub(in crate::dashboard) closed: &'static str,
    pub(in crate::dashboard) row_unknown: &'static str,
    pub(in crate::dashboard) in_the_way: &'static str,
}

pub(super) const VIETNAMESE: ConflictsTexts = ConflictsTexts {
    title: "Xung đột",
    open: "xung đột",
    hint: "Những dòng mà cơ sở và đám mây cùng sửa, mỗi bên một khác. Hãy chọn bên đúng; giá trị bên kia sẽ bị bỏ.",
    none: "Không có xung đột nào.",
    column: "Cột",
    row: "Dòng",
    at_site: "Tại cơ sở",
    in_cloud: "Trên đám mây",
    stands: "đang hiện",
    there: "có",
    deleted: "đã xóa",
    by: "Sửa trên đám mây:",
    take_site: "Lấy của cơ sở",
    take_cloud: "Lấy của đám mây",
    site_stands: "Đã lấy giá trị của cơ sở.",
    cloud_stands: "Đã lấy giá trị của đám mây.",
    clash: "Hai dòng trùng nhau ở các cột chỉ được có một dòng:",
    clash_hint: "Không có bên nào để chọn: hãy sửa các giá trị này ở một trong hai dòng, tại đây hoặc tại cơ sở, xung đột sẽ hết.",
    second: "Dòng bị đánh dấu trùng",
    first: "Dòng giữ các giá trị này",
    changed: "Dòng này hoặc xung đột của nó đã thay đổi sau khi trang được mở. Hãy mở lại trang và xem lại.",
    closed: "Xung đột này không còn nữa.",
    row_unknown: "Dòng này đã bị xóa và bên này chỉ còn vài cột. Hãy lấy của bên kia.",
    in_the_way: "Một dòng khác đang có các giá trị chỉ được có một lần. Hãy sửa dòng đó trước.",
};

pub(super) const ENGLISH: ConflictsTexts = ConflictsTexts {
    title: "Conflicts",
    open: "conflicts",
    hint: "Rows that site and cloud both changed, each to something else. Take the side that is right; what the other side has is dropped.",
    none: "There are no conflicts.",
    column: "Column",
    row: "Row",
    at_site: "At the site",
    in_cloud: "In the cloud",
    stands: "shown now",
    there: "there",
    deleted: "deleted",
    by: "Changed in the cloud by",
    take_site: "Take the site's",
    take_cloud: "Take the cloud's",
    site_stands: "The site's values stand.",
    cloud_stands: "The cloud's values stand.",
    clash: "Two rows have the same values where only one row may have them:",
    clash_hint: "There is no side to take: change these values in one of the two rows, here or at the site, and the conflict ends.",
    second: "The row that is marked",
    first: "The row that keeps them",
    changed: "The row or its conflict has changed since the page was opened. Open the page again and look at it.",
    closed: "This conflict is over.",
    row_unknown: "The row is gone, and this side has only some of its columns. Take the other side.",
    in_the_way: "Another row has values that only one may have. Change that row first.",
};
