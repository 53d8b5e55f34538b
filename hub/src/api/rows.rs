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

use super::appointments::{SiteParams, site};
use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::lists::ListRequest;
use crate::http::problem::Problem;
use crate::http::request::{JsonBody, Members, Params, PathOf, json};
use crate::services::appointments::Written;
use crate::services::record::Record;
use crate::services::rows::{Resource, RowsQuery};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    site: Option<SiteName>,
    isdisabled: Option<bool>,
    #[serde(default)]
    q: String,
}

/// The routes of a resource, under its name.
pub(super) fn routes(resource: &'static Resource) -> Router<Arc<App>> {
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

async fn list(
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

async fn one(
    resource: &'static Resource,
    _: Reader,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(of): Params<SiteParams>,
) -> Result<Tagged<Record>, Problem> {
    let row = resource.one(&app.hub, of.site.as_ref(), &id).await?;
    Ok(Tagged(resource.tag(&row), row))
}

async fn create(
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

/// Takes a JSON Merge Patch.
async fn change(
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

/// The row stays, disabled. The body may be left out; all it may hold is the site.
async fn disable(
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
