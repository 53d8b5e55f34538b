//! What the demo says: as lines for people, or as one JSON object.

use std::io::{self, Write};

use serde_json::json;

use super::start::{Login, Started};
use crate::services::overview::Overview;
use crate::stats::meetassist::StatusCounts;

/// The demo's figures, and where its dashboard is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DemoReport<'s> {
    /// The figures and how they came about.
    pub started: &'s Started,
    /// Where they are shown; `None` if the demo ends here.
    pub dashboard: Option<&'s Login>,
}

impl DemoReport<'_> {
    /// Writes the report. The JSON of a demo that ends here is the overview alone.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub(crate) fn write(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            self.write_json(out)?;
        } else {
            self.write_text(out)?;
        }
        out.flush()
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let overview = &self.started.overview;
        match self.dashboard {
            None => serde_json::to_writer(&mut *out, overview)?,
            Some(login) => serde_json::to_writer(
                &mut *out,
                &json!({ "address": login.address, "login": login.link(), "overview": overview }),
            )?,
        }
        writeln!(out)
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Started {
            database,
            sent,
            loaded,
            ..
        } = self.started;
        let (site, done) = (
            database.parent().unwrap_or(database).display(),
            "already there, kept",
        );
        let done = if self.started.wrote_site {
            "written now"
        } else {
            done
        };
        writeln!(out, "Site          {site} ({done})")?;
        match sent.commit {
            Some(commit) => writeln!(
                out,
                "Sent          commit {commit}: {} partitions, {} rows read, {:.1} s",
                sent.partitions.changed, sent.rows.scanned, sent.seconds
            )?,
            None => writeln!(out, "Sent          nothing: the store has it all already")?,
        }
        if sent.quarantine_grew {
            writeln!(
                out,
                "Refused       {} rows, kept aside: causeway-agent --config {} quarantine",
                sent.rows.quarantined,
                self.started.agent_toml.display()
            )?;
        }
        let rows: u64 = loaded.sites.iter().map(|site| site.rows.inserted).sum();
        writeln!(out, "Loaded        {rows} rows, {:.1} s\n", loaded.seconds)?;
        write_overview(&self.started.overview, out)?;
        match self.dashboard {
            Some(login) => self.write_dashboard(login, out),
            None => Ok(()),
        }
    }

    fn write_dashboard(&self, login: &Login, out: &mut impl Write) -> io::Result<()> {
        let api = format!("{}/api/v1/overview", login.address);
        let token = login.token_file.display();
        writeln!(out, "\nDashboard     {}", login.link())?;
        writeln!(
            out,
            "API           curl -H \"Authorization: Bearer $(cat '{token}')\" {api}"
        )?;
        if let Some(example) = self.started.example {
            writeln!(
                out,
                "Try           sqlite3 '{}' \"UPDATE Appointment SET Status = 'cancelled' \
                 WHERE AppointmentId = {example}\"\n              \
                 and watch today's figures change",
                self.started.database.display()
            )?;
        }
        writeln!(out, "\nCtrl-C ends it; started again it goes on.")
    }
}

fn write_overview(overview: &Overview, out: &mut impl Write) -> io::Result<()> {
    let window = overview.window;
    let Some(figures) = &overview.meetassist else {
        for table in &overview.tables {
            writeln!(out, "{:<13} {} rows", table.table, table.rows)?;
        }
        return Ok(());
    };
    let (customers, consultants) = (figures.customers, figures.consultants);
    writeln!(
        out,
        "Customers     {} ({} active)",
        customers.total, customers.active
    )?;
    writeln!(
        out,
        "Consultants   {} ({} active)",
        consultants.total, consultants.active
    )?;
    let appointments = &figures.appointments;
    let all = &appointments.all;
    writeln!(
        out,
        "Appointments  {}: {}",
        all.total,
        counts(&all.by_status)
    )?;
    let (today, loaded) = (&appointments.today, &appointments.window);
    writeln!(
        out,
        "  today       {}: {}",
        today.total,
        counts(&today.by_status)
    )?;
    let (from, to) = (window.from(), window.to());
    writeln!(out, "  loaded      {} from {from} to {to}", loaded.total)?;
    match figures.feedback.average_rating {
        Some(mean) => writeln!(
            out,
            "Rating        {mean:.2} of 5, {} times",
            figures.feedback.count
        )?,
        None => writeln!(out, "Rating        none yet")?,
    }
    let programs = &figures.programs;
    writeln!(
        out,
        "Programs      {}: {}; {} participants",
        programs.total,
        counts(&programs.by_status),
        figures.participants.total
    )
}

fn counts(by_status: &StatusCounts) -> String {
    let counts: Vec<String> = by_status
        .iter()
        .map(|(s, rows)| format!("{rows} {s}"))
        .collect();
    counts.join(", ")
}
