//! `/api/v1/appointments`: the appointments of a date; book one, cancel one.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, JsonBody, Members, Params, json, limit};
use crate::services::appointments::{self, By, ListQuery, Listed, Written, today};
use crate::services::record::Record;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    site: Option<SiteName>,
    /// Without it today.
    date: Option<IsoDate>,
    status: Option<String>,
    consultantid: Option<i64>,
    customerid: Option<String>,
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

/// Which site is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteParams {
    site: Option<SiteName>,
}

pub(super) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<ListParams>,
) -> Result<Json<Listed>, Problem> {
    let now = (app.clock)();
    let after = asked.cursor.map(|cursor| cursor.parse()).transpose();
    let query = ListQuery {
        site: asked.site,
        date: asked
            .date
            .map_or_else(|| today(&app.hub, now), |IsoDate(date)| date),
        status: asked.status,
        consultantid: asked.consultantid,
        customerid: asked.customerid,
        after: after.map_err(|problem: &str| Problem::bad_request(problem))?,
        limit: limit(asked.limit)?,
    };
    Ok(Json(appointments::list(&app.hub, &query, now).await?))
}

pub(super) async fn one(
    _: Reader,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Params(of): Params<SiteParams>,
) -> Result<Json<Record>, Problem> {
    let found = appointments::by_id(&app.hub, of.site.as_ref(), number(&id)?, (app.clock)());
    Ok(Json(found.await?))
}

pub(super) async fn book(
    Editor(caller): Editor,
    State(app): State<Arc<App>>,
    Params(of): Params<SiteParams>,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<(StatusCode, Json<Written>), Problem> {
    let site = site(of, &mut given)?;
    let (actor, now) = (caller.actor(), (app.clock)());
    let by = By { actor: &actor, now };
    let booked = appointments::book(&app.hub, site.as_ref(), &given, by).await?;
    Ok((StatusCode::CREATED, Json(booked)))
}

/// The body may be left out; all it may hold is the site.
pub(super) async fn cancel(
    Editor(caller): Editor,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Params(of): Params<SiteParams>,
    body: Bytes,
) -> Result<Json<Written>, Problem> {
    let Members(mut given) = match body.is_empty() {
        true => Members::default(),
        false => json(&body)?,
    };
    let site = site(of, &mut given)?;
    if let Some(name) = given.keys().next() {
        let detail = format!("the body has a member {name:?}; all it may hold is \"site\"");
        return Err(Problem::bad_request(detail));
    }
    let (actor, now) = (caller.actor(), (app.clock)());
    let by = By { actor: &actor, now };
    let cancelled = appointments::cancel(&app.hub, site.as_ref(), number(&id)?, by);
    Ok(Json(cancelled.await?))
}

/// The site that the query or the body names.
fn site(of: SiteParams, given: &mut Map<String, Value>) -> Result<Option<SiteName>, Problem> {
    let of_body = match given.remove("site") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(SiteName::new(&name).map_err(Problem::bad_request)?),
        Some(_) => return Err(Problem::bad_request("the body's site must be a text")),
    };
    match (of.site, of_body) {
        (Some(site), Some(other)) if site != other => {
            let detail = format!("the query names site {site}, the body site {other}");
            Err(Problem::bad_request(detail))
        }
        (site, other) => Ok(site.or(other)),
    }
}

fn number(id: &str) -> Result<i64, Problem> {
    let no_such = |_| Problem::new(Code::NotFound, format!("there is no appointment {id:?}"));
    id.parse().map_err(no_such)
}

#[cfg(test)]
mod tests;
