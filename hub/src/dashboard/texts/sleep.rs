//! The texts of a database that sleeps.

#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct SleepTexts {
    /// What every page says.
    pub(in crate::dashboard) asleep: &'static str,
    pub(in crate::dashboard) waking: &'static str,
    pub(in crate::dashboard) silent: &'static str,
    /// What is said to whoever wants to change something.
    pub(in crate::dashboard) refused: &'static str,
    pub(in crate::dashboard) title: &'static str,
    pub(in crate::dashboard) is_awake: &'static str,
    pub(in crate::dashboard) sleep: &'static str,
    pub(in crate::dashboard) sleep_hint: &'static str,
    pub(in crate::dashboard) wake: &'static str,
}

pub(super) const VIETNAMESE: SleepTexts = SleepTexts {
    asleep: "Cơ sở dữ liệu đang ngủ: mọi thứ vẫn xem được từ kho, nhưng chưa thay đổi được.",
    waking: "Cơ sở dữ liệu đang được đánh thức, có thể mất vài phút: mọi thứ vẫn xem được từ kho, nhưng chưa thay đổi được.",
    silent: "Cơ sở dữ liệu không trả lời: mọi thứ vẫn xem được từ kho, nhưng chưa thay đổi được.",
    refused: "Cơ sở dữ liệu đang ngủ nên chưa nhận thay đổi; hãy thử lại khi nó đã thức.",
    title: "Ngủ và thức",
    is_awake: "Cơ sở dữ liệu đang thức.",
    sleep: "Cho ngủ",
    sleep_hint: "Mọi thay đổi được đưa vào kho, rồi máy chủ được tắt. Khi ngủ, mọi thứ vẫn xem được.",
    wake: "Đánh thức",
};

pub(super) const ENGLISH: SleepTexts = SleepTexts {
    asleep: "The database sleeps: everything can be looked at, from the store, and nothing be changed.",
    waking: "The database is being woken, which may take minutes: everything can be looked at, from the store, and \
             nothing be changed yet.",
    silent: "The database does not answer: everything can be looked at, from the store, and nothing be changed.",
    refused: "The database sleeps and takes no changes; try again once it is awake.",
    title: "Sleep",
    is_awake: "The database is awake.",
    sleep: "Put to sleep",
    sleep_hint: "All changes are taken to the store, then the server is stopped. Everything can be looked at meanwhile.",
    wake: "Wake",
};
