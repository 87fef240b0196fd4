//! The demo's configuration as a value, the actions that change it, and the TOML it stands for.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::certificate::Certificate;
use crate::config::quoted;

/// What the demo's configuration says; every variant of the text is one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the plain listener listens.
    pub plain: SocketAddr,
    /// Where the TLS listener listens.
    pub secure: SocketAddr,
    /// The certificate chain, a PEM file.
    pub chain: PathBuf,
    /// The private key, a PEM file.
    pub key: PathBuf,
    /// The socket that the commands ask at.
    pub admin: PathBuf,
    /// Every endpoint that runs, in service or not; at least one is in service.
    pub places: Vec<DemoPlace>,
    /// What keeps a tab where it is.
    pub stickiness: Stickiness,
    /// How many changes led here.
    pub generation: u32,
    /// How many of them changed nothing that a tab uses; above 0 there is one route more, named after the number.
    pub unrelated: u32,
}

/// One endpoint of a [`Layout`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoPlace {
    /// Its name, in the configuration and on the page.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether the configuration names it.
    pub in_service: bool,
}

/// What keeps a tab of the page on its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stickiness {
    /// The hash of the tab's own name: each tab has its own endpoint, which shows several of them in one browser.
    Tab,
    /// A cookie on top of that: all tabs of a browser stay where the first one was placed.
    Cookie,
}

/// What a visitor may do to the demo's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes the endpoint of this name out of the configuration.
    Drain(&'static str),
    /// Puts the endpoint of this name back.
    Restore(&'static str),
    /// Changes something no tab depends on.
    Reload,
    /// Has another process take over.
    HandOver,
}

impl Layout {
    /// The layout the demo starts with: every endpoint in service, both listeners on 127.0.0.1; port 0 is any free one.
    pub fn new(
        plain_port: u16,
        secure_port: u16,
        certificate: &Certificate,
        endpoints: impl IntoIterator<Item = (&'static str, SocketAddr)>,
    ) -> Self {
        let places =
            endpoints.into_iter().map(|(name, address)| DemoPlace { name, address, in_service: true }).collect();
        Self {
            plain: (Ipv4Addr::LOCALHOST, plain_port).into(),
            secure: (Ipv4Addr::LOCALHOST, secure_port).into(),
            chain: certificate.chain().to_owned(),
            key: certificate.key().to_owned(),
            admin: certificate.folder().join("admin.sock"),
            places,
            stickiness: Stickiness::Tab,
            generation: 1,
            unrelated: 0,
        }
    }

    /// The layout after `action`, or why it cannot be done, as a sentence for the page.
    pub fn after(&self, action: Action) -> Result<Self, String> {
        let mut next = self.clone();
        next.generation = self.generation.saturating_add(u32::from(action != Action::HandOver));
        match action {
            Action::Drain(name) => {
                next.set_in_service(name, false)?;
                if !next.places.iter().any(|place| place.in_service) {
                    return Err(format!("{name} is the last endpoint in service; bring another one back first"));
                }
            }
            Action::Restore(name) => next.set_in_service(name, true)?,
            Action::HandOver => {}
            Action::Reload => next.unrelated = self.unrelated.saturating_add(1),
        }
        Ok(next)
    }

    fn set_in_service(&mut self, name: &str, in_service: bool) -> Result<(), String> {
        match self.places.iter_mut().find(|place| place.name == name) {
            None => Err(format!("there is no endpoint {name}")),
            Some(place) if place.in_service == in_service => {
                Err(format!("{name} is {} service already", if in_service { "in" } else { "out of" }))
            }
            Some(place) => {
                place.in_service = in_service;
                Ok(())
            }
        }
    }

    /// The configuration file that says the same.
    pub fn config_text(&self) -> String {
        format!(
            r#"# windlass demo, generation {generation}

[listener.secure]
bind = "{secure}"
tls  = {{ chain = {chain}, key = {key} }}
# Those of HTTP/2 do not move when the program is replaced.
http2_websockets = false

[listener.plain]
bind = "{plain}"

[route.demo]
upstream = "demo"
{unrelated}
[upstream.demo]
endpoints = [
{endpoints}]
policy    = "sticky"
sticky_on = ["query:tab", "client_ip"]
{pin_cookie}
[drain.reload]
deadline = "10s"
spread   = "2s"

[drain.stop]
deadline = "5s"
spread   = "1s"

# What is asked for is seen on the page.
[log]
exchanges = "failed"

[admin]
listen = {admin}
"#,
            generation = self.generation,
            secure = self.secure,
            plain = self.plain,
            admin = quoted(&format!("unix:{}", self.admin.display())),
            chain = quoted(&self.chain.to_string_lossy()),
            key = quoted(&self.key.to_string_lossy()),
            unrelated = self.unrelated_route(),
            endpoints = self.endpoint_lines(),
            pin_cookie = match self.stickiness {
                Stickiness::Tab => "",
                Stickiness::Cookie => "pin_cookie = \"windlass_demo\"\n",
            },
        )
    }

    fn unrelated_route(&self) -> String {
        match self.unrelated {
            0 => String::new(),
            number => {
                format!("\n[route.unrelated-{number}]\nhosts    = [\"unrelated-{number}.test\"]\nupstream = \"demo\"\n")
            }
        }
    }

    fn endpoint_lines(&self) -> String {
        self.places.iter().filter(|place| place.in_service).fold(String::new(), |mut lines, place| {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, r#"    {{ name = "{}", address = "{}" }},"#, place.name, place.address);
            lines
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::demo) fn three_places() -> Layout {
        let place = |name, port| DemoPlace { name, address: (Ipv4Addr::LOCALHOST, port).into(), in_service: true };
        Layout {
            plain: (Ipv4Addr::LOCALHOST, 8080).into(),
            secure: (Ipv4Addr::LOCALHOST, 8443).into(),
            chain: "/run/demo/chain.pem".into(),
            admin: "/run/demo/admin.sock".into(),
            key: "/run/demo/key.pem".into(),
            places: vec![place("amber", 1001), place("jade", 1002), place("violet", 1003)],
            stickiness: Stickiness::Tab,
            generation: 1,
            unrelated: 0,
        }
    }

    fn parsed(layout: &Layout) -> toml::Table {
        toml::from_str(&layout.config_text()).expect("the text is TOML")
    }

    fn endpoint_names(table: &toml::Table) -> Vec<&str> {
        let endpoints = table["upstream"]["demo"]["endpoints"].as_array().unwrap();
        endpoints.iter().map(|endpoint| endpoint["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_first_text_names_both_listeners_and_every_endpoint() {
        let table = parsed(&three_places());
        assert_eq!(table["listener"]["secure"]["bind"].as_str(), Some("127.0.0.1:8443"));
        assert_eq!(table["listener"]["secure"]["tls"]["key"].as_str(), Some("/run/demo/key.pem"));
        assert_eq!(table["listener"]["plain"]["bind"].as_str(), Some("127.0.0.1:8080"));
        assert_eq!(endpoint_names(&table), ["amber", "jade", "violet"]);
        assert_eq!(table["upstream"]["demo"]["endpoints"][1]["address"].as_str(), Some("127.0.0.1:1002"));
        assert_eq!(table["drain"]["reload"]["deadline"].as_str(), Some("10s"));
        assert!(table["upstream"]["demo"].get("pin_cookie").is_none());
    }

    #[test]
    fn a_drained_endpoint_is_not_in_the_text_until_it_is_restored() {
        let drained = three_places().after(Action::Drain("jade")).unwrap();
        assert_eq!(endpoint_names(&parsed(&drained)), ["amber", "violet"]);
        let restored = drained.after(Action::Restore("jade")).unwrap();
        assert_eq!(parsed(&restored), parsed(&three_places()));
        assert_eq!(restored.generation, 3);
    }

    #[test]
    fn the_last_endpoint_stays() {
        let alone =
            three_places().after(Action::Drain("jade")).and_then(|it| it.after(Action::Drain("amber"))).unwrap();
        let problem = alone.after(Action::Drain("violet")).unwrap_err();
        assert!(problem.contains("last endpoint"), "{problem}");
    }

    #[test]
    fn what_is_so_already_is_refused_with_a_reason() {
        let problem = three_places().after(Action::Restore("jade")).unwrap_err();
        assert_eq!(problem, "jade is in service already");
        let drained = three_places().after(Action::Drain("jade")).unwrap();
        assert_eq!(drained.after(Action::Drain("jade")).unwrap_err(), "jade is out of service already");
    }

    #[test]
    fn an_unrelated_change_adds_a_route_and_touches_nothing_else() {
        let mut before = parsed(&three_places());
        let mut after = parsed(&three_places().after(Action::Reload).unwrap());
        let routes = after["route"].as_table_mut().unwrap();
        assert!(routes.remove("unrelated-1").is_some());
        assert_eq!(before.remove("route"), after.remove("route"));
        assert_eq!(before, after);
    }

    #[test]
    fn the_cookie_pins_only_when_asked_for() {
        let table = parsed(&Layout { stickiness: Stickiness::Cookie, ..three_places() });
        assert_eq!(table["upstream"]["demo"]["pin_cookie"].as_str(), Some("windlass_demo"));
    }

    #[test]
    fn any_path_survives_quoting() {
        let path = "/t\"m\\p/\u{7}\u{7f}/ü.pem";
        let table = parsed(&Layout { chain: path.into(), ..three_places() });
        assert_eq!(table["listener"]["secure"]["tls"]["chain"].as_str(), Some(path));
    }
}
