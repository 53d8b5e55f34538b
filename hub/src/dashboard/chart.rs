//! A chart of rows per day: where each bar stands, as numbers for the template.

use causeway_shared::limits;
use jiff::civil::Date;

use super::language::Language;
use crate::stats::meetassist::Day;
use crate::sync::DateRange;

/// The drawing's size, and the space around the bars, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
/// The share of a day's width that its bar takes.
const BAR: f64 = 0.7;
/// The order in which appointments' statuses are stacked, from the ground up.
const STACK: [&str; 4] = ["completed", "confirmed", "pending", "cancelled"];
/// About how many lines the scale has.
const LINES: u64 = 4;

/// A day to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayBar {
    pub(super) date: Date,
    pub(super) total: u64,
    /// The rows of each colour, from the ground up; what the total has besides stands on top.
    pub(super) parts: Vec<(&'static str, u64)>,
    /// What the day's rows are, in words.
    pub(super) words: Vec<String>,
}

/// A chart, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) ground: f64,
    /// The scale's lines, from the ground up.
    pub(super) lines: Vec<Line>,
    pub(super) columns: Vec<Column>,
    /// The days that are loaded, as left edge and width, if any is shown.
    pub(super) loaded: Option<(f64, f64)>,
}

/// A line of the scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) y: f64,
    pub(super) label: String,
}

/// A day's column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) date: Date,
    /// The date in short, under some of the columns.
    pub(super) label: Option<String>,
    /// The date and its counts, in words.
    pub(super) title: String,
    pub(super) is_today: bool,
    /// Where the column's middle is.
    pub(super) middle: f64,
    pub(super) segments: Vec<Segment>,
}

/// The part of a column that has one colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    /// What it stands for: its colour.
    pub(super) class: &'static str,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The days of appointments, by how they stand.
pub(super) fn appointments(days: &[Day], language: Language) -> Vec<DayBar> {
    let bar = |day: &Day| DayBar {
        date: day.date,
        total: day.total,
        parts: STACK
            .map(|status| (status, day.by_status.get(status)))
            .to_vec(),
        words: day
            .by_status
            .iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(status, rows)| format!("{} {rows}", language.texts().status(status)))
            .collect(),
    };
    days.iter().map(bar).collect()
}

/// The chart of some days, one after the other.
pub(super) fn chart(days: &[DayBar], today: Date, window: DateRange, language: Language) -> Chart {
    let (top, step) = scale(days.iter().map(|day| day.total).max().unwrap_or(0));
    let ground = HEIGHT - BOTTOM;
    let unit = (ground - TOP) / float(top);
    let pitch = (WIDTH - LEFT - RIGHT) / float(days.len().max(1) as u64);
    let left_of = |place: usize| LEFT + pitch * float(place as u64);
    let columns = days.iter().enumerate().map(|(place, day)| {
        let bar = (left_of(place) + pitch * (1.0 - BAR) / 2.0, pitch * BAR);
        // A label each week, counted from today, so that today always has one.
        let is_labelled = (day.date - today).get_days() % 7 == 0;
        Column {
            date: day.date,
            label: is_labelled.then(|| language.short_date(day.date)),
            title: title(day, language),
            is_today: day.date == today,
            middle: left_of(place) + pitch / 2.0,
            segments: segments(day, bar, ground, unit),
        }
    });
    let shown: Vec<usize> = (0..days.len())
        .filter(|n| window.contains(days[*n].date))
        .collect();
    let loaded = match (shown.first(), shown.last()) {
        (Some(first), Some(last)) => {
            Some((left_of(*first), pitch * float((last - first + 1) as u64)))
        }
        _ => None,
    };
    Chart {
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: WIDTH - RIGHT,
        ground,
        lines: (0..=top / step)
            .map(|line| Line {
                y: ground - unit * float(line * step),
                label: language.number(line * step),
            })
            .collect(),
        columns: columns.collect(),
        loaded,
    }
}

/// A day's parts, one on top of the other.
fn segments(day: &DayBar, (x, width): (f64, f64), ground: f64, unit: f64) -> Vec<Segment> {
    let known = limits::total(day.parts.iter().map(|(_, rows)| *rows));
    let others = day.total.saturating_sub(known);
    let mut y = ground;
    day.parts
        .iter()
        .copied()
        .chain([("other", others)])
        .filter(|(_, rows)| *rows > 0)
        .map(|(class, rows)| {
            let height = unit * float(rows);
            y -= height;
            Segment {
                class,
                x,
                y,
                width,
                height,
            }
        })
        .collect()
}

fn title(day: &DayBar, language: Language) -> String {
    let (date, total) = (language.date(day.date), language.number(day.total));
    match day.words.as_slice() {
        [] => format!("{date}: {total}"),
        words => format!("{date}: {total} ({})", words.join(", ")),
    }
}

/// The scale's top, at least `most`, and the step of its lines: 1, 2 or 5 times a power of ten.
pub(super) fn scale(most: u64) -> (u64, u64) {
    let wanted = most.div_ceil(LINES).max(1);
    let mut power = 1;
    let step = loop {
        match [1, 2, 5]
            .into_iter()
            .map(|n| n * power)
            .find(|step| *step >= wanted)
        {
            Some(step) => break step,
            None => power *= 10,
        }
    };
    (most.max(1).next_multiple_of(step), step)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing; counts stay far below 2^53"
)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::stats::meetassist::appointments_per_day;
    use crate::stats::samples::site;

    fn two_days() -> Chart {
        let summary = r#"{"count_by":{"status":{"values":{"completed":3,"cancelled":1}}}}"#;
        let site = site("a", &[("appointment", "dt=2025-11-28", summary, 5)]);
        let range = DateRange::new(date(2025, 11, 27), date(2025, 11, 28)).unwrap();
        let days = appointments_per_day(range, &Dataset::meetassist().unwrap(), &[&site]);
        chart(
            &appointments(&days, Language::English),
            date(2025, 11, 28),
            DateRange::day(date(2025, 11, 28)),
            Language::English,
        )
    }

    #[test]
    fn a_column_is_as_high_as_its_day() {
        let chart = two_days();
        let [empty, today] = &chart.columns[..] else {
            panic!("{chart:?}")
        };
        assert!(empty.segments.is_empty() && today.is_today);
        let classes: Vec<&str> = today.segments.iter().map(|segment| segment.class).collect();
        assert_eq!(classes, ["completed", "cancelled", "other"]);
        let top = today.segments.last().unwrap().y;
        let line = chart.lines.iter().find(|line| (line.y - top).abs() < 0.001);
        assert_eq!(
            line.map(|line| line.label.as_str()),
            None,
            "5 of 6: between two lines"
        );
        assert_eq!(
            today.title,
            "Friday, 28 Nov 2025: 5 (Completed 3, Cancelled 1)"
        );
        assert_eq!(chart.loaded, Some((496.0, 452.0)));
    }

    #[test]
    fn every_label_has_room() {
        // Of the letters and digits in the page's font, 12 units high, each takes about 7.
        let room = |label: &String| label.chars().map(|_| 7.0).sum::<f64>() / 2.0;
        let today = date(2025, 11, 28);
        for language in Language::ALL {
            let days = DateRange::around(today, 14, 14).dates().map(|date| DayBar {
                date,
                total: 0,
                parts: Vec::new(),
                words: Vec::new(),
            });
            let days: Vec<DayBar> = days.collect();
            let chart = chart(&days, today, DateRange::day(today), language);
            let labelled = chart.columns.iter().filter_map(|column| {
                let label = column.label.as_ref()?;
                Some((column.middle, room(label)))
            });
            let labelled: Vec<(f64, f64)> = labelled.collect();
            assert_eq!(labelled.len(), 5);
            let fits = |(middle, room): &(f64, f64)| *middle > *room && middle + room < chart.width;
            assert!(labelled.iter().all(fits), "{labelled:?}");
        }
    }

    #[test]
    fn scales_are_round() {
        let scales = [0, 1, 5, 23, 100, 4_321].map(scale);
        assert_eq!(
            scales,
            [(1, 1), (1, 1), (6, 2), (30, 10), (100, 50), (6_000, 2_000)]
        );
    }

    proptest! {
        #[test]
        fn every_count_fits_under_the_scale(most in 0u64..1_000_000_000_000) {
            let (top, step) = scale(most);
            prop_assert!(top >= most && top / step <= LINES + 1 && top % step == 0);
        }
    }
}
