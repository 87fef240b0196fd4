//! What kept requests out with nginx lets nobody in here, and whatever is written is a configuration.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::syntax::{Numbers, Tree, parse};
use super::translate::{Written, written};
use crate::config::{self, Settings};

pub(super) fn imported(source: &str) -> Written {
    let mut numbers = Numbers::default();
    let directives =
        parse(source, &"x.conf".into(), &mut numbers).unwrap_or_else(|(_, problem)| panic!("{problem}\n{source}"));
    let tree = Tree { directives, count: numbers.count() };
    written(&tree, Path::new("/etc/nginx/x.conf"), Path::new("/etc/nginx")).0
}

fn settings(source: &str) -> Settings {
    let text = imported(source).text;
    config::parse(&text, Path::new("windlass.toml")).unwrap_or_else(|problems| panic!("{problems}\n{text}\n{source}"))
}

/// What becomes of `path` on every host: the name of an upstream, or the status that is answered.
fn destination(settings: &Settings, path: &str) -> String {
    let route =
        settings.routes.values().find(|route| route.path == path).unwrap_or_else(|| panic!("no route for {path}"));
    match &route.destination {
        config::Destination::Respond(answer) => answer.status.as_str().to_owned(),
        other => other.upstreams().map(|it| it.as_str().to_owned()).collect(),
    }
}

const NAMED: &str = "location @named { auth_jwt x; proxy_pass http://app; } \
                     location @answers { return 404; proxy_pass http://app; } location @denied { allow 192.0.2.0/24; deny all; proxy_pass http://app; }";

const OPEN: &str = "location / { proxy_pass http://app; }";

#[test]
fn a_location_that_kept_out_and_cannot_be_said_is_closed() {
    for inner in [
        "auth_jwt x; proxy_pass http://app;",
        "satisfy any; allow 10.0.0.0/8; deny all; auth_basic x; auth_basic_user_file f; proxy_pass http://app;",
        "allow 10.0.0.1; deny 10.0.0.0/8; proxy_pass http://app;",
        "if ($http_x) { return 403; } proxy_pass http://app;",
        "limit_except GET { deny all; } proxy_pass http://app;",
        "if ($arg_key != k) { return 302 /; } proxy_pass http://app;",
        "set $may 0; if ($http_x = k) { set $may 1; } if ($may = 0) { rewrite ^ / last; } proxy_pass http://app;",
        "auth_saml on; proxy_pass http://app;",
        "auth_request $asked; proxy_pass http://app;",
        "auth_basic $realm; auth_basic_user_file f; proxy_pass http://app;",
        "access_by_lua_file x.lua; proxy_pass http://app;",
        "if ($bad) { return 444; } proxy_pass http://app;",
        "try_files $uri @named;",
        "try_files $uri @answers;",
        "try_files $uri @denied; allow 10.0.0.0/8; deny all;",
        // Here everybody would come from the proxy that is believed there.
        "set_real_ip_from 10.0.0.1; allow 10.0.0.0/8; deny all; proxy_pass http://app;",
        // These lead nowhere, and what is below /admin is not to come to the route for everything.
        "auth_basic x; auth_basic_user_file f; root /var/www;",
        "allow 10.0.0.0/8; deny all; proxy_pass http://$pool;",
        "deny all;",
        "auth_basic x; auth_basic_user_file f; location /admin/x { proxy_pass http://app; }",
    ] {
        let settings = settings(&format!("server {{ {OPEN} {NAMED} location /admin {{ {inner} }} }}"));
        assert_eq!(destination(&settings, "/"), "app", "{inner}");
        assert_eq!(destination(&settings, "/admin"), "403", "{inner}");
    }
}

#[test]
fn an_expression_that_kept_out_is_closed_where_it_is_below_a_path() {
    let settings = settings(&format!(
        "server {{ {OPEN} location ~* ^/admin(/|$) {{ deny all; }} location ~ /\\.ht {{ deny all; }} }}"
    ));
    assert_eq!(destination(&settings, "/admin"), "403");
    let text = imported("server { location / { proxy_pass http://app; } location ~ /\\.ht { deny all; } }").text;
    assert!(text.contains("look at this: it kept requests out"), "{text}");
}

#[test]
fn what_the_server_asks_for_its_locations_ask_for() {
    let settings =
        settings(&format!("server {{ auth_jwt x; {OPEN} location /open {{ auth_jwt off; proxy_pass http://app; }} }}"));
    assert_eq!((destination(&settings, "/"), destination(&settings, "/open")), ("403".into(), "app".into()));
}

#[test]
fn a_list_of_clients_is_closed_where_others_are_seen_here() {
    let lists = "location / { allow 10.0.0.0/8; deny all; proxy_pass http://app; }";
    let of = |rest: &str| destination(&settings(&format!("server {{ {rest} {lists} }}")), "/");
    assert_eq!(of(""), "app");
    assert_eq!(of("set_real_ip_from 10.0.0.1; real_ip_header X-Forwarded-For;"), "app");
    assert_eq!(of("set_real_ip_from 10.0.0.1;"), "403");
    assert_eq!(of("set_real_ip_from 10.0.0.1; real_ip_header CF-Connecting-IP;"), "403");
    let other = "} server { server_name b.example; location / { proxy_pass http://b; }";
    let settings = settings(&format!(
        "server {{ server_name a.example; set_real_ip_from 10.0.0.1; real_ip_header X-Forwarded-For; {lists} {other} }}"
    ));
    assert_eq!(destination(&settings, "/"), "403");
}

#[test]
fn hosts_of_one_server_never_come_to_another_one() {
    let settings = settings(&format!(
        "server {{ listen 80 default_server; {OPEN} }} server {{ server_name a.example; location /ws {{ proxy_pass http://ws; }} }}"
    ));
    let of_host: Vec<_> =
        settings.routes.values().filter(|it| !it.hosts.is_empty()).map(|it| it.path.as_str()).collect();
    assert_eq!(of_host, ["/", "/ws"]);
}

#[test]
fn what_an_exact_path_opens_is_told_of_or_refused() {
    let server = "server { auth_basic x; auth_basic_user_file f;";
    let exact = "location = /up { auth_basic off; proxy_pass http://app; }";
    let text = imported(&format!("{server} {exact} }}")).text;
    assert!(text.contains("here for everything below that path too"), "{text}");
    let text = imported(&format!("{server} {OPEN} {exact} }}")).text;
    assert!(text.contains("(?:^/up/|") && !text.contains("comes to this route too"), "{text}");
}

#[test]
fn an_upstream_that_is_reached_in_two_ways_is_two() {
    let settings = settings(
        "upstream app { server a:1; server b:1; } server { location /a { proxy_pass http://app; } \
         location /b { proxy_pass http://app; proxy_read_timeout 5s; } location /c { proxy_pass http://app; } }",
    );
    assert_eq!(["/a", "/b", "/c"].map(|path| destination(&settings, path)), ["app", "app-2", "app"]);
}

const OF_HTTP: &[&str] = &[
    "gzip on;",
    "client_max_body_size 5m;",
    "proxy_set_header Host $host;",
    "add_header X-A b always;",
    "set_real_ip_from 10.0.0.1/8;",
    "limit_req_zone $binary_remote_addr zone=r:1m rate=30r/m;",
    "limit_conn_zone $server_name zone=c:1m;",
    "resolver 10.0.0.53 valid=0;",
    "map $http_x $pool { default app; }",
    "upstream app { hash $uri; server a:1 weight=0; server a:1; server unix:/run/A.sock max_conns=0; queue 5; }",
    "upstream tls { sticky cookie a b=c; server 10.0.0.1; }",
    "large_client_header_buffers 1 1;",
    "upstream app { server a:1 max_conns=99999999999 weight=18446744073709551615; server a:1 weight=5; queue 99999999999; }",
    "limit_req_zone $binary_remote_addr zone=r:1m rate=99999999999r/s;",
    "resolver 10.0.0.53 10.0.0.53;",
    "set_real_ip_from 10.0.0.0/8; set_real_ip_from 10.1.0.0/8; real_ip_header X-Forwarded-For;",
    "keepalive_timeout 0;",
    "ssl_certificate a.pem; ssl_certificate_key a.key;",
    "ssl_verify_client on; ssl_client_certificate ca.pem;",
];

const OF_SERVERS: &[&str] = &[
    "listen 443 ssl;",
    "listen [::]:80 default_server;",
    "listen 127.0.0.1:80 proxy_protocol;",
    "listen 80 http2;",
    "listen unix:/x;",
    "server_name a.example .b.example ~^x;",
    "server_name *.example;",
    "server_name _;",
    "return 301 https://$host$request_uri;",
    "if ($host = a.example) { return 301 https://$host$request_uri; }",
    "if ($scheme = http) { return 301 https://$host$request_uri; }",
    "auth_request /auth;",
    "auth_basic x; auth_basic_user_file f;",
    "deny 10.0.0.1;",
    "ssl_reject_handshake on;",
    "rewrite ^ https://b.example$request_uri? permanent;",
];

const OF_LOCATIONS: &[&str] = &[
    "proxy_pass http://app;",
    "proxy_pass https://tls/v2/;",
    "proxy_pass http://unix:/run/x.sock:/;",
    "proxy_pass http://$pool;",
    "grpc_pass grpcs://g:1;",
    "return 200 'a\\nb {$}';",
    "return 302 /x$is_args$args;",
    "return 444;",
    "try_files $uri @named;",
    "root /x;",
    "rewrite ^/a/(.*)$ /$1 break;",
    "auth_basic off;",
    "allow 10.0.0.0/8; deny all;",
    "internal;",
    "proxy_set_header X-Real-IP $remote_addr;",
    "proxy_set_header X-User $remote_user;",
    "proxy_set_header X-Id $request_id;",
    "proxy_set_header Host \"a b\";",
    "add_header X-B $request_id; add_header X-B 2; add_header X-B 3;",
    "limit_req zone=r; limit_conn c 5; limit_conn c 6;",
    "proxy_bind 10.0.0.2; proxy_connect_timeout 90000d;",
    "client_max_body_size 0;",
    "proxy_ssl_name $host; proxy_ssl_certificate c.pem;",
    "proxy_hide_header X-A; proxy_hide_header Connection;",
    "location /inner { proxy_pass http://app/; }",
    "location ~ \\.php$ { deny all; }",
    "allow 10.0.0.1; allow 10.0.0.1/32; deny all;",
    "deny 10.0.0.1; deny 10.0.0.1/32;",
    "proxy_set_header X-B ''; proxy_set_header x-b ''; proxy_set_header X-B $none;",
    "proxy_hide_header X-C; proxy_hide_header x-c;",
    "limit_conn c 99999999999; limit_req zone=r burst=99999999999;",
    "return 410 $uri;",
    "rewrite ^ https://$none/ permanent;",
    "if ($http_x) { return 400; }",
    "satisfy any; deny all;",
];

const OF_PATHS: &[&str] = &[
    "/",
    "/a/",
    "/a",
    "= /a",
    "= /",
    "~ ^/a",
    "@named",
    "/auth",
    "^~ /b/",
    "/c d",
    "/auth/x",
    "~* /\\.(?!x)",
    "~ (a)\\1",
];

fn some(lines: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    subsequence(lines, 0..=most).prop_shuffle().prop_map(|lines| lines.join(" "))
}

fn location() -> impl Strategy<Value = String> {
    (select(OF_PATHS), some(OF_LOCATIONS, 5)).prop_map(|(path, inner)| format!("location {path} {{ {inner} }}"))
}

fn server() -> impl Strategy<Value = String> {
    (some(OF_SERVERS, 5), prop::collection::vec(location(), 0..5))
        .prop_map(|(own, locations)| format!("server {{ {own} {} }}", locations.join(" ")))
}

proptest! {
    #[test]
    fn whatever_has_a_route_is_a_configuration(http in some(OF_HTTP, 6), servers in prop::collection::vec(server(), 1..4)) {
        let source = format!("http {{ {http}\n{} }}", servers.join("\n"));
        let written = imported(&source);
        if written.has_routes {
            let parsed = config::parse(&written.text, Path::new("windlass.toml"));
            prop_assert!(parsed.is_ok(), "{}\n{}\n{}", parsed.unwrap_err(), written.text, source);
        }
    }
}
