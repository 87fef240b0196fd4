//! By what routes tell clients apart, in a handoff: tunnels that move count for the same client in the new process.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::access::ClientSecret;
use crate::handoff::HandoffMessage;
use crate::snapshot::{Route, Snapshot};

/// What is to be said of the routes that tell clients apart.
pub(super) fn said(snapshot: &Snapshot) -> Vec<HandoffMessage> {
    let said_of = |route: &Route| {
        let secret = route.doors.turnstile.reveal_key(&route.settings.access.limits)?;
        let key = STANDARD.encode(secret.as_bytes()).into();
        Some(HandoffMessage::ClientKeys { route: route.settings.name.to_string(), key })
    };
    snapshot.routes().values().filter_map(|route| said_of(route)).collect()
}

/// What the process before has said of its routes.
#[derive(Debug, Default)]
pub(super) struct InheritedClientKeys(Vec<(String, ClientSecret)>);

impl InheritedClientKeys {
    /// Takes what was said of a route. What is no key is passed over: tunnels that move count for somebody else then.
    pub(super) fn take(&mut self, route: String, key: &str) {
        let bytes = STANDARD.decode(key).map(Zeroizing::new).ok();
        let secret = bytes.and_then(|bytes| ClientSecret::from_bytes(&bytes));
        self.0.extend(secret.map(|secret| (route, secret)));
    }

    /// Has the routes that are still there tell clients apart as before. To be done before anybody comes.
    pub(super) fn restore(&self, snapshot: &Snapshot) {
        for (route, secret) in &self.0 {
            if let Some(route) = snapshot.routes().get(route.as_str()) {
                route.doors.turnstile.adopt_key(secret.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::snapshot::FileContents;
    use crate::tls::TicketKeys;

    /// The second route limits what one client has open, the first does not.
    fn snapshot() -> Snapshot {
        let text = r#"
[listener.public]
bind = "127.0.0.1:0"
[upstream.chat]
endpoints = ["127.0.0.1:1"]
[route.open]
upstream = "chat"
[route.limited]
path = "/limited"
upstream = "chat"
max_tunnels_per_client = 2
"#;
        let settings = parse(text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), None)
    }

    fn key(snapshot: &Snapshot) -> Vec<u8> {
        let limited = &snapshot.routes()["limited"];
        limited.doors.turnstile.reveal_key(&limited.settings.access.limits).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn routes_that_tell_clients_apart_do_so_alike_in_the_next_process() {
        let (old, new, mut inherited) = (snapshot(), snapshot(), InheritedClientKeys::default());
        let said: Vec<_> = said(&old).iter().map(|message| serde_json::to_string(message).unwrap()).collect();
        assert_eq!(said.len(), 1, "the other tells nobody apart");
        for text in said {
            let HandoffMessage::ClientKeys { route, key } = serde_json::from_str(&text).unwrap() else {
                panic!("{text}")
            };
            inherited.take(route, key.reveal());
        }
        inherited.restore(&new);
        assert_eq!(key(&new), key(&old));
    }

    #[test]
    fn what_is_no_key_or_of_no_route_changes_nothing() {
        let (new, mut inherited) = (snapshot(), InheritedClientKeys::default());
        for (route, key) in
            [("limited", "?"), ("limited", "AAAA"), ("limited", ""), ("gone", &STANDARD.encode([1; 32]))]
        {
            inherited.take(route.to_owned(), key);
        }
        inherited.restore(&new);
        assert_ne!(key(&new), vec![1; 32]);
        assert_ne!(key(&new), key(&snapshot()), "it has drawn one");
    }
}
