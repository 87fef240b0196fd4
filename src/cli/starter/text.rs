//! What a beginning is made of, and the configuration that says so.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::app::page_address;
use crate::config::quoted;

/// One listener in front of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Starter {
    /// Where clients come in.
    pub(super) listen: SocketAddr,
    pub(super) certificate: StarterCertificate,
    /// The names that they ask for; every name where there is none.
    pub(super) hosts: Vec<String>,
    /// Where the application is: one at least.
    pub(super) endpoints: Vec<String>,
}

/// What the listener shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StarterCertificate {
    /// Nothing: it speaks no TLS.
    None,
    /// What is in these files.
    Files { chain: PathBuf, key: PathBuf },
    /// What is ordered by itself, and kept in this folder; where the process keeps what it has, where it is none.
    Ordered { contact: String, storage: Option<PathBuf> },
}

/// How much the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// What is likely to be wanted next, each in its place.
    Some,
    /// Nobody reads it.
    None,
}

impl Starter {
    /// Whether clients speak TLS to it.
    pub(super) fn is_secure(&self) -> bool {
        self.certificate != StarterCertificate::None
    }

    /// Where a browser finds it: by the first of its names, or one that a pattern stands for; by its address where it has none.
    pub(super) fn url(&self) -> String {
        page_address(self.listen, self.is_secure(), &self.hosts)
    }

    /// By which names it is found, for a certificate to try with.
    pub(super) fn certified_names(&self) -> Vec<String> {
        let address = self.listen.ip();
        let own = (!address.is_unspecified() && !address.is_loopback()).then(|| address.to_string());
        self.hosts.iter().cloned().chain(own).chain(["localhost", "127.0.0.1", "::1"].map(String::from)).collect()
    }

    /// The configuration.
    pub(super) fn text(&self, comments: Comments) -> String {
        let mut text = format!(
            "{HEAD}[listener.public]\nbind = {}\n{}{}{LISTENER}\n[route.app]\n{}upstream = \"app\"\n{ROUTE}{}\n[upstream.app]\n",
            quoted(&self.listen.to_string()),
            self.tls(),
            self.http2_websockets(),
            self.hosts(),
            self.origins(),
        );
        let endpoints: Vec<_> = self.endpoints.iter().map(|endpoint| quoted(endpoint)).collect();
        // Writing to a String cannot fail.
        let _ = write!(text, "endpoints = [{}]\n{}", endpoints.join(", "), self.pin_cookie());
        match comments {
            Comments::Some => text,
            Comments::None => text.split_inclusive('\n').filter(|line| !line.starts_with(['#', '\n'])).collect(),
        }
    }

    fn tls(&self) -> String {
        let path = |path: &Path| quoted(&path.to_string_lossy());
        match &self.certificate {
            StarterCertificate::None => {
                "# tls = { chain = \"chain.pem\", key = \"key.pem\" }     # without it everybody on the way reads along\n".into()
            }
            StarterCertificate::Files { chain, key } => {
                format!("tls = {{ chain = {}, key = {} }}\n", path(chain), path(key))
            }
            StarterCertificate::Ordered { contact, storage } => {
                let contact = quoted(&format!("mailto:{contact}"));
                let storage = storage.as_deref().map(|folder| format!(", storage = {}", path(folder)));
                format!("tls = {{ acme = {{ contact = {contact}{} }} }}\n", storage.as_deref().unwrap_or_default())
            }
        }
    }

    fn http2_websockets(&self) -> &'static str {
        if self.is_secure() { HTTP2_WEBSOCKETS } else { "" }
    }

    fn hosts(&self) -> String {
        if self.hosts.is_empty() {
            return "# hosts = [\"chat.example.com\"]    # until then whatever name clients ask for\n".into();
        }
        let hosts: Vec<_> = self.hosts.iter().map(|host| quoted(host)).collect();
        format!("hosts = [{}]\n", hosts.join(", "))
    }

    fn origins(&self) -> String {
        let origin = quoted(&self.url());
        format!("# allowed_origins = [{origin}]\n{LIMITS}")
    }

    fn pin_cookie(&self) -> String {
        let cookie = "pin_cookie = \"app_endpoint\"";
        match &*self.endpoints {
            [_] => format!("{PINNED}# {cookie}\n{HEALTH}"),
            _ => format!("{PINNED}{cookie}\n{HEALTH}"),
        }
    }
}

const HEAD: &str = "\
# A first configuration of windlass. What else may be written, with its default and what it costs: config/reference.toml.

";

const HTTP2_WEBSOCKETS: &str = "\
# Browsers open WebSockets over HTTP/2, and those drain at a handoff to a new program. With this they come by HTTP/1.1, and move:
# http2_websockets = false
";

const LISTENER: &str = "\
# Behind another proxy or a load balancer, name it: else everybody who comes through it counts as one client.
# trusted_proxies = [\"10.0.0.0/24\"]
";

const ROUTE: &str = "\
# Pages of other sites cannot open a WebSocket with your users' cookies where the pages are named that may:
";

const LIMITS: &str = "
# These hold as they stand here as long as you write nothing else. A message that is longer, as it is sent (compressed, where it is), ends
# its WebSocket with Close 1009; max_inflated_message bounds what comes of it.
# [route.app.websocket]
# max_message  = { from_client = \"64MiB\", from_upstream = \"off\" }
# ping_every   = { client = \"25s\", upstream = \"off\" }
# idle_timeout = \"off\"
# max_lifetime = \"off\"
";

const PINNED: &str = "\
# With several endpoints a client goes to the one that its address leads to. Behind one address there may be many clients, and one may
# change its own: a cookie leads each back to where it was, for Socket.IO's polling too.
";

const HEALTH: &str = "\
# An endpoint that refuses connections is left alone by itself; one that hangs is found by asking it:
# health = { probe = \"http\", path = \"/healthz\", every = \"2s\" }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, parse};

    fn starter(certificate: StarterCertificate, hosts: &[&str], endpoints: &[&str]) -> Starter {
        let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
        Starter {
            listen: "0.0.0.0:8443".parse().unwrap(),
            certificate,
            hosts: texts(hosts),
            endpoints: texts(endpoints),
        }
    }

    fn files() -> StarterCertificate {
        StarterCertificate::Files { chain: "my \"site\".pem".into(), key: "site.key".into() }
    }

    fn each() -> [Starter; 4] {
        let ordered =
            StarterCertificate::Ordered { contact: "ada@example.com".into(), storage: Some("/var/lib/w/acme".into()) };
        [
            starter(StarterCertificate::None, &[], &["127.0.0.1:3000"]),
            starter(files(), &["chat.example.com", "*.example.org"], &["10.0.0.1:80", "unix:/run/app.sock"]),
            starter(ordered, &["chat.example.com"], &["[::1]:3000"]),
            starter(files(), &[], &["app.internal:8080"]),
        ]
    }

    fn read(text: &str) -> Settings {
        parse(text, Path::new("windlass.toml")).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    #[test]
    fn a_browser_finds_it_by_its_name_or_its_address_and_its_port() {
        let at = |hosts: &[&str], listen: &str| Starter {
            listen: listen.parse().unwrap(),
            ..starter(files(), hosts, &["a:1"])
        };
        for (hosts, listen, url) in [
            (&["*.example.org", "chat.example.com"][..], "0.0.0.0:8443", "https://chat.example.com:8443"),
            (&["*.example.org"], "0.0.0.0:443", "https://chat.example.org"),
            (&[], "0.0.0.0:8443", "https://localhost:8443"),
            (&[], "10.0.0.5:8443", "https://10.0.0.5:8443"),
            (&[], "[::]:8443", "https://localhost:8443"),
            (&[], "[fd00::1]:443", "https://[fd00::1]"),
        ] {
            assert_eq!(at(hosts, listen).url(), url);
            assert!(at(hosts, listen).text(Comments::Some).contains(&format!("# allowed_origins = [\"{url}\"]")));
        }
        let plain = Starter { certificate: StarterCertificate::None, ..at(&[], "0.0.0.0:80") };
        assert_eq!(plain.url(), "http://localhost");
        assert_eq!(
            at(&["a.test"], "10.0.0.5:1").certified_names(),
            ["a.test", "10.0.0.5", "localhost", "127.0.0.1", "::1"]
        );
    }

    #[test]
    fn it_means_the_same_with_and_without_what_people_read() {
        for starter in each() {
            let (with, without) = (read(&starter.text(Comments::Some)), read(&starter.text(Comments::None)));
            assert_eq!(with.listeners, without.listeners);
            assert_eq!(with.upstreams, without.upstreams);
            assert_eq!(with.routes, without.routes);
            assert_eq!(with.upstreams["app"].endpoints.len(), starter.endpoints.len());
            assert_eq!(with.upstreams["app"].pin_cookie.is_some(), starter.endpoints.len() > 1);
            assert_eq!(with.listeners["public"].tls.is_some(), starter.is_secure());
        }
    }

    #[test]
    fn what_is_commented_out_can_be_written_as_it_stands_there_and_its_limits_are_the_ones_that_hold() {
        for starter in each() {
            let text = starter.text(Comments::Some);
            let uncommented = text.lines().map(|line| match line.strip_prefix("# ") {
                Some(key)
                    if key.starts_with('[')
                        || key.split_once(" = ").is_some_and(|(key, _)| !key.trim().contains(' ')) =>
                {
                    key
                }
                _ => line,
            });
            let with_all: String = uncommented.map(|line| format!("{line}\n")).collect();
            let (all, few) = (read(&with_all), read(&text));
            assert_eq!(all.routes["app"].websocket, few.routes["app"].websocket);
            assert!(all.upstreams["app"].health.is_some() && !all.listeners["public"].trusted_proxies.is_empty());
            assert!(all.routes["app"].access.origins.is_some());
            let takes_websockets = |settings: &Settings| settings.listeners["public"].http2.takes_websockets;
            assert_eq!((takes_websockets(&few), takes_websockets(&all)), (true, !starter.is_secure()));
        }
    }
}
