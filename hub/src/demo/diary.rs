//! The demo's days: slots, appointments and feedback, one day after the other.

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, time};

use super::people::{pick, pick_weighted};
use super::plan::DemoPlan;
use super::population::{Consultant, Customer};

/// Working hours: when a consultant's slots begin. Each is an hour long.
const SLOT_HOURS: [i8; 8] = [8, 9, 10, 11, 13, 14, 15, 16];

/// What customers want to talk about.
const TOPICS: [&str; 10] = [
    "Tư vấn chọn ngành đại học",
    "Luyện phỏng vấn, sửa CV",
    "Định hướng nghề nghiệp sau tốt nghiệp",
    "Học bổng du học Úc – điều kiện và hồ sơ",
    "Chuyển nghề sang công nghệ thông tin",
    "Kết quả trắc nghiệm \"Holland\" và ngành phù hợp",
    "Nên học cao học hay đi làm?",
    "Khối D: ngôn ngữ Anh, sư phạm hay báo chí",
    "Phụ huynh muốn con học y;\nem thích thiết kế đồ họa",
    "Xin thực tập hè",
];

/// What customers say afterwards, the pleased ones first.
const PLEASED: [&str; 5] = [
    "Rất hữu ích, em cảm ơn ạ!",
    "Anh chị tư vấn nhiệt tình, dễ hiểu",
    "Em đã biết mình muốn học gì",
    "Buổi nói chuyện tuyệt vời 👍",
    "Sẽ giới thiệu cho bạn bè",
];
const DISPLEASED: [&str; 3] = [
    "Bắt đầu trễ 15 phút",
    "Chưa trả lời đúng câu hỏi của em",
    "Đường truyền kém, nghe không rõ",
];

/// A slot that a consultant offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// The key.
    pub(super) id: u32,
    /// Whose it is.
    pub(super) consultant: u32,
    /// When it begins.
    pub(super) start: Time,
    /// When it ends.
    pub(super) end: Time,
    /// Not booked.
    pub(super) available: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Appointment<'s> {
    /// The key.
    pub(super) id: u32,
    /// Nobody yet, of one that waits for an admin.
    pub(super) consultant: Option<u32>,
    /// The customer's key.
    pub(super) customer: &'s str,
    /// When it begins.
    pub(super) time: Time,
    /// In minutes.
    pub(super) duration: u32,
    /// The meeting's address, once it is confirmed.
    pub(super) meeting: Option<String>,
    /// One of the dataset's four.
    pub(super) status: &'static str,
    /// What it is about.
    pub(super) description: Option<&'static str>,
    /// When it was booked.
    pub(super) created: DateTime,
    /// When it was last changed, if ever.
    pub(super) updated: Option<DateTime>,
    /// What the customer said of it.
    pub(super) feedback: Option<Feedback>,
}

/// What a customer said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Feedback {
    /// 0 to 5, in halves.
    pub(super) rating: f64,
    /// In words.
    pub(super) comment: Option<&'static str>,
    /// When.
    pub(super) created: DateTime,
}

/// A day of the site.
#[derive(Debug)]
pub(super) struct DiaryDay<'s> {
    pub(super) date: Date,
    /// The slots offered.
    pub(super) slots: Vec<Slot>,
    pub(super) appointments: Vec<Appointment<'s>>,
}

/// All days, made one at a time so that a large site takes little memory.
pub(super) struct Diary<'s> {
    today: Date,
    customers: &'s [Customer],
    consultants: &'s [Consultant],
    days: std::vec::IntoIter<(Date, u32)>,
    rng: Rng,
    next_slot: u32,
    next_appointment: u32,
}

impl<'s> Diary<'s> {
    /// The diary of a plan with so many (good) appointments.
    pub(super) fn new(
        plan: &DemoPlan,
        appointments: u32,
        customers: &'s [Customer],
        consultants: &'s [Consultant],
    ) -> Self {
        Self {
            today: plan.today,
            customers,
            consultants,
            days: plan.days(appointments).into_iter(),
            rng: plan.chance("diary"),
            next_slot: 1,
            next_appointment: 1,
        }
    }

    /// A day on which `count` appointments were asked for.
    fn day(&mut self, date: Date, count: u32) -> DiaryDay<'s> {
        let mut free = self.free_slots(date);
        let mut slots = Vec::new();
        let mut appointments = Vec::new();
        let mut given_back = None;
        for _ in 0..count {
            let status = self.status(date);
            let unassigned = status == "pending" && self.rng.u32(..5) == 0;
            let slot = if unassigned {
                None
            } else {
                given_back.take().or_else(|| free.pop())
            };
            let (consultant, hour) = match slot {
                Some((consultant, hour)) => (Some(consultant), hour),
                None => (None, self.rng.choice(SLOT_HOURS).unwrap_or(8)),
            };
            if let Some((consultant, hour)) = slot {
                if status == "cancelled" && self.rng.bool() {
                    // Somebody else takes the hour that became free.
                    given_back = slot;
                } else {
                    slots.push(self.slot(consultant, hour, status == "cancelled"));
                }
            }
            appointments.push(self.appointment(date, consultant, hour, status));
        }
        let offered = free.len().min(2 + appointments.len() / 2);
        let rest = given_back.into_iter().chain(free.into_iter().take(offered));
        for (consultant, hour) in rest {
            slots.push(self.slot(consultant, hour, true));
        }
        DiaryDay {
            date,
            slots,
            appointments,
        }
    }

    /// Who is free at what hour, in no order.
    fn free_slots(&mut self, date: Date) -> Vec<(u32, i8)> {
        let working = self
            .consultants
            .iter()
            .filter(|consultant| consultant.works(date));
        let mut free: Vec<(u32, i8)> = working
            .flat_map(|who| SLOT_HOURS.map(|hour| (who.id, hour)))
            .collect();
        self.rng.shuffle(&mut free);
        free
    }

    fn slot(&mut self, consultant: u32, hour: i8, available: bool) -> Slot {
        let id = self.next_slot;
        self.next_slot += 1;
        Slot {
            id,
            consultant,
            start: on_the_hour(hour),
            end: on_the_hour(hour + 1),
            available,
        }
    }

    /// What has become of an appointment by today.
    fn status(&mut self, date: Date) -> &'static str {
        let of_100: &[(&str, u32)] = if date < self.today {
            &[
                ("completed", 79),
                ("cancelled", 18),
                ("confirmed", 2),
                ("pending", 1),
            ]
        } else if date == self.today {
            &[
                ("confirmed", 54),
                ("completed", 20),
                ("pending", 18),
                ("cancelled", 8),
            ]
        } else {
            &[("confirmed", 52), ("pending", 40), ("cancelled", 8)]
        };
        pick_weighted(&mut self.rng, of_100)
    }

    fn appointment(
        &mut self,
        date: Date,
        consultant: Option<u32>,
        hour: i8,
        status: &'static str,
    ) -> Appointment<'s> {
        let id = self.next_appointment;
        self.next_appointment += 1;
        let booked_until = date.min(self.today);
        let created = booked_until.saturating_sub(self.rng.i64(1..15).days()).at(
            self.rng.i8(7..23),
            self.rng.i8(0..60),
            self.rng.i8(0..60),
            0,
        );
        let answered = created.saturating_add(self.rng.i64(20..600).minutes());
        let is_met = matches!(status, "confirmed" | "completed");
        Appointment {
            id,
            consultant,
            customer: self.customer(created),
            time: on_the_hour(hour),
            duration: if self.rng.u32(..6) == 0 { 30 } else { 60 },
            meeting: is_met.then(|| meeting(&mut self.rng)),
            status,
            description: (self.rng.u32(..4) > 0).then(|| pick(&mut self.rng, &TOPICS)),
            created,
            updated: (status != "pending").then_some(answered),
            feedback: self.feedback(date, status),
        }
    }

    /// One of the customers who had come by then.
    fn customer(&mut self, by: DateTime) -> &'s str {
        let known = self
            .customers
            .partition_point(|customer| customer.created <= by)
            .max(1);
        self.customers
            .get(self.rng.usize(..known))
            .map_or("", |customer| &customer.id)
    }

    fn feedback(&mut self, date: Date, status: &str) -> Option<Feedback> {
        if status != "completed" || date >= self.today || self.rng.u32(..100) >= 55 {
            return None;
        }
        let halves = self
            .rng
            .choice([4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 10, 10])
            .unwrap_or(8);
        let words: &[&str] = if halves < 7 { &DISPLEASED } else { &PLEASED };
        Some(Feedback {
            rating: f64::from(halves) / 2.0,
            comment: (self.rng.u32(..5) < 3).then(|| pick(&mut self.rng, words)),
            created: date.at(
                self.rng.i8(18..23),
                self.rng.i8(0..60),
                self.rng.i8(0..60),
                0,
            ),
        })
    }
}

impl<'s> Iterator for Diary<'s> {
    type Item = DiaryDay<'s>;

    fn next(&mut self) -> Option<DiaryDay<'s>> {
        let (date, count) = self.days.next()?;
        Some(self.day(date, count))
    }
}

fn on_the_hour(hour: i8) -> Time {
    time(hour, 0, 0, 0)
}

fn meeting(rng: &mut Rng) -> String {
    let mut letters = |n: usize| -> String { (0..n).map(|_| rng.lowercase()).collect() };
    format!(
        "https://meet.example.com/{}-{}-{}",
        letters(3),
        letters(4),
        letters(3)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;
    use crate::demo::population::{consultants, customers};

    const PLAN: DemoPlan = DemoPlan {
        appointments: 3_000,
        seed: 3,
        today: date(2026, 11, 22),
    };

    fn each_day(look: impl FnMut(DiaryDay<'_>)) {
        let (customers, consultants) = (customers(&PLAN), consultants(&PLAN));
        Diary::new(&PLAN, PLAN.appointments, &customers, &consultants).for_each(look);
    }

    #[test]
    fn nobody_is_booked_twice_at_one_time() {
        each_day(|day| {
            let mut taken = BTreeSet::new();
            for booked in day.appointments.iter().filter(|a| a.status != "cancelled") {
                let Some(consultant) = booked.consultant else {
                    continue;
                };
                assert!(
                    taken.insert((consultant, booked.time)),
                    "{} {booked:?}",
                    day.date
                );
                let slot =
                    |slot: &&Slot| (slot.consultant, slot.start) == (consultant, booked.time);
                assert_eq!(
                    day.slots.iter().find(slot).map(|slot| slot.available),
                    Some(false)
                );
            }
            let offered: BTreeSet<_> = day.slots.iter().map(|s| (s.consultant, s.start)).collect();
            assert_eq!(offered.len(), day.slots.len(), "{}", day.date);
        });
    }

    #[test]
    fn what_is_past_is_done_and_what_comes_is_open() {
        let (mut past_done, mut past, mut total) = (0, 0, 0);
        each_day(|day| {
            total += day.appointments.len();
            for appointment in day.appointments {
                let is_done = matches!(appointment.status, "completed" | "cancelled");
                past += usize::from(day.date < PLAN.today);
                past_done += usize::from(day.date < PLAN.today && is_done);
                assert!(day.date <= PLAN.today || appointment.status != "completed");
                assert!(appointment.feedback.is_none() || appointment.status == "completed");
            }
        });
        assert_eq!(total, 3_000);
        assert!(past_done * 100 > past * 90, "{past_done} of {past}");
    }
}
