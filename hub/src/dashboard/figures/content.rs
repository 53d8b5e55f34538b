//! What a page of figures has to tell: rows, bars, and what they add up to.

use causeway_shared::ids::SiteName;
use jiff::Timestamp;
use jiff::civil::Date;

use super::Kind;
use crate::dashboard::bars::Bar;
use crate::dashboard::language::Language;
use crate::dashboard::lists::{Cell, row_address};
use crate::http::App;
use crate::http::problem::Problem;
use crate::services::consultants::{self, ConsultantFigures};
use crate::services::customers::{MonthTotal, per_month};
use crate::services::figures::FigureTable;
use crate::services::programs::{self, ProgramFigures};
use crate::sync::DateRange;

/// Statuses of appointments, in the order in which a bar has them.
const STATUSES: [&str; 4] = ["completed", "confirmed", "pending", "cancelled"];
/// Statuses of participants, and the colour of each.
const PARTICIPANTS: [(&str, &str); 3] = [
    ("attended", "completed"),
    ("registered", "confirmed"),
    ("cancelled", "cancelled"),
];

/// The figures of a page.
#[derive(Debug)]
pub(super) enum Content {
    /// Who has the most appointments first.
    Consultants(Vec<ConsultantFigures>),
    Customers(Vec<MonthTotal>),
    Programs(Vec<ProgramFigures>),
}

/// The same, as people read it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) sums: Vec<(&'static str, String, &'static str)>,
    pub(super) legend: Vec<(&'static str, &'static str)>,
    pub(super) bars: Vec<Bar>,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Content {
    pub(super) async fn read(
        kind: Kind,
        app: &App,
        site: Option<&SiteName>,
        range: DateRange,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let hub = &app.hub;
        Ok(match kind {
            Kind::Consultants => {
                let mut figures = consultants::figures(hub, site, range, now).await?;
                figures.sort_by_key(|of| std::cmp::Reverse(total(of)));
                Self::Consultants(figures)
            }
            Kind::Customers => Self::Customers(per_month(hub, site, range).await?),
            Kind::Programs => Self::Programs(programs::figures(hub, site, range).await?),
        })
    }

    /// For a file.
    pub(super) fn table(&self) -> FigureTable {
        match self {
            Self::Consultants(figures) => FigureTable::of_consultants(figures),
            Self::Customers(months) => FigureTable::of_months(months),
            Self::Programs(figures) => FigureTable::of_programs(figures),
        }
    }

    pub(super) fn shown(&self, language: Language) -> Shown {
        match self {
            Self::Consultants(figures) => of_consultants(figures, language),
            Self::Customers(months) => of_months(months, language),
            Self::Programs(figures) => of_programs(figures, language),
        }
    }
}

fn total(of: &ConsultantFigures) -> u64 {
    of.by_status.iter().map(|(_, rows)| rows).sum()
}

fn of_consultants(figures: &[ConsultantFigures], language: Language) -> Shown {
    let t = language.texts();
    let (f, number) = (&t.of_figures, |count| language.number(count));
    let sum = |of: &dyn Fn(&ConsultantFigures) -> u64| figures.iter().map(of).sum::<u64>();
    let completed = sum(&|of| of.by_status.get("completed"));
    let slots = [sum(&|of| of.slots.used), sum(&|of| of.slots.offered)].map(number);
    let mut shown = Shown {
        sums: vec![
            ("consultants", number(figures.len() as u64), f.consultants),
            ("appointments", number(sum(&total)), t.booked),
            ("completed", number(completed), t.status("completed")),
            ("slots", slots.join(" / "), f.slots_used),
        ],
        legend: STATUSES.map(|status| (status, t.status(status))).into(),
        columns: vec![t.of_lists.consultant],
        ..Shown::default()
    };
    shown
        .columns
        .extend(STATUSES.map(|status| t.status(status)));
    shown.columns.extend([t.rating, t.of_slots.used]);
    for of in figures {
        let id = of.consultantid.to_string();
        let name = of.fullname.clone().unwrap_or_else(|| id.clone());
        let address = row_address("/consultants", &id, of.site.as_str());
        let mut row = vec![Cell::link(name.clone(), address)];
        row.extend(STATUSES.map(|status| Cell::text(number(of.by_status.get(status)))));
        let rating = of.average_rating.map(|mean| language.mean(mean));
        row.push(Cell::text(rating.unwrap_or_else(|| "–".to_owned())));
        let slots = [of.slots.used, of.slots.offered].map(number);
        row.push(Cell::text(slots.join(" / ")));
        shown.rows.push(row);
        shown.bars.push(Bar {
            name,
            parts: STATUSES
                .map(|status| (status, of.by_status.get(status)))
                .into(),
        });
    }
    shown
}

fn of_months(months: &[MonthTotal], language: Language) -> Shown {
    let t = language.texts();
    let f = &t.of_figures;
    let total = months.iter().map(|of| of.total).sum();
    let mut shown = Shown {
        sums: vec![("customers", language.number(total), f.new_customers)],
        columns: vec![f.month, f.new_customers],
        ..Shown::default()
    };
    for of in months {
        let first: Option<Date> = format!("{}-01", of.month).parse().ok();
        let name = first.map_or_else(|| of.month.clone(), |date| language.month(date));
        let total = Cell::text(language.number(of.total));
        shown.rows.push(vec![Cell::text(name.clone()), total]);
        shown.bars.push(Bar {
            name,
            parts: vec![("confirmed", of.total)],
        });
    }
    shown
}

fn of_programs(figures: &[ProgramFigures], language: Language) -> Shown {
    let t = language.texts();
    let (f, l, number) = (&t.of_figures, &t.of_lists, |count| language.number(count));
    let people = figures.iter().flat_map(|of| of.by_status.iter());
    let people = people.map(|(_, rows)| rows).sum();
    let mut shown = Shown {
        sums: vec![
            ("programs", number(figures.len() as u64), f.programs),
            ("participants", number(people), t.participants),
        ],
        legend: PARTICIPANTS
            .map(|(status, class)| (class, t.status(status)))
            .into(),
        columns: vec![l.column("programname"), t.day, l.column("status")],
        ..Shown::default()
    };
    shown
        .columns
        .extend(PARTICIPANTS.map(|(status, _)| t.status(status)));
    for of in figures {
        let address = row_address("/programs", &of.programid.to_string(), of.site.as_str());
        let date: Option<Date> = of.date.parse().ok();
        let date = date.map_or_else(|| of.date.clone(), |date| language.day(date));
        let mut row = vec![
            Cell::link(of.programname.clone(), address),
            Cell::text(date),
            Cell::text(t.status(&of.status)),
        ];
        row.extend(PARTICIPANTS.map(|(status, _)| Cell::text(number(of.by_status.get(status)))));
        shown.rows.push(row);
        shown.bars.push(Bar {
            name: of.programname.clone(),
            parts: PARTICIPANTS
                .map(|(status, class)| (class, of.by_status.get(status)))
                .into(),
        });
    }
    shown
}
