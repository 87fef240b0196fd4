//! One listener as it runs: its settings and its TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::UnixTime;

use super::strangers::Strangers;
use crate::config::{ListenerSettings, Warning};
use crate::drain::LifeToken;
use crate::tls::{Credentials, SessionTickets, TicketKeys, TlsRules, server_config};

/// One listener. Its socket lives elsewhere: a snapshot has none.
#[derive(Debug)]
pub struct Listener {
    /// What is configured.
    pub settings: Arc<ListenerSettings>,
    /// This life of its name.
    pub life: LifeToken,
    /// Whose forwarding headers were not believed.
    pub strangers: Arc<Strangers>,
    tls: Option<Tls>,
}

/// The TLS of a listener: what was loaded, and what is made of it.
#[derive(Clone, Debug)]
struct Tls {
    credentials: Credentials,
    rules: TlsRules,
    tickets: SessionTickets,
    config: Arc<ServerConfig>,
}

impl Listener {
    /// A listener with these credentials; the TLS of `previous` is taken over where nothing has changed.
    pub(super) fn new(
        settings: Arc<ListenerSettings>,
        life: LifeToken,
        credentials: Option<Credentials>,
        previous: Option<&Self>,
        tickets: &TicketKeys,
    ) -> Self {
        let old = previous.and_then(|previous| previous.tls.as_ref());
        let rules = rules(&settings);
        let same = old.filter(|old| Some(&old.credentials) == credentials.as_ref() && old.rules == rules);
        let tls = match (same, credentials) {
            (Some(same), _) => Some(same.clone()),
            (None, Some(credentials)) => {
                let before = old.map(|old| &old.tickets);
                let tickets = SessionTickets::shared(tickets, credentials.ticket_secrets.as_ref(), before);
                let config = server_config(&credentials, rules, &tickets);
                Some(Tls { credentials, rules, tickets, config })
            }
            (None, None) => None,
        };
        // Whoever changes who is trusted wants to hear whether that was enough.
        let strangers = previous
            .filter(|previous| previous.settings.trusted_proxies == settings.trusted_proxies)
            .map(|previous| Arc::clone(&previous.strangers))
            .unwrap_or_default();
        Self { settings, life, strangers, tls }
    }

    /// What the next handshake uses; `None` on a plain listener.
    pub fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| &tls.config)
    }

    /// When each of its certificates ends, in seconds since 1970, by the first name that it is for.
    pub fn certificate_ends(&self) -> Vec<(String, i64)> {
        self.tls.iter().flat_map(|tls| tls.credentials.ends_by_name()).collect()
    }

    /// What is to be said of its certificates at `now`.
    pub fn certificate_warnings(&self, now: UnixTime) -> Vec<Warning> {
        match (&self.tls, &self.settings.tls) {
            (Some(tls), Some(settings)) => tls.credentials.own.warnings(&settings.certificates, now),
            _ => Vec::new(),
        }
    }

    /// Whether a client would notice a difference.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let credentials = |listener: &Self| listener.tls.as_ref().map(|tls| tls.credentials.clone());
        self.settings == other.settings && credentials(self) == credentials(other)
    }
}

fn rules(settings: &ListenerSettings) -> TlsRules {
    match &settings.tls {
        Some(tls) => TlsRules {
            http2: settings.http2.is_offered,
            min_version: tls.min_version,
            unknown_names: tls.unknown_names,
        },
        None => TlsRules::default(),
    }
}
