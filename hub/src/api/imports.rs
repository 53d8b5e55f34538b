//! `/api/v1/imports`: files as the rows of a site that no agent writes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use causeway_shared::ids::SiteName;
use causeway_shared::runtime::chance::random_id;
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, PathOf, header_text};
use crate::import::dump::Dialect;
use crate::import::jobs::{Job, Kept, Running};
use crate::import::upload::{Upload, UploadError};
use crate::import::{ImportOptions, Importer, require_kind};
use crate::tasks;

/// The name of a file that says none.
const SQL: &str = "import.sql";

/// The route whose body is a file: it goes to disk as it comes, whatever its size.
pub(crate) fn uploads() -> Router<Arc<App>> {
    Router::new().route("/api/v1/imports", post(begin))
}

/// What the document of the API has of it.
#[derive(OpenApi)]
#[openapi(paths(begin, one), components(schemas(Dialect, Flag)))]
pub(super) struct ImportsDocument;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/api/v1/imports/{id}", get(one))
}

/// How to import, as a query says it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The site, which no agent writes.
    site: SiteName,
    /// Add by key; else each table in the file replaces that table.
    #[serde(default)]
    add: Flag,
    /// Write nothing, and say what would be done.
    #[serde(default)]
    dry_run: Flag,
    /// Take over from an agent.
    #[serde(default)]
    take_over: Flag,
    /// Let a table lose many rows.
    #[serde(default)]
    allow_shrink: Flag,
    /// The dump's kind of SQL, where it cannot be told.
    dialect: Option<Dialect>,
    /// The file's name: what it ends in tells what it is, and of CSV the rest which table.
    name: Option<String>,
}

/// A parameter that says yes by being there: `add`, `add=1`, `add=true`.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum Flag {
    #[default]
    #[serde(rename = "false", alias = "0")]
    No,
    #[serde(rename = "true", alias = "1", alias = "")]
    Yes,
}

impl Flag {
    fn is_set(self) -> bool {
        matches!(self, Self::Yes)
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Begun {
    id: String,
}

/// Take a file and begin to import it, as the rows of a site that no agent writes.
#[utoipa::path(
    post,
    path = "/api/v1/imports",
    params(Asked),
    request_body(content((String = "application/sql"), (String = "text/csv"))),
    responses(
        (status = 202, description = "The id under which the import can be asked for.", body = Begun),
        (status = 415), (status = 507),
    ),
)]
async fn begin(
    Editor { caller, .. }: Editor,
    State(app): State<Arc<App>>,
    Params(asked): Params<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = header_text(&headers, header::CONTENT_TYPE).unwrap_or_default();
    if kind.starts_with("application/json") || kind.starts_with("multipart/") {
        let detail = "the body is the file itself; send it with `Content-Type: application/sql` or `text/csv`";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let name = match asked.name {
        Some(name) => name,
        None if kind.starts_with("text/csv") => {
            let detail = "say which table the CSV is: `name=appointment.csv` in the query";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        None => SQL.to_owned(),
    };
    require_kind(&name).map_err(|error| Problem::unreadable("the query", "name", error))?;
    let options = ImportOptions {
        site: asked.site,
        add: asked.add.is_set(),
        dry_run: asked.dry_run.is_set(),
        take_over: asked.take_over.is_set(),
        allow_shrink: asked.allow_shrink.is_set(),
        dialect: asked.dialect,
    };
    let running = reserve(&app, &options, &name)?;
    let content_length = content_length(&headers);
    let upload = match Upload::receive(name, content_length, body.into_data_stream()).await {
        Ok(upload) => upload,
        Err(error) => {
            running.forget();
            return Err(not_taken(error));
        }
    };
    let begun = Begun {
        id: running.id().to_owned(),
    };
    start(app, options, upload.into(), running, (&caller.name, false));
    Ok((StatusCode::ACCEPTED, Json(begun)).into_response())
}

/// How many bytes a body is said to have.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    header_text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

/// A place for an import, before its file is taken.
pub(crate) fn reserve(app: &App, options: &ImportOptions, name: &str) -> Result<Running, Problem> {
    let id = random_id().map_err(|error| {
        Problem::new(Code::Internal, "no import can begin; see the hub's log").because(error)
    })?;
    let (site, name) = (options.site.clone(), name.to_owned());
    let running = app.imports.begin(id, site, name, options.dry_run);
    running.ok_or_else(|| {
        Problem::new(
            Code::Busy,
            "other imports are under way; try again when one has ended",
        )
    })
}

/// Begins to import a file. `keeps`: that of a preview is kept, so that it can be imported as it was shown.
pub(crate) fn start(
    app: Arc<App>,
    options: ImportOptions,
    upload: Arc<Upload>,
    running: Running,
    (by, keeps): (&str, bool),
) {
    tracing::info!(site = %options.site, file = upload.name, by, "importing");
    let run = run(app, options, upload, running, keeps);
    tasks::spawn(run.in_current_span());
}

async fn run(
    app: Arc<App>,
    options: ImportOptions,
    upload: Arc<Upload>,
    running: Running,
    keeps: bool,
) {
    let importer = Importer::of(&app.hub);
    let progress = running.progress();
    let file = upload.given(!keeps);
    let ended = importer.run(vec![file], &options, progress).await;
    if let Err(error) = &ended {
        tracing::warn!(site = %options.site, %error, "nothing was imported");
    }
    let committed = ended
        .as_ref()
        .is_ok_and(|done| done.report.commit.is_some());
    let site = options.site.clone();
    if keeps && ended.is_ok() {
        running.keep(Kept { options, upload });
    } else {
        drop(upload);
    }
    running.end(ended);
    if committed {
        app.hub.expect_site(site);
        app.refresher.wake();
    }
}

/// Read how far an import is, and what came of it.
#[utoipa::path(
    get,
    path = "/api/v1/imports/{id}",
    params(("id" = String, Path, description = "The import's id.")),
    responses((status = 200, body = Job)),
)]
async fn one(
    _: Reader,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Job>, Problem> {
    let job = app.imports.get(&id);
    job.map(Json).ok_or_else(|| {
        let detail = "this hub knows no such import since its start; to be sure, import the same file \
                      again: it changes nothing where it was done";
        Problem::new(Code::NotFound, detail)
    })
}

/// Why a file was not taken.
pub(crate) fn not_taken(error: UploadError) -> Problem {
    let code = match &error {
        UploadError::Stalled => Code::RequestTimeout,
        UploadError::Broken(_) => Code::BadRequest,
        UploadError::TooLarge => Code::TooLarge,
        UploadError::NoRoom { .. } => {
            return Problem::new(Code::NoRoom, error.to_string()).because(error);
        }
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests;
