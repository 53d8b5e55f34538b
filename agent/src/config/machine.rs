//! Which machine this is, and since when it runs: what a site's log knows a writer by.

use std::fs;

use causeway_shared::ids::Md5;

/// The machine that an agent runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id, hashed; where it has none, its name.
    pub host: String,
    /// Changes with every start of the machine; empty where it cannot be read.
    pub boot: String,
}

impl Machine {
    /// This machine. Its id is hashed, as machine-id(5) asks of programs that pass it on.
    #[must_use]
    pub fn this() -> Self {
        let id = first_line("/etc/machine-id").or_else(|| first_line("/var/lib/dbus/machine-id"));
        let host = match id {
            Some(id) => Md5::of(format!("causeway:{id}").as_bytes()).to_string(),
            None => first_line("/proc/sys/kernel/hostname")
                .or_else(|| first_line("/etc/hostname"))
                .unwrap_or_default(),
        };
        let boot = first_line("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { host, boot }
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .next()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
}
