//! `causeway-hub vacuum`: edits objects that nobody can ask for any more.

use std::fmt::Write as _;

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, count, size};
use clap::Args;

use super::{CliError, exit};
use crate::sync::{Hub, VacuumReport};

/// Which edits objects to delete.
#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// One site only
    #[arg(long, value_name = "SITE")]
    site: Option<SiteName>,
    /// Count what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl VacuumArgs {
    pub(super) async fn answer(self, hub: &Hub, json: bool) -> Result<Answer, CliError> {
        let report = hub.vacuum(self.site.as_ref(), clock::now(), self.dry_run);
        let report = report.await?;
        let exit = exit(report.needs_a_look(), report.is_retryable());
        Ok(Answer::of(json, &report, text(&report), exit))
    }
}

fn text(report: &VacuumReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = String::new();
    for of in &report.sites {
        let site = &of.site;
        if let Some(error) = &of.error {
            let _ = writeln!(text, "{site}: {error}");
        }
        if let Some(owner) = &of.owner {
            let _ = writeln!(
                text,
                "{site}: nothing, since {} owns its edits",
                owner.address
            );
            continue;
        }
        let (objects, checkpoints) = (of.objects, of.checkpoints);
        let _ = writeln!(
            text,
            "{site}: {} and {} {would}deleted, {}",
            count(objects, "edits object"),
            count(checkpoints, "checkpoint"),
            size(of.bytes),
        );
        if let Some(seq) = of.retained_from {
            let _ = writeln!(
                text,
                "{site}: commit {seq} of edits is the oldest that is still whole"
            );
        }
    }
    if report.sites.is_empty() {
        text.push_str("no site is in the store\n");
    }
    text
}
