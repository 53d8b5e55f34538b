//! `causeway-hub load`, and what it and `plan` are asked for.

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit};
use clap::Args;
use jiff::civil::Date;

use super::{CliError, exit, show};
use crate::sync::{AsOf, DateRange, Hub, LoadReport, LoadRequest};

/// What to load, of when, and into which database.
#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    selection: Selection,
    /// A past state: the number of a commit, or a time (without an offset: in the window's zone)
    #[arg(long, value_name = "N|TIME", requires = "into")]
    as_of: Option<String>,
    /// The database for it: sqlite:FOLDER or postgres://…
    #[arg(long, value_name = "URL", requires = "as_of")]
    into: Option<String>,
}

/// What to load besides the window.
#[derive(Debug, Args)]
pub struct Selection {
    /// One date besides the window
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"])]
    date: Option<Date>,
    /// The first of several dates besides the window
    #[arg(long, value_name = "DATE", requires = "to")]
    from: Option<Date>,
    /// The last of them
    #[arg(long, value_name = "DATE", requires = "from")]
    to: Option<Date>,
    /// One site only
    #[arg(long, value_name = "SITE")]
    site: Option<SiteName>,
}

impl LoadArgs {
    pub(super) async fn answer(
        self,
        open: impl AsyncFnOnce() -> Result<Hub, CliError>,
        json: bool,
    ) -> Result<Answer, CliError> {
        let request = self.selection.request()?;
        let hub = open().await?;
        let report = match (self.as_of, self.into) {
            (Some(as_of), Some(into)) => {
                let as_of = AsOf::new(&as_of, &hub.config().window.timezone.0)?;
                hub.load_as_of(as_of, &into, &request).await?
            }
            _ => {
                hub.refuse_past().await?;
                hub.load(&request).await?
            }
        };
        let exit = exit_of(&report);
        let text = show::load(&report, &request.dates);
        Ok(Answer::of(json, &report, text, exit))
    }
}

/// How a command ends that loads.
pub(super) fn exit_of(report: &LoadReport) -> Exit {
    match report.is_usage() {
        true => Exit::Usage,
        false => exit(report.needs_a_look(), report.is_retryable()),
    }
}

impl Selection {
    pub(super) fn request(self) -> Result<LoadRequest, CliError> {
        let dates = match (self.date, self.from, self.to) {
            (Some(date), _, _) => vec![DateRange::day(date)],
            (None, Some(from), Some(to)) => vec![DateRange::new(from, to)?],
            _ => Vec::new(),
        };
        Ok(LoadRequest {
            now: clock::now(),
            site: self.site,
            dates,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn a_range_needs_both_ends_in_order() {
        let asked = |args: &[&str]| {
            let args = ["causeway-hub", "load"].iter().chain(args);
            match Cli::try_parse_from(args).map(|cli| cli.command) {
                Ok(Command::Load(load)) => Some(load.selection.request().map(|r| r.dates)),
                _ => None,
            }
        };
        assert!(asked(&["--from", "2025-11-01"]).is_none());
        assert!(asked(&["--date", "2025-11-01", "--from", "2025-11-01"]).is_none());
        assert!(asked(&["--date", "2025-02-30"]).is_none());
        assert!(asked(&["--site", "Not a site"]).is_none());
        let backwards = asked(&["--from", "2025-11-02", "--to", "2025-11-01"]);
        assert!(matches!(backwards, Some(Err(CliError::Range(_)))));
        let range = asked(&["--from", "2025-11-01", "--to", "2025-11-02"]);
        assert_eq!(
            range.and_then(Result::ok).map(|dates| dates[0].days()),
            Some(2)
        );
    }
}
