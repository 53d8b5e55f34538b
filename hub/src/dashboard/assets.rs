//! Style, scripts and icon, compiled in. Their addresses change with their content, so that
//! browsers may keep them.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use causeway_shared::ids::Md5;

use crate::http::problem::{Code, Problem};
use crate::http::request::PathOf;

/// Kept for a year: another content has another address.
const KEEP: &str = "public, max-age=31536000, immutable";

const FILES: [(&str, &str, &str); 5] = [
    (
        "dashboard.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/dashboard.css"),
    ),
    (
        "live.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/live.js"),
    ),
    (
        "import.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/import.js"),
    ),
    (
        "login.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/login.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
];

/// The addresses of all files.
static ADDRESSES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let address = |(name, _, content): (&'static str, &str, &str)| {
        let version = Md5::of(content.as_bytes()).to_string();
        (name, format!("/assets/{name}?v={}", &version[..8]))
    };
    FILES.map(address).into()
});

/// The address of a file, for templates.
pub(super) fn address(name: &str) -> &'static str {
    ADDRESSES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, address)| address)
}

/// Answers with a file.
pub(super) async fn asset(PathOf(name): PathOf<String>) -> Result<Response, Problem> {
    let file = FILES.iter().find(|(known, ..)| *known == name);
    let (_, kind, content) =
        file.ok_or_else(|| Problem::new(Code::NotFound, "there is no such file"))?;
    let headers = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, *content).into_response())
}

/// Answers browsers that ask for an icon by its old name.
pub(super) async fn icon() -> Result<Response, Problem> {
    asset(PathOf("icon.svg".to_owned())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_an_address_that_names_its_version() {
        for (name, ..) in FILES {
            assert!(
                address(name).starts_with(&format!("/assets/{name}?v=")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_login_link_works_in_a_tab_that_shows_the_login_page() {
        let script = FILES.iter().find(|(name, ..)| *name == "login.js");
        let (_, _, script) = script.unwrap();
        assert!(
            script.contains("addEventListener(\"hashchange\", signIn)"),
            "{script}"
        );
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for (name, _, content) in FILES {
            let elsewhere = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("://"), "{name}");
        }
    }
}
