//! `/api/v1/consultants/{id}/slots` and `/api/v1/slots/{id}`: when consultants can be booked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use jiff::ToSpan as _;
use serde::Deserialize;
use utoipa::IntoParams;

use super::appointments::{SiteParams, site};
use crate::http::App;
use crate::http::callers::Editor;
use crate::http::lists::{ListRequest, PageParams};
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, JsonBody, Members, Params, PathOf, RangeParams};
use crate::services::appointments::{Written, today};
use crate::services::days::most_readable;
use crate::services::schedule::{self, Generated};
use crate::sync::DateRange;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotsParams {
    /// The consultant's site; needed where there are several.
    site: Option<SiteName>,
    /// The first date; without both the week from today on, or as many of its days as can be read at a time.
    from: Option<IsoDate>,
    /// The last date.
    to: Option<IsoDate>,
}

/// List a consultant's slots, loaded or not.
#[utoipa::path(
    get,
    path = "/api/v1/consultants/{id}/slots",
    params(("id" = i64, Path, description = "Its number.", example = 1), SlotsParams, PageParams),
    responses(
        (status = 200, content((ref("ListedSlotList") = "application/json"), (String = "text/csv"))),
    ),
)]
pub(super) async fn slots(
    list: ListRequest<SlotsParams>,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    let (app, asked) = (&list.app, &list.asked);
    let range = RangeParams {
        from: asked.from,
        to: asked.to,
    };
    let now = (app.clock)();
    let today = today(&app.hub, now);
    let after = most_readable(&app.hub).min(7) - 1;
    let week = DateRange::new(today, today.saturating_add(i64::from(after).days()));
    let dates = match range.range()? {
        Some(dates) => dates,
        None => week.map_err(Problem::bad_request)?,
    };
    let listing = schedule::listing(&app.hub, asked.site.as_ref(), &id, dates, now).await?;
    list.answer(listing, "slots").await
}

/// Make a consultant's slots for some dates; what is there stays.
#[utoipa::path(
    post,
    path = "/api/v1/consultants/{id}/slots/generate",
    params(("id" = i64, Path, description = "Its number.", example = 1), SiteParams),
    request_body = ref("SlotsNew"),
    responses(
        (status = 200, body = Generated),
        (status = 409), (status = 415), (status = 422),
    ),
)]
pub(super) async fn generate(
    editor: Editor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<Json<Generated>, Problem> {
    let site = site(of, &mut given)?;
    let generated = schedule::generate(&app.hub, site.as_ref(), &id, &given, editor.by());
    Ok(Json(generated.await?))
}

/// Open or close a slot.
#[utoipa::path(
    patch,
    path = "/api/v1/slots/{id}",
    params(("id" = i64, Path, description = "Its number.", example = 2), SiteParams),
    request_body = ref("SlotChange"),
    responses(
        (status = 200, body = ref("SlotWritten")),
        (status = 409), (status = 415), (status = 422),
    ),
)]
pub(super) async fn set_slot(
    editor: Editor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<Json<Written>, Problem> {
    let site = site(of, &mut given)?;
    let no_such = |_| Problem::new(Code::NotFound, format!("there is no slot {id:?}"));
    let number = id.parse().map_err(no_such)?;
    let set = schedule::set(&app.hub, site.as_ref(), number, &given, editor.by());
    Ok(Json(set.await?))
}

#[cfg(test)]
mod tests;
