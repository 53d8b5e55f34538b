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
use crate::stats::{Day, appointments_per_day};

/// Which days, of which sites.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DaysParams {
    from: Option<Date>,
    to: Option<Date>,
    site: Option<SiteName>,
}

/// One entry per day.
#[derive(Debug, Serialize)]
pub(crate) struct Days {
    days: Vec<Day>,
}

/// Answers with the appointments of every day of the range; without one, of the window.
pub(crate) async fn appointments(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<DaysParams>,
) -> Result<Json<Days>, Problem> {
    let asked = RangeParams {
        from: of.from,
        to: of.to,
    }
    .range()?;
    let range = asked.unwrap_or_else(|| app.hub.window((app.clock)()).0);
    let sites = app.hub.sites(of.site.as_ref()).await?;
    let days = appointments_per_day(range, app.hub.dataset(), &sites)
        .map_err(|error| Problem::new(Code::RangeTooLong, error.to_string()))?;
    Ok(Json(Days { days }))
}
