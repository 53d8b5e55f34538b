//! `/api/v1/appointments`: the appointments of some dates; book one, move it, and take it from step to step.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::lists::ListRequest;
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, JsonBody, Members, Params, PathOf, RangeParams, dates, json};
use crate::services::appointments::{self, ListQuery, Step, Written, today};
use crate::services::error::ServiceError;
use crate::services::field_error::FieldError;
use crate::services::record::Record;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    site: Option<SiteName>,
    /// Without any of the three today.
    date: Option<IsoDate>,
    from: Option<IsoDate>,
    to: Option<IsoDate>,
    status: Option<String>,
    consultantid: Option<i64>,
    customerid: Option<String>,
    #[serde(default)]
    q: String,
}

/// Which site is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteParams {
    pub(super) site: Option<SiteName>,
}

pub(super) async fn list(list: ListRequest<ListParams>) -> Result<Response, Problem> {
    let (app, asked) = (&list.app, &list.asked);
    let range = RangeParams {
        from: asked.from,
        to: asked.to,
    };
    let query = ListQuery {
        site: asked.site.clone(),
        dates: dates(asked.date, range, today(&app.hub, (app.clock)()))?,
        status: asked.status.clone(),
        consultantid: asked.consultantid,
        customerid: asked.customerid.clone(),
        q: asked.q.clone(),
    };
    let listing = appointments::listing(&app.hub, &query).await?;
    list.answer(listing, "appointments").await
}

pub(super) async fn one(
    _: Reader,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
) -> Result<Tagged<Record>, Problem> {
    let found = appointments::by_id(&app.hub, of.site.as_ref(), number(&id)?, (app.clock)());
    let found = found.await?;
    Ok(Tagged(appointments::tag(&found), found))
}

/// A JSON Merge Patch. With `If-Match` it is for an appointment that is still as the caller read it.
pub(super) async fn change(
    of: Change,
    IfMatch(precondition): IfMatch,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<Tagged<Written>, Problem> {
    let site = site(of.of, &mut given)?;
    let (which, by) = ((site.as_ref(), of.id), of.editor.by());
    let changed = appointments::move_to(&of.app.hub, which, &given, &precondition, by).await?;
    Ok(Tagged(appointments::tag(&changed.record), changed))
}

pub(super) async fn book(
    editor: Editor,
    State(app): State<Arc<App>>,
    Params(of): Params<SiteParams>,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<(StatusCode, Json<Written>), Problem> {
    let site = site(of, &mut given)?;
    let booked = appointments::book(&app.hub, site.as_ref(), &given, editor.by()).await?;
    Ok((StatusCode::CREATED, Json(booked)))
}

pub(super) async fn confirm(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Confirm).await
}

pub(super) async fn complete(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Complete).await
}

pub(super) async fn cancel(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Cancel).await
}

pub(super) async fn assign(
    of: Change,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<Json<Written>, Problem> {
    let consultant = match given.remove("consultantid") {
        Some(Value::Number(id)) if id.is_i64() => id.as_i64(),
        _ => None,
    };
    let Some(consultant) = consultant else {
        let what = FieldError::new("consultantid", "must be a consultant's whole number");
        return Err(ServiceError::Invalid(vec![what]).into());
    };
    of.take(given, Step::Assign(consultant)).await
}

/// A change of the appointment that the path names.
#[derive(Debug)]
pub(super) struct Change {
    app: Arc<App>,
    editor: Editor,
    id: i64,
    of: SiteParams,
}

impl FromRequestParts<Arc<App>> for Change {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let editor = Editor::from_request_parts(parts, app).await?;
        let Params(of) = Params::from_request_parts(parts, app).await?;
        let PathOf(id) = PathOf::<String>::from_request_parts(parts, app).await?;
        Ok(Self {
            app: Arc::clone(app),
            editor,
            id: number(&id)?,
            of,
        })
    }
}

impl Change {
    /// The body may be left out; all it may hold is the site.
    async fn step(self, body: Bytes, step: Step) -> Result<Json<Written>, Problem> {
        let Members(given) = match body.is_empty() {
            true => Members::default(),
            false => json(&body)?,
        };
        self.take(given, step).await
    }

    async fn take(
        self,
        mut given: Map<String, Value>,
        step: Step,
    ) -> Result<Json<Written>, Problem> {
        let site = site(self.of, &mut given)?;
        if let Some(name) = given.keys().next() {
            let also = match step {
                Step::Assign(_) => "\"consultantid\" and ",
                _ => "",
            };
            let detail =
                format!("the body has a member {name:?}; all it may hold is {also}\"site\"");
            return Err(Problem::bad_request(detail));
        }
        let by = self.editor.by();
        let changed = appointments::step(&self.app.hub, site.as_ref(), self.id, step, by);
        Ok(Json(changed.await?))
    }
}

/// The site that the query or the body names.
pub(super) fn site(
    of: SiteParams,
    given: &mut Map<String, Value>,
) -> Result<Option<SiteName>, Problem> {
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
