//! Telling the service manager how the agent is: systemd's notification protocol, sd_notify(3).
//!
//! Without a service manager, each call does nothing. A message that cannot be sent is logged and
//! lost.
//!
//! The crate sd-notify is not used: it knows no abstract sockets, waits without end for a manager
//! that does not read, and takes the socket from the process's environment, which tests cannot set.

use std::convert::Infallible;
use std::time::Duration;

/// The longest status line that is sent, in bytes.
const MAX_STATUS_BYTES: usize = 200;

/// The last message before the service manager restarts the agent.
const HANGS: &str =
    "the agent hangs, most likely because a drive went away; the watchdog will start it again";

/// Why the service manager cannot be told anything.
#[derive(Debug, thiserror::Error)]
#[error("the service manager cannot be told how the agent is ({socket}): {source}")]
pub struct ServiceManagerError {
    /// `NOTIFY_SOCKET`
    pub socket: String,
    #[source]
    pub source: std::io::Error,
}

/// The service manager, if there is one.
#[derive(Debug)]
pub struct ServiceManager {
    socket: Option<socket::Socket>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The service manager that the environment of this process, `pid`, names: `NOTIFY_SOCKET` (a
    /// path, or `@` and an abstract name), `WATCHDOG_USEC`, `WATCHDOG_PID`.
    ///
    /// # Errors
    /// [`ServiceManagerError`] where it names a socket that cannot be used.
    pub fn connect(
        environment: &[(String, String)],
        pid: u32,
    ) -> Result<Self, ServiceManagerError> {
        let name = variable(environment, "NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = name.map(|name| {
            socket::Socket::open(name).map_err(|source| ServiceManagerError {
                socket: name.to_owned(),
                source,
            })
        });
        Ok(Self {
            socket: socket.transpose()?,
            watchdog: watchdog(environment, pid),
        })
    }

    #[must_use]
    pub fn none() -> Self {
        Self {
            socket: None,
            watchdog: None,
        }
    }

    /// The agent is up. Call this once it has its configuration and its lock, not after its first
    /// cycle, which may take an hour and wait for the network.
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

    /// Tells the manager's watchdog twice in its interval that the agent is alive, as long as it is.
    /// Never ends. Poll it in the task that runs the cycles, so that a task that hangs is noticed.
    pub async fn keep_alive(&self, is_alive: impl Fn() -> bool) -> Infallible {
        let Some(watchdog) = self.watchdog else {
            return std::future::pending().await;
        };
        let mut was_alive = true;
        loop {
            let alive = is_alive();
            if alive {
                self.tell("WATCHDOG=1");
            } else if was_alive {
                self.status(HANGS);
                tracing::error!("{HANGS}");
            }
            was_alive = alive;
            tokio::time::sleep(watchdog / 2).await;
        }
    }

    fn tell(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message) {
            tracing::warn!(message, %error, "the service manager could not be told");
        }
    }
}

/// The watchdog's interval, if it is set for this process.
fn watchdog(environment: &[(String, String)], pid: u32) -> Option<Duration> {
    let meant = variable(environment, "WATCHDOG_PID").is_none_or(|meant| meant.parse() == Ok(pid));
    let usec: u64 = variable(environment, "WATCHDOG_USEC")?.parse().ok()?;
    (meant && usec > 0).then(|| Duration::from_micros(usec))
}

fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = environment.iter().find(|(variable, _)| variable == name);
    found.map(|(_, value)| value.as_str())
}

mod socket {
    use std::io;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::time::Duration;

    /// How long a message may wait for a manager that does not read.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// A datagram socket, and the manager's address.
    #[derive(Debug)]
    pub(super) struct Socket {
        socket: UnixDatagram,
        to: SocketAddr,
    }

    impl Socket {
        pub(super) fn open(name: &str) -> io::Result<Self> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tempfile::TempDir;

    use super::*;

    const PID: u32 = 7;

    fn socket(name: &str) -> Vec<(String, String)> {
        vec![("NOTIFY_SOCKET".to_owned(), name.to_owned())]
    }

    /// A socket of a manager at a path, and the agent's view of that manager.
    fn supervised(usec: Option<&str>) -> (UnixDatagram, ServiceManager, TempDir) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("notify");
        let received = UnixDatagram::bind(&path).unwrap();
        received.set_nonblocking(true).unwrap();
        let mut environment = socket(path.to_str().unwrap());
        environment.extend(usec.map(|usec| ("WATCHDOG_USEC".to_owned(), usec.to_owned())));
        (
            received,
            ServiceManager::connect(&environment, PID).unwrap(),
            dir,
        )
    }

    /// The messages that a socket has received so far.
    fn received_by(socket: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 1_024];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|n| buffer[..n].to_vec()))
            .map(|message| String::from_utf8(message).unwrap())
            .collect()
    }

    #[test]
    fn the_manager_is_told_how_the_agent_is() {
        let (received, manager, _dir) = supervised(None);
        manager.ready();
        manager.status("commit 7\nSTOPPING=1");
        manager.status(&"é".repeat(150));
        manager.stopping();
        let long = format!("STATUS={}", "é".repeat(100));
        let told = ["READY=1", "STATUS=commit 7 STOPPING=1", &long, "STOPPING=1"];
        assert_eq!(received_by(&received), told);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_is_found() {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::SocketAddr;

        let name = format!("@causeway-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name[1..]).unwrap();
        let received = UnixDatagram::bind_addr(&address).unwrap();
        received.set_nonblocking(true).unwrap();
        ServiceManager::connect(&socket(&name), PID)
            .unwrap()
            .ready();
        assert_eq!(received_by(&received), ["READY=1"]);
    }

    #[tokio::test]
    async fn the_watchdog_hears_twice_in_its_interval() {
        let (received, manager, _dir) = supervised(Some("200000"));
        let watched = Duration::from_millis(450);
        let _ = tokio::time::timeout(watched, manager.keep_alive(|| true)).await;
        // At 0, 100, …, 400 ms; a busy machine may be late.
        let beats = received_by(&received);
        assert!((2..=5).contains(&beats.len()), "{beats:?}");
        assert_eq!(beats[0], "WATCHDOG=1");
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_it_names() {
        let watchdog = |usec: &str, pid: &str| {
            let variables = [("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)];
            let set = variables.iter().filter(|(_, value)| !value.is_empty());
            let set: Vec<_> = set
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            super::watchdog(&set, PID)
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog("1000000", ""), second);
        assert_eq!(watchdog("1000000", "7"), second);
        assert_eq!(watchdog("1000000", "8"), None);
        assert_eq!(watchdog("0", ""), None);
        assert_eq!(watchdog("soon", ""), None);
        assert_eq!(watchdog("", "7"), None);
    }

    #[test]
    fn nobody_and_a_manager_that_is_gone_harm_nobody() {
        ServiceManager::none().ready();
        let (received, manager, dir) = supervised(None);
        drop((received, dir));
        manager.ready();
        let error = ServiceManager::connect(&socket("vsock:2:1"), PID);
        let error = error.unwrap_err().to_string();
        assert_eq!(
            error,
            "the service manager cannot be told how the agent is (vsock:2:1): \
             neither a path nor an abstract name"
        );
    }
}
