//! Directives that mean nothing here: nobody misses them, and nothing has to be done in their place.

use crate::import::syntax::Directive;

/// Whether nothing has to be written for `directive`, whatever stands around it.
pub(super) fn means_nothing(directive: &Directive) -> bool {
    let name = directive.name();
    NAMES.contains(&name)
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || (directive.value() == Some("off") && OFF.contains(&name))
        || (name, directive.value()) == ("satisfy", Some("all"))
        || is_list_of_types(directive)
}

/// Files that every installation has: lists that are for other uses than those that are carried over.
fn is_list_of_types(directive: &Directive) -> bool {
    let file = directive.value().and_then(|path| path.rsplit('/').next());
    directive.name() == "include" && file.is_some_and(|file| ["mime.types", "modules-enabled"].contains(&file))
        || directive.name() == "include" && directive.value().is_some_and(|path| path.contains("/modules-enabled/"))
}

/// How nginx itself runs, reads and buffers; what is always so here, or never.
const NAMES: [&str; 74] = [
    // The process.
    "user",
    "pid",
    "daemon",
    "master_process",
    "events",
    "thread_pool",
    "pcre_jit",
    "timer_resolution",
    "lock_file",
    "working_directory",
    "load_module",
    "env",
    "aio",
    "directio",
    "sendfile",
    "sendfile_max_chunk",
    "tcp_nopush",
    "tcp_nodelay",
    "postpone_output",
    "output_buffers",
    "reset_timedout_connection",
    // What files are, and what is said of nginx.
    "types",
    "default_type",
    "server_tokens",
    "server_name_in_redirect",
    "port_in_redirect",
    "absolute_redirect",
    "ignore_invalid_headers",
    "log_not_found",
    "log_subrequest",
    "chunked_transfer_encoding",
    "rewrite_log",
    "uninitialized_variable_warn",
    "msie_padding",
    "stub_status_format",
    // Connections with clients.
    "keepalive_requests",
    "keepalive_time",
    "keepalive_disable",
    "client_header_buffer_size",
    "client_body_buffer_size",
    "client_body_in_file_only",
    "client_body_in_single_buffer",
    "client_body_temp_path",
    "real_ip_recursive",
    // TLS: 1.2 and 1.3 with the ciphers that are safe, tickets, no early data.
    "ssl_ciphers",
    "ssl_prefer_server_ciphers",
    "ssl_session_cache",
    "ssl_session_timeout",
    "ssl_session_tickets",
    "ssl_dhparam",
    "ssl_ecdh_curve",
    "ssl_buffer_size",
    "ssl_early_data",
    "ssl_stapling_verify",
    "ssl_trusted_certificate",
    "ssl_verify_depth",
    // Towards endpoints: nothing is collected there, and the next one is asked where that is safe.
    "proxy_http_version",
    "proxy_buffering",
    "proxy_buffers",
    "proxy_buffer_size",
    "proxy_busy_buffers_size",
    "proxy_request_buffering",
    "proxy_max_temp_file_size",
    "proxy_temp_path",
    "proxy_temp_file_write_size",
    "proxy_ignore_client_abort",
    "proxy_next_upstream",
    "proxy_next_upstream_timeout",
    "proxy_next_upstream_tries",
    "proxy_socket_keepalive",
    "proxy_ssl_server_name",
    "proxy_ssl_session_reuse",
    "proxy_ssl_protocols",
    "proxy_ssl_ciphers",
];

/// How all of them begin.
const BEGINNINGS: [&str; 21] = [
    "worker_",
    "accept_mutex",
    "debug_",
    "open_file_cache",
    "types_hash_",
    "server_names_hash_",
    "variables_hash_",
    "map_hash_",
    "proxy_headers_hash_",
    "lingering_",
    "http2_",
    "connection_pool_",
    "request_pool_",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
    "gzip_",
    "limit_conn_",
    "limit_req_",
    "proxy_cache_",
    "brotli_",
];

/// What is never so here.
const OFF: [&str; 22] = [
    "access_log",
    "auth_basic",
    "auth_request",
    "auth_jwt",
    "autoindex",
    "brotli",
    "etag",
    "expires",
    "gzip",
    "gunzip",
    "if_modified_since",
    "mirror",
    "proxy_bind",
    "proxy_cache",
    "proxy_cookie_domain",
    "proxy_cookie_path",
    "proxy_intercept_errors",
    "proxy_redirect",
    "proxy_store",
    "recursive_error_pages",
    "ssl_stapling",
    "http3",
];
