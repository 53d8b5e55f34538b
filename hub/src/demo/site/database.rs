//! The site's SQLite database: customers, slots and appointments, as its application keeps them.

use std::path::Path;

use jiff::civil::{Date, Time};
use rusqlite::{Connection, params};

use super::timestamp;
use crate::demo::diary::{Appointment, Diary, DiaryDay, Feedback, Slot};
use crate::demo::dirt;
use crate::demo::plan::DemoPlan;
use crate::demo::population::{Consultant, Customer};

/// Feedback met while the appointments were written; it goes to a CSV file.
#[derive(Debug, Default)]
pub(super) struct Rated {
    /// By appointment.
    pub(super) feedback: Vec<(u32, Feedback)>,
    /// A completed appointment that nobody rated.
    pub(super) without: Option<u32>,
}

/// Writes the database; answers the feedback on its appointments, which is kept elsewhere.
pub(super) fn write(
    path: &Path,
    plan: &DemoPlan,
    customers: &[Customer],
    consultants: &[Consultant],
) -> rusqlite::Result<Rated> {
    let mut connection = Connection::open(path)?;
    // Nobody else sees the file yet: no journal is needed until it is whole.
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(include_str!("../sql/schema.sql"))?;
    write_customers(&transaction, customers)?;
    let rated = write_days(&transaction, plan, customers, consultants)?;
    transaction.commit()?;
    // As applications set it whose readers must not wait for a writer.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(rated)
}

fn write_customers(database: &Connection, customers: &[Customer]) -> rusqlite::Result<()> {
    let mut insert = database.prepare(include_str!("../sql/insert_customer.sql"))?;
    for customer in customers {
        insert.execute(params![
            customer.id,
            customer.person.fullname,
            customer.person.email,
            customer.person.phone,
            customer.born.map(|date| date.to_string()),
            timestamp(customer.created),
            customer.disabled,
            customer.notes,
        ])?;
    }
    Ok(())
}

fn write_days(
    database: &Connection,
    plan: &DemoPlan,
    customers: &[Customer],
    consultants: &[Consultant],
) -> rusqlite::Result<Rated> {
    let dirty = dirt::appointments(plan);
    let good = plan.appointments - u32::try_from(dirty.len()).unwrap_or(0);
    let mut rated = Rated::default();
    let (mut last_slot, mut last_appointment) = (0, 0);
    for day in Diary::new(plan, good, customers, consultants) {
        write_day(database, &day)?;
        for appointment in &day.appointments {
            match appointment.feedback {
                Some(feedback) => rated.feedback.push((appointment.id, feedback)),
                None if appointment.status == "completed" => rated.without = Some(appointment.id),
                None => {}
            }
        }
        last_slot = day
            .slots
            .iter()
            .map(|slot| slot.id)
            .fold(last_slot, u32::max);
        last_appointment = day
            .appointments
            .last()
            .map_or(last_appointment, |last| last.id);
    }
    for (id, dirty) in (last_appointment + 1..).zip(dirty) {
        let customer = customers.first().map_or("", |customer| &customer.id);
        let created = timestamp(plan.today.at(0, 0, 0, 0));
        database
            .prepare_cached(include_str!("../sql/insert_appointment.sql"))?
            .execute(params![
                id,
                customer,
                None::<u32>,
                dirty.date,
                "09:00",
                60,
                dirty.status,
                None::<String>,
                None::<String>,
                created,
                None::<String>,
            ])?;
    }
    for (id, (date, start, end)) in (last_slot + 1..).zip(dirt::slots(plan)) {
        database
            .prepare_cached(include_str!("../sql/insert_slot.sql"))?
            .execute(params![id, 1, date.to_string(), start, end, true])?;
    }
    Ok(rated)
}

fn write_day(database: &Connection, day: &DiaryDay<'_>) -> rusqlite::Result<()> {
    let mut insert = database.prepare_cached(include_str!("../sql/insert_slot.sql"))?;
    for Slot {
        id,
        consultant,
        start,
        end,
        available,
    } in &day.slots
    {
        let date = day.date.to_string();
        insert.execute(params![
            id,
            consultant,
            date,
            clock(*start),
            clock(*end),
            available
        ])?;
    }
    let mut insert = database.prepare_cached(include_str!("../sql/insert_appointment.sql"))?;
    for appointment in &day.appointments {
        write_appointment(&mut insert, day.date, appointment)?;
    }
    Ok(())
}

fn write_appointment(
    insert: &mut rusqlite::CachedStatement<'_>,
    date: Date,
    appointment: &Appointment<'_>,
) -> rusqlite::Result<usize> {
    insert.execute(params![
        appointment.id,
        appointment.customer,
        appointment.consultant,
        date.to_string(),
        clock(appointment.time),
        appointment.duration,
        appointment.status,
        appointment.meeting,
        appointment.description,
        timestamp(appointment.created),
        appointment.updated.map(timestamp),
    ])
}

/// A time of day as the application writes it.
fn clock(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}
