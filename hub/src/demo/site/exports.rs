//! The site's CSV files: what somebody exports from another program.

use std::fs::File;
use std::path::Path;

use super::database::Rated;
use super::{SiteFilesError, timestamp};
use crate::demo::dirt;
use crate::demo::plan::DemoPlan;
use crate::demo::population::{Consultant, Customer};
use crate::demo::programs::Program;

type CsvFile = csv::Writer<File>;

/// Writes the files into a folder.
pub(super) fn write(
    folder: &Path,
    plan: &DemoPlan,
    consultants: &[Consultant],
    rated: &Rated,
    programs: &[Program],
    customers: &[Customer],
) -> Result<(), SiteFilesError> {
    csv_file(folder, "consultant", |csv| {
        write_consultants(csv, consultants)
    })?;
    csv_file(folder, "appointmentfeedback", |csv| {
        write_feedback(csv, plan, rated)
    })?;
    csv_file(folder, "communityprogram", |csv| {
        write_programs(csv, programs)
    })?;
    csv_file(folder, "programparticipant", |csv| {
        write_participants(csv, plan, programs, customers)
    })
}

fn csv_file(
    folder: &Path,
    table: &str,
    write: impl FnOnce(&mut CsvFile) -> csv::Result<()>,
) -> Result<(), SiteFilesError> {
    let path = folder.join(format!("{table}.csv"));
    let written = CsvFile::from_path(&path).and_then(|mut csv| {
        write(&mut csv)?;
        Ok(csv.flush()?)
    });
    written.map_err(|source| SiteFilesError::Csv { path, source })
}

fn write_consultants(csv: &mut CsvFile, consultants: &[Consultant]) -> csv::Result<()> {
    csv.write_record([
        "consultantid",
        "fullname",
        "email",
        "phonenumber",
        "imageurl",
        "specialties",
        "qualifications",
        "joindate",
        "isdisabled",
    ])?;
    for consultant in consultants {
        csv.write_record([
            consultant.id.to_string().as_str(),
            &consultant.person.fullname,
            &consultant.person.email,
            &consultant.person.phone,
            &format!("https://example.org/consultants/{}.jpg", consultant.id),
            consultant.specialties,
            consultant.qualifications,
            &consultant.joined.to_string(),
            flag(consultant.left.is_some()),
        ])?;
    }
    Ok(())
}

fn write_feedback(csv: &mut CsvFile, plan: &DemoPlan, rated: &Rated) -> csv::Result<()> {
    csv.write_record(["appointmentid", "rating", "customerfeedback", "createdat"])?;
    for (appointment, feedback) in &rated.feedback {
        csv.write_record([
            &appointment.to_string(),
            &feedback.rating.to_string(),
            feedback.comment.unwrap_or_default(),
            &timestamp(feedback.created),
        ])?;
    }
    for (appointment, rating) in dirt::feedback(plan, rated.without) {
        let created = timestamp(plan.today.at(0, 0, 0, 0));
        csv.write_record([&appointment.to_string(), rating, "", &created])?;
    }
    Ok(())
}

fn write_programs(csv: &mut CsvFile, programs: &[Program]) -> csv::Result<()> {
    csv.write_record([
        "programid",
        "programname",
        "date",
        "description",
        "content",
        "organizer",
        "url",
        "isdisabled",
        "status",
        "createdat",
    ])?;
    for program in programs {
        csv.write_record([
            program.id.to_string().as_str(),
            &program.name,
            &program.date.to_string(),
            &program.description,
            program.content.unwrap_or_default(),
            program.organizer,
            &program.url,
            flag(program.disabled),
            program.status,
            &timestamp(program.created),
        ])?;
    }
    Ok(())
}

fn write_participants(
    csv: &mut CsvFile,
    plan: &DemoPlan,
    programs: &[Program],
    customers: &[Customer],
) -> csv::Result<()> {
    csv.write_record(["programid", "customerid", "registeredtime", "status"])?;
    let all = programs.iter().flat_map(|program| {
        program
            .participants
            .iter()
            .map(move |participant| (program.id, participant))
    });
    let repeated = all.clone().take(dirt::repeated_participants(plan));
    for (program, participant) in all.chain(repeated) {
        let customer = customers
            .get(participant.customer)
            .map_or("", |customer| &customer.id);
        csv.write_record([
            &program.to_string(),
            customer,
            &timestamp(participant.registered),
            participant.status,
        ])?;
    }
    Ok(())
}

fn flag(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}
