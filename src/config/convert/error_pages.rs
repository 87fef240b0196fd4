//! `error_pages`, of the whole and of `[route.NAME]`.

use bytes::Bytes;

use super::respond::{body, type_of};
use crate::config::read::text;
use crate::config::rule_syntax::HEADER_VALUE;
use crate::config::schema::ERROR_PAGE;
use crate::config::settings::{ErrorPageSettings, RespondBody};
use crate::config::tree::SpannedValue;
use crate::rules::{ErrorPage, ErrorStatus, MOST_OF_A_PAGE_WITH_VARIABLES};

/// A table of pages, each under the statuses that it is for.
pub(in crate::config) fn error_pages(item: &SpannedValue<'_>) -> Option<Vec<ErrorPageSettings>> {
    let Some(entries) = item.entries() else {
        item.fault(format!("must be a table of pages, not {}", item.type_name()), format!("write {EXAMPLE}"));
        return None;
    };
    let read: Vec<_> = entries.iter().map(|(key, item)| page(key, item)).collect();
    read.into_iter().collect()
}

fn page(key: &str, item: &SpannedValue<'_>) -> Option<ErrorPageSettings> {
    let status = ErrorStatus::parse(key);
    if status.is_none() {
        item.fault(
            format!("{key:?} is no status that a page may be for"),
            "write a status from 400 to 599, \"4xx\", \"5xx\" or \"*\"",
        );
    }
    let section = item.section(&ERROR_PAGE)?;
    let content_type = section.try_read("content_type", |item| text(HEADER_VALUE)(item).map(Some), None);
    let body = body(&section)?;
    if !section.has("body") && !section.has("file") {
        item.fault("says nothing", format!("write {EXAMPLE}"));
        return None;
    }
    if matches!(&body, RespondBody::Text(text) if text.len() > MOST_OF_A_TEXT) {
        item.fault("is longer than 64 KiB", "put it into a file, and name that");
        return None;
    }
    let content_type = content_type?.unwrap_or_else(|| type_of(&body));
    if let RespondBody::Text(text) = &body
        && text.len() > MOST_OF_A_PAGE_WITH_VARIABLES
        && ErrorPage::new(content_type.clone(), &Bytes::copy_from_slice(text.as_bytes())).has_variables()
    {
        item.fault(
            "is longer than 16 KiB, and says something of each refusal",
            "write a shorter page, or one without {status}, {error}, {message} and {request_id}",
        );
        return None;
    }
    Some(ErrorPageSettings { status: status?, body, content_type })
}

const EXAMPLE: &str = "{ \"404\" = { file = \"404.html\" }, \"5xx\" = { body = \"{status} {message}\" } }";

/// How long a text that stands in the configuration may be, in bytes.
const MOST_OF_A_TEXT: usize = 64 * 1024;
