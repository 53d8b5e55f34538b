use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::config::{AgentConfig, Machine};

/// A site with one SQLite file (here any bytes will do) and one CSV folder, long settled.
struct Site {
    folder: TempDir,
    config: AgentConfig,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "site = \"a\"\nstore.url = \"file:///s\"\n\
            [[source]]\nkind = \"sqlite\"\npath = \"a.db\"\n[[source]]\nkind = \"csv\"\npath = \"csv\"";
        let machine = Machine {
            host: "h".into(),
            boot: "b".into(),
        };
        let file = toml::from_str(text).unwrap();
        let config = AgentConfig::from_file(file, folder.path().into(), &machine).unwrap();
        let site = Self { folder, config };
        fs::create_dir(site.path("csv")).unwrap();
        site.write("a.db", "1", HOUR);
        site.write("csv/T.CSV", "1", HOUR);
        site.write("csv/u.csv", "1", HOUR);
        site.write("csv/notes.txt", "1", HOUR);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file as if `ago`.
    fn write(&self, name: &str, content: &str, ago: Duration) {
        fs::write(self.path(name), content).unwrap();
        let file = fs::File::options()
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.set_modified(SystemTime::from(now()) - ago).unwrap();
    }

    fn look(&self, before: Option<&SourceFingerprints>) -> SourceFingerprints {
        self.look_with(before, &|| ())
    }

    fn look_with(
        &self,
        before: Option<&SourceFingerprints>,
        beat: &dyn Fn(),
    ) -> SourceFingerprints {
        let request = LookRequest {
            sources: &self.config.sources,
            base_dir: &self.config.base_dir,
            basis: self.config.scan_basis(),
            before,
            now: now(),
        };
        look(&request, beat)
    }

    /// The files that `change` moves.
    fn moved_by(&self, change: impl FnOnce(&Self)) -> String {
        let before = self.look(None);
        change(self);
        match moved(Some(&before), &self.look(Some(&before))) {
            Moved::Everything => "everything".into(),
            Moved::Files(files) => files.into_iter().collect::<Vec<_>>().join(" "),
        }
    }
}

/// A fixed time, so that the files' times relative to it are exact.
fn now() -> Timestamp {
    "2025-11-28T09:00:00Z".parse().unwrap()
}

#[test]
fn each_csv_file_that_was_looked_at_is_a_beat() {
    let (site, beats) = (Site::new(), std::cell::Cell::new(0));
    let _ = site.look_with(None, &|| beats.set(beats.get() + 1));
    assert_eq!(beats.get(), 2);
}

#[test]
fn what_is_no_file_moves_once_and_is_not_waited_for() {
    let site = Site::new();
    let moved = site.moved_by(|site| {
        let pipe = site.path("csv/pipe.csv");
        let made = std::process::Command::new("mkfifo").arg(pipe).status();
        assert!(made.unwrap().success());
        fs::create_dir(site.path("csv/folder.csv")).unwrap();
        fs::remove_file(site.path("a.db")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", site.path("a.db")).unwrap();
    });
    assert_eq!(moved, "a.db csv/folder.csv csv/pipe.csv");
    assert_eq!(site.moved_by(|_| {}), "");
    let moved = site.moved_by(|site| {
        fs::remove_dir(site.path("csv/folder.csv")).unwrap();
        site.write("csv/folder.csv", "1", HOUR);
    });
    assert_eq!(moved, "csv/folder.csv");
}

#[test]
fn nothing_moves_by_itself() {
    assert_eq!(Site::new().moved_by(|_| {}), "");
}

#[test]
fn a_time_that_was_put_back_hides_no_change() {
    let moved = Site::new().moved_by(|site| {
        let changed = |name| fs::metadata(site.path(name)).unwrap().ctime_nsec();
        for name in ["a.db", "csv/u.csv"] {
            let before = changed(name);
            // The clock that a file system stamps with ticks every few milliseconds.
            while changed(name) == before {
                site.write(name, "2", HOUR);
            }
        }
    });
    assert_eq!(moved, "a.db csv/u.csv");
}

#[test]
fn reading_a_database_in_use_moves_nothing() {
    let site = Site::new();
    let path = site.path("a.db");
    fs::remove_file(&path).unwrap();
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a)")
        .unwrap();
    let moved = site.moved_by(|_| {
        let inode = || fs::metadata(site.path("a.db-wal")).unwrap().ctime_nsec();
        let before = inode();
        // As root it takes until the file system's clock ticks for the inode to show it.
        for _ in 0..100 {
            crate::source::SqliteSnapshot::take(&path).unwrap();
            if inode() != before {
                break;
            }
        }
    });
    assert_eq!(moved, "");
}

#[test]
fn each_change_moves_its_own_place() {
    let moved = |change: fn(&Site)| Site::new().moved_by(change);
    assert_eq!(
        moved(|site| site.write("a.db", "2", Duration::ZERO)),
        "a.db"
    );
    assert_eq!(moved(|site| site.write("a.db-wal", "2", HOUR)), "a.db");
    assert_eq!(
        moved(|site| site.write("csv/T.CSV", "2", Duration::ZERO)),
        "csv/T.CSV"
    );
    assert_eq!(
        moved(|site| site.write("csv/v.csv", "2", HOUR)),
        "csv/v.csv"
    );
    assert_eq!(
        moved(|site| fs::remove_file(site.path("a.db")).unwrap()),
        "a.db"
    );
    assert_eq!(
        moved(|site| fs::remove_file(site.path("csv/u.csv")).unwrap()),
        "csv/u.csv"
    );
    assert_eq!(
        moved(|site| fs::remove_dir_all(site.path("csv")).unwrap()),
        "csv csv/T.CSV csv/u.csv"
    );
}

#[test]
fn what_is_written_beside_a_link_s_target_moves() {
    let site = Site::new();
    site.write("real.db", "1", HOUR);
    fs::remove_file(site.path("a.db")).unwrap();
    std::os::unix::fs::symlink(site.path("real.db"), site.path("a.db")).unwrap();
    let moved = site.moved_by(|site| site.write("real.db-wal", "1", HOUR));
    assert_eq!(moved, "a.db");
}

#[test]
fn a_touched_csv_has_not_moved() {
    assert_eq!(
        Site::new().moved_by(|site| site.write("csv/u.csv", "1", Duration::ZERO)),
        ""
    );
}

#[test]
fn a_wal_that_starts_anew_in_the_same_tick_moves() {
    let site = Site::new();
    let frame = |salt: char| [salt; 40].iter().collect::<String>();
    site.write("a.db-wal", &frame('1'), HOUR);
    assert_eq!(
        site.moved_by(|site| site.write("a.db-wal", &frame('2'), HOUR)),
        "a.db"
    );
}

#[test]
fn a_file_written_just_before_the_look_is_not_trusted() {
    let site = Site::new();
    site.write("a.db", "1", Duration::from_millis(1_500));
    site.write("csv/u.csv", "1", Duration::from_millis(1_500));
    // The same size at the same time, so that only the content tells.
    let again = |site: &Site| site.write("csv/u.csv", "2", Duration::from_millis(1_500));
    assert_eq!(site.moved_by(again), "a.db csv/u.csv");
}

#[test]
fn another_way_to_read_moves_everything() {
    let mut site = Site::new();
    let before = site.look(None);
    site.config.zone_name = "UTC".into();
    assert_eq!(
        moved(Some(&before), &site.look(Some(&before))),
        Moved::Everything
    );
    assert_eq!(moved(None, &before), Moved::Everything);
}
