//! The page of the database: its tables, what is in them and what they take, and what is declared of them.

use askama::Template;
use axum::response::{Redirect, Response};
use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Column, Dataset, Table};

use super::assets::address;
use super::language::Language;
use super::texts::{DatabaseTexts, Texts};
use super::{Visit, asleep, prose};
use crate::api::database::{have_woken, put_to_sleep};
use crate::http::problem::Problem;
use crate::services::database::{self, SiteStats};

/// From here on sizes are written in the next unit.
const NEXT_UNIT: u64 = 1_024;

#[derive(Debug, Template)]
#[template(path = "database.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    d: &'static DatabaseTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    database: String,
    /// `None`: it has no server that could be stopped.
    sleep: Option<SleepForm>,
    sites: Vec<SiteStats>,
}

/// How the database stands, and which form changes that.
#[derive(Debug)]
enum SleepForm {
    Awake,
    /// Why it is not asked, in words.
    Asleep(&'static str),
}

impl Page<'_> {
    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// A size in the largest unit of which there is one.
    fn size(&self, bytes: &u64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"];
        let (mut size, mut unit) = (*bytes, 0);
        while size >= NEXT_UNIT && unit + 1 < units.len() {
            size /= NEXT_UNIT;
            unit += 1;
        }
        format!("{} {}", self.language.number(size), units[unit])
    }

    /// What is declared of a column, in words.
    fn rules(&self, dataset: &Dataset, table: &Table, (place, column): (usize, &Column)) -> String {
        let d = self.d;
        let mut rules = Vec::new();
        if table.key.contains(&place) {
            rules.push(d.key.to_owned());
        } else if column.not_null {
            rules.push(d.required.to_owned());
        }
        if let Some(parent) = column.references {
            rules.push(format!("{} {}", d.refers_to, dataset.tables[parent].name));
        }
        if !column.values.is_empty() {
            rules.push(format!("{} {}", d.one_of, column.values.join(", ")));
        }
        if let Some(most) = column.max_chars {
            rules.push(format!(
                "{} {}",
                self.language.number(most.into()),
                d.characters
            ));
        }
        for (bound, word) in [(&column.min, d.at_least), (&column.max, d.at_most)] {
            if let Some(text) = bound.as_ref().and_then(canonical_text) {
                rules.push(format!("{word} {text}"));
            }
        }
        rules.join("; ")
    }
}

/// Answers with the page.
pub(super) async fn page(visit: Visit) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    visit.answer(&Page {
        language,
        t,
        d: &t.of_database,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        database: app.database_name.clone(),
        sleep: match asleep::notice(&language) {
            Some(why) => Some(SleepForm::Asleep(why)),
            None => app.hub.database().has_server().then_some(SleepForm::Awake),
        },
        sites: database::stats(&app.hub, None).await?,
    })
}

/// Puts the database to sleep.
pub(super) async fn sleep(visit: Visit) -> Result<Redirect, Problem> {
    visit.editor()?;
    put_to_sleep(&visit.app).await?;
    Ok(Redirect::to("/database"))
}

/// Has it woken.
pub(super) async fn wake(visit: Visit) -> Result<Redirect, Problem> {
    visit.editor()?;
    have_woken(&visit.app).await?;
    Ok(Redirect::to("/database"))
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::serve::testbed::Testbed;

    #[tokio::test]
    async fn tables_are_shown_with_what_is_declared_of_them() {
        let bed = Testbed::with_a_day(&["hcm-01"]).await;
        let cookie = format!("{}; causeway_lang=en", bed.cookie_of(&bed.viewer).await);
        let page = bed.visit("/database", &cookie).await;
        assert_eq!(page.status, StatusCode::OK);
        for shown in [
            "<th scope=\"row\">appointment</th>",
            "one of pending, confirmed, completed, cancelled",
            "required; refers to customer",
            "KiB",
        ] {
            assert!(page.body.contains(shown), "{shown}: {}", page.body);
        }
    }

    #[tokio::test]
    async fn whoever_is_not_signed_in_sees_nothing() {
        let bed = Testbed::with_a_shop().await;
        let page = bed.visit("/database", "").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
    }
}
