//! The page of imports: a file is taken and previewed, then imported as it was shown. It needs no
//! script, except for a file that is too large for a function's requests.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::rejection::FormRejection;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use causeway_agent::{IMPORTER, Reason};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout;
use serde::Deserialize;

use super::assets::address;
use super::language::Language;
use super::texts::{ImportTexts, Texts};
use super::{Visit, read};
use crate::api::imports::{content_length, known, not_taken, reserve, start, wait_for_tick};
use crate::auth::Caller;
use crate::error::HubError;
use crate::http::App;
use crate::http::content_security_policy;
use crate::http::problem::{Code, Problem};
use crate::http::request::PathOf;
use crate::import::dump::Dialect;
use crate::import::jobs::{Job, Running, Stage};
use crate::import::queue::QueuedImport;
use crate::import::upload::{Upload, UploadError};
use crate::import::{ImportError, ImportOptions, Imported, extension_of};

/// The largest file that goes with a form to a function.
const MAX_REQUEST_BYTES: u64 = 4_000_000;
/// An upload that nobody makes: only its address is looked at.
const SIGNED_FOR: Duration = Duration::from_secs(1);
/// What a form may have beside the file.
const MAX_FORM_BYTES: u64 = 64 << 10;
/// Longest text of a field beside the file.
const MAX_TEXT_BYTES: usize = 200;
/// Reasons for refused rows that are shown of a table, and lines of each other kind.
const MAX_LINES: usize = 20;
/// Earlier imports that are listed.
const MAX_LISTED: usize = 10;

#[derive(Debug, Template)]
#[template(path = "import.html")]
struct FormPage<'p> {
    language: Language,
    t: &'static Texts,
    i: &'static ImportTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    /// Why the form was not taken.
    notice: Option<&'static str>,
    /// The sites that imports have written.
    sites: Vec<SiteName>,
    site: &'p str,
    jobs: Vec<Job>,
    /// The largest file that a request may have, where larger ones are uploaded by a script.
    limit: Option<u64>,
}

#[derive(Debug, Template)]
#[template(path = "import_job.html")]
struct JobPage<'p> {
    language: Language,
    t: &'static Texts,
    i: &'static ImportTexts,
    visitor: Option<&'p str>,
    is_editor: bool,
    job: Job,
}

impl JobPage<'_> {
    /// Whether a table would lose so many rows that somebody has to agree.
    fn shrinks(&self, imported: &Imported) -> bool {
        let mut held = imported.report.held.iter();
        held.any(|held| {
            matches!(
                held.reason,
                Reason::Shrunk { .. } | Reason::Undeclared { .. } | Reason::ColumnsGone { .. }
            )
        })
    }

    /// Whether importing it would change anything.
    fn would_change(&self, imported: &Imported) -> bool {
        let report = &imported.report;
        !report.changes.is_empty() || report.restored > 0 || self.shrinks(imported)
    }

    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// What else is to say, a line each.
    fn notes(&self, imported: &Imported) -> Vec<String> {
        let report = &imported.report;
        let dangling = report.dangling.iter().map(ToString::to_string);
        let notes = report.notes.iter().cloned().chain(dangling);
        notes.take(MAX_LINES).collect()
    }

    fn skipped(&self, imported: &Imported) -> String {
        let kinds = imported.skipped.iter().take(MAX_LINES);
        let kinds = kinds.map(|(kind, times)| format!("{kind} ({times})"));
        kinds.collect::<Vec<_>>().join(", ")
    }
}

/// Answers with the form.
pub(super) async fn page(visit: Visit) -> Result<Response, Problem> {
    form(&visit, (None, "")).await
}

async fn form(
    visit: &Visit,
    (notice, site): (Option<&'static str>, &str),
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let views = app.hub.sites(None).await?.into_iter();
    let imported = views.filter(|view| {
        let head = view.catalog.head.as_ref();
        head.is_some_and(|head| head.writer.host == IMPORTER)
    });
    let mut jobs = match &app.queue {
        None => app.imports.newest(),
        Some(queue) => {
            let queued = queue.newest().await.map_err(HubError::from)?;
            queued.into_iter().map(QueuedImport::job).collect()
        }
    };
    jobs.truncate(MAX_LISTED);
    let uploads_to = match &app.queue {
        None => None,
        Some(_) => uploads_to(app).await,
    };
    let mut page = visit.answer(&FormPage {
        language,
        t,
        i: &t.of_import,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        notice,
        sites: imported.map(|view| view.site).collect(),
        site,
        jobs,
        limit: uploads_to.as_ref().map(|_| MAX_REQUEST_BYTES),
    })?;
    if let Some(origin) = uploads_to {
        let policy = HeaderValue::from_str(&content_security_policy(&origin));
        if let Ok(policy) = policy {
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    Ok(page)
}

/// Where the page's script may send a file, besides here.
async fn uploads_to(app: &App) -> Option<String> {
    let key = layout::QUEUED_IMPORTS;
    let signed = app
        .hub
        .store()
        .sign_upload(key, (1, Md5::of(b"")), SIGNED_FOR);
    let url = signed.await.ok().flatten()?.url;
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    Some(format!("{scheme}://{host}"))
}

/// The fields beside the file, which stand before it.
#[derive(Debug, Default)]
struct Fields {
    site: String,
    add: bool,
    dialect: String,
}

/// Takes a file and begins to preview its import.
pub(super) async fn preview(
    visit: Visit,
    headers: HeaderMap,
    sent: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    visit.editor()?;
    let content_length = content_length(&headers).map(|bytes| bytes.saturating_sub(MAX_FORM_BYTES));
    let mut sent = sent.map_err(|why| Problem::of_body(why.status(), why.body_text()))?;
    let mut fields = Fields::default();
    while let Some(field) = sent.next_field().await.map_err(broken)? {
        match field.name() {
            Some("site") => fields.site = text(field).await?.trim().to_owned(),
            Some("add") => fields.add = text(field).await? == "true",
            Some("dialect") => fields.dialect = text(field).await?,
            // A form without a file sends one that has no name.
            Some("file") if field.file_name().is_some_and(|name| !name.is_empty()) => {
                return take(&visit, fields, (field, content_length)).await;
            }
            _ => {}
        }
    }
    let t = visit.texts();
    refuse(&visit, t.of_import.no_file, &fields.site).await
}

/// The form again, with why it was not taken.
async fn refuse(visit: &Visit, why: &'static str, site: &str) -> Result<Response, Problem> {
    let page = form(visit, (Some(why), site)).await?;
    Ok(Problem::new(Code::Invalid, why).into_page(page))
}

async fn take(
    visit: &Visit,
    fields: Fields,
    (file, content_length): (Field<'_>, Option<u64>),
) -> Result<Response, Problem> {
    let Visit { app, caller, .. } = visit;
    let t = visit.texts();
    let i = &t.of_import;
    let Ok(site) = SiteName::new(&fields.site) else {
        return refuse(visit, i.no_site, &fields.site).await;
    };
    let dialect: Option<Dialect> = match &*fields.dialect {
        "" => None,
        name => Some(
            name.parse()
                .map_err(|problem: String| Problem::unreadable("the form", "dialect", problem))?,
        ),
    };
    let views = app.hub.sites(None).await?;
    let of_agent = views.iter().any(|view| {
        let head = view.catalog.head.as_ref();
        view.site == site && head.is_some_and(|head| head.writer.host != IMPORTER)
    });
    if of_agent {
        return refuse(visit, i.has_agent, &fields.site).await;
    }
    let options = ImportOptions {
        site,
        add: fields.add,
        dry_run: true,
        take_over: false,
        allow_shrink: false,
        dialect,
    };
    let name = file.file_name().unwrap_or_default();
    // Some browsers send where it lay.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.to_owned();
    if let Some(queue) = &app.queue {
        let kept = keep(app, (name, &options), content_length, file).await;
        let file = kept.map_err(|error| not_taken_by(i, error))?;
        let id = wait_for_tick(queue, file, &options, &caller.name).await;
        return Ok(to_job(id.map_err(|problem| busy(problem, i))?));
    }
    let running = reserve(app, &options, &name).map_err(|problem| busy(problem, i))?;
    let upload = match Upload::receive(name, content_length, file).await {
        Ok(upload) => upload,
        Err(error) => {
            running.forget();
            return Err(not_taken_by(i, error));
        }
    };
    Ok(to_job(begin(app, options, upload.into(), running, caller)))
}

/// Puts a file into the store: its name and key.
async fn keep(
    app: &App,
    (name, options): (String, &ImportOptions),
    content_length: Option<u64>,
    file: Field<'_>,
) -> Result<(String, String), UploadError> {
    let Ok(extension) = extension_of(&name) else {
        // The import says so.
        return Err(UploadError::Broken(
            ImportError::NoKind { name }.to_string(),
        ));
    };
    let upload = Upload::receive(name.clone(), content_length, file).await?;
    let key = upload
        .keep(app.hub.store(), &options.site, extension)
        .await?;
    Ok((name, key))
}

fn not_taken_by(i: &ImportTexts, error: UploadError) -> Problem {
    let why = i.not_taken(&error);
    not_taken(error).saying(why)
}

/// The same, in the language of the page where it is that others are under way.
fn busy(problem: Problem, i: &ImportTexts) -> Problem {
    match problem.code {
        Code::Busy => problem.saying(i.busy),
        _ => problem,
    }
}

fn begin(
    app: &Arc<App>,
    options: ImportOptions,
    upload: Arc<Upload>,
    running: Running,
    caller: &Caller,
) -> String {
    let id = running.id().to_owned();
    let keeps = options.dry_run;
    start(
        Arc::clone(app),
        options,
        upload,
        running,
        (&caller.name, keeps),
    );
    id
}

fn to_job(id: String) -> Response {
    Redirect::to(&format!("/import/{id}")).into_response()
}

fn broken(error: MultipartError) -> Problem {
    Problem::of_body(error.status(), error.body_text())
}

async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_TEXT_BYTES {
            return Err(Problem::bad_request("a field of the form is too long"));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Answers with how far an import is, and what came of it.
pub(super) async fn job(visit: Visit, PathOf(id): PathOf<String>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let job = known(app, &id).await?;
    let job = job.ok_or_else(|| Problem::new(Code::NotFound, t.of_import.unknown))?;
    visit.answer(&JobPage {
        language,
        t,
        i: &t.of_import,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        job,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct RunForm {
    allow_shrink: Option<String>,
}

/// Imports a file as it was previewed.
pub(super) async fn run(
    visit: Visit,
    PathOf(id): PathOf<String>,
    form: Result<Form<RunForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    visit.editor()?;
    let Visit { app, caller, .. } = &visit;
    let t = visit.texts();
    let i = &t.of_import;
    let gone = || Problem::new(Code::NotFound, i.not_kept);
    if let Some(queue) = &app.queue {
        let previewed = queue.get(&id).await.map_err(HubError::from)?;
        let previewed = previewed.ok_or_else(gone)?;
        let options = ImportOptions {
            dry_run: false,
            allow_shrink: form.allow_shrink.is_some(),
            ..previewed.options()
        };
        let file = (previewed.file, previewed.key);
        let id = wait_for_tick(queue, file, &options, &caller.name).await;
        return Ok(to_job(id.map_err(|problem| busy(problem, i))?));
    }
    let previewed = app.imports.get(&id).and_then(|job| job.kept);
    let previewed = previewed.ok_or_else(gone)?;
    let options = ImportOptions {
        dry_run: false,
        allow_shrink: form.allow_shrink.is_some(),
        ..previewed.options.clone()
    };
    let running = reserve(app, &options, &previewed.upload.name);
    let running = running.map_err(|problem| busy(problem, i))?;
    // Sent twice, it is begun once.
    let kept = app.imports.take_kept(&id).ok_or_else(gone)?;
    Ok(to_job(begin(app, options, kept.upload, running, caller)))
}

// On SQLite alone: what is imported is the agent library's to judge.
#[cfg(test)]
mod tests;
