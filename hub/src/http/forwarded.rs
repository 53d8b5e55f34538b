//! What a proxy says of the request that it passed on: `Forwarded` (RFC 7239) and the headers that
//! came before it. Where several proxies pass a request on, the first entry is the browser's.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether anybody passed the request on.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    let names = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    names.iter().any(|name| headers.contains_key(*name))
}

/// Whether the browser spoke HTTPS to the first proxy.
pub(crate) fn is_https(headers: &HeaderMap) -> bool {
    ["x-forwarded-proto", "proto"]
        .into_iter()
        .filter_map(|name| first_value(headers, name))
        .any(|proto| proto.eq_ignore_ascii_case("https"))
}

/// Whom the first proxy passed the request on for.
pub(super) fn client(headers: &HeaderMap) -> Option<&str> {
    first_value(headers, "x-forwarded-for").or_else(|| first_value(headers, "for"))
}

/// The hosts that the browser may have asked for.
pub(super) fn hosts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let own = headers.get(header::HOST);
    own.and_then(|host| host.to_str().ok())
        .into_iter()
        .chain(first_value(headers, "x-forwarded-host"))
        .chain(first_value(headers, "host"))
}

/// What the first entry of a header (`x-…`), or of a parameter of `Forwarded`, says.
fn first_value<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    if name.starts_with("x-") {
        return first(headers, HeaderName::from_static(name));
    }
    let parameters = first(headers, header::FORWARDED)?.split(';');
    parameters
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(found, _)| found.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"'))
}

/// The first entry of a header's list.
fn first(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers
        .get(name)?
        .to_str()
        .ok()?
        .split(',')
        .next()
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn the_browser_s_own_scheme_counts() {
        for (name, value, expected) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "https, http", true),
            ("x-forwarded-proto", "HTTPS", true),
            ("x-forwarded-proto", "http, https", false),
            ("forwarded", "proto=https", true),
            (
                "forwarded",
                "for=192.0.2.1; Proto=\"https\", for=10.0.0.1;proto=http",
                true,
            ),
            ("forwarded", "for=192.0.2.1;proto=http, proto=https", false),
            ("x-forwarded-host", "https", false),
        ] {
            assert_eq!(is_https(&headers(name, value)), expected, "{name}: {value}");
        }
        assert!(!is_https(&HeaderMap::new()));
    }

    #[test]
    fn hosts_are_the_request_s_own_and_the_proxies() {
        let mut sent = headers("host", "10.0.0.1:8080");
        sent.extend(headers("x-forwarded-host", "hub.example, inner"));
        sent.extend(headers("forwarded", "host=\"hub.example:444\""));
        let found: Vec<_> = hosts(&sent).collect();
        assert_eq!(found, ["10.0.0.1:8080", "hub.example", "hub.example:444"]);
    }
}
