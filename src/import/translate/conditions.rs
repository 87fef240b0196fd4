//! What the condition of an `if` looks at: what is asked for (host, scheme, port, method, path), or whether its client is one who may.
//!
//! What is not known to be the first counts as the second: a guard that is taken for a redirect would let everybody in.

use std::collections::BTreeSet;

use super::makers::{Texts, made_of};
use super::text::{Part, parts};
use crate::import::syntax::Directive;

/// What a condition comes down to, through all variables between.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// What nginx knows of a request, in small letters, and what nobody knows how it is made.
    names: BTreeSet<String>,
    has_query: bool,
    has_file: bool,
}

impl Origins {
    /// What `texts`, such as those of an `if`, come down to by whatever makes their variables, anywhere in `tree`.
    pub(super) fn of<'t>(texts: Texts<'t>, tree: &'t [Directive]) -> Self {
        let mut origins = Self::default();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![texts];
        while let Some(texts) = waiting.pop() {
            origins.has_query |= is_of_query(&texts);
            origins.has_file |= is_of_file(&texts) && names_in(&texts).all(|name| is_of_request(&name));
            for name in names_in(&texts).filter(|name| seen.insert(name.clone())).collect::<Vec<_>>() {
                match made_of(&name, tree) {
                    Some(makers) => waiting.extend(makers),
                    None => origins.names.extend([name]),
                }
            }
        }
        origins
    }

    /// Whether it hangs on its client.
    pub(super) fn has_client(&self) -> bool {
        self.has_query || !self.names.iter().all(|name| is_of_request(name))
    }

    /// Whether nothing but the path decides.
    pub(super) fn are_paths(&self) -> bool {
        !self.names.is_empty() && self.names.iter().all(|name| is_path(name))
    }

    /// Whether a file decides, too, which is one for all: that is a switch, as for maintenance.
    pub(super) fn has_file(&self) -> bool {
        self.has_file
    }

    /// Whether it is about what a browser asks before a request to another site: the method OPTIONS, and perhaps from where.
    pub(super) fn is_of_preflight(&self) -> bool {
        const METHOD: &str = "request_method";
        self.names.contains(METHOD) && self.names.iter().all(|name| [METHOD, "http_origin"].contains(&name.as_str()))
    }
}

/// The variables in `texts`, as nginx keeps their names.
pub(super) fn names_in(texts: &[&str]) -> impl Iterator<Item = String> {
    texts.iter().flat_map(|text| parts(text)).filter_map(|part| match part {
        Part::Variable(name) => Some(name.to_ascii_lowercase()),
        Part::Text(_) => None,
    })
}

/// Whether a variable of this name is the path that is asked for.
pub(super) fn is_path(name: &str) -> bool {
    ["uri", "document_uri", "request_uri"].contains(&name)
}

fn is_of_request(name: &str) -> bool {
    OF_REQUEST.contains(&name)
}

/// Whether the query of `$request_uri` may be what `texts` look at: unless all that they compare it with is a path.
fn is_of_query(texts: &[&str]) -> bool {
    const OPERATORS: [&str; 6] = ["=", "!=", "~", "~*", "!~", "!~*"];
    let is_path = |text: &&str| {
        (text.contains('/') || text.contains("\\.")) && !text.contains(['=', '&']) && !goes_on_with_query(text)
    };
    let mut compared =
        texts.iter().filter(|text| !OPERATORS.contains(*text) && **text != ")" && names_in(&[text]).next().is_none());
    names_in(texts).any(|name| name == "request_uri") && (compared.clone().next().is_none() || !compared.all(is_path))
}

/// Whether it is asked for a file.
fn is_of_file(texts: &[&str]) -> bool {
    const QUESTIONS: [&str; 4] = ["-f", "-d", "-e", "-x"];
    texts.iter().any(|text| QUESTIONS.contains(&text.trim_start_matches(['(', '!'])))
}

/// Whether an expression says what stands behind the `?` of a target, and not only that there may be one.
fn goes_on_with_query(text: &str) -> bool {
    text.split("\\?").skip(1).any(|behind| !behind.is_empty() && !behind.starts_with(['|', '$', ')', '"']))
}

/// What is asked for, and what a browser says of itself without being asked who uses it.
const OF_REQUEST: [&str; 34] = [
    "host",
    "http_host",
    "http_x_forwarded_host",
    "hostname",
    "server_name",
    "ssl_server_name",
    "server_port",
    "http_x_forwarded_port",
    "scheme",
    "https",
    "ssl_protocol",
    "http_x_forwarded_proto",
    "http_x_forwarded_protocol",
    "http_x_forwarded_scheme",
    "http_x_forwarded_ssl",
    "http_x_scheme",
    "http_front_end_https",
    "http_cloudfront_forwarded_proto",
    "http_cf_visitor",
    "server_protocol",
    "request_method",
    "request_uri",
    "request_filename",
    "document_root",
    "realpath_root",
    "uri",
    "document_uri",
    "http_user_agent",
    "http_accept",
    "http_accept_encoding",
    "http_accept_language",
    "http_upgrade",
    "http_upgrade_insecure_requests",
    "http2",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// What holds of the last `if` of `source`.
    fn holds(of: fn(&Origins) -> bool, source: &str) -> bool {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        of(&Origins::of(tree.iter().rfind(|it| it.name() == "if").unwrap().texts(), &tree))
    }

    #[test]
    fn what_clients_show_or_are_known_by_is_found_however_many_variables_are_between() {
        for source in [
            "if ($cookie_session = '') { }",
            "if ($remote_addr !~ ^10) { }",
            "if ($arg_key != k) { }",
            "if ($http_x_api_key != k) { }",
            "if ($http_origin !~ ours) { }",
            "geo $office { default 0; } if ($office = 0) { }",
            "map $http_x_api_key $may { default 0; } if ($may = 0) { }",
            "map $host $may { default $arg_key; } if ($may = 0) { }",
            "map $http_authorization $a { default 0; } map $a $b { default 0; } if ($b) { }",
            "set $key $arg_key; if ($key != k) { }",
            "set $may 0; if ($http_x = k) { set $may 1; } if ($may = 0) { }",
            "if ($http_x ~ (.+)) { set $may $1; } if ($may = 0) { }",
            "set $a $b; set $b $a; set $b $remote_user; if ($a) { }",
            "if ($nobody_knows) { }",
            // What a harmless `set` would hide.
            "geo $in { default 0; } if ($request_method = OPTIONS) { set $in 1; } if ($in = 0) { }",
            "geo $remote_addr $in { default 0; } set $in 0; if ($in = 0) { }",
            "split_clients $remote_addr $in { 50% 1; * 0; } set $in 0; if ($in = 0) { }",
            "geoip2 x.mmdb { $country source=$remote_addr country iso_code; } set $country ''; if ($country = '') { }",
            "set $may 0; auth_request_set $may $upstream_http_may; if ($may = 0) { }",
            "set $may 0; set_by_lua_file $may x.lua; if ($may = 0) { }",
            "set $may 0; set_by_lua_block $may { return 1 } if ($may = 0) { }",
            "js_set $may who.may; set $may 0; if ($may = 0) { }",
            "perl_set $may who::may; set $may 0; if ($may = 0) { }",
            "set $key ''; if ($http_authorization ~ 'Bearer (?<key>.+)') { } if ($key = '') { }",
            "set $key ''; if ($http_authorization ~ 'Bearer (?P<Key>.+)') { } if ($key = '') { }",
            "set $key ''; if ($http_authorization ~ \"Bearer (?'key'.+)\") { } if ($key = '') { }",
            "set $key ''; map $http_authorization $x { '~Bearer (?<key>.+)' 1; } if ($key = '') { }",
            "map $host $may { default 0; include no-such-file; } geo $may { default 0; } if ($may = 0) { }",
            "set $may 0; geo $May { default 0; } if ($MAY = 0) { }",
            "set $may 0; frobnicate '(?<may>.+)'; if ($may = 0) { }",
            // The query is in it.
            "if ($request_uri !~ 'key=secret') { }",
            "if ($request_uri !~ secret) { }",
            "if ($request_uri !~ '^/hook\\?s3cr3t$') { }",
            "if ($is_args = '') { }",
            "if ($server_addr !~ ^10) { }",
            "root /srv/$cookie_k; if (!-f $request_filename) { }",
            "location /a { alias /srv/$arg_k; if (-d $realpath_root) { } } if (!-f $document_root/x) { }",
            "map $cookie_k $http_x_scheme { default 0; } if ($http_x_scheme = 0) { }",
            "if ($http_cookie ~ 'k=(.*)') { } if ($request_method = GET) { set $k $1; } if ($k != s) { }",
            "if ($request_uri !~ '^/[^?]*[?]key=secret') { }",
            "map $request_uri $may { default 0; '~key=secret' 1; } if ($may = 0) { }",
            "set $asked $request_uri; if ($asked !~ secret) { }",
        ] {
            assert!(holds(Origins::has_client, source), "{source}");
        }
    }

    #[test]
    fn what_is_asked_for_is_none_of_it() {
        for source in [
            "if ($scheme = http) { }",
            "if ($http_x_forwarded_proto != https) { }",
            "if ($server_port = 80) { }",
            "if ($host ~* ^www\\.(.*)$) { }",
            "if ($request_method !~ ^(GET|HEAD)$) { }",
            "if (!-f $request_filename) { }",
            "if ($http_user_agent ~ Mobile) { }",
            "set $plain 0; if ($scheme = http) { set $plain 1; } if ($plain) { }",
            "map $http_x_forwarded_proto $plain { default 0; http 1; } if ($plain) { }",
            "if ($host ~ ^(.+)\\.example) { set $who $1; } if ($who = www) { }",
            "set $a $b; set $a $host; set $b $a; if ($a) { }",
            "if ($realpath_root = /srv) { }",
            "root /srv/$host; if (!-f $request_filename) { }",
            "if ($http_upgrade_insecure_requests = 1) { }",
            "if ($request_uri ~ ^/(.*)/index\\.php) { }",
            "if ($request_uri = /old/) { }",
            "if ($request_uri ~ \"^[^?]*//\") { }",
            "if ($request_uri ~* \\.html(\\?|$)) { }",
            "map $request_uri $new { include moved.map; /old /new; } if ($new) { }",
            "map $http_x_forwarded_proto $proto { default http; https https; } proxy_set_header X-Proto $proto; if ($proto = http) { }",
            "server_name ~^(?<who>.+)\\.example; if ($who = www) { }",
            "location ~ ^/(?<who>[^/]+)/ { if ($who = www) { } } if ($who = www) { }",
            "map $host $x { '~^(?<who>.+)\\.example' $who; } if ($x = www) { }",
        ] {
            assert!(!holds(Origins::has_client, source), "{source}");
        }
    }

    #[test]
    fn a_file_may_be_a_switch() {
        for source in ["if (-f /off) { }", "if (!-e /on) { }", "set $off 0; if (-f /off) { set $off 1; } if ($off) { }"]
        {
            assert!(holds(Origins::has_file, source), "{source}");
        }
        assert!(!holds(Origins::has_file, "if (!-f /srv/allow/$remote_addr) { }"));
        assert!(!holds(Origins::has_file, "set $off 1; if ($remote_addr ~ ^10) { set $off 0; } if ($off) { }"));
    }

    #[test]
    fn what_browsers_ask_before_a_request_to_another_site_is_known() {
        for source in [
            "if ($request_method = OPTIONS) { }",
            "set $cors ''; if ($http_origin ~ ours) { set $cors true; } if ($request_method = OPTIONS) { set $cors \"${cors}options\"; } if ($cors = trueoptions) { }",
        ] {
            assert!(holds(Origins::is_of_preflight, source), "{source}");
        }
        for source in [
            "if ($http_origin !~ ours) { }",
            "if ($request_method$http_x = OPTIONS) { }",
            "set $cors ''; if ($request_method = OPTIONS) { set $cors $cookie_a; } if ($cors = options) { }",
        ] {
            assert!(!holds(Origins::is_of_preflight, source), "{source}");
        }
    }
}
