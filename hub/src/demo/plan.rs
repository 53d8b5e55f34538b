//! What the demo's site holds: how much of it, around which day, from which seed.

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// Days of appointments before today: two and a half years.
const DAYS_BEFORE: i64 = 912;
/// Days of appointments after today: half a year.
const DAYS_AFTER: i64 = 183;
/// From so many days ahead, fewer and fewer appointments are booked yet.
const BOOKED_AHEAD_DAYS: f64 = 21.0;
/// Most appointments a demo is made with; its files then take about a gigabyte.
pub(crate) const MAX_APPOINTMENTS: u32 = 5_000_000;

/// How many are made unless a number is asked for.
pub(super) const APPOINTMENTS: u32 = 20_000;
/// Where chance begins unless that is asked for.
pub(super) const SEED: u64 = 1;

/// The size and the seed of a site. The same plan always gives the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemoPlan {
    /// Appointments, the refused ones included.
    pub appointments: u32,
    /// Where chance begins.
    pub seed: u64,
    /// The day around which the appointments lie.
    pub today: Date,
}

impl DemoPlan {
    /// Chance for one part of the site, so that changing one part leaves the others as they were.
    pub(super) fn chance(&self, part: &str) -> Rng {
        let part = part
            .bytes()
            .fold(0u64, |n, byte| n.wrapping_mul(31).wrapping_add(byte.into()));
        Rng::with_seed(self.seed ^ part.rotate_left(32))
    }

    /// The first day with appointments.
    pub(super) fn first_day(&self) -> Date {
        self.today.saturating_sub(DAYS_BEFORE.days())
    }

    /// Every day, in order, with its share of `appointments`; together exactly that many.
    pub(super) fn days(&self, appointments: u32) -> Vec<(Date, u32)> {
        let days = (-DAYS_BEFORE..=DAYS_AFTER).map(|offset| {
            (
                self.today.saturating_add(offset.days()),
                demand(self.today, offset),
            )
        });
        let days: Vec<(Date, f64)> = days.collect();
        let all: f64 = days.iter().map(|(_, demand)| demand).sum();
        let (mut demanded, mut given) = (0.0, 0);
        let share = |(date, demand): (Date, f64)| {
            demanded += demand;
            // Rounding the running total, not each day, keeps the sum exact.
            let until = f64::from(appointments) * (demanded / all);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and `appointments`, which is a u32"
            )]
            let until = until.round() as u32;
            let today = until - given;
            given = until;
            (date, today)
        };
        days.into_iter().map(share).collect()
    }
}

/// How much a day is asked for, compared with a weekday at the beginning.
fn demand(today: Date, offset: i64) -> f64 {
    let date = today.saturating_add(offset.days());
    let of_weekday = match date.weekday() {
        Weekday::Saturday => 0.8,
        Weekday::Sunday => 0.45,
        _ => 1.0,
    };
    // The service grows; school leavers choose their subjects from March to July.
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand days")]
    let day = offset as f64;
    let growth = 1.0 + (day + DAYS_BEFORE as f64) / (DAYS_BEFORE as f64);
    let season = if (3..=7).contains(&date.month()) {
        1.25
    } else {
        1.0
    };
    let booked_yet = (-(day - BOOKED_AHEAD_DAYS).max(0.0) / 45.0).exp();
    of_weekday * growth * season * booked_yet
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_appointment_has_its_day() {
        let plan = DemoPlan {
            appointments: 0,
            seed: 1,
            today: date(2026, 11, 22),
        };
        for wanted in [0, 1, 999, 20_000] {
            let days = plan.days(wanted);
            assert_eq!(days.iter().map(|(_, n)| n).sum::<u32>(), wanted);
            assert_eq!(days.len(), 1_096);
        }
        let (first, last) = (plan.days(1)[0].0, plan.days(1)[1_095].0);
        assert_eq!((first, last), (date(2024, 5, 24), date(2027, 5, 24)));
    }
}
