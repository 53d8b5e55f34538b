//! `/api/v1/imports`: files as the rows of a site that no agent writes.

pub(crate) mod uploads;

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
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

use uploads::{Uploaded, UploadedFile};

use crate::error::HubError;
use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, PathOf, header_text};
use crate::import::dump::Dialect;
use crate::import::jobs::{Job, Kept, Running};
use crate::import::queue::{Queue, QueuedImport};
use crate::import::upload::{Upload, UploadError};
use crate::import::{ImportOptions, Importer, extension_of};
use crate::tasks;

/// The name of a file that says none.
const SQL: &str = "import.sql";
/// Longest body that names an uploaded file.
const MAX_KEY_BODY_BYTES: usize = 4 * 1024;

/// The route whose body is a file: it goes to disk as it comes, whatever its size.
pub(crate) fn uploads() -> Router<Arc<App>> {
    Router::new().route("/api/v1/imports", post(begin))
}

/// What the document of the API has of it.
#[derive(OpenApi)]
#[openapi(paths(begin, one, uploads::sign), components(schemas(Dialect, Flag)))]
pub(super) struct ImportsDocument;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/imports/{id}", get(one))
        .route("/api/v1/imports/uploads", post(uploads::sign))
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

/// Take a file, or one that was uploaded, and begin to import it as the rows of a site that no agent writes.
#[utoipa::path(
    post,
    path = "/api/v1/imports",
    params(Asked),
    request_body(content(
        (String = "application/sql"), (String = "text/csv"), (UploadedFile = "application/json"),
    )),
    responses(
        (status = 202, description = "The id under which the import can be asked for.", body = Begun),
        (status = 404), (status = 415), (status = 507),
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
    if kind.starts_with("multipart/") {
        let detail = "the body is the file itself; send it with `Content-Type: application/sql` or `text/csv`";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let file = match kind.starts_with("application/json") {
        true => File::Uploaded(uploads::named(&body_of(body).await?, &asked.site)?),
        false => File::Sent(content_length(&headers), body),
    };
    let is_csv = match &file {
        File::Uploaded(uploaded) => uploaded.extension == "csv",
        File::Sent(..) => kind.starts_with("text/csv"),
    };
    let name = match asked.name {
        Some(name) => name,
        None if is_csv => {
            let detail = "say which table the CSV is: `name=appointment.csv` in the query";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        None => SQL.to_owned(),
    };
    let unreadable =
        |error: &dyn std::fmt::Display| Problem::unreadable("the query", "name", error);
    let extension = extension_of(&name).map_err(|error| unreadable(&error))?;
    if matches!(&file, File::Uploaded(uploaded) if uploaded.extension != extension) {
        return Err(unreadable(
            &"the uploaded file is of another kind by its key",
        ));
    }
    let options = ImportOptions {
        site: asked.site,
        add: asked.add.is_set(),
        dry_run: asked.dry_run.is_set(),
        take_over: asked.take_over.is_set(),
        allow_shrink: asked.allow_shrink.is_set(),
        dialect: asked.dialect,
    };
    let id = match &app.queue {
        Some(queue) => {
            let key = file.into_store(&app, &options.site, extension).await?;
            wait_for_tick(queue, (name, key), &options, &caller.name).await?
        }
        None => {
            let running = reserve(&app, &options, &name)?;
            let upload = match file.take(&app, name).await {
                Ok(upload) => upload,
                Err(error) => {
                    running.forget();
                    return Err(not_taken(error));
                }
            };
            let id = running.id().to_owned();
            start(app, options, upload.into(), running, (&caller.name, false));
            id
        }
    };
    Ok((StatusCode::ACCEPTED, Json(Begun { id })).into_response())
}

/// A file to import, wherever it is.
enum File {
    /// How many bytes the body is said to have, and the body.
    Sent(Option<u64>, Body),
    Uploaded(Uploaded),
}

impl File {
    async fn take(self, app: &App, name: String) -> Result<Upload, UploadError> {
        match self {
            Self::Sent(bytes, body) => Upload::receive(name, bytes, body.into_data_stream()).await,
            Self::Uploaded(Uploaded { key, md5, .. }) => {
                Upload::fetch(app.hub.store(), (&key, md5), name).await
            }
        }
    }

    /// Has it lie in the store: its key.
    async fn into_store(
        self,
        app: &App,
        site: &SiteName,
        extension: &str,
    ) -> Result<String, Problem> {
        let store = app.hub.store();
        match self {
            Self::Sent(bytes, body) => {
                let received = Upload::receive(String::new(), bytes, body.into_data_stream()).await;
                let received = received.map_err(not_taken)?;
                let kept = received.keep(store, site, extension).await;
                kept.map_err(not_taken)
            }
            Self::Uploaded(uploaded) => match store.head(&uploaded.key).await {
                Ok(_) => Ok(uploaded.key),
                Err(error) => Err(not_taken(UploadError::Store(error))),
            },
        }
    }
}

/// A small body, whole.
async fn body_of(body: Body) -> Result<Bytes, Problem> {
    let body = to_bytes(body, MAX_KEY_BODY_BYTES).await;
    body.map_err(|error| Problem::new(Code::TooLarge, error.to_string()))
}

/// Has a function's next tick import a file that lies in the store: the import's id.
pub(crate) async fn wait_for_tick(
    queue: &Queue,
    file: (String, String),
    options: &ImportOptions,
    by: &str,
) -> Result<String, Problem> {
    let id = new_id()?;
    let import = QueuedImport::new(id.clone(), file, options, by);
    match queue.add(&import).await.map_err(HubError::from)? {
        true => Ok(id),
        false => Err(busy()),
    }
}

/// How many bytes a body is said to have.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    header_text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

/// A place for an import, before its file is taken.
pub(crate) fn reserve(app: &App, options: &ImportOptions, name: &str) -> Result<Running, Problem> {
    let id = new_id()?;
    let (site, name) = (options.site.clone(), name.to_owned());
    let running = app.imports.begin(id, site, name, options.dry_run);
    running.ok_or_else(busy)
}

fn new_id() -> Result<String, Problem> {
    random_id().map_err(|error| {
        Problem::new(Code::Internal, "no import can begin; see the hub's log").because(error)
    })
}

fn busy() -> Problem {
    Problem::new(
        Code::Busy,
        "other imports are under way; try again when one has ended",
    )
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
    let job = known(&app, &id).await?;
    job.map(Json).ok_or_else(|| {
        let detail = "this hub knows no such import since its start; to be sure, import the same file \
                      again: it changes nothing where it was done";
        Problem::new(Code::NotFound, detail)
    })
}

/// An import by its id.
pub(crate) async fn known(app: &App, id: &str) -> Result<Option<Job>, Problem> {
    let Some(queue) = &app.queue else {
        return Ok(app.imports.get(id));
    };
    let known = queue.get(id).await.map_err(HubError::from)?;
    Ok(known.map(QueuedImport::job))
}

/// Why a file was not taken.
pub(crate) fn not_taken(error: UploadError) -> Problem {
    let code = match &error {
        UploadError::Stalled => Code::RequestTimeout,
        UploadError::Broken(_) => Code::BadRequest,
        UploadError::TooLarge => Code::TooLarge,
        UploadError::Another { .. } => Code::Invalid,
        UploadError::Store(store) if store.is_not_found() => Code::NotFound,
        UploadError::Store(_) => {
            let detail = "the store cannot be used now; see the hub's log";
            return Problem::new(Code::Unavailable, detail).because(error);
        }
        UploadError::NoRoom { .. } => {
            return Problem::new(Code::NoRoom, error.to_string()).because(error);
        }
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests;
