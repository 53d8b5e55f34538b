//! `GET /api/v1/stats/…`: figures over any range of dates, loaded or not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use serde::{Deserialize, Serialize};

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, Params, RangeParams};
use crate::services::appointments::per_day;
use crate::services::consultants::{ConsultantFigures, figures};
use crate::services::customers::{MonthTotal, per_month};
use crate::services::days::MAX_FIGURE_DAYS;
use crate::services::programs::{self, ProgramFigures};
use crate::stats::meetassist::Day;
use crate::sync::DateRange;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysParams {
    from: Option<IsoDate>,
    to: Option<IsoDate>,
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

#[derive(Debug, Serialize)]
pub(super) struct Days {
    days: Vec<Day>,
}

/// Figures of several.
#[derive(Debug, Serialize)]
pub(super) struct Items<T> {
    items: Vec<T>,
}

/// Answers with the appointments of every day of the range; without one, of the window.
pub(super) async fn appointments(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Days>, Problem> {
    let days = per_day(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    Ok(Json(Days { days }))
}

/// Answers with what each consultant did in the range; without one, in the window.
pub(super) async fn consultants(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Items<ConsultantFigures>>, Problem> {
    let (site, now) = (of.site.as_ref(), (app.clock)());
    let items = figures(&app.hub, site, of.range(&app)?, now).await?;
    Ok(Json(Items { items }))
}

/// Answers with the new customers of each month.
pub(super) async fn customers(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Items<MonthTotal>>, Problem> {
    let items = per_month(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    Ok(Json(Items { items }))
}

/// Answers with the programs of the range and their participants by status.
pub(super) async fn programs(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Items<ProgramFigures>>, Problem> {
    let items = programs::figures(&app.hub, of.site.as_ref(), of.range(&app)?).await?;
    Ok(Json(Items { items }))
}
