//! Schemathesis, which asks a service all that its OpenAPI document allows, and much that it does not.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use crate::python::python;

const EXAMPLES: &str = include_str!("schemathesis.py");

const CONFIG: &str = include_str!("schemathesis.toml");

const HOOKS: &str = "import schemathesis
schemathesis.serializer.alias('application/sql', 'text/plain')
";

/// What every answer is held to.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

/// Asks a service of a MeetAssist site for so long what its document says, with an admin's token. Of the site's rows
/// one appointment is changed.
///
/// # Panics
/// Where an answer is none that the document allows, or a failure of the service.
pub fn assert_answers_conform(url: &str, token: &str, appointment: i64, lasting: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("APPOINTMENT", &appointment.to_string());
    fs::write(folder.path().join("schemathesis.toml"), config).unwrap();
    fs::write(folder.path().join("hooks.py"), HOOKS).unwrap();
    let ended = python()
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{url}/api/v1/openapi.json"))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            CHECKS,
            "--seed",
            "1",
            "--generation-deterministic",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--continue-on-failure",
        ])
        .args(["--max-time", &lasting.as_secs().to_string()])
        .arg("--no-color")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let mut said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let _ = write!(said, "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{said}");
}

/// Holds the examples of a document to its schemas.
///
/// # Panics
/// Where one is not what its schema says.
pub fn assert_examples_conform(document: &str) {
    let mut checking = python()
        .args(["-c", EXAMPLES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = checking.stdin.take().unwrap();
    stdin.write_all(document.as_bytes()).unwrap();
    drop(stdin);
    let ended = checking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.is_empty(), "{said}");
}
