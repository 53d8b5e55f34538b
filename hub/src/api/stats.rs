//! `GET /api/v1/stats/…`: figures over any range of dates, loaded or not, as JSON or as CSV.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::lists::{ListForm, figures};
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, Params, RangeParams};
use crate::services::appointments::per_day;
use crate::services::consultants;
use crate::services::customers::{MonthTotal, per_month};
use crate::services::days::MAX_FIGURE_DAYS;
use crate::services::figures::FigureTable;
use crate::services::programs;
use crate::stats::meetassist::Day;
use crate::sync::DateRange;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysParams {
    /// The first date; without both the window.
    from: Option<IsoDate>,
    /// The last date.
    to: Option<IsoDate>,
    /// One site; without it all of them.
    site: Option<SiteName>,
}

impl DaysParams {
    /// The range asked for; without one, the window.
    fn range(&self, app: &App) -> Result<DateRange, Problem> {
        let asked = RangeParams {
            from: self.from,
            to: self.to,
        };
        let window = app.hub.window((app.clock)()).0;
        let range = asked.range()?.unwrap_or(window);
        let days = range.days();
        if days <= MAX_FIGURE_DAYS {
            return Ok(range);
        }
        let detail = format!(
            "{days} days are too many for one answer; ask for at most {MAX_FIGURE_DAYS} at a time"
        );
        Err(Problem::new(Code::RangeTooLong, detail))
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Days {
    days: Vec<Day>,
}

/// Figures of several.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Items<T> {
    items: Vec<T>,
}

/// Count the appointments of every day of a range.
#[utoipa::path(
    get,
    path = "/api/v1/stats/appointments",
    params(DaysParams),
    responses(
        (status = 200, content((Days = "application/json"), (String = "text/csv"))),
        (status = 404),
    ),
)]
pub(super) async fn appointments(
    _: Reader,
    form: ListForm,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Response, Problem> {
    let days = per_day(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    let table = |of: &Days| FigureTable::of_days(&of.days);
    Ok(figures(form, Days { days }, table, "appointments-per-day"))
}

/// Tell what each consultant did in a range.
#[utoipa::path(
    get,
    path = "/api/v1/stats/consultants",
    params(DaysParams),
    responses(
        (status = 200, content((Items<consultants::ConsultantFigures> = "application/json"), (String = "text/csv"))),
        (status = 404),
    ),
)]
pub(super) async fn consultants(
    _: Reader,
    form: ListForm,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Response, Problem> {
    let (site, now) = (of.site.as_ref(), (app.clock)());
    let items = consultants::figures(&app.hub, site, of.range(&app)?, now).await?;
    let table = |of: &Items<_>| FigureTable::of_consultants(&of.items);
    Ok(figures(form, Items { items }, table, "consultants"))
}

/// Count the new customers of each month of a range.
#[utoipa::path(
    get,
    path = "/api/v1/stats/customers",
    params(DaysParams),
    responses(
        (status = 200, content((Items<MonthTotal> = "application/json"), (String = "text/csv"))),
        (status = 404),
    ),
)]
pub(super) async fn customers(
    _: Reader,
    form: ListForm,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Response, Problem> {
    let items = per_month(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    let table = |of: &Items<_>| FigureTable::of_months(&of.items);
    Ok(figures(form, Items { items }, table, "customers-per-month"))
}

/// Count the participants of the programs of a range.
#[utoipa::path(
    get,
    path = "/api/v1/stats/programs",
    params(DaysParams),
    responses(
        (status = 200, content((Items<programs::ProgramFigures> = "application/json"), (String = "text/csv"))),
        (status = 404),
    ),
)]
pub(super) async fn programs(
    _: Reader,
    form: ListForm,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Response, Problem> {
    let items = programs::figures(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    let table = |of: &Items<_>| FigureTable::of_programs(&of.items);
    Ok(figures(form, Items { items }, table, "programs"))
}
