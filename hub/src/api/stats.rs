//! `GET /api/v1/stats/…`: figures over any range of dates, loaded or not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, RangeParams};
use crate::services::appointments::per_day;
use crate::stats::meetassist::Day;

/// Most days of one answer: ten years and a little.
const MAX_DAYS: u32 = 3_700;

#[derive(Debug, Deserialize)]
pub(super) struct DaysParams {
    from: Option<Date>,
    to: Option<Date>,
    site: Option<SiteName>,
}

#[derive(Debug, Serialize)]
pub(super) struct Days {
    days: Vec<Day>,
}

/// Answers with the appointments of every day of the range; without one, of the window.
pub(super) async fn appointments(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Days>, Problem> {
    let asked = RangeParams {
        from: of.from,
        to: of.to,
    };
    let window = app.hub.window((app.clock)()).0;
    let range = asked.range()?.unwrap_or(window);
    let days = range.days();
    if days > MAX_DAYS {
        let detail = format!(
            "{days} days are too many for one answer; ask for at most {MAX_DAYS} at a time"
        );
        return Err(Problem::new(Code::RangeTooLong, detail));
    }
    let days = per_day(&app.hub, of.site.as_ref(), range).await?;
    Ok(Json(Days { days }))
}
