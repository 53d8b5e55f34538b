//! Lists as callers want them: a page as JSON, or all rows as CSV.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::callers::Reader;
use super::problem::Problem;
use super::request::{header_text, limit, parameters};
use super::state::App;
use crate::services::figures::FigureTable;
use crate::services::list::Listing;

/// In which form a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListForm {
    Json,
    Csv,
}

impl<S: Send + Sync> FromRequestParts<S> for ListForm {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accepted = header_text(&parts.headers, header::ACCEPT).unwrap_or_default();
        Ok(Self::of(accepted))
    }
}

impl ListForm {
    /// CSV where it is named and wanted more than JSON.
    fn of(accepted: &str) -> Self {
        let quality = |kinds: &[&str]| {
            let ranges = accepted.split(',').filter_map(|range| {
                let mut parameters = range.split(';').map(str::trim);
                let kind = parameters.next().unwrap_or_default();
                let is_asked = kinds.iter().any(|asked| kind.eq_ignore_ascii_case(asked));
                let quality = parameters.find_map(|parameter| parameter.strip_prefix("q="));
                is_asked.then(|| quality.map_or(Some(1.0), |quality| quality.parse().ok()))?
            });
            ranges.fold(0.0, f32::max)
        };
        let csv = quality(&["text/csv"]);
        let json = quality(&["application/json", "application/*", "*/*"]);
        if csv > json { Self::Csv } else { Self::Json }
    }
}

/// A list that somebody asks for who may read: which rows (`Q`), which page of them, and in which form.
#[derive(Debug)]
pub(crate) struct ListRequest<Q> {
    pub(crate) app: Arc<App>,
    pub(crate) asked: Q,
    page: PageParams,
    form: ListForm,
}

/// Which page of a list is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

impl PageParams {
    const NAMES: [&str; 2] = ["limit", "cursor"];
}

impl<Q: DeserializeOwned> FromRequestParts<Arc<App>> for ListRequest<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        Reader::from_request_parts(parts, app).await?;
        let is_of_page = |name: &str| PageParams::NAMES.contains(&name);
        let Ok(form) = ListForm::from_request_parts(parts, app).await;
        Ok(Self {
            app: Arc::clone(app),
            asked: parameters(parts, |name| !is_of_page(name), &PageParams::NAMES)?,
            page: parameters(parts, is_of_page, &[])?,
            form,
        })
    }
}

impl<Q> ListRequest<Q> {
    /// Answers with a page, or with all rows as a file of that name.
    ///
    /// # Errors
    /// Why the rows cannot be listed.
    pub(crate) async fn answer(self, listing: Listing, name: &str) -> Result<Response, Problem> {
        let (
            app,
            PageParams {
                limit: rows,
                cursor,
            },
        ) = (&*self.app, &self.page);
        let mut response = match self.form {
            ListForm::Json => {
                let page = listing.page(&app.hub, cursor.as_deref(), limit(*rows)?, (app.clock)());
                Json(page.await?).into_response()
            }
            ListForm::Csv if cursor.is_none() && rows.is_none() => {
                download(app, listing, name).await?
            }
            ListForm::Csv => {
                let detail = "as CSV a list has all its rows: leave limit and cursor out";
                return Err(Problem::bad_request(detail));
            }
        };
        let vary = HeaderValue::from_static("accept");
        response.headers_mut().insert(header::VARY, vary);
        Ok(response)
    }
}

/// Answers with figures: as JSON, or as a file of that name.
pub(crate) fn figures<T: Serialize>(
    form: ListForm,
    figures: T,
    table: impl FnOnce(&T) -> FigureTable,
    name: &str,
) -> Response {
    let mut response = match form {
        ListForm::Json => Json(figures).into_response(),
        ListForm::Csv => file(name, Body::from(table(&figures).csv())),
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// A CSV file of that name.
pub(crate) fn file(name: &str, body: Body) -> Response {
    let file = format!("attachment; filename=\"{name}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, &file),
    ];
    (headers, body).into_response()
}

/// Answers with all rows as a CSV file of that name.
///
/// # Errors
/// Why the rows cannot be listed.
pub(crate) async fn download(app: &App, listing: Listing, name: &str) -> Result<Response, Problem> {
    let rows = listing.csv(app.hub.clone(), (app.clock)()).await?;
    Ok(file(name, Body::from_stream(rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_answered_to_whoever_names_it() {
        for (accepted, form) in [
            ("", ListForm::Json),
            ("*/*", ListForm::Json),
            ("text/csv", ListForm::Csv),
            ("Text/CSV; charset=utf-8", ListForm::Csv),
            ("text/csv, */*;q=0.1", ListForm::Csv),
            ("application/json, text/csv", ListForm::Json),
            ("text/csv;q=0.5, application/json", ListForm::Json),
            ("text/csv;q=0", ListForm::Json),
            ("text/*", ListForm::Json),
        ] {
            assert_eq!(ListForm::of(accepted), form, "{accepted}");
        }
    }
}
