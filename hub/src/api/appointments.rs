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
use utoipa::IntoParams;

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::lists::{ListRequest, PageParams};
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, JsonBody, Members, Params, PathOf, RangeParams, dates, json};
use crate::services::appointments::{self, ListQuery, Step, Written, today};
use crate::services::error::ServiceError;
use crate::services::field_error::FieldError;
use crate::services::record::Record;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// Their date; without any of the three today.
    date: Option<IsoDate>,
    /// The first date.
    from: Option<IsoDate>,
    /// The last date.
    to: Option<IsoDate>,
    /// How they stand.
    status: Option<String>,
    /// Whose they are.
    consultantid: Option<i64>,
    /// Of whom they are.
    customerid: Option<String>,
    /// A text that is found in names, e-mail addresses, telephone numbers or the description.
    #[serde(default)]
    #[param(max_length = 100)]
    q: String,
}

/// Which site is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteParams {
    /// The site; needed where there are several.
    pub(super) site: Option<SiteName>,
}

/// List the appointments of some dates, loaded or not.
#[utoipa::path(
    get,
    path = "/api/v1/appointments",
    params(ListParams, PageParams),
    responses(
        (status = 200, content((ref("AppointmentList") = "application/json"), (String = "text/csv"))),
        (status = 404), (status = 422),
    ),
)]
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

/// Read an appointment, whatever its date.
#[utoipa::path(
    get,
    path = "/api/v1/appointments/{id}",
    params(("id" = i64, Path, description = "Its number.", example = 1), SiteParams),
    responses(
        (status = 200, body = ref("Appointment"), headers(("ETag" = String))),
    ),
)]
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

/// Move an appointment, or take its consultant away (JSON Merge Patch).
#[utoipa::path(
    patch,
    path = "/api/v1/appointments/{id}",
    params(("id" = i64, Path, description = "Its number.", example = 2), SiteParams, ("If-Match" = Option<String>, Header)),
    request_body = ref("AppointmentChange"),
    responses(
        (status = 200, body = ref("AppointmentWritten"), headers(("ETag" = String))),
        (status = 409), (status = 412), (status = 415), (status = 422),
    ),
)]
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

/// Book an appointment. Where a consultant is named, their slot of that time has to be free, and is taken.
#[utoipa::path(
    post,
    path = "/api/v1/appointments",
    params(SiteParams),
    request_body = ref("AppointmentNew"),
    responses(
        (status = 201, body = ref("AppointmentWritten")),
        (status = 404), (status = 409), (status = 415), (status = 422),
    ),
)]
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

/// Confirm a pending appointment.
#[utoipa::path(
    post,
    path = "/api/v1/appointments/{id}/confirm",
    params(("id" = i64, Path, description = "Its number.", example = 2), SiteParams),
    responses(
        (status = 200, body = ref("AppointmentWritten")),
        (status = 409), (status = 422),
    ),
)]
pub(super) async fn confirm(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Confirm).await
}

/// Complete a confirmed appointment.
#[utoipa::path(
    post,
    path = "/api/v1/appointments/{id}/complete",
    params(("id" = i64, Path, description = "Its number.", example = 1), SiteParams),
    responses(
        (status = 200, body = ref("AppointmentWritten")),
        (status = 409), (status = 422),
    ),
)]
pub(super) async fn complete(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Complete).await
}

/// Cancel a pending or confirmed appointment; its slot is free again.
#[utoipa::path(
    post,
    path = "/api/v1/appointments/{id}/cancel",
    params(("id" = i64, Path, description = "Its number.", example = 1), SiteParams),
    responses(
        (status = 200, body = ref("AppointmentWritten")),
        (status = 409), (status = 422),
    ),
)]
pub(super) async fn cancel(of: Change, body: Bytes) -> Result<Json<Written>, Problem> {
    of.step(body, Step::Cancel).await
}

/// Give a pending or confirmed appointment to a consultant, whose slot has to be free.
#[utoipa::path(
    post,
    path = "/api/v1/appointments/{id}/assign",
    params(("id" = i64, Path, description = "Its number.", example = 2), SiteParams),
    request_body = ref("AppointmentAssign"),
    responses(
        (status = 200, body = ref("AppointmentWritten")),
        (status = 409), (status = 415), (status = 422),
    ),
)]
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
