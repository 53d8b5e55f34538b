//! A chart of bars, one below the other: where each part stands, as numbers for the template.

use super::chart::{Line, Segment, float, scale};
use super::language::Language;
use super::lists::cut;

/// The drawing's width, and the space around the bars, in its own units.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// The height of a row, and the share of it that the bar takes.
const ROW: f64 = 24.0;
const BAR: f64 = 0.7;
/// Most characters of a name.
const MAX_NAME: usize = 30;
/// Most bars; the table names all.
pub(super) const MAX_BARS: usize = 40;

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: String,
    /// Class and rows of each part, from the left.
    pub(super) parts: Vec<(&'static str, u64)>,
}

impl Bar {
    pub(super) fn total(&self) -> u64 {
        self.parts.iter().map(|(_, rows)| rows).sum()
    }
}

/// A chart, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bars {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) ground: f64,
    /// The scale's lines, from the left; `y` is how far they are.
    pub(super) lines: Vec<Line>,
    pub(super) rows: Vec<BarRow>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct BarRow {
    pub(super) name: String,
    pub(super) total: String,
    /// Where its middle is, and where the bar ends.
    pub(super) middle: f64,
    pub(super) end: f64,
    pub(super) segments: Vec<Segment>,
}

/// The first of some bars.
pub(super) fn bars(all: &[Bar], language: Language) -> Bars {
    let shown = &all[..all.len().min(MAX_BARS)];
    let (top, step) = scale(shown.iter().map(Bar::total).max().unwrap_or(0));
    let unit = (WIDTH - LEFT - RIGHT) / float(top);
    let ground = TOP + ROW * float(shown.len() as u64);
    let rows = shown.iter().enumerate().map(|(place, bar)| {
        let above = TOP + ROW * float(place as u64);
        let mut x = LEFT;
        let parts = bar.parts.iter().filter(|(_, rows)| *rows > 0);
        let segments = parts.map(|(class, rows)| {
            let segment = Segment {
                class,
                x,
                y: above + ROW * (1.0 - BAR) / 2.0,
                width: unit * float(*rows),
                height: ROW * BAR,
            };
            x += segment.width;
            segment
        });
        BarRow {
            segments: segments.collect(),
            name: cut(&bar.name, MAX_NAME),
            total: language.number(bar.total()),
            middle: above + ROW / 2.0,
            end: LEFT + unit * float(bar.total()),
        }
    });
    Bars {
        width: WIDTH,
        height: ground + BOTTOM,
        left: LEFT,
        ground,
        lines: (0..=top / step)
            .map(|line| Line {
                y: LEFT + unit * float(line * step),
                label: language.number(line * step),
            })
            .collect(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_parts() {
        let bar = |name: &str, parts: &[(&'static str, u64)]| Bar {
            name: name.to_owned(),
            parts: parts.to_vec(),
        };
        let all = [
            bar(
                &"x".repeat(40),
                &[("completed", 3), ("pending", 0), ("cancelled", 1)],
            ),
            bar("An", &[]),
        ];
        let chart = bars(&all, Language::English);
        let [full, empty] = &chart.rows[..] else {
            panic!("{chart:?}")
        };
        let classes: Vec<&str> = full.segments.iter().map(|part| part.class).collect();
        assert_eq!(classes, ["completed", "cancelled"]);
        // Four of four: as far as the last line.
        assert!((full.end - chart.lines.last().unwrap().y).abs() < 0.001);
        assert!((full.segments[1].x + full.segments[1].width - full.end).abs() < 0.001);
        assert_eq!((full.total.as_str(), full.name.chars().count()), ("4", 31));
        assert!(empty.segments.is_empty() && empty.total == "0");
    }

    #[test]
    fn no_more_bars_are_drawn_than_can_be_read() {
        let all: Vec<Bar> = (0..100)
            .map(|n| Bar {
                name: n.to_string(),
                parts: vec![("completed", n)],
            })
            .collect();
        assert_eq!(bars(&all, Language::English).rows.len(), MAX_BARS);
        assert_eq!(bars(&[], Language::English).rows.len(), 0);
    }
}
