//! The page of the conflicts: both sides of each, with a button for either. It needs no script.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use causeway_shared::commit::RowKey;
use causeway_shared::edits_object::{Loser, Texts as RowTexts};
use causeway_shared::ids::{Part, SiteName};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::assets::address;
use super::edits::{self, cut, parsed, row_query};
use super::language::Language;
use super::lists::{given, query};
use super::texts::{ConflictsTexts, Texts};
use super::{Visit, read};
use crate::edits::disputed_columns;
use crate::http::problem::{Code, Problem};
use crate::http::request::Params;
use crate::services::conflicts::{
    self, Clash, Conflict, ConflictKind, ConflictPosition, ConflictsPage, ConflictsQuery, Side,
};
use crate::services::edits::text_of_key;
use crate::services::error::{NotAllowed, ServiceError};
use crate::stats::meetassist::APPOINTMENT;

/// Conflicts on a page.
const LIMIT: usize = 50;

const NOTHING: Shown<'static> = Shown {
    text: None,
    stands: false,
};

/// What the page's address says; what is empty is not asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    site: String,
    #[serde(default)]
    cursor: String,
    /// Whose side was just taken.
    taken: Option<Side>,
}

#[derive(Debug, Template)]
#[template(path = "conflicts.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    c: &'static ConflictsTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    zone: TimeZone,
    sites: Vec<SiteName>,
    asked: Asked,
    page: ConflictsPage,
}

/// What both sides have in a column.
#[derive(Debug, PartialEq, Eq)]
struct Compared<'c> {
    /// Empty: the row as a whole.
    column: &'c str,
    /// The site's and the cloud's; of a clash the marked row's and the other's.
    sides: [Shown<'c>; 2],
}

#[derive(Debug, PartialEq, Eq)]
struct Shown<'c> {
    text: Option<&'c str>,
    /// Whether it is what the database shows now.
    stands: bool,
}

impl Page<'_> {
    /// The parameters of the filter, for more to follow.
    fn filter(&self) -> String {
        let mut filter = query([("site", &*self.asked.site)]);
        if !filter.is_empty() {
            filter.push('&');
        }
        filter
    }

    fn cursor(&self, next: &ConflictPosition) -> String {
        query([("cursor", &*next.to_string())])
    }

    /// What both sides say, column by column.
    fn lines<'c>(&'c self, conflict: &'c Conflict) -> Vec<Compared<'c>> {
        let (t, row) = (self.c, conflict.row.as_ref());
        let (site, cloud) = (&conflict.lost.site, &conflict.lost.cloud);
        let mut lines = Vec::new();
        let is_deletion = |loser: &Option<Loser>| matches!(loser, Some(Loser::Deletion));
        if row.is_none() || is_deletion(site) || is_deletion(cloud) {
            let of = |loser: &Option<Loser>| {
                let is_there = match loser {
                    Some(Loser::Deletion) => false,
                    Some(Loser::Columns(_)) => true,
                    None => row.is_some(),
                };
                Shown {
                    text: Some(if is_there { t.there } else { t.deleted }),
                    stands: loser.is_none(),
                }
            };
            lines.push(Compared {
                column: "",
                sides: [of(site), of(cloud)],
            });
        }
        let columns = disputed_columns(&conflict.lost, row);
        lines.extend(columns.into_iter().map(|column| Compared {
            column,
            sides: [shown(column, site, row), shown(column, cloud, row)],
        }));
        lines
    }

    /// Where a clashing row and the one that comes first differ, the values they share before.
    fn differences<'c>(&self, conflict: &'c Conflict, clash: &'c Clash) -> Vec<Compared<'c>> {
        let (Some(row), Some(first)) = (&conflict.row, &clash.row) else {
            return Vec::new();
        };
        let is_shared = |name: &str| clash.unique.iter().any(|column| column.as_str() == name);
        let mut lines: Vec<Compared<'c>> = row
            .iter()
            .filter(|(name, text)| is_shared(name) || first.get(*name) != Some(*text))
            .map(|(name, text)| {
                let of = |text: &'c Option<String>| Shown {
                    text: text.as_deref(),
                    stands: is_shared(name),
                };
                Compared {
                    column: name,
                    sides: [of(text), first.get(name).map_or(NOTHING, of)],
                }
            })
            .collect();
        lines.sort_by_key(|line| !is_shared(line.column));
        lines
    }

    /// The parameters of the edits of a row.
    fn of_row(&self, conflict: &Conflict, key: &RowKey) -> String {
        row_query(
            &conflict.site,
            conflict.table.as_str(),
            &text_of_key(key.texts()),
        )
    }

    /// The page on which the rows can be changed.
    fn day(&self, conflict: &Conflict) -> Option<String> {
        match conflict.part {
            Part::Date(date) if conflict.table.as_str() == APPOINTMENT => {
                Some(format!("/appointments?date={date}&site={}", conflict.site))
            }
            _ => None,
        }
    }

    fn when(&self, conflict: &Conflict) -> String {
        let at = conflict.at.to_zoned(self.zone.clone());
        self.language.moment(&at)
    }

    fn is_clash(&self, conflict: &Conflict) -> bool {
        conflict.kind == ConflictKind::Clash
    }
}

fn shown<'c>(column: &str, lost: &'c Option<Loser>, row: Option<&'c RowTexts>) -> Shown<'c> {
    let text = |texts: &'c RowTexts| texts.get(column).and_then(Option::as_deref);
    match lost {
        Some(Loser::Columns(columns)) if columns.contains_key(column) => Shown {
            text: text(columns),
            stands: false,
        },
        _ => Shown {
            text: row.and_then(text),
            stands: true,
        },
    }
}

/// Answers with the page.
pub(super) async fn page(visit: Visit, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let query = ConflictsQuery {
        site: parsed("site", given(&asked.site))?,
        after: parsed("cursor", given(&asked.cursor))?,
        limit: LIMIT,
    };
    let page = conflicts::list(&app.hub, &query, (app.clock)()).await?;
    let views = app.hub.sites(None).await?;
    visit.answer(&Page {
        language,
        t,
        c: &t.of_conflicts,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        zone: app.hub.zone(),
        sites: views.into_iter().map(|view| view.site).collect(),
        asked,
        page,
    })
}

/// A side to take.
#[derive(Debug, Deserialize)]
pub(super) struct TakeForm {
    id: String,
    take: Side,
    /// The filter of the page that it comes from.
    #[serde(default)]
    site: String,
}

/// Takes a side and shows what is left.
pub(super) async fn take(
    visit: Visit,
    form: Result<Form<TakeForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = visit.editor()?;
    let (app, _, t) = visit.parts();
    let id = form.id.parse();
    let id = id.map_err(|_: &str| Problem::new(Code::NotFound, t.of_conflicts.closed))?;
    let taken = conflicts::take(&app.hub, &id, form.take, editor.by());
    if let Err(error) = taken.await {
        return Err(problem_of_take(error, t));
    }
    let taken = match form.take {
        Side::Site => "site",
        Side::Cloud => "cloud",
    };
    let to = query([("site", &*form.site), ("taken", taken)]);
    Ok(Redirect::to(&format!("/conflicts?{to}")).into_response())
}

/// Why no side was taken, as people say it.
fn problem_of_take(error: ServiceError, t: &Texts) -> Problem {
    let c = &t.of_conflicts;
    let detail = match &error {
        ServiceError::Changed(..) => c.changed,
        ServiceError::NotFound(_) => c.closed,
        ServiceError::NotAllowed(NotAllowed::RowUnknown, _) => c.row_unknown,
        ServiceError::NotAllowed(NotAllowed::InTheWay, _) => c.in_the_way,
        ServiceError::NotAllowed(NotAllowed::Clashes, _) => c.clash_hint,
        _ => return edits::problem_of_change(error, t),
    };
    Problem::from(error).saying(detail)
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
