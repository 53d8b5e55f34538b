//! Whether a request comes from a page of this hub: a browser sends the cookie with requests that
//! other pages make as well, unless it knows better.

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::forwarded;
use super::problem::{Code, Problem};
use super::request::header_text;

/// Refuses a request that changes something and that another site's page made a browser send.
///
/// Browsers say where a request comes from in `Sec-Fetch-Site`, and over plain HTTP, where most
/// leave that out, in `Origin`. A client that sends neither is no browser.
///
/// # Errors
/// A problem that says what to do where the page was the hub's own after all.
pub(crate) fn refuse_other_sites(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() || is_own_page(headers) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        "the request comes from another site's page; if it does not, have the proxy before the hub \
         pass on `Host` or set `X-Forwarded-Host`",
    ))
}

fn is_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = header_text(headers, HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    if !headers.contains_key(header::ORIGIN) {
        return true;
    }
    let origin = header_text(headers, header::ORIGIN).and_then(|origin| origin.split_once("://"));
    let Some((scheme, authority)) = origin else {
        // `null`, or no text.
        return false;
    };
    let port = if scheme == "https" { ":443" } else { ":80" };
    let without_port = |host: &str| {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(port).map(str::to_owned).unwrap_or(host)
    };
    forwarded::hosts(headers).any(|host| without_port(host) == without_port(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(sent: &[(&'static str, &str)]) -> bool {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        let headers = sent.iter().map(header).collect();
        refuse_other_sites(&Method::POST, &headers).is_ok()
    }

    #[test]
    fn browsers_say_where_a_request_comes_from() {
        let host = ("host", "hub.example");
        for (site, expected) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
        ] {
            assert_eq!(
                is_taken(&[host, ("sec-fetch-site", site)]),
                expected,
                "{site}"
            );
        }
        // It cannot be forged by a page, so it counts whatever a proxy did to the host.
        let own = [("sec-fetch-site", "same-origin"), ("origin", "https://a")];
        assert!(is_taken(&own));
    }

    #[test]
    fn without_that_the_origin_has_to_be_the_host() {
        for (origin, host, expected) in [
            ("http://hub.example", "hub.example", true),
            ("http://hub.example:8080", "hub.example:8080", true),
            ("http://Hub.example", "hub.example:80", true),
            ("https://hub.example", "hub.example:443", true),
            ("https://hub.example", "hub.example:80", false),
            ("http://hub.example:8080", "hub.example", false),
            ("http://evil.example", "hub.example", false),
            ("http://hub.example.evil", "hub.example", false),
            ("null", "hub.example", false),
            ("", "", false),
        ] {
            let sent = [("origin", origin), ("host", host)];
            assert_eq!(is_taken(&sent), expected, "{origin} {host}");
        }
        let behind_proxy = [
            ("origin", "https://hub.example"),
            ("host", "127.0.0.1:8080"),
            ("x-forwarded-host", "hub.example"),
        ];
        assert!(is_taken(&behind_proxy));
        assert!(!is_taken(&behind_proxy[..2]));
    }

    #[test]
    fn what_is_no_browser_and_what_changes_nothing_passes() {
        assert!(is_taken(&[("host", "hub.example")]));
        let elsewhere = HeaderMap::from_iter([(header::ORIGIN, "http://a".parse().unwrap())]);
        assert!(refuse_other_sites(&Method::GET, &elsewhere).is_ok());
    }
}
