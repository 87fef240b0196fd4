//! Directives that use variables, and neither make one nor keep anybody out: what is said, written and kept of a request, and where it goes.

/// Whether `name` is one of these. One that is not known is none.
pub(super) fn only_uses(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

const BEGINNINGS: [&str; 14] = [
    "add_",
    "brotli",
    "client_",
    "expires",
    "fastcgi_",
    "grpc_",
    "gzip",
    "limit_rate",
    "memcached_",
    "proxy_",
    "scgi_",
    "sub_filter",
    "uwsgi_",
    "zstd",
];

const NAMES: [&str; 32] = [
    "access_log",
    "alias",
    "charset",
    "default_type",
    "error_log",
    "error_page",
    "etag",
    "hash",
    "if_modified_since",
    "index",
    "keepalive_timeout",
    "limit_conn",
    "limit_conn_zone",
    "limit_req",
    "limit_req_zone",
    "log_format",
    "log_not_found",
    "log_subrequest",
    "mirror",
    "more_clear_headers",
    "more_clear_input_headers",
    "more_set_headers",
    "more_set_input_headers",
    "open_file_cache",
    "opentracing_tag",
    "otel_span_attr",
    "rewrite_log",
    "root",
    "ssl_certificate",
    "ssl_certificate_key",
    "try_files",
    "uninitialized_variable_warn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_variables_or_keeps_out_is_none_of_them() {
        for name in ["proxy_set_header", "add_header", "access_log", "limit_rate_after"] {
            assert!(only_uses(name), "{name}");
        }
        for name in [
            "set",
            "geo",
            "js_set",
            "set_by_lua_file",
            "auth_request_set",
            "return",
            "deny",
            "content_by_lua_file",
            "nobody_knows",
        ] {
            assert!(!only_uses(name), "{name}");
        }
    }
}
