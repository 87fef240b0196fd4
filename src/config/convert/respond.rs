//! `respond` of `[route.NAME]`.

use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use toml::de::DeValue;

use super::header_entries::entries;
use crate::config::defaults;
use crate::config::read::{named_file, number, text};
use crate::config::rule_syntax::{CHANGED_HEADER, HEADER_VALUE};
use crate::config::schema::RESPOND;
use crate::config::settings::{RespondBody, RespondSettings};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

pub(super) fn respond(item: &SpannedValue<'_>) -> Option<RespondSettings> {
    let section = item.section(&RESPOND)?;
    let status = section.require("status", status, "status = 503");
    let headers = section.try_read("headers", |item| entries(item, CHANGED_HEADER, text(HEADER_VALUE)), Vec::new());
    let body = body(&section);
    let content_type = section.try_read("content_type", |item| text(HEADER_VALUE)(item).map(Some), None);
    let retry_after = section.try_read("retry_after", |item| text(DURATION)(item).map(Some), None);
    let (status, body) = (status?, body?);
    let mut headers = headers?;
    check_headers(&section, &headers);
    let is_empty = matches!(&body, RespondBody::Text(text) if text.is_empty());
    check_body(&section, status, is_empty);
    if !is_empty {
        let of_body = content_type?.unwrap_or_else(|| type_of(&body));
        headers.push((CONTENT_TYPE, of_body));
    }
    headers.extend(retry_after?.map(|time| (RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)))));
    Some(RespondSettings { status, headers, body })
}

pub(super) fn body(section: &Section<'_>) -> Option<RespondBody> {
    let written = section.try_read("body", |item| plain(item).map(Some), None);
    let file = section.try_read("file", |item| named_file(item).map(Some), None);
    if let Some(Some(file)) = &file {
        section.location().report().note_named(|named| named.answers.push(file.clone()));
    }
    if let (true, Some(item)) = (section.has("body"), section.item("file")) {
        item.fault("is the body, and so is `body`", "keep one of them");
        return None;
    }
    Some(match (written?, file?) {
        (_, Some(file)) => RespondBody::File(file),
        (written, None) => RespondBody::Text(written.unwrap_or_default()),
    })
}

/// Any text: it is sent as it is.
fn plain(item: &SpannedValue<'_>) -> Option<String> {
    let DeValue::String(text) = item.value() else {
        item.fault(format!("must be a text, not {}", item.type_name()), "write it in quotes");
        return None;
    };
    Some(text.to_string())
}

fn status(item: &SpannedValue<'_>) -> Option<StatusCode> {
    let hint = || "write a status from 200 to 599".to_owned();
    StatusCode::from_u16(u16::try_from(number(item, 200..=599, hint)?).ok()?).ok()
}

/// What has a key of its own is not said among the headers.
fn check_headers(section: &Section<'_>, headers: &[(HeaderName, HeaderValue)]) {
    for (name, key) in [(CONTENT_TYPE, "content_type"), (RETRY_AFTER, "retry_after")] {
        if let (true, Some(item)) = (headers.iter().any(|(it, _)| *it == name), section.item("headers")) {
            item.fault(format!("{name} has a key of its own"), format!("write `{key}` beside `headers`"));
        }
    }
    if let (true, Some(item)) = (headers.iter().any(|(it, _)| *it == LOCATION), section.item("headers")) {
        item.location()
            .warn("a Location is what `redirect` is for", "write redirect = { host = \"www.example.com\" } instead");
    }
}

fn check_body(section: &Section<'_>, status: StatusCode, is_empty: bool) {
    if !is_empty && [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) {
        let item = section.item("file").or_else(|| section.item("body"));
        item.iter().for_each(|item| {
            item.fault(format!("{} has no body", status.as_str()), "remove it, or write another status")
        });
    }
    if let (true, Some(item)) = (is_empty, section.item("content_type")) {
        item.fault("is of a body, and there is none", "write `body` or `file`, or remove it");
    }
}

/// What a body is by the name of its file.
pub(super) fn type_of(body: &RespondBody) -> HeaderValue {
    let RespondBody::File(file) = body else { return defaults::TEXT };
    match file.path.extension().and_then(|it| it.to_str()).unwrap_or_default() {
        "html" | "htm" => HeaderValue::from_static("text/html; charset=utf-8"),
        "json" => HeaderValue::from_static("application/json"),
        _ => defaults::TEXT,
    }
}
