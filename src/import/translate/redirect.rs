//! `return 301 URL`: where clients are sent.

use super::ledger::Reason;
use super::location::Location;
use super::text::without_braces;
use crate::import::output::Value;

/// `redirect` of a route for `location`, which sends clients to `url`; `server_name` is what `$server_name` says.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn redirect(
    status: u16,
    url: &str,
    location: &Location,
    server_name: Option<&str>,
) -> Result<Value, Reason> {
    if ![301, 302, 303, 307, 308].contains(&status) {
        return Err(beyond(&format!("{status} sends no client elsewhere")));
    }
    let url = without_braces(url);
    let (scheme, rest) = scheme(&url)?;
    let mut entries: Vec<(String, Value)> = Vec::new();
    entries.extend(scheme.map(|scheme| ("scheme".to_owned(), scheme.into())));
    let path = match rest {
        Some(rest) => {
            let end = ["/", "$request_uri", "$uri", "$document_uri"].iter().filter_map(|it| rest.find(it)).min();
            let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
            entries.extend(host_and_port(authority, server_name)?);
            path
        }
        None => &url,
    };
    let of_path = path_and_query(path, location)?;
    let leads_elsewhere = !entries.is_empty() || of_path.iter().any(|(key, _)| key != "query");
    entries.extend(of_path);
    if !leads_elsewhere {
        return Err(beyond("it leads to where the request came from"));
    }
    // The default.
    if status != 308 {
        entries.push(("status".to_owned(), Value::Number(status.into())));
    }
    Ok(Value::Table(entries))
}

type Entries = Vec<(String, Value)>;

/// The scheme, if one is meant, and what stands behind it, if it is more than a path.
fn scheme(url: &str) -> Result<(Option<&str>, Option<&str>), Reason> {
    if let Some(rest) = url.strip_prefix("$scheme://") {
        return Ok((None, Some(rest)));
    }
    match url.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => Ok((Some(scheme), Some(rest))),
        Some(_) => Err(beyond("its scheme is neither http nor https")),
        None if url.starts_with('/') || url.starts_with("$request_uri") || url.starts_with("$uri") => Ok((None, None)),
        None => Err(beyond("where it leads hangs on variables")),
    }
}

fn host_and_port(authority: &str, server_name: Option<&str>) -> Result<Entries, Reason> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let mut entries = Vec::new();
    match host {
        "$host" | "$http_host" => {}
        "$server_name" => match server_name {
            Some(name) => entries.push(("host".to_owned(), name.into())),
            None => return Err(beyond("$server_name is no name here")),
        },
        _ if !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._[]:".contains(c)) => {
            entries.push(("host".to_owned(), host.into()));
        }
        _ => return Err(beyond("its host hangs on variables")),
    }
    match port.map(str::parse::<u16>) {
        None => {}
        Some(Ok(port)) if port > 0 => entries.push(("port".to_owned(), Value::Number(port.into()))),
        Some(_) => return Err(beyond("its port is no number")),
    }
    Ok(entries)
}

fn path_and_query(written: &str, location: &Location) -> Result<Entries, Reason> {
    let drop = || ("query".to_owned(), Value::from("drop"));
    let whole = |path: &str| ("path".to_owned(), Value::from(path));
    match written {
        "$request_uri" | "$uri$is_args$args" | "$document_uri$is_args$args" | "$uri?$args" | "$uri?$query_string" => {
            return Ok(Vec::new());
        }
        "$uri" | "$document_uri" => return Ok(vec![drop()]),
        "" => return Ok(vec![whole("/"), drop()]),
        _ => {}
    }
    let (path, keeps_query) = match written.strip_suffix("$is_args$args") {
        Some(path) => (path, true),
        None => (written, false),
    };
    if let (Some(prefix), "/") = (path.strip_suffix("$request_uri"), location.path.as_str()) {
        let prefix = prefix.trim_end_matches('/');
        return match is_plain(prefix) {
            true => Ok(vec![("prefix".to_owned(), prefix.into())]),
            false => Err(beyond("its path hangs on variables")),
        };
    }
    match is_plain(path) {
        true if keeps_query => Ok(vec![whole(path)]),
        true => Ok(vec![whole(path), drop()]),
        false => Err(beyond("its path hangs on variables, or has a query")),
    }
}

fn is_plain(path: &str) -> bool {
    let trimmed = path.trim_end_matches('/');
    path.starts_with('/')
        && path.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\^`{|}*$".contains(c))
        && !trimmed.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."))
}

fn beyond(why: &str) -> Reason {
    Reason::new(why, "write redirect = { scheme, host, port, path or prefix, status } in [route.NAME]: docs/rules.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, url: &str) -> String {
        redirect(status, url, &Location::everything(), Some("a.example")).map_or_else(|it| it.why, |it| it.to_string())
    }

    #[test]
    fn places_are_taken_apart() {
        for (url, said_here) in [
            ("https://$host$request_uri", r#"{ scheme = "https", status = 301 }"#),
            ("https://${http_host}${request_uri}", r#"{ scheme = "https", status = 301 }"#),
            ("https://$server_name$request_uri", r#"{ scheme = "https", host = "a.example", status = 301 }"#),
            ("https://b.example$uri$is_args$args", r#"{ scheme = "https", host = "b.example", status = 301 }"#),
            ("$scheme://www.a.example$request_uri", r#"{ host = "www.a.example", status = 301 }"#),
            ("https://$host:8443$request_uri", r#"{ scheme = "https", port = 8443, status = 301 }"#),
            (
                "https://b.example/new$request_uri",
                r#"{ scheme = "https", host = "b.example", prefix = "/new", status = 301 }"#,
            ),
            (
                "https://b.example/x/",
                r#"{ scheme = "https", host = "b.example", path = "/x/", query = "drop", status = 301 }"#,
            ),
            (
                "https://b.example",
                r#"{ scheme = "https", host = "b.example", path = "/", query = "drop", status = 301 }"#,
            ),
            ("/app/", r#"{ path = "/app/", query = "drop", status = 301 }"#),
            ("/app/$is_args$args", r#"{ path = "/app/", status = 301 }"#),
        ] {
            assert_eq!(said(301, url), said_here, "{url}");
        }
        assert_eq!(said(308, "https://$host$request_uri"), r#"{ scheme = "https" }"#);
    }

    #[test]
    fn places_that_hang_on_variables_are_refused() {
        for url in [
            "$scheme://$host$request_uri",
            "https://$new$request_uri",
            "https://b.example/$1",
            "ftp://b.example/",
            "x",
            "/a?b=c",
            "https://b.example:x/",
        ] {
            assert!(!said(301, url).starts_with('{'), "{url}: {}", said(301, url));
        }
        assert!(said(200, "/").contains("sends no client"));
    }
}
