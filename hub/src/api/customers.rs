//! `/api/v1/customers/{id}/…`: what is known of a customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf, limit};
use crate::services::appointments::{CustomerQuery, OfCustomer, of_customer};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

/// List a customer's appointments, whatever their date, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/customers/{id}/appointments",
    params(("id" = String, Path, description = "The customer's id.", example = "c1"), PageParams),
    responses((status = 200, body = ref("AppointmentList"))),
)]
pub(super) async fn appointments(
    _: Reader,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(asked): Params<PageParams>,
) -> Result<Json<OfCustomer>, Problem> {
    let after = asked.cursor.map(|cursor| cursor.parse()).transpose();
    let query = CustomerQuery {
        site: asked.site,
        customerid: id,
        after: after.map_err(|problem: &str| Problem::bad_request(problem))?,
        limit: limit(asked.limit)?,
    };
    Ok(Json(of_customer(&app.hub, &query, (app.clock)()).await?))
}

#[cfg(test)]
mod tests;
