//! Rows that the dataset refuses, as real sites have them: each ends in quarantine with a reason.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::plan::DemoPlan;

/// A smaller site is written without dirt.
const LEAST_APPOINTMENTS: u32 = 50;

/// How long ago the appointment is whose status is refused.
const STATUS_DAYS_AGO: i64 = 45;

/// What the plan's last appointments are refused for. They count among its appointments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DirtyAppointment {
    /// As the application's user typed it.
    pub(super) date: String,
    /// As the application wrote it.
    pub(super) status: &'static str,
}

/// The refused appointments of a plan.
pub(super) fn appointments(plan: &DemoPlan) -> Vec<DirtyAppointment> {
    if !is_dirty(plan) {
        return Vec::new();
    }
    vec![
        // A date that no calendar has.
        DirtyAppointment {
            date: format!("{}-02-31", plan.today.year()),
            status: "confirmed",
        },
        // A status that the application had once. Not on a day around today, whose appointments somebody
        // who tries the demo changes, which may repair it.
        DirtyAppointment {
            date: plan
                .today
                .saturating_sub(STATUS_DAYS_AGO.days())
                .to_string(),
            status: "no-show",
        },
    ]
}

/// Refused feedback, as appointment and rating: stars out of ten for an appointment without
/// other feedback, and praise for an appointment that somebody deleted.
pub(super) fn feedback(plan: &DemoPlan, without_feedback: Option<u32>) -> Vec<(u32, &'static str)> {
    if !is_dirty(plan) {
        return Vec::new();
    }
    let too_good = without_feedback.map(|appointment| (appointment, "9"));
    too_good
        .into_iter()
        .chain([(plan.appointments + 1_000, "4.5")])
        .collect()
}

/// Refused slots, as date, start and end: one that ends before it starts.
pub(super) fn slots(plan: &DemoPlan) -> Vec<(Date, &'static str, &'static str)> {
    if is_dirty(plan) {
        vec![(plan.today, "15:00", "14:00")]
    } else {
        Vec::new()
    }
}

/// How many of the first participants are written twice, as after a double click.
pub(super) fn repeated_participants(plan: &DemoPlan) -> usize {
    usize::from(is_dirty(plan))
}

fn is_dirty(plan: &DemoPlan) -> bool {
    plan.appointments >= LEAST_APPOINTMENTS
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The README has today's appointments changed.
    #[test]
    fn no_refused_appointment_is_one_of_today_or_soon() {
        let today = date(2025, 11, 28);
        let plan = DemoPlan {
            appointments: LEAST_APPOINTMENTS,
            seed: 1,
            today,
        };
        let dates: Vec<String> = appointments(&plan)
            .into_iter()
            .map(|dirty| dirty.date)
            .collect();
        assert_eq!(dates, ["2025-02-31", "2025-10-14"]);
    }
}
