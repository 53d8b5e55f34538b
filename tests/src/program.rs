//! Running Causeway's programs as a person or a supervisor does.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::memory_limit::MemoryLimit;

/// How long a program may take when a test says nothing else.
const TIME_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);

/// Where `cargo build` has put a program, beside the tests' own binaries.
///
/// # Panics
/// If it is not built: `./test` builds all programs first.
#[must_use]
pub fn bin(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|bin| bin.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: run ./test, or `cargo build --workspace`"))
}

/// A program's command line, in this process's environment less what belongs to the run: such a
/// variable would set a key of the program's configuration.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn command(name: &str) -> Command {
    command_of(&bin(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program's environment is this one's, less what belongs to the run"
)]
fn command_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"CAUSEWAY_") {
            command.env_remove(variable);
        }
    }
    command
}

/// A command line that is not started yet.
#[derive(Debug)]
pub struct Program {
    command: Command,
    time_limit: Duration,
}

impl Program {
    /// One of Causeway's programs, by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(command(name))
    }

    /// A program by its path, within so much memory.
    #[must_use]
    pub fn limited(program: &Path, limit: Option<&MemoryLimit>) -> Self {
        let Some(limit) = limit else {
            return Self::of(command_of(program));
        };
        // The shell becomes the program, so that it is limited from its first instruction on.
        let mut command = command_of(Path::new("/bin/sh"));
        command.args(["-c", r#"echo $$ >"$0" && exec "$@""#]);
        command.arg(limit.members()).arg(program);
        Self::of(command)
    }

    fn of(command: Command) -> Self {
        Self {
            command,
            time_limit: TIME_LIMIT,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds variables to the environment.
    #[must_use]
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Takes a variable from the environment.
    #[must_use]
    pub fn env_remove(mut self, variable: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(variable);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// How long [`run`](Self::run) waits.
    #[must_use]
    pub fn time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Starts it and waits for its end.
    ///
    /// # Panics
    /// If it cannot be started, or takes too long.
    #[must_use]
    pub fn run(self) -> Finished {
        let time_limit = self.time_limit;
        self.spawn().wait(time_limit)
    }

    /// Starts it and leaves it running until the value returned is dropped.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let output = tempfile::tempdir().unwrap();
        // Files, not pipes: nothing blocks, however much is written and whoever reads it.
        let stdout = fs::File::create(output.path().join("stdout")).unwrap();
        let stderr = fs::File::create(output.path().join("stderr")).unwrap();
        self.command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        let child = self
            .command
            .spawn()
            .unwrap_or_else(|e| panic!("{:?}: {e}", self.command));
        Running {
            line: format!("{:?}", self.command),
            child,
            output,
        }
    }
}

/// A program at work; killed when dropped.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    output: TempDir,
}

impl Running {
    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Waits until a line of either output contains `text`, and returns that line.
    ///
    /// # Panics
    /// If it ends before, or does not say so in time.
    pub fn wait_for_line(&mut self, text: &str, time_limit: Duration) -> String {
        self.wait_until(time_limit, &format!("a line with {text:?}"), |running| {
            let output = running.stdout() + "\n" + &running.stderr();
            output
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        })
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use]
    pub fn wait(self, time_limit: Duration) -> Finished {
        self.wait_measured(time_limit).0
    }

    /// Waits for its end, and says how much memory it took when it took most, in bytes.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use]
    pub fn wait_measured(mut self, time_limit: Duration) -> (Finished, u64) {
        let started = Instant::now();
        let mut peak_bytes = 0;
        loop {
            // It is gone with the process, so it is read until that ends.
            peak_bytes = self.peak_bytes().unwrap_or(peak_bytes);
            if let Some(status) = self.child.try_wait().unwrap() {
                return (self.finished(status), peak_bytes);
            }
            assert!(
                started.elapsed() < time_limit,
                "no end in {time_limit:?}: {}",
                self.report()
            );
            thread::sleep(POLL);
        }
    }

    /// Asks it to end, as a supervisor does (SIGTERM), and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use]
    pub fn terminate(self) -> Finished {
        self.signal("TERM");
        self.wait(TIME_LIMIT)
    }

    /// Ends it without asking (SIGKILL), as a power cut does.
    #[must_use]
    pub fn kill(mut self) -> Finished {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        self.finished(status)
    }

    /// The most memory that it has taken so far, where the system tells.
    #[must_use]
    pub fn peak_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
    }

    /// Stops it where it is, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args([format!("-{signal}"), pid])
            .status()
            .unwrap();
    }

    fn wait_until<T>(
        &mut self,
        time_limit: Duration,
        what: &str,
        mut probe: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        let started = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if let Some(found) = probe(self) {
                return found;
            }
            assert!(!ended, "ended before {what}: {}", self.report());
            assert!(
                started.elapsed() < time_limit,
                "no {what}: {}",
                self.report()
            );
            thread::sleep(POLL);
        }
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        Finished {
            line: self.line.clone(),
            code: status.code(),
            stdout,
            stderr,
        }
    }

    fn report(&self) -> String {
        format!(
            "{}\nstdout:\n{}\nstderr:\n{}",
            self.line,
            self.stdout(),
            self.stderr()
        )
    }

    fn read(&self, name: &str) -> String {
        let content = fs::read(self.output.path().join(name)).unwrap();
        String::from_utf8_lossy(&content).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// The command line.
    pub line: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Finished {
    /// Goes on if the program ended with this code.
    ///
    /// # Panics
    /// Otherwise, showing all it wrote.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Standard output as one JSON value (`--json`).
    ///
    /// # Panics
    /// If it is something else.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{line}\nexit code {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        )
    }
}
