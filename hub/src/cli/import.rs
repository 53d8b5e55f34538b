//! `causeway-hub import`: files as the rows of a site that no agent writes.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use causeway_agent::{Silent, TablePlan};
use causeway_shared::ids::SiteName;
use causeway_shared::limits;
use causeway_shared::runtime::blocking;
use causeway_shared::runtime::program::{Answer, count};
use clap::Args;

use super::CliError;
use crate::config::HubConfig;
use crate::import::dump::Dialect;
use crate::import::{GivenFile, ImportOptions, Imported, Importer, remedy};
use crate::temporary_folder::sweep;

/// What to import, and how.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Dumps (.sql) and CSV files that are called as their tables are (appointment.csv)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The site whose rows they are
    #[arg(long, value_name = "SITE")]
    site: SiteName,
    /// Add rows, and update those whose keys are there; else each table in the files replaces that table
    #[arg(long)]
    add: bool,
    /// Show what would be committed; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Accept that a table loses a large part of its rows
    #[arg(long)]
    allow_shrink: bool,
    /// Replace the agent that wrote the site
    #[arg(long)]
    take_over: bool,
    /// The database that wrote a dump that does not say so: mysql, postgresql or sqlite
    #[arg(long, value_name = "DATABASE")]
    dialect: Option<Dialect>,
}

impl ImportArgs {
    pub(super) async fn answer(self, config: HubConfig, json: bool) -> Result<Answer, CliError> {
        let importer = Importer::open(&config).await?;
        // They only take room; what cannot be taken away stays.
        let _ = blocking::spawn(sweep).await;
        let options = ImportOptions {
            site: self.site,
            add: self.add,
            dry_run: self.dry_run,
            take_over: self.take_over,
            allow_shrink: self.allow_shrink,
            dialect: self.dialect,
        };
        let file = |path: PathBuf| GivenFile {
            name: path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            ),
            path,
            is_upload: false,
        };
        let files = self.files.into_iter().map(file).collect();
        let imported = importer.run(files, &options, Arc::new(Silent)).await?;
        let exit = imported.exit();
        Ok(Answer::of(
            json,
            &imported,
            shown(&imported, options.dry_run),
            exit,
        ))
    }
}

/// What an import did, or would do.
fn shown(imported: &Imported, is_plan: bool) -> String {
    let report = &imported.report;
    let mut text = String::new();
    let would = if is_plan { "would be " } else { "" };
    for (table, of) in &report.tables {
        let _ = writeln!(
            text,
            "{table}: {}, before {}; {} of {} {would}written, {} removed",
            count(of.rows, "row"),
            of.was_rows,
            of.new + of.changed,
            count(of.partitions, "partition"),
            of.gone,
        );
        refused(&mut text, of);
    }
    for held in &report.held {
        let _ = writeln!(text, "{held}\n  {}", remedy(held));
    }
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    for dangling in &report.dangling {
        let _ = writeln!(text, "{dangling}");
    }
    if report.restored > 0 {
        let lost = count(report.restored, "object");
        let _ = writeln!(text, "{lost} that the store had lost {would}written again");
    }
    if !imported.skipped.is_empty() {
        let kind = |(kind, times): (&String, &u64)| format!("{kind} ({times})");
        let kinds: Vec<String> = imported.skipped.iter().map(kind).collect();
        let _ = writeln!(text, "not executed: {}", kinds.join(", "));
    }
    let read = count(report.rows.scanned, "row");
    let partitions = report.partitions;
    let _ = match report.commit {
        Some(seq) if partitions.changed + partitions.removed == 0 => writeln!(
            text,
            "{read} read, none changed; commit {seq} of site {} notes its dataset, and that imports write it",
            report.site
        ),
        Some(seq) => writeln!(text, "{read} read; commit {seq} of site {}", report.site),
        None if is_plan => writeln!(text, "{read} read; nothing was written"),
        None if report.restored > 0 => {
            writeln!(text, "{read} read; no commit, since the log has them")
        }
        None => writeln!(text, "{read} read; nothing changed"),
    };
    text
}

/// The refused rows of a table, by their reasons.
fn refused(text: &mut String, of: &TablePlan) {
    for kind in &of.reasons {
        let column = kind.column.as_ref().map(|column| format!("{column}: "));
        let _ = writeln!(
            text,
            "  {} refused, as in {}, {}: {}{}",
            count(kind.rows, "row"),
            kind.source,
            kind.place,
            column.unwrap_or_default(),
            kind.reason
        );
    }
    // Of a table with very many refused rows only the first are kept with their reasons.
    let listed = limits::total(of.reasons.iter().map(|kind| kind.rows));
    if let Some(others @ 1..) = of.refused.checked_sub(listed) {
        let others = count(others, "more row");
        let _ = writeln!(text, "  {others} refused, {} in all", of.refused);
    }
}

#[cfg(test)]
mod tests {
    use causeway_agent::RefusedKind;

    use super::*;

    #[test]
    fn all_refused_rows_are_counted_though_only_the_first_are_listed() {
        let kind = |rows, reason: &str| RefusedKind {
            rows,
            column: Some("email".into()),
            reason: reason.into(),
            source: "customer.csv".into(),
            place: "line 7".into(),
        };
        let of = |refused| TablePlan {
            refused,
            reasons: vec![kind(9, "must have a value"), kind(1, "is too long")],
            ..TablePlan::default()
        };
        let said = |refused| {
            let mut text = String::new();
            super::refused(&mut text, &of(refused));
            text
        };
        insta::assert_snapshot!(said(1_010), @"
          9 rows refused, as in customer.csv, line 7: email: must have a value
          1 row refused, as in customer.csv, line 7: email: is too long
          1000 more rows refused, 1010 in all
        ");
        assert!(!said(10).contains("in all"), "{}", said(10));
    }
}
