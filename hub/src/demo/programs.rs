//! The demo's community programs and who takes part in them.

use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use super::people::{pick, pick_weighted};
use super::plan::DemoPlan;
use super::population::Customer;

/// A program about every three weeks, up to so many days ahead.
const EVERY_DAYS: i64 = 19;
const ANNOUNCED_DAYS: i64 = 75;
/// A program lasts up to two weeks from its date.
const LASTS_DAYS: i64 = 14;

const KINDS: [&str; 6] = [
    "Ngày hội hướng nghiệp",
    "Workshop viết CV",
    "Talkshow \"Nghề tôi yêu\"",
    "Trại hè khám phá nghề nghiệp",
    "Tọa đàm phụ huynh",
    "Tuần lễ tư vấn mùa thi",
];

const PLACES: [&str; 6] = [
    "Quận 1",
    "Thủ Đức",
    "Cần Thơ",
    "Đà Nẵng",
    "Hà Nội",
    "trực tuyến",
];

const ORGANIZERS: [&str; 4] = [
    "Trung tâm MeetAssist",
    "Thành đoàn TP. Hồ Chí Minh",
    "Hội Sinh viên Việt Nam",
    "Câu lạc bộ Hướng nghiệp trẻ",
];

/// A community program.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// The key, from 1.
    pub(super) id: u32,
    pub(super) name: String,
    /// Its first day.
    pub(super) date: Date,
    /// In a few words.
    pub(super) description: String,
    /// In more words.
    pub(super) content: Option<&'static str>,
    /// Who holds it.
    pub(super) organizer: &'static str,
    /// Where it is announced.
    pub(super) url: String,
    /// Called off.
    pub(super) disabled: bool,
    /// One of the dataset's three.
    pub(super) status: &'static str,
    /// When it was announced.
    pub(super) created: DateTime,
    /// Who takes part, each customer once.
    pub(super) participants: Vec<Participant>,
}

/// Somebody who takes part in a program.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    /// The customer, by position.
    pub(super) customer: usize,
    /// When they registered.
    pub(super) registered: DateTime,
    /// One of the dataset's three.
    pub(super) status: &'static str,
}

/// The programs of a plan, in the order of their dates.
pub(super) fn programs(plan: &DemoPlan, customers: &[Customer]) -> Vec<Program> {
    let mut rng = plan.chance("programs");
    let last_day = plan.today.saturating_add(ANNOUNCED_DAYS.days());
    // Counted back from today, so that one is always going on.
    let before = i64::from((plan.today - plan.first_day()).get_days()) / EVERY_DAYS;
    let first = plan.today.saturating_sub((before * EVERY_DAYS + 3).days());
    let mut programs = Vec::new();
    let mut date = first;
    for id in 1.. {
        if date > last_day {
            break;
        }
        programs.push(program(plan.today, id, date, customers, &mut rng));
        date = date.saturating_add(EVERY_DAYS.days());
    }
    programs
}

fn program(today: Date, id: u32, date: Date, customers: &[Customer], rng: &mut Rng) -> Program {
    let (kind, place) = (pick(rng, &KINDS), pick(rng, &PLACES));
    let status = if date > today {
        "upcoming"
    } else if date.saturating_add(LASTS_DAYS.days()) >= today {
        "ongoing"
    } else {
        "completed"
    };
    let announced = date
        .saturating_sub(ANNOUNCED_DAYS.days())
        .min(today.saturating_sub(1.days()));
    Program {
        id,
        name: format!("{kind} – {place} {}", date.strftime("%m/%Y")),
        date,
        description: format!("{kind} tại {place}, miễn phí cho học sinh và sinh viên"),
        content: (rng.u32(..3) > 0).then_some(
            "Buổi sáng: gặp gỡ chuyên gia.\nBuổi chiều: tư vấn nhóm, trắc nghiệm, hỏi đáp.",
        ),
        organizer: pick(rng, &ORGANIZERS),
        url: format!("https://example.org/programs/{id}"),
        disabled: rng.u32(..25) == 0,
        status,
        created: announced.at(9, 0, 0, 0),
        participants: participants(today, date, status, announced, customers, rng),
    }
}

fn participants(
    today: Date,
    date: Date,
    status: &str,
    announced: Date,
    customers: &[Customer],
    rng: &mut Rng,
) -> Vec<Participant> {
    let wanted = rng.usize(12..70).min(customers.len());
    let who: BTreeSet<usize> = (0..wanted).map(|_| rng.usize(..customers.len())).collect();
    let closes = date.min(today.saturating_sub(1.days())).max(announced);
    let open_days = i64::from((closes - announced).get_days());
    let of_100: &[(&str, u32)] = match status {
        "completed" => &[("attended", 78), ("cancelled", 14), ("registered", 8)],
        "ongoing" => &[("attended", 45), ("cancelled", 8), ("registered", 47)],
        _ => &[("registered", 93), ("cancelled", 7)],
    };
    who.into_iter()
        .map(|customer| Participant {
            customer,
            registered: announced.saturating_add(rng.i64(0..=open_days).days()).at(
                rng.i8(9..23),
                rng.i8(0..60),
                rng.i8(0..60),
                0,
            ),
            status: pick_weighted(rng, of_100),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::demo::population::customers;

    #[test]
    fn there_are_programs_of_every_status() {
        let plan = DemoPlan {
            appointments: 400,
            seed: 9,
            today: date(2026, 11, 22),
        };
        let programs = programs(&plan, &customers(&plan));
        let of = |status: &str| programs.iter().filter(|p| p.status == status).count();
        assert_eq!((of("completed"), of("ongoing"), of("upcoming")), (48, 1, 4));
        assert!(
            programs
                .iter()
                .all(|program| program.name.chars().count() <= 100)
        );
    }
}
