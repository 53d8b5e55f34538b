//! Telling the service manager how the agent is: systemd's notification protocol, sd_notify(3).
//!
//! Where nothing supervises the agent, each call does nothing. What cannot be told is logged once
//! a message and harms nobody but the watchdog.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::time::Duration;

/// The longest status line that is sent, in bytes.
const MAX_STATUS_BYTES: usize = 200;

/// What the service manager passes in the environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Supervision<'a> {
    /// `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub socket: Option<&'a OsStr>,
    /// `WATCHDOG_USEC`: after how many microseconds of silence it kills.
    pub watchdog_usec: Option<&'a str>,
    /// `WATCHDOG_PID`: whom it means by that.
    pub watchdog_pid: Option<&'a str>,
}

/// Why the service manager cannot be told anything.
#[derive(Debug, thiserror::Error)]
#[error("the service manager cannot be told how the agent is ({socket}): {source}")]
pub struct SupervisorError {
    /// `NOTIFY_SOCKET`
    pub socket: String,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// The service manager, if there is one.
#[derive(Debug)]
pub struct Supervisor {
    line: Option<line::Line>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The service manager that the environment of the process `pid` names.
    ///
    /// # Errors
    /// [`SupervisorError`] where it names a socket that cannot be used.
    pub fn connect(environment: Supervision<'_>, pid: u32) -> Result<Self, SupervisorError> {
        let line = environment.socket.filter(|socket| !socket.is_empty());
        let line = line.map(line::Line::open).transpose();
        Ok(Self {
            line: line.map_err(|source| SupervisorError {
                socket: environment.socket.unwrap_or_default().display().to_string(),
                source,
            })?,
            watchdog: watchdog(environment, pid),
        })
    }

    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self {
            line: None,
            watchdog: None,
        }
    }

    /// The agent is up. Say so once it has its configuration and its lock, not after its first
    /// cycle: that may take an hour, and wait for the network.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The agent is stopping.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, line: &str) {
        let line = line.replace(['\n', '\r'], " ");
        let end = line.floor_char_boundary(MAX_STATUS_BYTES);
        self.tell(&format!("STATUS={}", &line[..end]));
    }

    /// Tells the watchdog, twice in its interval, that the agent is alive; never ends. Poll it in
    /// the task that runs the cycles, so that a task that hangs is noticed.
    pub async fn keep_alive(&self) -> Infallible {
        let Some(watchdog) = self.watchdog else {
            return std::future::pending().await;
        };
        loop {
            self.tell("WATCHDOG=1");
            tokio::time::sleep(watchdog / 2).await;
        }
    }

    fn tell(&self, message: &str) {
        let Some(line) = &self.line else { return };
        if let Err(error) = line.send(message) {
            tracing::warn!(message, %error, "the service manager could not be told");
        }
    }
}

/// The watchdog's interval, if it is set for this process.
fn watchdog(environment: Supervision<'_>, pid: u32) -> Option<Duration> {
    let meant = environment
        .watchdog_pid
        .is_none_or(|meant| meant.parse() == Ok(pid));
    let usec: u64 = environment.watchdog_usec?.parse().ok()?;
    (meant && usec > 0).then(|| Duration::from_micros(usec))
}

#[cfg(unix)]
mod line {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::time::Duration;

    /// How long a message may wait for a manager that does not read.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// A datagram socket, and whom to write to.
    #[derive(Debug)]
    pub(super) struct Line {
        socket: UnixDatagram,
        to: SocketAddr,
    }

    impl Line {
        pub(super) fn open(name: &OsStr) -> io::Result<Self> {
            let to = match name.as_bytes() {
                [b'@', name @ ..] => abstract_address(name)?,
                [b'/', ..] => SocketAddr::from_pathname(name)?,
                _ => return Err(unsupported("neither a path nor an abstract name")),
            };
            let socket = UnixDatagram::unbound()?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(Self { socket, to })
        }

        pub(super) fn send(&self, message: &str) -> io::Result<()> {
            self.socket.send_to_addr(message.as_bytes(), &self.to)?;
            Ok(())
        }
    }

    #[cfg(target_os = "linux")]
    fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
        use std::os::linux::net::SocketAddrExt as _;

        SocketAddr::from_abstract_name(name)
    }

    #[cfg(not(target_os = "linux"))]
    fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
        Err(unsupported("this system has no abstract sockets"))
    }

    fn unsupported(why: &'static str) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, why)
    }
}

#[cfg(not(unix))]
mod line {
    use std::ffi::OsStr;
    use std::io;

    /// Other systems' service managers have nothing like it.
    #[derive(Debug)]
    pub(super) struct Line;

    impl Line {
        pub(super) fn open(_: &OsStr) -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) fn send(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tempfile::TempDir;

    use super::*;

    const PID: u32 = 7;

    /// A manager that listens at a path, and the agent's end of the line.
    fn supervised(usec: Option<&str>) -> (UnixDatagram, Supervisor, TempDir) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let environment = Supervision {
            socket: Some(path.as_os_str()),
            watchdog_usec: usec,
            watchdog_pid: Some("7"),
        };
        (manager, Supervisor::connect(environment, PID).unwrap(), dir)
    }

    /// What the manager was told so far.
    fn heard(manager: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 1_024];
        std::iter::from_fn(|| manager.recv(&mut buffer).ok().map(|n| buffer[..n].to_vec()))
            .map(|message| String::from_utf8(message).unwrap())
            .collect()
    }

    #[test]
    fn the_manager_is_told_how_the_agent_is() {
        let (manager, supervisor, _dir) = supervised(None);
        supervisor.ready();
        supervisor.status("commit 7\nSTOPPING=1");
        supervisor.status(&"é".repeat(150));
        supervisor.stopping();
        let long = format!("STATUS={}", "é".repeat(100));
        let told = ["READY=1", "STATUS=commit 7 STOPPING=1", &long, "STOPPING=1"];
        assert_eq!(heard(&manager), told);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_is_found() {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::SocketAddr;

        let name = format!("@causeway-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name[1..]).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        manager.set_nonblocking(true).unwrap();
        let environment = Supervision {
            socket: Some(OsStr::new(&name)),
            ..Supervision::default()
        };
        Supervisor::connect(environment, PID).unwrap().ready();
        assert_eq!(heard(&manager), ["READY=1"]);
    }

    #[tokio::test]
    async fn the_watchdog_hears_twice_in_its_interval() {
        let (manager, supervisor, _dir) = supervised(Some("200000"));
        let watched = Duration::from_millis(450);
        let _ = tokio::time::timeout(watched, supervisor.keep_alive()).await;
        // At 0, 100, …, 400 ms; a busy machine may be late.
        let beats = heard(&manager);
        assert!((3..=5).contains(&beats.len()), "{beats:?}");
        assert_eq!(beats[0], "WATCHDOG=1");
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_it_names() {
        let environment = |usec, pid| Supervision {
            watchdog_usec: Some(usec),
            watchdog_pid: pid,
            ..Supervision::default()
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(environment("1000000", None), PID), second);
        assert_eq!(watchdog(environment("1000000", Some("7")), PID), second);
        assert_eq!(watchdog(environment("1000000", Some("8")), PID), None);
        assert_eq!(watchdog(environment("0", None), PID), None);
        assert_eq!(watchdog(environment("soon", None), PID), None);
    }

    #[test]
    fn nobody_and_a_manager_that_is_gone_harm_nobody() {
        Supervisor::none().ready();
        let (manager, supervisor, dir) = supervised(None);
        drop((manager, dir));
        supervisor.ready();
        let relative = Supervision {
            socket: Some(OsStr::new("vsock:2:1")),
            ..Supervision::default()
        };
        let error = Supervisor::connect(relative, PID).unwrap_err().to_string();
        assert_eq!(
            error,
            "the service manager cannot be told how the agent is (vsock:2:1): \
             neither a path nor an abstract name"
        );
    }
}
