//! What the pages say, in each language. A text that one language lacks does not compile.

mod appointments;
mod archive;
mod conflicts;
mod database;
mod days;
mod docs;
mod edits;
mod fields;
mod figures;
#[cfg(feature = "import")]
mod import;
mod lists;
mod sleep;
mod slots;
mod sync;

pub(super) use appointments::DayTexts;
pub(super) use archive::ArchiveTexts;
pub(super) use conflicts::ConflictsTexts;
pub(super) use database::DatabaseTexts;
pub(super) use days::DaysTexts;
pub(super) use docs::DocsTexts;
pub(super) use edits::EditsTexts;
pub(super) use fields::sentence;
pub(super) use figures::FiguresTexts;
#[cfg(feature = "import")]
pub(super) use import::ImportTexts;
pub(super) use lists::ListTexts;
pub(super) use sleep::SleepTexts;
pub(super) use slots::SlotsTexts;
pub(super) use sync::SyncTexts;

/// The texts of one language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) language: &'static str,
    /// What is said of the links to pages, and to languages.
    pub(super) pages: &'static str,
    pub(super) languages: &'static str,
    pub(super) overview: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) token: &'static str,
    pub(super) token_hint: &'static str,
    pub(super) wrong_token: &'static str,
    pub(super) token_cannot_read: &'static str,
    pub(super) too_many_attempts: &'static str,
    pub(super) signed_in_as: &'static str,
    pub(super) disconnected: &'static str,
    pub(super) problem: &'static str,
    /// Before the id of a request that failed.
    pub(super) request: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) unavailable_hint: &'static str,
    pub(super) no_sites: &'static str,
    pub(super) no_sites_hint: &'static str,
    pub(super) customers: &'static str,
    pub(super) consultants: &'static str,
    pub(super) active: &'static str,
    pub(super) appointments: &'static str,
    pub(super) all_history: &'static str,
    pub(super) rating: &'static str,
    pub(super) of_five: &'static str,
    pub(super) ratings: &'static str,
    pub(super) no_ratings: &'static str,
    pub(super) programs: &'static str,
    pub(super) participants: &'static str,
    pub(super) today: &'static str,
    /// Behind a figure.
    pub(super) today_inline: &'static str,
    pub(super) booked: &'static str,
    pub(super) window: &'static str,
    pub(super) window_hint: &'static str,
    pub(super) per_day: &'static str,
    pub(super) per_day_hint: &'static str,
    pub(super) day: &'static str,
    pub(super) total: &'static str,
    pub(super) loaded: &'static str,
    pub(super) as_table: &'static str,
    pub(super) freshness: &'static str,
    pub(super) commit: &'static str,
    pub(super) committed: &'static str,
    pub(super) loaded_at: &'static str,
    pub(super) up_to_date: &'static str,
    pub(super) behind: &'static str,
    pub(super) failing: &'static str,
    pub(super) nothing_yet: &'static str,
    pub(super) refused: &'static str,
    pub(super) tables: &'static str,
    pub(super) table: &'static str,
    pub(super) tables_hint: &'static str,
    pub(super) rows: &'static str,
    pub(super) in_database: &'static str,
    pub(super) in_quarantine: &'static str,
    pub(super) dates: &'static str,
    pub(super) sum_of: &'static str,
    pub(super) by: &'static str,
    pub(super) others: &'static str,
    pub(super) no_value: &'static str,
    pub(super) rows_per_day: &'static str,
    pub(super) table_empty: &'static str,
    /// Before the last day that has rows.
    pub(super) days_empty: &'static str,
    pub(super) nothing_loaded: &'static str,
    pub(super) nothing_loaded_hint: &'static str,
    /// From Monday.
    pub(super) weekdays: [&'static str; 7],
    /// The link to the page of a day.
    pub(super) open_day: &'static str,
    /// Of that page.
    pub(super) of_day: DayTexts,
    pub(super) of_days: DaysTexts,
    pub(super) of_archive: ArchiveTexts,
    pub(super) of_docs: DocsTexts,
    pub(super) of_conflicts: ConflictsTexts,
    pub(super) of_database: DatabaseTexts,
    pub(super) of_sleep: SleepTexts,
    pub(super) of_edits: EditsTexts,
    pub(super) of_figures: FiguresTexts,
    #[cfg(feature = "import")]
    pub(super) of_import: ImportTexts,
    pub(super) of_lists: ListTexts,
    pub(super) of_slots: SlotsTexts,
    pub(super) of_sync: SyncTexts,
    statuses: [(&'static str, &'static str); 8],
}

impl Texts {
    /// The title of the page of imports, where this hub has it.
    #[cfg_attr(
        not(feature = "import"),
        expect(clippy::unused_self, reason = "templates ask")
    )]
    pub(super) fn import(&self) -> Option<&'static str> {
        #[cfg(feature = "import")]
        return Some(self.of_import.title);
        #[cfg(not(feature = "import"))]
        None
    }

    /// A status as people say it; one that is not known is shown as it is.
    pub(super) fn status<'t>(&'t self, status: &'t str) -> &'t str {
        let known = self.statuses.iter().find(|(known, _)| *known == status);
        known.map_or(status, |(_, text)| text)
    }
}

pub(super) const VIETNAMESE: Texts = Texts {
    language: "Tiếng Việt",
    pages: "Các trang",
    languages: "Ngôn ngữ",
    overview: "Tổng quan",
    sign_in: "Đăng nhập",
    sign_out: "Đăng xuất",
    token: "Mã truy cập",
    token_hint: "Mã do lệnh `causeway-hub token create` tạo ra, bắt đầu bằng cw_.",
    wrong_token: "Mã này không đúng hoặc đã bị thu hồi.",
    token_cannot_read: "Mã này dành cho agent, không xem được dữ liệu.",
    too_many_attempts: "Quá nhiều lần thử sai. Hãy đợi một phút rồi thử lại.",
    signed_in_as: "Đang dùng mã",
    disconnected: "Mất kết nối. Số liệu bên dưới là lần cập nhật cuối.",
    problem: "Không thực hiện được",
    request: "Yêu cầu",
    unavailable: "Hiện không xem được trang này",
    unavailable_hint: "Trang tự thử lại sau vài giây; nhật ký của hub cho biết lý do.",
    no_sites: "Chưa có cơ sở nào gửi dữ liệu",
    no_sites_hint: "Chạy `causeway-agent migrate` tại cơ sở; số liệu sẽ tự hiện ra ở đây.",
    customers: "Khách hàng",
    consultants: "Tư vấn viên",
    active: "đang hoạt động",
    appointments: "Lịch hẹn",
    all_history: "từ trước đến nay",
    rating: "Đánh giá trung bình",
    of_five: "trên 5",
    ratings: "lượt đánh giá",
    no_ratings: "chưa có đánh giá",
    programs: "Chương trình cộng đồng",
    participants: "người tham gia",
    today: "Hôm nay",
    today_inline: "hôm nay",
    booked: "lịch hẹn",
    window: "Lịch hẹn đang nạp",
    window_hint: "của các ngày đang nạp",
    per_day: "Lịch hẹn theo ngày",
    per_day_hint: "Hai tuần trước và hai tuần sau hôm nay; phần nền đậm là các ngày đang nạp.",
    day: "Ngày",
    total: "Tổng",
    loaded: "đang nạp",
    as_table: "Xem dạng bảng",
    freshness: "Độ mới của dữ liệu",
    commit: "lần gửi",
    committed: "gửi",
    loaded_at: "nạp",
    up_to_date: "mới nhất",
    behind: "đang nạp bản mới hơn",
    failing: "Không nạp được bản mới; đang hiện dữ liệu tốt gần nhất.",
    nothing_yet: "chưa gửi dữ liệu",
    refused: "dòng bị cách ly tại cơ sở; `causeway-agent quarantine` cho biết lý do",
    tables: "Các bảng",
    table: "Bảng",
    tables_hint: "Số dòng từ trước đến nay; bảng chia theo ngày chỉ được nạp vào cơ sở dữ liệu cho các ngày gần hôm nay:",
    rows: "dòng",
    in_database: "trong cơ sở dữ liệu",
    in_quarantine: "bị cách ly",
    dates: "Từ ngày – đến ngày",
    sum_of: "Tổng",
    by: "Theo",
    others: "khác",
    no_value: "(trống)",
    rows_per_day: "Số dòng theo ngày",
    table_empty: "Bảng này chưa có dòng nào tại cơ sở.",
    days_empty: "Không có dòng nào trong hai tuần trước và sau hôm nay; ngày gần nhất có dữ liệu là",
    nothing_loaded: "Chưa nạp được dữ liệu nào",
    nothing_loaded_hint: "Cơ sở bên dưới đã có trong kho nhưng chưa nạp lần nào; lý do, nếu có, ghi bên cạnh. Số liệu sẽ tự hiện ra ở đây.",
    weekdays: [
        "Thứ Hai",
        "Thứ Ba",
        "Thứ Tư",
        "Thứ Năm",
        "Thứ Sáu",
        "Thứ Bảy",
        "Chủ Nhật",
    ],
    open_day: "Xem và đặt lịch hẹn",
    of_day: appointments::VIETNAMESE,
    of_days: days::VIETNAMESE,
    of_archive: archive::VIETNAMESE,
    of_docs: docs::VIETNAMESE,
    of_conflicts: conflicts::VIETNAMESE,
    of_database: database::VIETNAMESE,
    of_sleep: sleep::VIETNAMESE,
    of_edits: edits::VIETNAMESE,
    of_figures: figures::VIETNAMESE,
    #[cfg(feature = "import")]
    of_import: import::VIETNAMESE,
    of_lists: lists::VIETNAMESE,
    of_slots: slots::VIETNAMESE,
    of_sync: sync::VIETNAMESE,
    statuses: [
        ("pending", "Chờ xác nhận"),
        ("confirmed", "Đã xác nhận"),
        ("completed", "Hoàn thành"),
        ("cancelled", "Đã hủy"),
        ("upcoming", "Sắp diễn ra"),
        ("ongoing", "Đang diễn ra"),
        ("registered", "Đã đăng ký"),
        ("attended", "Đã tham dự"),
    ],
};

pub(super) const ENGLISH: Texts = Texts {
    language: "English",
    pages: "Pages",
    languages: "Languages",
    overview: "Overview",
    sign_in: "Sign in",
    sign_out: "Sign out",
    token: "Access token",
    token_hint: "A token made by `causeway-hub token create`; it begins with cw_.",
    wrong_token: "This token is wrong or was revoked.",
    token_cannot_read: "This token is an agent's and cannot read.",
    too_many_attempts: "Too many failed attempts. Wait a minute and try again.",
    signed_in_as: "Using token",
    disconnected: "Disconnected. The figures below are from the last update.",
    problem: "That did not work",
    request: "Request",
    unavailable: "This page cannot be shown now",
    unavailable_hint: "This page tries again by itself; the hub's log says why.",
    no_sites: "No site has sent data yet",
    no_sites_hint: "Run `causeway-agent migrate` at the site; its figures appear here by themselves.",
    customers: "Customers",
    consultants: "Consultants",
    active: "active",
    appointments: "Appointments",
    all_history: "in all history",
    rating: "Average rating",
    of_five: "of 5",
    ratings: "ratings",
    no_ratings: "no ratings yet",
    programs: "Community programs",
    participants: "participants",
    today: "Today",
    today_inline: "today",
    booked: "appointments",
    window: "Appointments loaded",
    window_hint: "on the days loaded",
    per_day: "Appointments per day",
    per_day_hint: "Two weeks before and after today; the darker ground marks the days loaded.",
    day: "Day",
    total: "Total",
    loaded: "loaded",
    as_table: "Show as a table",
    freshness: "How fresh this is",
    commit: "commit",
    committed: "sent",
    loaded_at: "loaded",
    up_to_date: "up to date",
    behind: "a newer commit is being loaded",
    failing: "The newest commit cannot be loaded; these are the last good figures.",
    nothing_yet: "nothing sent yet",
    refused: "rows in quarantine at the site; `causeway-agent quarantine` says why",
    tables: "Tables",
    table: "Table",
    tables_hint: "Totals cover all history; of tables that go by day the database holds the days around today:",
    rows: "rows",
    in_database: "in the database",
    in_quarantine: "in quarantine",
    dates: "First and last day",
    sum_of: "Sum of",
    by: "By",
    others: "others",
    no_value: "(empty)",
    rows_per_day: "rows per day",
    table_empty: "The site has no row of it.",
    days_empty: "No row lies within two weeks of today; the last day with rows is",
    nothing_loaded: "Nothing is loaded yet",
    nothing_loaded_hint: "The sites below are in the store and were not loaded yet; the reason, if there is one, stands beside them. Figures appear here by themselves.",
    weekdays: [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    open_day: "See and book appointments",
    of_day: appointments::ENGLISH,
    of_days: days::ENGLISH,
    of_archive: archive::ENGLISH,
    of_docs: docs::ENGLISH,
    of_conflicts: conflicts::ENGLISH,
    of_database: database::ENGLISH,
    of_sleep: sleep::ENGLISH,
    of_edits: edits::ENGLISH,
    of_figures: figures::ENGLISH,
    #[cfg(feature = "import")]
    of_import: import::ENGLISH,
    of_lists: lists::ENGLISH,
    of_slots: slots::ENGLISH,
    of_sync: sync::ENGLISH,
    statuses: [
        ("pending", "Pending"),
        ("confirmed", "Confirmed"),
        ("completed", "Completed"),
        ("cancelled", "Cancelled"),
        ("upcoming", "Upcoming"),
        ("ongoing", "Ongoing"),
        ("registered", "Registered"),
        ("attended", "Attended"),
    ],
};
