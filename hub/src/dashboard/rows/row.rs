//! The page of one row, with a form to change it, and the form for a new one.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse as _, Redirect, Response};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::value::Type;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Shown, control, text};
use crate::auth::{Action, Caller};
use crate::dashboard::assets::address;
use crate::dashboard::language::{Language, ReaderLanguage};
use crate::dashboard::lists::{Cell, Control, Field, given};
use crate::dashboard::texts::{ListTexts, Texts};
use crate::dashboard::{Visitor, editor, html, read, signed_in};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf};
use crate::services::appointments::{CustomerQuery, Written, of_customer};
use crate::services::error::ServiceError;
use crate::services::only_if::OnlyIf;
use crate::services::record::Record;

/// Appointments that a customer's page shows.
const SHOWN_APPOINTMENTS: usize = 100;
/// Most characters of a text that its declaration does not bound.
const LONG: usize = 20_000;

/// What the page's address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RowParams {
    site: String,
    /// What was done just now.
    done: String,
    /// Whether it is not in the store yet.
    waits: bool,
}

/// A form as it was sent: names and texts.
type Sent = Vec<(String, String)>;

#[derive(Debug, Template)]
#[template(path = "row.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    l: &'static ListTexts,
    visitor: Option<&'p str>,
    /// The list that the row is of.
    list: (&'static str, &'static str),
    title: String,
    here: String,
    notice: Option<(String, bool)>,
    /// Labels and texts of what the form does not have.
    facts: Vec<(&'static str, String)>,
    /// Where the form is sent to; `None`: there is none.
    action: Option<String>,
    site: String,
    fields: Vec<Field>,
    /// The row's entity tag; `None`: it is not there yet.
    tag: Option<Md5>,
    /// Whether the row is disabled; `None`: it is not there yet.
    isdisabled: Option<bool>,
    /// The appointments of a customer, and how many more there are.
    appointments: Option<(Vec<Vec<Cell>>, u64)>,
}

/// The form for a new row.
pub(super) async fn new(
    shown: &'static Shown,
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    editor(&app, &caller, reading.language)?;
    let page = show_new(shown, &app, &caller, reading.language, None, &Sent::new()).await?;
    Ok((reading.headers(), page).into_response())
}

/// The page of a row.
pub(super) async fn page(
    shown: &'static Shown,
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    Params(asked): Params<RowParams>,
) -> Result<Response, Problem> {
    let t = reading.language.texts();
    let done = match asked.done.as_str() {
        "created" => Some(t.of_lists.created),
        "saved" => Some(t.of_lists.saved),
        _ => None,
    };
    let notice = done.map(|text| match asked.waits {
        true => (format!("{text} {}", t.of_day.not_flushed), false),
        false => (text.to_owned(), false),
    });
    let site = given(&asked.site).map(|site| SiteName::new(&site));
    let site = site.transpose().map_err(Problem::bad_request)?;
    let row = shown.resource.one(&app.hub, site.as_ref(), &id).await?;
    let unsent = Sent::new();
    let page = show_row(
        shown,
        &app,
        &caller,
        reading.language,
        &row,
        notice,
        &unsent,
    );
    Ok((reading.headers(), page.await?).into_response())
}

/// Makes a row, or changes the one of a key, and shows it; or the form again, with the reason why not.
pub(super) async fn save(
    shown: &'static Shown,
    key: Option<String>,
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let (sent, language) = (read(form)?, reading.language);
    let editor = editor(&app, &caller, language)?;
    let (site, by) = (site_of(&sent)?, editor.by());
    let (site, resource) = (site.as_ref(), shown.resource);
    let members = members(shown, &sent);
    let saved = match &key {
        None => resource.create(&app.hub, site, &members, by).await,
        Some(key) => {
            let only_if = only_if(&sent)?;
            let which = (key.as_str(), &only_if);
            resource.change(&app.hub, site, which, &members, by).await
        }
    };
    let error = match saved {
        Ok(written) => {
            let done = if key.is_none() { "created" } else { "saved" };
            return Ok(see(shown, &written, done));
        }
        Err(error) => error,
    };
    let notice = Some((refusal(&error, language), true));
    let page = match &key {
        None => show_new(shown, &app, &caller, language, notice, &sent).await?,
        Some(key) => {
            let row = resource.one(&app.hub, site, key).await?;
            show_row(shown, &app, &caller, language, &row, notice, &sent).await?
        }
    };
    Ok(Problem::from(error).into_page(page))
}

/// Sends the browser to the page of a changed row.
fn see(shown: &Shown, written: &Written, done: &str) -> Response {
    let waits = if written.flushed { "" } else { "&waits=true" };
    let to = format!("{}&done={done}{waits}", shown.address(&written.record));
    Redirect::to(&to).into_response()
}

/// The row that the form was filled from: what somebody else saved since is not written over.
fn only_if(sent: &Sent) -> Result<OnlyIf, Problem> {
    let Some((_, tag)) = sent.iter().find(|(name, _)| name == "tag") else {
        return Ok(OnlyIf::Any);
    };
    let tag = Md5::new(tag).map_err(Problem::bad_request)?;
    Ok(OnlyIf::Tags(vec![tag]))
}

fn site_of(sent: &Sent) -> Result<Option<SiteName>, Problem> {
    let site = sent.iter().find(|(name, _)| name == "site");
    let site = site.and_then(|(_, site)| given(site));
    let site = site.map(|site| SiteName::new(&site)).transpose();
    site.map_err(Problem::bad_request)
}

/// The form's fields as the members of a row: what is left empty is NULL. What cannot be one is left for
/// the service to refuse.
fn members(shown: &Shown, sent: &Sent) -> Map<String, Value> {
    let fields = sent
        .iter()
        .filter(|(name, _)| name != "site" && name != "tag");
    let members = fields.map(|(name, text)| {
        // As rows have line breaks, not as forms send them.
        let text = text.replace("\r\n", "\n");
        let value = match (shown.resource.type_of(name), text.as_str()) {
            (_, "") => Value::Null,
            (Some(Type::Bool), "true") => Value::Bool(true),
            (Some(Type::Bool), "false") => Value::Bool(false),
            (Some(Type::Int), digits) => match digits.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => text.into(),
            },
            _ => text.into(),
        };
        (name.clone(), value)
    });
    members.collect()
}

/// Why a change was refused, as people say it.
fn refusal(error: &ServiceError, language: Language) -> String {
    let t = language.texts();
    let d = &t.of_day;
    match error {
        ServiceError::Invalid(errors) => {
            let of = |error: &crate::services::fields::FieldError| {
                format!("{}: {}", t.of_lists.column(&error.field), error.message)
            };
            let errors: Vec<String> = errors.iter().map(of).collect();
            format!("{} – {}", d.refused, errors.join("; "))
        }
        ServiceError::Changed(..) => t.of_lists.changed.to_owned(),
        ServiceError::ReadOnly(why) => format!("{} {why}", d.read_only),
        ServiceError::TryAgain(_) | ServiceError::Hub(_) => d.not_now.to_owned(),
        error => format!("{}: {error}", d.refused),
    }
}

/// The fields of a row's form: as they were sent, else as the row has them.
fn fields(shown: &Shown, language: Language, row: Option<&Record>, sent: &Sent) -> Vec<Field> {
    let l = &language.texts().of_lists;
    let settable = shown.resource.settable().iter();
    let of_form = settable.filter(|name| **name != "isdisabled");
    let field = |name: &&'static str| {
        let sent = sent.iter().find(|(sent, _)| sent == name);
        let value = match (sent, row) {
            (Some((_, text)), _) => text.clone(),
            (None, Some(row)) => row.text(name),
            (None, None) => String::new(),
        };
        let ty = shown.resource.type_of(name).unwrap_or(Type::Text);
        let control = match (*name, ty) {
            ("notes" | "content" | "specialties" | "qualifications", _) => Control::Long(LONG),
            (_, ty) => control(ty, LONG),
        };
        let is_needed = shown.resource.needed().contains(name);
        Field {
            is_needed,
            ..Field::new(name, l.column(name), &value, control)
        }
    };
    of_form.map(field).collect()
}

async fn show_new(
    shown: &'static Shown,
    app: &App,
    caller: &Caller,
    language: Language,
    notice: Option<(String, bool)>,
    sent: &Sent,
) -> Result<Response, Problem> {
    let t = language.texts();
    let l = &t.of_lists;
    let mut fields = fields(shown, language, None, sent);
    let sites = shown.resource.sites(&app.hub, None).await?;
    let sites: Vec<String> = sites.iter().map(|view| view.site.to_string()).collect();
    let site = match &sites[..] {
        [site] => site.clone(),
        _ => {
            let chosen = sent.iter().find(|(name, _)| name == "site");
            let chosen = chosen.map_or("", |(_, site)| site.as_str());
            let choices = sites.iter().map(|site| (site.clone(), site.clone()));
            let control = Control::Choice(choices.collect());
            fields.insert(0, Field::new("site", l.site, chosen, control));
            String::new()
        }
    };
    let page = html(&Page {
        language,
        t,
        l,
        visitor: signed_in(app, caller),
        list: (shown.path, (shown.title)(t)),
        title: format!("{}: {}", (shown.title)(t), l.new),
        here: String::new(),
        notice,
        facts: Vec::new(),
        action: Some(shown.new_path.to_owned()),
        site,
        fields,
        tag: None,
        isdisabled: None,
        appointments: None,
    })?;
    Ok(page.into_response())
}

async fn show_row(
    shown: &'static Shown,
    app: &App,
    caller: &Caller,
    language: Language,
    row: &Record,
    notice: Option<(String, bool)>,
    sent: &Sent,
) -> Result<Response, Problem> {
    let t = language.texts();
    let l = &t.of_lists;
    let is_editor = caller.role.allows(Action::Change);
    let fields = match is_editor {
        true => fields(shown, language, Some(row), sent),
        false => Vec::new(),
    };
    let names = shown.resource.column_names();
    let facts = names.filter(|name| !fields.iter().any(|field| field.name == *name));
    let facts = facts.map(|name| (l.column(name), text(language, row, name)));
    let facts = facts.filter(|(_, text)| !text.is_empty()).collect();
    let appointments = match shown.has_appointments {
        true => Some(appointments(app, language, row).await?),
        false => None,
    };
    let page = html(&Page {
        language,
        t,
        l,
        visitor: signed_in(app, caller),
        list: (shown.path, (shown.title)(t)),
        title: row.text(shown.name),
        here: format!("site={}&", row.site),
        notice,
        facts,
        action: is_editor.then(|| shown.address(row)),
        site: row.site.to_string(),
        fields,
        tag: Some(shown.resource.tag(row)),
        isdisabled: Some(row.text("isdisabled") == "true"),
        appointments,
    })?;
    Ok(page.into_response())
}

/// The appointments of a customer, the newest first, and how many more there are.
async fn appointments(
    app: &App,
    language: Language,
    row: &Record,
) -> Result<(Vec<Vec<Cell>>, u64), Problem> {
    let query = CustomerQuery {
        site: Some(row.site.clone()),
        customerid: row.text("customerid"),
        after: None,
        limit: SHOWN_APPOINTMENTS,
    };
    let found = of_customer(&app.hub, &query, (app.clock)()).await?;
    let rows: Vec<Vec<Cell>> = found
        .items
        .iter()
        .map(|row| crate::dashboard::appointments::list::cells(language, row))
        .collect();
    let more = found.total - rows.len() as u64;
    Ok((rows, more))
}
