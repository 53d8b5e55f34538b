//! Resources whose rows are listed, created, changed and disabled: the same at each address.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::appointments::{SiteParams, site};
use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::lists::{ListRequest, PageParams};
use crate::http::problem::Problem;
use crate::http::request::{JsonBody, Members, Params, PathOf, json};
use crate::services::appointments::Written;
use crate::services::consultants::CONSULTANTS;
use crate::services::customers::CUSTOMERS;
use crate::services::programs::PROGRAMS;
use crate::services::record::Record;
use crate::services::rows::{Resource, RowsQuery};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// Whether they are disabled.
    isdisabled: Option<bool>,
    /// A text that is found in names, e-mail addresses, telephone numbers.
    #[serde(default)]
    #[param(max_length = 100)]
    q: String,
}

/// The resources.
pub(super) static RESOURCES: [&Resource; 3] = [&CONSULTANTS, &CUSTOMERS, &PROGRAMS];

/// The routes of all resources, each under its name.
pub(super) fn routes() -> Router<Arc<App>> {
    RESOURCES
        .map(of)
        .into_iter()
        .fold(Router::new(), Router::merge)
}

fn of(resource: &'static Resource) -> Router<Arc<App>> {
    let path = format!("/api/v1/{}", resource.name());
    let list = move |asked| list(resource, asked);
    let create = move |caller, app, params, body| create(resource, caller, app, params, body);
    let one = move |caller, app, path, params| one(resource, caller, app, path, params);
    let change = move |caller, app, path, params, precondition, body| {
        change(resource, caller, app, path, params, precondition, body)
    };
    let disable = move |caller, app, path, params, precondition, body| {
        disable(resource, caller, app, path, params, precondition, body)
    };
    Router::new().route(&path, get(list).post(create)).route(
        &format!("{path}/{{id}}"),
        get(one).patch(change).delete(disable),
    )
}

/// List the rows.
#[utoipa::path(
    get,
    path = "/api/v1/{resource}",
    params(ListParams, PageParams),
    responses(
        (status = 200, content((ref("RowList") = "application/json"), (String = "text/csv"))),
        (status = 404), (status = 422),
    ),
)]
pub(super) async fn list(
    resource: &'static Resource,
    list: ListRequest<ListParams>,
) -> Result<Response, Problem> {
    let query = RowsQuery {
        site: list.asked.site.clone(),
        isdisabled: list.asked.isdisabled,
        q: list.asked.q.clone(),
    };
    let listing = resource.listing(&list.app.hub, &query).await?;
    list.answer(listing, resource.name()).await
}

/// Read a row.
#[utoipa::path(
    get,
    path = "/api/v1/{resource}/{id}",
    params(("id" = String, Path, description = "Its key.", example = "{key}"), SiteParams),
    responses((status = 200, body = ref("Row"), headers(("ETag" = String)))),
)]
pub(super) async fn one(
    resource: &'static Resource,
    _: Reader,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
) -> Result<Tagged<Record>, Problem> {
    let row = resource.one(&app.hub, of.site.as_ref(), &id).await?;
    Ok(Tagged(resource.tag(&row), row))
}

/// Add a row.
#[utoipa::path(
    post,
    path = "/api/v1/{resource}",
    params(SiteParams),
    request_body = ref("RowNew"),
    responses(
        (status = 201, body = ref("RowWritten"), headers(("ETag" = String))),
        (status = 404), (status = 409), (status = 415), (status = 422),
    ),
)]
pub(super) async fn create(
    resource: &'static Resource,
    editor: Editor,
    State(app): State<Arc<App>>,
    Params(of): Params<SiteParams>,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<(StatusCode, Tagged<Written>), Problem> {
    let site = site(of, &mut given)?;
    let created = resource
        .create(&app.hub, site.as_ref(), &given, editor.by())
        .await?;
    let tag = resource.tag(&created.record);
    Ok((StatusCode::CREATED, Tagged(tag, created)))
}

/// Change a row (JSON Merge Patch).
#[utoipa::path(
    patch,
    path = "/api/v1/{resource}/{id}",
    params(("id" = String, Path, description = "Its key.", example = "{key}"), SiteParams, ("If-Match" = Option<String>, Header)),
    request_body = ref("RowChange"),
    responses(
        (status = 200, body = ref("RowWritten"), headers(("ETag" = String))),
        (status = 409), (status = 412), (status = 415), (status = 422),
    ),
)]
pub(super) async fn change(
    resource: &'static Resource,
    editor: Editor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
    IfMatch(precondition): IfMatch,
    JsonBody(Members(mut given)): JsonBody<Members>,
) -> Result<Tagged<Written>, Problem> {
    let site = site(of, &mut given)?;
    let which = (id.as_str(), &precondition);
    let changed = resource
        .change(&app.hub, site.as_ref(), which, &given, editor.by())
        .await?;
    Ok(Tagged(resource.tag(&changed.record), changed))
}

/// Disable a row. It stays: nothing is ever deleted.
#[utoipa::path(
    delete,
    path = "/api/v1/{resource}/{id}",
    params(("id" = String, Path, description = "Its key.", example = "{key}"), SiteParams, ("If-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = ref("RowWritten"), headers(("ETag" = String))),
        (status = 409), (status = 412), (status = 422),
    ),
)]
pub(super) async fn disable(
    resource: &'static Resource,
    editor: Editor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
    IfMatch(precondition): IfMatch,
    body: Bytes,
) -> Result<Tagged<Written>, Problem> {
    let Members(mut given) = match body.is_empty() {
        true => Members::default(),
        false => json(&body)?,
    };
    let site = site(of, &mut given)?;
    if let Some(name) = given.keys().next() {
        let detail = format!("the body has a member {name:?}; all it may hold is \"site\"");
        return Err(Problem::bad_request(detail));
    }
    let given = Map::from_iter([("isdisabled".to_owned(), Value::Bool(true))]);
    let which = (id.as_str(), &precondition);
    let changed = resource
        .change(&app.hub, site.as_ref(), which, &given, editor.by())
        .await?;
    Ok(Tagged(resource.tag(&changed.record), changed))
}

#[cfg(test)]
mod tests;
