//! Python, with what `./test` installs for it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The interpreter.
pub(crate) fn python() -> Command {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv");
    let mut python = match venv.join("bin/python3") {
        python if python.exists() => Command::new(python),
        _ => Command::new("python3"),
    };
    // Where there is no such folder for programs, it is one of modules.
    python.env("PYTHONPATH", &venv);
    python
}

/// Runs a Python file beside this crate's sources, with a text on its standard input.
///
/// # Panics
/// Where it says that something is wrong.
pub fn run(file: &str, input: &str) {
    let mut running = python()
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let ended = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
}

/// Runs a file of Python tests beside this crate's.
///
/// # Panics
/// Where one fails.
pub fn pytest(file: &str) {
    let ended = python()
        .args(["-m", "pytest", "--quiet", "--disable-warnings"])
        .args(["-p", "no:cacheprovider", file])
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
}
