//! The keys of what a route does beyond choosing endpoints, and of pages.

use super::table_schema::TableSchema;

pub(super) static REDIRECT: TableSchema =
    TableSchema { path: "route.NAME.redirect", keys: &["scheme", "host", "port", "path", "prefix", "status", "query"] };

pub(super) static RESPOND: TableSchema = TableSchema {
    path: "route.NAME.respond",
    keys: &["status", "headers", "body", "file", "content_type", "retry_after"],
};

/// Also those of `[error_pages]`.
pub(super) static ERROR_PAGE: TableSchema =
    TableSchema { path: "route.NAME.error_pages.*", keys: &["body", "file", "content_type"] };

pub(super) static REWRITE: TableSchema = TableSchema { path: "route.NAME.rewrite", keys: &["prefix", "regex", "to"] };

pub(super) static HEADER_CHANGES: TableSchema =
    TableSchema { path: "route.NAME.request_headers", keys: &["set", "add", "remove"] };

pub(super) static REQUIRED: TableSchema =
    TableSchema { path: "route.NAME.match_headers.*", keys: &["prefix", "present"] };

/// Tables whose keys are an operator's own; named for the list of every key.
pub(super) static OWN_KEYS: [TableSchema; 12] = [
    TableSchema { path: "error_pages", keys: &["*"] },
    TableSchema { path: "error_pages.*", keys: ERROR_PAGE.keys },
    TableSchema { path: "route.NAME.error_pages", keys: &["*"] },
    TableSchema { path: "route.NAME.respond.headers", keys: &["*"] },
    TableSchema { path: "route.NAME.request_headers.set", keys: &["*"] },
    TableSchema { path: "route.NAME.request_headers.add", keys: &["*"] },
    TableSchema { path: "route.NAME.response_headers", keys: HEADER_CHANGES.keys },
    TableSchema { path: "route.NAME.response_headers.set", keys: &["*"] },
    TableSchema { path: "route.NAME.response_headers.add", keys: &["*"] },
    TableSchema { path: "route.NAME.match_headers", keys: &["*"] },
    TableSchema { path: "route.NAME.match_query", keys: &["*"] },
    TableSchema { path: "route.NAME.match_query.*", keys: REQUIRED.keys },
];
