//! A day as a table: hours down, consultants across, and whoever waits for a consultant beside it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::value::Value;

use super::is_open;
use crate::services::appointments::DayRows;
use crate::services::record::Record;
use crate::services::schedule::is_bookable;

/// A day's slots and appointments by consultant and time.
#[derive(Debug, Default)]
pub(super) struct DayTable<'d> {
    /// Number and name of each consultant, by name.
    pub(super) consultants: Vec<(i64, String)>,
    pub(super) hours: Vec<Hour<'d>>,
    /// Open appointments without a consultant.
    pub(super) waiting: Vec<&'d Record>,
}

/// A row: what begins at a time.
#[derive(Debug)]
pub(super) struct Hour<'d> {
    /// As the rows have it.
    pub(super) time: String,
    /// For each consultant slots, and appointments for which there is none.
    pub(super) cells: Vec<Vec<&'d Record>>,
}

impl<'d> DayTable<'d> {
    pub(super) fn of(rows: &'d DayRows) -> Self {
        let slots = rows.slots.iter();
        let held: BTreeSet<String> = slots.map(|slot| slot.text("appointmentid")).collect();
        let appointments = rows.appointments.items.iter();
        let appointments = appointments.filter(|row| row.text("status") != "cancelled");
        let (mut waiting, mut without_slot) = (Vec::new(), Vec::new());
        for row in appointments {
            if row.value("consultantid").is_null() {
                waiting.extend(is_open(row).then_some(row));
            } else if !held.contains(&row.text("appointmentid")) {
                without_slot.push(row);
            }
        }
        let placed = rows.slots.iter().map(|slot| (slot, "starttime"));
        let placed = placed.chain(without_slot.into_iter().map(|row| (row, "time")));
        let placed: Vec<(i64, String, &Record)> = placed
            .filter_map(|(row, time)| match row.value("consultantid") {
                Value::Int(id) => Some((*id, row.text(time), row)),
                _ => None,
            })
            .collect();
        let consultants = placed.iter();
        let consultants = consultants.map(|(id, _, row)| (row.text("consultantname"), *id));
        let consultants: BTreeSet<(String, i64)> = consultants.collect();
        let consultants: Vec<(i64, String)> = consultants
            .into_iter()
            .map(|(name, id)| (id, name))
            .collect();
        let mut hours: BTreeMap<String, Vec<Vec<&Record>>> = BTreeMap::new();
        for (id, time, row) in placed {
            let cells = hours
                .entry(time)
                .or_insert_with(|| vec![Vec::new(); consultants.len()]);
            let columns = consultants.iter().zip(cells);
            for (_, cell) in columns.filter(|((of, _), _)| *of == id) {
                cell.push(row);
            }
        }
        let hours = hours.into_iter();
        Self {
            consultants,
            hours: hours.map(|(time, cells)| Hour { time, cells }).collect(),
            waiting,
        }
    }

    /// The free slot that is the likeliest for an appointment: at its time, else the first one.
    pub(super) fn likeliest(&self, row: &Record) -> Option<&'d Record> {
        let time = row.text("time");
        let same = self.free().find(|slot| slot.text("starttime") == time);
        same.or_else(|| self.first_free())
    }

    pub(super) fn first_free(&self) -> Option<&'d Record> {
        self.free().next()
    }

    fn free(&self) -> impl Iterator<Item = &'d Record> + '_ {
        let cells = self
            .hours
            .iter()
            .flat_map(|hour| hour.cells.iter().flatten());
        cells.copied().filter(|slot| is_bookable(slot))
    }
}
