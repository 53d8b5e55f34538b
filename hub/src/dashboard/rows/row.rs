//! The page of one row, with a form to change it, and the form for a new one.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse as _, Redirect, Response};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::value::Type;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::besides::{self, Asked};
use super::{SHOWN, Shown, control, text};
use crate::dashboard::appointments;
use crate::dashboard::assets::address;
use crate::dashboard::edits::changes;
use crate::dashboard::language::Language;
use crate::dashboard::lists::{Control, Field, site};
use crate::dashboard::texts::{ListTexts, Texts};
use crate::dashboard::{Visit, read};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf};
use crate::services::appointments::Written;
use crate::services::error::ServiceError;
use crate::services::precondition::Precondition;
use crate::services::record::Record;

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
    /// Slots that were made, and those that were there.
    created: u64,
    kept: u64,
    /// The week of slots.
    week: String,
    /// Of participants.
    status: String,
}

impl RowParams {
    fn notice(&self, language: Language) -> Option<(String, bool)> {
        let t = language.texts();
        let (l, s) = (&t.of_lists, &t.of_slots);
        let done = match self.done.as_str() {
            "created" => l.created.to_owned(),
            "saved" => l.saved.to_owned(),
            "undone" => t.of_edits.is_undone.to_owned(),
            "opened" => s.was_opened.to_owned(),
            "closed" => s.was_closed.to_owned(),
            "generated" => {
                let [created, kept] = [self.created, self.kept].map(|n| language.number(n));
                format!("{created} {}; {kept} {}.", s.made, s.kept)
            }
            _ => return None,
        };
        match self.waits {
            true => Some((format!("{done} {}", t.of_day.not_flushed), false)),
            false => Some((done, false)),
        }
    }
}

/// A form as it was sent: names and texts.
pub(super) type Sent = Vec<(String, String)>;

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
    /// What follows its columns, as HTML.
    besides: String,
}

/// The form for a new row.
pub(super) async fn new(shown: &'static Shown, visit: Visit) -> Result<Response, Problem> {
    visit.editor()?;
    show_new(shown, &visit, None, &Sent::new()).await
}

/// The page of a row.
pub(super) async fn page(
    shown: &'static Shown,
    visit: Visit,
    PathOf(id): PathOf<String>,
    Params(asked): Params<RowParams>,
) -> Result<Response, Problem> {
    let (app, language, _) = visit.parts();
    let notice = asked.notice(language);
    let site = site(&asked.site)?;
    let row = shown.resource.one(&app.hub, site.as_ref(), &id).await?;
    let asked = Asked {
        week: &asked.week,
        status: &asked.status,
        ..Asked::default()
    };
    show_row(shown, &visit, &row, notice, asked).await
}

/// Makes a row, or changes the one of a key, and shows it; or the form again, with the reason why not.
pub(super) async fn save(
    shown: &'static Shown,
    key: Option<String>,
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let sent = read(form)?;
    let editor = visit.editor()?;
    let (app, language, _) = visit.parts();
    let (site, by) = (site_of(&sent)?, editor.by());
    let (site, resource) = (site.as_ref(), shown.resource);
    let mut members = members(shown, &sent);
    let saved = match &key {
        None => resource.create(&app.hub, site, &members, by).await,
        Some(key) => {
            let precondition = precondition(&sent)?;
            let which = (key.as_str(), &precondition);
            let row = resource.one(&app.hub, site, key).await?;
            members.retain(|name, _| !is_as_shown(&sent, name, &row));
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
    let notice = Some((refusal_text(&error, language), true));
    let page = match &key {
        None => show_new(shown, &visit, notice, &sent).await?,
        Some(key) => {
            let row = resource.one(&app.hub, site, key).await?;
            let asked = Asked {
                sent: &sent,
                ..Asked::default()
            };
            show_row(shown, &visit, &row, notice, asked).await?
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
fn precondition(sent: &Sent) -> Result<Precondition, Problem> {
    let Some((_, tag)) = sent.iter().find(|(name, _)| name == "tag") else {
        return Ok(Precondition::Any);
    };
    let tag = Md5::new(tag).map_err(Problem::bad_request)?;
    Ok(Precondition::Tags(vec![tag]))
}

fn site_of(sent: &Sent) -> Result<Option<SiteName>, Problem> {
    let sent = sent.iter().find(|(name, _)| name == "site");
    site(sent.map_or("", |(_, site)| site))
}

/// Whether a field holds what the row has, as far as a browser can tell: it has line breaks of its own, and an
/// empty text looks like NULL there.
fn is_as_shown(sent: &Sent, name: &str, row: &Record) -> bool {
    let sent = sent.iter().find(|(sent, _)| sent == name);
    let plain = |text: &str| text.replace("\r\n", "\n");
    sent.is_some_and(|(_, text)| plain(text) == plain(&row.text(name)))
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

/// The page of a consultant, where a form about slots was refused.
pub(super) async fn show_refused(
    visit: &Visit,
    (site, id): (&SiteName, &str),
    error: ServiceError,
    sent: &Sent,
) -> Result<Response, Problem> {
    let [consultants, ..] = &SHOWN;
    let row = consultants.resource.one(&visit.app.hub, Some(site), id);
    let row = row.await?;
    let week = sent.iter().find(|(name, _)| name == "week");
    let asked = Asked {
        week: week.map_or("", |(_, week)| week),
        sent,
        ..Asked::default()
    };
    let why = refusal_text(&error, visit.reading.language);
    let page = show_row(consultants, visit, &row, Some((why, true)), asked).await?;
    Ok(Problem::from(error).into_page(page))
}

/// Why a change was refused, as people say it.
fn refusal_text(error: &ServiceError, language: Language) -> String {
    let t = language.texts();
    let d = &t.of_day;
    match error {
        ServiceError::Changed(..) => t.of_lists.changed.to_owned(),
        ServiceError::KeyTaken(..) | ServiceError::NotUnique(_) | ServiceError::NotFound(_) => {
            format!("{}: {error}", d.refused)
        }
        error => appointments::refusal_notice(error, language).text,
    }
}

/// The fields of a row's form: as they were sent, else as the row has them.
fn fields(
    shown: &Shown,
    app: &App,
    language: Language,
    row: Option<&Record>,
    sent: &[(String, String)],
) -> Vec<Field> {
    let t = language.texts();
    let l = &t.of_lists;
    let table = app.hub.dataset().table(shown.resource.table());
    let values = |name: &str| {
        let values = table.map(|table| Some(&table.columns[table.column(name)?].values));
        values.flatten().filter(|values| !values.is_empty())
    };
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
        let control = match (*name, values(name)) {
            (_, Some(values)) => {
                let text = |value: &String| (value.clone(), t.status(value).to_owned());
                Control::Choice(values.iter().map(text).collect())
            }
            ("notes" | "content" | "specialties" | "qualifications", _) => Control::Long(LONG),
            // A field of one line would take the breaks out.
            _ if value.contains(['\n', '\r']) => Control::Long(LONG),
            _ => control(ty, LONG),
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
    visit: &Visit,
    notice: Option<(String, bool)>,
    sent: &Sent,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let l = &t.of_lists;
    let mut fields = fields(shown, app, language, None, sent);
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
    visit.answer(&Page {
        language,
        t,
        l,
        visitor: visit.signed_in(),
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
        besides: String::new(),
    })
}

async fn show_row(
    shown: &'static Shown,
    visit: &Visit,
    row: &Record,
    notice: Option<(String, bool)>,
    asked: Asked<'_>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let (l, is_editor) = (&t.of_lists, visit.is_editor());
    let fields = match is_editor {
        true => fields(shown, app, language, Some(row), asked.sent),
        false => Vec::new(),
    };
    let names = shown.resource.column_names();
    let facts = names.filter(|name| !fields.iter().any(|field| field.name == *name));
    let facts = facts.map(|name| (l.column(name), text(language, row, name)));
    let facts = facts.filter(|(_, text)| !text.is_empty()).collect();
    let asked = Asked { is_editor, ..asked };
    let besides = besides::part(shown, app, language, row, &asked).await?;
    let key = row.text(shown.resource.key());
    let which = (&row.site, shown.resource.table(), &*key);
    let changes = changes(app, is_editor, language, which).await?;
    visit.answer(&Page {
        language,
        t,
        l,
        visitor: visit.signed_in(),
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
        besides: besides + &changes,
    })
}
