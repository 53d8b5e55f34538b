//! What a row's page shows besides its columns.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{Besides, Shown, slots, text};
use crate::dashboard::appointments::list::{cells, columns};
use crate::dashboard::language::Language;
use crate::dashboard::lists::{Cell, given, query, row_address, site};
use crate::dashboard::texts::ListTexts;
use crate::dashboard::{Visitor, html};
use crate::http::App;
use crate::http::lists::download;
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, PathOf};
use crate::services::appointments::{CustomerQuery, of_customer};
use crate::services::programs::{by_status, participants};
use crate::services::record::Record;

/// Rows of a table that the page shows.
const MAX_ROWS: usize = 100;

/// A table on a row's page, with what leads to more of it.
#[derive(Debug, Template)]
#[template(path = "besides.html")]
struct TableOf {
    language: Language,
    l: &'static ListTexts,
    id: &'static str,
    title: &'static str,
    /// Address, text and number of each choice, and whether it is the one that is shown.
    choices: Vec<(String, String, u64, bool)>,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    /// How many rows there are more.
    more: u64,
    /// All rows as a file.
    csv: Option<String>,
}

/// In the place of a part that cannot be read now.
#[derive(Debug, Template)]
#[template(path = "away.html")]
struct Away {
    id: &'static str,
    title: &'static str,
    text: &'static str,
}

/// What the page's address asks of it.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    /// The week of slots.
    pub(super) week: &'a str,
    /// Of participants.
    pub(super) status: &'a str,
    /// A form as it was sent.
    pub(super) sent: &'a [(String, String)],
    pub(super) is_editor: bool,
}

/// The part of a row's page that follows its columns.
pub(super) async fn part(
    shown: &Shown,
    app: &App,
    language: Language,
    row: &Record,
    asked: &Asked<'_>,
) -> Result<String, Problem> {
    let (t, l) = (language.texts(), &language.texts().of_lists);
    let (part, id, title) = match shown.besides {
        Besides::Appointments => (
            appointments(app, language, row).await,
            "appointments",
            t.appointments,
        ),
        Besides::Slots => (
            slots::week(app, language, row, asked).await,
            "slots",
            t.of_slots.title,
        ),
        Besides::Participants => (
            of_program(app, language, row, asked.status).await,
            "participants",
            l.column("participants"),
        ),
    };
    match part {
        // The row is shown though the store, which has the rest, does not answer.
        Err(problem) if problem.code == Code::Unavailable => {
            let what = "a part of a row's page cannot be read; the rest is shown";
            app.hub.log_failure(&row.site, what, problem.for_the_log());
            let text = l.away;
            Ok(html(&Away { id, title, text })?.0)
        }
        part => part,
    }
}

/// The appointments of a customer, the newest first.
async fn appointments(app: &App, language: Language, row: &Record) -> Result<String, Problem> {
    let query = CustomerQuery {
        site: Some(row.site.clone()),
        customerid: row.text("customerid"),
        after: None,
        limit: MAX_ROWS,
    };
    let found = of_customer(&app.hub, &query, (app.clock)()).await?;
    let t = language.texts();
    let l = &t.of_lists;
    let rows: Vec<Vec<Cell>> = found.items.iter().map(|row| cells(language, row)).collect();
    let part = TableOf {
        language,
        l,
        id: "appointments",
        title: t.appointments,
        choices: Vec::new(),
        columns: columns(t).into(),
        more: found.total - rows.len() as u64,
        rows,
        csv: None,
    };
    Ok(html(&part)?.0)
}

/// The participants of a program, by name, and how many there are of each status.
async fn of_program(
    app: &App,
    language: Language,
    row: &Record,
    status: &str,
) -> Result<String, Problem> {
    let (id, site) = (row.text("programid"), row.site.as_str());
    let asked = Some(status).filter(|status| !status.is_empty());
    let listing = participants(&app.hub, Some(&row.site), &id, asked).await?;
    let listed = listing.page(&app.hub, None, MAX_ROWS, (app.clock)());
    let (listed, counts) = (listed.await?, by_status(&app.hub, row).await?);
    let t = language.texts();
    let l = &t.of_lists;
    let address = |status: &str| {
        let asked = query([("site", site), ("status", status)]);
        format!("/programs/{id}?{asked}#participants")
    };
    let all = counts.iter().map(|(_, rows)| rows).sum();
    let mut choices = vec![(address(""), l.any.to_owned(), all, status.is_empty())];
    choices.extend(counts.iter().map(|(of, rows)| {
        let text = t.status(of).to_owned();
        (address(of), text, rows, of == status)
    }));
    let columns = ["fullname", "email", "phonenumber", "registeredtime"];
    let cells = |row: &Record| {
        let customer = row_address("/customers", &row.text("customerid"), site);
        let name = [row.text("fullname"), row.text("customerid")];
        let name = name.into_iter().find(|name| !name.is_empty());
        let mut cells = vec![Cell::link(name.unwrap_or_default(), customer)];
        cells.extend(
            columns[1..]
                .iter()
                .map(|name| Cell::text(text(language, row, name))),
        );
        cells.push(Cell::text(text(language, row, "status")));
        cells
    };
    let csv = query([("site", site), ("status", status)]);
    let part = TableOf {
        language,
        l,
        id: "participants",
        title: l.column("participants"),
        choices,
        columns: columns
            .map(|name| l.column(name))
            .into_iter()
            .chain([l.status])
            .collect(),
        more: listed.total - listed.items.len() as u64,
        rows: listed.items.iter().map(cells).collect(),
        csv: Some(format!("/programs/{id}/participants.csv?{csv}")),
    };
    Ok(html(&part)?.0)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParticipantsParams {
    site: String,
    status: String,
}

/// Answers with a program's participants as a file.
pub(super) async fn participants_csv(
    _: Visitor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(asked): Params<ParticipantsParams>,
) -> Result<Response, Problem> {
    let site = site(&asked.site)?;
    let status = given(&asked.status);
    let listing = participants(&app.hub, site.as_ref(), &id, status.as_deref()).await?;
    download(&app, listing, "participants").await
}
