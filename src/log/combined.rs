//! The lines of the access log: the combined log format of Apache and nginx, and JSON.
//!
//! In the combined one, texts of clients are escaped as nginx does it: `\xHH` for quotes, backslashes, control characters and whatever
//! is no ASCII, so no text ends a field or a line.

use std::fmt::{self, Write};
use std::time::Duration;

use time::OffsetDateTime;

use super::access_entry::AccessEntry;
use super::text::write_quoted;

/// `client - - [time] "request" status bytes "referer" "user agent"`
pub(super) fn combined(entry: &AccessEntry<'_>, now: Duration) -> String {
    let mut line = String::with_capacity(USUAL);
    // A string takes everything; so below.
    let _: fmt::Result = write!(line, "{} - - [", entry.client);
    write_local_time(&mut line, now);
    line.push_str("] ");
    let request = [entry.method, entry.path, entry.protocol];
    write_field(&mut line, request.iter().enumerate().flat_map(|(at, text)| [if at > 0 { " " } else { "" }, *text]));
    let _: fmt::Result = write!(line, " {} {} ", entry.status.unwrap_or(CLIENT_LEFT), entry.bytes);
    write_field(&mut line, [entry.referer]);
    line.push(' ');
    write_field(&mut line, [entry.user_agent]);
    line.push('\n');
    line
}

/// The same and more, with a name for each.
pub(super) fn json(entry: &AccessEntry<'_>, now: Duration) -> String {
    let mut line = String::with_capacity(2 * USUAL);
    let mut field = |name: &str, value: &dyn Fn(&mut String)| {
        line.push(if line.is_empty() { '{' } else { ',' });
        write_quoted(&mut line, name);
        line.push(':');
        value(&mut line);
    };
    fn text(text: &str) -> impl Fn(&mut String) {
        move |out| write_quoted(out, text)
    }
    let number = |number: u64| move |out: &mut String| out.push_str(&number.to_string());
    field("time", &|out| {
        out.push('"');
        write_time(out, now);
        out.push('"');
    });
    field("client", &text(&entry.client.to_string()));
    field("method", &text(entry.method));
    field("host", &text(entry.host));
    field("path", &text(entry.path));
    field("protocol", &text(entry.protocol));
    if let Some(status) = entry.status {
        field("status", &number(status.into()));
    }
    field("bytes", &number(entry.bytes));
    field("bytes_from_client", &number(entry.bytes_from_client));
    field("duration_ms", &number(u64::try_from(entry.took.as_millis()).unwrap_or(u64::MAX)));
    for (name, value) in [("referer", entry.referer), ("user_agent", entry.user_agent)] {
        if !value.is_empty() {
            field(name, &text(value));
        }
    }
    field("request_id", &text(entry.request_id));
    if let Some(tunnel) = entry.tunnel {
        field("tunnel", &number(tunnel));
    }
    field("listener", &text(entry.listener));
    let known = [("route", entry.route), ("endpoint", entry.endpoint), ("refusal", entry.refusal)];
    for (name, value) in known {
        if let Some(value) = value {
            field(name, &text(value));
        }
    }
    line.push_str("}\n");
    line
}

/// Writes texts as one field in quotes; `-` where there is nothing in them.
fn write_field<'t>(out: &mut String, texts: impl IntoIterator<Item = &'t str>) {
    out.push('"');
    let before = out.len();
    for byte in texts.into_iter().flat_map(str::bytes) {
        match byte {
            b' '..=b'~' if byte != b'"' && byte != b'\\' => out.push(byte.into()),
            byte => {
                let _: fmt::Result = write!(out, "\\x{byte:02X}");
            }
        }
    }
    if out.len() == before {
        out.push('-');
    }
    out.push('"');
}

/// `27/Nov/2026:23:00:00 +0000`: the local time of a server that knows no other than UTC.
fn write_local_time(out: &mut String, since_1970: Duration) {
    let Some(time) = date(since_1970) else { return };
    let month = MONTHS.get(usize::from(u8::from(time.month())) - 1).copied().unwrap_or_default();
    let (day, year, (hour, minute, second)) = (time.day(), time.year(), time.to_hms());
    let _: fmt::Result = write!(out, "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000");
}

/// `2026-11-27T23:00:00.123Z`
fn write_time(out: &mut String, since_1970: Duration) {
    let Some(time) = date(since_1970) else { return };
    let (month, (hour, minute, second, millisecond)) = (u8::from(time.month()), time.to_hms_milli());
    let (day, year) = (time.day(), time.year());
    let _: fmt::Result = write!(out, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z");
}

fn date(since_1970: Duration) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(since_1970.as_nanos().try_into().ok()?).ok()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What nginx writes of a client that left before it had an answer.
const CLIENT_LEFT: u16 = 499;

/// What a line seldom exceeds, in bytes.
const USUAL: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json as value};

    use super::*;

    const NOW: Duration = Duration::new(1_796_079_600, 123_000_000);

    fn entry() -> AccessEntry<'static> {
        AccessEntry {
            client: [192, 0, 2, 1].into(),
            method: "GET",
            path: "/chat",
            host: "chat.example.com",
            protocol: "HTTP/1.1",
            status: Some(101),
            bytes: 4711,
            bytes_from_client: 17,
            referer: "",
            user_agent: "Mozilla/5.0 (\"x\")",
            took: Duration::from_millis(1500),
            request_id: "r1",
            tunnel: Some(7),
            listener: "public",
            route: Some("chat"),
            endpoint: Some("a"),
            refusal: None,
        }
    }

    #[test]
    fn a_line_is_as_nginx_writes_it() {
        assert_eq!(
            combined(&entry(), NOW),
            "192.0.2.1 - - [30/Nov/2026:23:00:00 +0000] \"GET /chat HTTP/1.1\" 101 4711 \"-\" \"Mozilla/5.0 (\\x22x\\x22)\"\n"
        );
        let left = AccessEntry { status: None, referer: "https://ex\u{e4}mple.com/\\", ..entry() };
        let line = combined(&left, NOW);
        assert!(line.contains(" 499 4711 \"https://ex\\xC3\\xA4mple.com/\\x5C\" "), "{line}");
    }

    #[test]
    fn json_has_a_name_for_each() {
        let line: Value = serde_json::from_str(&json(&entry(), NOW)).unwrap();
        let expected = value!({
            "time": "2026-11-30T23:00:00.123Z", "client": "192.0.2.1", "method": "GET", "host": "chat.example.com",
            "path": "/chat", "protocol": "HTTP/1.1", "status": 101, "bytes": 4711, "bytes_from_client": 17,
            "duration_ms": 1500, "user_agent": "Mozilla/5.0 (\"x\")", "request_id": "r1", "tunnel": 7,
            "listener": "public", "route": "chat", "endpoint": "a"
        });
        assert_eq!(line, expected);
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_breaks_a_line(method: String, path: String, host: String, referer: String, agent: String) {
            let entry = AccessEntry {
                method: &method, path: &path, host: &host, referer: &referer, user_agent: &agent, ..entry()
            };
            let line = combined(&entry, NOW);
            prop_assert!(line.ends_with('\n') && line.is_ascii());
            prop_assert!(!line.trim_end_matches('\n').contains(|c: char| c.is_control()));
            // Three fields in quotes, and no quote in any of them.
            prop_assert_eq!(line.matches('"').count(), 6);
            prop_assert_eq!(line.matches('\\').count(), line.matches("\\x").count());
            let line = json(&entry, NOW);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["path"].as_str(), Some(path.as_str()));
            prop_assert!(!line.trim_end_matches('\n').contains(|c: char| c.is_control()));
        }
    }
}
