//! `causeway-hub init --write-config`: a configuration to begin with.

use std::io;
use std::path::{Path, PathBuf};

use causeway_shared::commit::Owner;
use causeway_shared::ids::SiteName;
use causeway_shared::runtime::whole_file;
use clap::Args;

use super::show::read_only;
use crate::config::DEFAULT_FILE;
use crate::sync::TakenOver;

/// Every key, with its default and what it is for.
const TEMPLATE: &str = include_str!("../../../config/hub.toml");

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Write a commented hub.toml with the default of every setting, and nothing else; refused where
    /// there is a file already
    #[arg(long)]
    pub(super) write_config: bool,
    /// Make this database the owner of all sites' edits. The one that owned them takes no changes any more
    /// once its hub looks at the store again, and keeps those that it has not flushed; taking over there
    /// brings them in
    #[arg(long, conflicts_with = "write_config")]
    pub(super) take_over: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum WriteConfigError {
    #[error("{} is there already; move it away, or name another file with --config", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Writes the configuration, by default `hub.toml` in the working directory. Others on the machine
/// cannot read it: the database's password may come to stand in it.
pub(super) fn write_config(path: Option<&Path>) -> Result<PathBuf, WriteConfigError> {
    let path = path.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
    match whole_file::create(&path, TEMPLATE, 0o600) {
        Ok(()) => Ok(path),
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
            Err(WriteConfigError::Exists { path })
        }
        Err(source) => Err(WriteConfigError::Write { path, source }),
    }
}

/// What was written, and what to do next.
pub(super) fn wrote(path: &Path) -> String {
    let path = path.display();
    format!(
        "wrote {path}: set store.url to the agent's, database.url, and window.timezone, which says \
         what day today is; then run `causeway-hub --config {path} init`\n"
    )
}

/// What was made, and which sites' edits were taken over.
pub(super) fn ready(
    (database, address): (&str, &str),
    taken: &[TakenOver],
    owned_elsewhere: &[(SiteName, Owner)],
) -> String {
    let elsewhere = owned_elsewhere.iter();
    let elsewhere = elsewhere.map(|(site, owner)| format!("{site}: {}\n", read_only(owner)));
    let taken = taken.iter().map(|taken| took_over(taken, address));
    let lines: String = taken.chain(elsewhere).collect();
    format!("{database} is ready\n{lines}")
}

fn took_over(taken: &TakenOver, own_address: &str) -> String {
    let TakenOver { site, former } = taken;
    let opens = "`causeway-hub load` opens its tables for changes";
    match former {
        None => format!("it owns the edits of {site}; {opens}\n"),
        Some(Owner { id, address }) if address == own_address => format!(
            "it owns the edits of {site} now; {opens}\n  the database {id} owned them, which was at this address \
             before: what that had not flushed is in no other place\n"
        ),
        Some(Owner { id, address }) => format!(
            "it owns the edits of {site} now; {opens}\n  the database {id} at {address} owned them: it takes no \
             changes any more once its hub looks at the store, and keeps those that it has not flushed until \
             `causeway-hub init --take-over` is run there\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.toml");
        write_config(Some(&path)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEMPLATE);
        std::fs::write(&path, "mine").unwrap();
        let error = write_config(Some(&path)).unwrap_err().to_string();
        let error = error.replace(&folder.path().display().to_string(), "<folder>");
        insta::assert_snapshot!(error, @"<folder>/hub.toml is there already; move it away, or name another file with --config");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        let help = InitArgs::augment_args(clap::Command::new("init")).render_help();
        let help = help
            .to_string()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            help.contains("refused where there is a file already"),
            "{help}"
        );
        insta::assert_snapshot!(wrote(Path::new("hub.toml")), @"wrote hub.toml: set store.url to the agent's, database.url, and window.timezone, which says what day today is; then run `causeway-hub --config hub.toml init`");
    }

    #[test]
    fn a_take_over_says_what_becomes_of_the_former_owner() {
        let site = SiteName::new("hcm-01").unwrap();
        let former = Some(Owner {
            id: "a1".into(),
            address: "postgres://old/db".into(),
        });
        let [first, again] = [former, None].map(|former| TakenOver {
            site: site.clone(),
            former,
        });
        let replaced = ready(
            ("sqlite:new", "postgres://old/db"),
            std::slice::from_ref(&first),
            &[],
        );
        insta::assert_snapshot!(replaced, @"
        sqlite:new is ready
        it owns the edits of hcm-01 now; `causeway-hub load` opens its tables for changes
          the database a1 owned them, which was at this address before: what that had not flushed is in no other place
        ");
        let own = ("sqlite:new", "sqlite:/new");
        insta::assert_snapshot!(ready(own, &[first], &[]), @"
        sqlite:new is ready
        it owns the edits of hcm-01 now; `causeway-hub load` opens its tables for changes
          the database a1 at postgres://old/db owned them: it takes no changes any more once its hub looks at the store, and keeps those that it has not flushed until `causeway-hub init --take-over` is run there
        ");
        insta::assert_snapshot!(ready(own, &[again], &[]), @"
        sqlite:new is ready
        it owns the edits of hcm-01; `causeway-hub load` opens its tables for changes
        ");
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.toml");
        write_config(Some(&path)).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
