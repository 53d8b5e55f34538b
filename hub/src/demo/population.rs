//! The demo's customers and consultants.

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use super::people::{Person, person, pick};
use super::plan::DemoPlan;

/// Appointments that one customer has on average.
const APPOINTMENTS_PER_CUSTOMER: u32 = 4;
/// Appointments that a consultant has on average, over the three years.
const APPOINTMENTS_PER_CONSULTANT: u32 = 1_400;
/// A small service still has a few consultants.
const LEAST_CONSULTANTS: u32 = 10;

const SPECIALTIES: [&str; 8] = [
    "Định hướng nghề nghiệp, Kỹ năng phỏng vấn",
    "Chọn ngành đại học",
    "Du học, Học bổng",
    "Công nghệ thông tin",
    "Kinh tế, Tài chính",
    "Chuyển nghề, Phát triển sự nghiệp",
    "Y khoa, Khoa học sức khỏe",
    "Nghệ thuật, Thiết kế",
];

const QUALIFICATIONS: [&str; 5] = [
    "Thạc sĩ Tâm lý học, Đại học Sư phạm TP.HCM",
    "Thạc sĩ Quản trị nhân lực",
    "Tiến sĩ Giáo dục học",
    "Cử nhân Công tác xã hội; 8 năm kinh nghiệm tuyển dụng",
    "Chứng chỉ tư vấn hướng nghiệp quốc tế (GCDF)",
];

const NOTES: [&str; 4] = [
    "Học sinh lớp 12, phân vân giữa khối A và khối D",
    "Thích gọi điện buổi tối",
    "Phụ huynh đi cùng",
    "Sinh viên năm cuối, cần \"mock interview\"",
];

#[derive(Debug, Clone)]
pub(super) struct Customer {
    /// The id in Messenger, or a UUID for those who registered on the web site.
    pub(super) id: String,
    /// Name and addresses.
    pub(super) person: Person,
    /// Not everybody tells.
    pub(super) born: Option<Date>,
    /// When the customer first came.
    pub(super) created: DateTime,
    /// No longer served.
    pub(super) disabled: bool,
    /// What somebody wrote down.
    pub(super) notes: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Consultant {
    /// The key, from 1.
    pub(super) id: u32,
    /// Name and addresses.
    pub(super) person: Person,
    /// What they know best.
    pub(super) specialties: &'static str,
    /// What they learnt.
    pub(super) qualifications: &'static str,
    /// The first day at work.
    pub(super) joined: Date,
    /// The last one, of a disabled consultant.
    pub(super) left: Option<Date>,
}

impl Consultant {
    /// Whether they work on a day.
    pub(super) fn works(&self, date: Date) -> bool {
        self.joined <= date && self.left.is_none_or(|left| date <= left)
    }
}

/// The customers of a plan, those who came first being first.
pub(super) fn customers(plan: &DemoPlan) -> Vec<Customer> {
    let mut rng = plan.chance("customers");
    let count = (plan.appointments / APPOINTMENTS_PER_CUSTOMER).max(20);
    let days = i64::from((plan.today - plan.first_day()).get_days());
    let mut customers: Vec<Customer> = (0..count)
        .map(|number| {
            let day = days * i64::from(number) / i64::from(count);
            let date = plan
                .first_day()
                .saturating_add(day.days())
                .saturating_sub(15.days());
            Customer {
                id: customer_id(&mut rng),
                person: person(&mut rng, u64::from(number) + 1),
                born: (rng.u32(..10) < 7).then(|| born(&mut rng, date)),
                created: date.at(rng.i8(7..22), rng.i8(0..60), rng.i8(0..60), 0),
                disabled: rng.u32(..100) < 3,
                notes: (rng.u32(..12) == 0).then(|| pick(&mut rng, &NOTES)),
            }
        })
        .collect();
    customers.sort_by_key(|customer| customer.created);
    customers
}

/// The consultants of a plan; about one in ten has left.
pub(super) fn consultants(plan: &DemoPlan) -> Vec<Consultant> {
    let mut rng = plan.chance("consultants");
    let count = (plan.appointments / APPOINTMENTS_PER_CONSULTANT).max(LEAST_CONSULTANTS);
    (1..=count)
        .map(|id| {
            let founder = id <= count * 6 / 10;
            let joined = if founder {
                -i64::from(rng.u32(30..900))
            } else {
                rng.i64(0..700)
            };
            let has_left = founder && id % 6 == 5;
            Consultant {
                id,
                person: person(&mut rng, 900_000_000 + u64::from(id)),
                specialties: pick(&mut rng, &SPECIALTIES),
                qualifications: pick(&mut rng, &QUALIFICATIONS),
                joined: plan.first_day().saturating_add(joined.days()),
                left: has_left.then(|| plan.today.saturating_sub(rng.i64(60..400).days())),
            }
        })
        .collect()
}

/// Sixteen digits, as Messenger has them, or a UUID.
fn customer_id(rng: &mut Rng) -> String {
    if rng.u32(..10) < 7 {
        return format!("{}", rng.u64(2_000_000_000_000_000..9_999_999_999_999_999));
    }
    let hex = format!("{:032x}", rng.u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

/// Somebody of 16 to 34 years on a day.
fn born(rng: &mut Rng, on: Date) -> Date {
    on.saturating_sub(rng.i64(16 * 365..34 * 365).days())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    fn plan() -> DemoPlan {
        DemoPlan {
            appointments: 20_000,
            seed: 7,
            today: date(2026, 11, 22),
        }
    }

    #[test]
    fn nobody_shares_a_key_or_an_address() {
        let customers = customers(&plan());
        let ids: BTreeSet<&str> = customers.iter().map(|c| c.id.as_str()).collect();
        let mails: BTreeSet<&str> = customers.iter().map(|c| c.person.email.as_str()).collect();
        assert_eq!(
            (customers.len(), ids.len(), mails.len()),
            (5_000, 5_000, 5_000)
        );
    }

    #[test]
    fn somebody_works_on_every_day() {
        let consultants = consultants(&plan());
        for (date, _) in plan().days(0) {
            assert!(
                consultants.iter().any(|consultant| consultant.works(date)),
                "{date}"
            );
        }
        assert!(
            consultants
                .iter()
                .any(|consultant| consultant.left.is_some())
        );
    }
}
