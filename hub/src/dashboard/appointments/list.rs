//! The list of appointments, over several days and by what is looked for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::clock;
use crate::dashboard::language::Language;
use crate::dashboard::lists::{
    Cell, Control, Field, View, covers, date, given, query, row_address, show, site,
};
use crate::dashboard::texts::Texts;
use crate::dashboard::{Visit, Visitor};
use crate::http::App;
use crate::http::lists::download;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::appointments::{self, ListQuery, consultants, today};
use crate::services::list::Listing;
use crate::services::record::Record;
use crate::services::search::MAX_SEARCH;
use crate::sync::DateRange;

const PATH: &str = "/appointments/list";
const STATUSES: [&str; 4] = ["pending", "confirmed", "completed", "cancelled"];

/// The filters; a form sends what is empty too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct ListParams {
    site: String,
    from: String,
    to: String,
    status: String,
    consultantid: String,
    customerid: String,
    q: String,
    cursor: Option<String>,
}

impl ListParams {
    fn dates(&self, app: &App) -> Result<DateRange, Problem> {
        let (from, to) = (date(&self.from)?, date(&self.to)?);
        let one = from
            .or(to)
            .unwrap_or_else(|| today(&app.hub, (app.clock)()));
        let range = DateRange::new(from.unwrap_or(one), to.unwrap_or(one));
        range.map_err(Problem::bad_request)
    }

    async fn listing(&self, app: &App) -> Result<Listing, Problem> {
        let consultant = given(&self.consultantid).map(|id| id.parse());
        let query = ListQuery {
            site: site(&self.site)?,
            dates: self.dates(app)?,
            status: given(&self.status),
            consultantid: consultant.transpose().map_err(Problem::bad_request)?,
            customerid: given(&self.customerid),
            q: self.q.clone(),
        };
        Ok(appointments::listing(&app.hub, &query).await?)
    }

    fn asked(&self) -> [(&'static str, &str); 7] {
        [
            ("site", &self.site),
            ("from", &self.from),
            ("to", &self.to),
            ("status", &self.status),
            ("consultantid", &self.consultantid),
            ("customerid", &self.customerid),
            ("q", &self.q),
        ]
    }
}

/// Answers with the page.
pub(in crate::dashboard) async fn page(
    visit: Visit,
    Params(asked): Params<ListParams>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let l = &t.of_lists;
    let dates = asked.dates(app)?;
    let view = View {
        path: PATH,
        title: t.appointments,
        covers: covers(language, dates),
        filters: filters(app, language, &asked, dates).await?,
        asked: &asked.asked(),
        columns: &columns(t),
        row: &|row| cells(language, row),
        links: vec![(
            format!(
                "/appointments?{}",
                query([("date", &*dates.from().to_string()), ("site", &asked.site)])
            ),
            l.by_day,
        )],
    };
    let listing = asked.listing(app).await?;
    show(&visit, (listing, asked.cursor.as_deref()), view).await
}

/// Answers with all of it as a file.
pub(in crate::dashboard) async fn csv(
    _: Visitor,
    State(app): State<Arc<App>>,
    Params(asked): Params<ListParams>,
) -> Result<Response, Problem> {
    let listing = asked.listing(&app).await?;
    download(&app, listing, "appointments").await
}

async fn filters(
    app: &App,
    language: Language,
    asked: &ListParams,
    dates: DateRange,
) -> Result<Vec<Field>, Problem> {
    let t = language.texts();
    let l = &t.of_lists;
    let any = || vec![(String::new(), l.any.to_owned())];
    let mut fields = vec![
        Field::new(
            "q",
            l.search,
            &asked.q,
            Control::Input("search", MAX_SEARCH),
        ),
        Field::new(
            "from",
            l.from,
            &dates.from().to_string(),
            Control::Input("date", 0),
        ),
        Field::new(
            "to",
            l.to,
            &dates.to().to_string(),
            Control::Input("date", 0),
        ),
    ];
    let mut statuses = any();
    statuses.extend(STATUSES.map(|status| (status.to_owned(), t.status(status).to_owned())));
    fields.push(Field::new(
        "status",
        l.status,
        &asked.status,
        Control::Choice(statuses),
    ));
    let (sites, named) = consultants(&app.hub, site(&asked.site)?.as_ref()).await?;
    if sites.len() > 1 || !asked.site.is_empty() {
        let mut choices = any();
        choices.extend(
            sites
                .iter()
                .map(|site| (site.to_string(), site.to_string())),
        );
        fields.push(Field::new(
            "site",
            l.site,
            &asked.site,
            Control::Choice(choices),
        ));
    }
    let mut choices = any();
    choices.extend(named.iter().map(|row| {
        let name = row.text("fullname");
        let of_site = if asked.site.is_empty() && sites.len() > 1 {
            format!("{name} ({})", row.site)
        } else {
            name
        };
        (row.text("consultantid"), of_site)
    }));
    fields.push(Field::new(
        "consultantid",
        l.consultant,
        &asked.consultantid,
        Control::Choice(choices),
    ));
    fields.push(Field::new(
        "customerid",
        l.customerid,
        &asked.customerid,
        Control::Input("text", MAX_SEARCH),
    ));
    Ok(fields)
}

/// What stands over the [`cells`].
pub(in crate::dashboard) fn columns(t: &Texts) -> [&'static str; 7] {
    let l = &t.of_lists;
    [
        t.day,
        l.time,
        l.customer,
        l.consultant,
        l.status,
        l.minutes,
        l.about,
    ]
}

pub(in crate::dashboard) fn cells(language: Language, row: &Record) -> Vec<Cell> {
    let t = language.texts();
    let date = row.text("date");
    let (site, id) = (row.site.as_str(), row.text("appointmentid"));
    let day = date
        .parse()
        .map_or_else(|_| date.clone(), |date| language.day(date));
    let address = format!(
        "/appointments?{}#a-{id}",
        query([("date", &*date), ("site", site)])
    );
    let named = |name: &str, key: &str| {
        let name = row.text(name);
        if name.is_empty() { row.text(key) } else { name }
    };
    vec![
        Cell::link(day, address),
        Cell::text(clock(row, "time")),
        Cell::link(
            named("customername", "customerid"),
            row_address("/customers", &row.text("customerid"), site),
        ),
        Cell::text(named("consultantname", "consultantid")),
        Cell::text(t.status(&row.text("status"))),
        Cell::text(row.text("duration")),
        Cell::text(row.text("description")),
    ]
}
