//! The listening sockets that the process was started with: systemd's, and those of the process before it.

use std::io;

use super::odd::Odd;
use crate::config::{Bind, ListenerName, ListenerSettings, Settings};
use crate::net::ListeningSocket;
use crate::process::Activated;

/// Listening sockets that wait for a listener.
#[derive(Debug, Default)]
pub(in crate::app) struct InheritedSockets {
    sockets: Vec<Inherited>,
}

/// One of them.
#[derive(Debug)]
pub(in crate::app) struct Inherited {
    pub(in crate::app) origin: SocketOrigin,
    pub(in crate::app) socket: ListeningSocket,
}

/// Whose it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) enum SocketOrigin {
    /// systemd passed it under this name, and keeps it too: it is never given up, a later reload may want it.
    Systemd(String),
    /// A listener of the process before, which it had bound like this.
    Predecessor(ListenerName, Bind),
}

impl InheritedSockets {
    /// Sockets that systemd passed; those that are of no use are `odd`.
    pub(super) fn activated(passed: Vec<Activated>, odd: &mut Vec<Odd>) -> Self {
        let mut inherited = Self::default();
        for Activated { name, socket } in passed {
            match ListeningSocket::adopt(socket) {
                Ok(socket) => inherited.push(Inherited { origin: SocketOrigin::Systemd(name), socket }),
                Err(error) => odd.push(Odd::Socket(name, error)),
            }
        }
        inherited
    }

    /// What systemd passed, by name: the next process may want it too.
    pub(in crate::app) fn of_systemd(&self) -> impl Iterator<Item = (&str, &ListeningSocket)> {
        self.sockets.iter().filter_map(|it| match &it.origin {
            SocketOrigin::Systemd(name) => Some((name.as_str(), &it.socket)),
            SocketOrigin::Predecessor(..) => None,
        })
    }

    /// Those of the process before that no listener of `settings` wants: they close when it lets go.
    pub(in crate::app) fn of_predecessor(&self, settings: &Settings) -> impl Iterator<Item = &ListeningSocket> {
        self.sockets.iter().filter_map(|it| match &it.origin {
            SocketOrigin::Predecessor(_, bind)
                if !settings.listeners.values().any(|listener| listener.bind == *bind) =>
            {
                Some(&it.socket)
            }
            _ => None,
        })
    }

    /// All of them.
    pub(in crate::app) fn sockets(&self) -> impl Iterator<Item = &ListeningSocket> {
        self.sockets.iter().map(|it| &it.socket)
    }

    pub(in crate::app) fn push(&mut self, inherited: Inherited) {
        self.sockets.push(inherited);
    }

    /// The socket for a listener, if there is one; an error where its name finds none or several.
    pub(in crate::app) fn find(
        &self,
        listener: &ListenerSettings,
        settings: &Settings,
    ) -> io::Result<Option<ListeningSocket>> {
        let found = match &listener.bind {
            Bind::Systemd(name) => Some(self.named(name)?),
            Bind::Address(address) => {
                let bound = |name: Option<&ListenerName>| {
                    self.sockets.iter().find(|it| match &it.origin {
                        SocketOrigin::Predecessor(of, bind) => {
                            *bind == listener.bind && name.map_or(address.port() != 0, |name| name == of)
                        }
                        SocketOrigin::Systemd(_) => false,
                    })
                };
                let is_wanted_exactly = |it: &Inherited| {
                    let exactly = Bind::Address(it.socket.address());
                    settings.listeners.values().any(|other| other.bind == exactly && other.name != listener.name)
                };
                let at_address =
                    || self.sockets.iter().find(|it| it.socket.satisfies(*address) && !is_wanted_exactly(it));
                bound(Some(&listener.name)).or_else(|| bound(None)).or_else(at_address)
            }
        };
        found.map(|it| it.socket.try_clone()).transpose()
    }

    fn named(&self, wanted: &str) -> io::Result<&Inherited> {
        let mut named =
            self.sockets.iter().filter(|it| matches!(&it.origin, SocketOrigin::Systemd(name) if name == wanted));
        match (named.next(), named.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "systemd passed several sockets of this name; give each a socket unit with a FileDescriptorName= of its own",
            )),
            (None, _) => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("systemd passed no socket of this name, but {}", self.names()),
            )),
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .sockets
            .iter()
            .filter_map(|it| match &it.origin {
                SocketOrigin::Systemd(name) => Some(format!("{name} ({})", it.socket.address())),
                SocketOrigin::Predecessor(..) => None,
            })
            .collect();
        if names.is_empty() { "none at all".to_owned() } else { names.join(", ") }
    }

    /// The configuration is served now: names what it has no use for, and keeps what systemd passed.
    pub(in crate::app) fn settle<'s>(&mut self, in_use: impl Fn(&ListeningSocket) -> bool + 's) {
        for Inherited { origin, socket } in self.sockets.iter().filter(|it| !in_use(&it.socket)) {
            let address = socket.address();
            match origin {
                SocketOrigin::Systemd(name) => {
                    tracing::warn!(name, %address, "systemd passed a socket that no listener asks for");
                }
                SocketOrigin::Predecessor(listener, _) => {
                    tracing::info!(%listener, %address, "the process before listened here; no listener does now");
                }
            }
        }
        self.sockets.retain(|it| matches!(it.origin, SocketOrigin::Systemd(_)));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;

    use super::*;
    use crate::config;

    #[test]
    fn systemd_sockets_are_found_by_name() {
        let inherited = inherited(&[SocketOrigin::Systemd("web".into()), SocketOrigin::Systemd("other".into())]);
        let settings = settings(&[("a", "systemd:web")]);

        let found = find(&inherited, &settings, "a").unwrap().unwrap();

        assert_eq!(found.address(), inherited.sockets[0].socket.address());
    }

    #[test]
    fn a_name_that_finds_none_or_several_is_an_error() {
        let inherited = inherited(&[SocketOrigin::Systemd("web".into()), SocketOrigin::Systemd("web".into())]);
        let settings = settings(&[("a", "systemd:web"), ("b", "systemd:wob")]);

        assert!(find(&inherited, &settings, "a").unwrap_err().to_string().contains("several"));
        let none = find(&inherited, &settings, "b").unwrap_err().to_string();
        assert!(none.contains("no socket of this name, but web ("), "{none}");
    }

    #[test]
    fn systemd_sockets_are_found_by_address_too() {
        let inherited = inherited(&[SocketOrigin::Systemd("web".into())]);
        let address = inherited.sockets[0].socket.address();
        let settings = settings(&[("a", &address.to_string()), ("b", "127.0.0.1:0")]);

        assert_eq!(find(&inherited, &settings, "a").unwrap().unwrap().address(), address);
        assert!(find(&inherited, &settings, "b").unwrap().is_none(), "a new port was asked for");
    }

    #[test]
    fn a_listener_finds_the_socket_it_had_even_where_the_port_was_chosen_by_the_system() {
        let any = Bind::Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        let origins = ["a", "b"].map(|name| SocketOrigin::Predecessor(name.into(), any.clone()));
        let inherited = inherited(&origins);
        let settings = settings(&[("b", "127.0.0.1:0"), ("c", "127.0.0.1:0")]);

        let found = find(&inherited, &settings, "b").unwrap().unwrap();

        assert_eq!(found.address(), inherited.sockets[1].socket.address());
        assert!(find(&inherited, &settings, "c").unwrap().is_none());
    }

    #[test]
    fn a_renamed_listener_finds_its_socket_by_the_address() {
        let mut inherited = inherited(&[]);
        let socket = ListeningSocket::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.address();
        let origin = SocketOrigin::Predecessor("old".into(), Bind::Address(address));
        inherited.push(Inherited { origin, socket });
        let settings = settings(&[("new", &address.to_string())]);

        assert_eq!(find(&inherited, &settings, "new").unwrap().unwrap().address(), address);
    }

    #[test]
    fn only_what_systemd_passed_is_kept() {
        let origin = SocketOrigin::Predecessor("a".into(), Bind::Systemd("web".into()));
        let mut inherited = inherited(&[SocketOrigin::Systemd("web".into()), origin]);

        inherited.settle(|_| false);

        assert_eq!(inherited.sockets.len(), 1);
    }

    fn inherited(origins: &[SocketOrigin]) -> InheritedSockets {
        let mut inherited = InheritedSockets::default();
        for origin in origins {
            let socket = ListeningSocket::bind(([127, 0, 0, 1], 0).into()).unwrap();
            inherited.push(Inherited { origin: origin.clone(), socket });
        }
        inherited
    }

    fn find(inherited: &InheritedSockets, settings: &Settings, listener: &str) -> io::Result<Option<ListeningSocket>> {
        inherited.find(&settings.listeners[listener], settings)
    }

    fn settings(binds: &[(&str, &str)]) -> Settings {
        let listeners: String =
            binds.iter().map(|(name, bind)| format!("[listener.{name}]\nbind = \"{bind}\"\n")).collect();
        let text = format!("{listeners}[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"127.0.0.1:9\"]\n");
        config::parse(&text, Path::new("test.toml")).unwrap_or_else(|problems| panic!("{problems}"))
    }
}
