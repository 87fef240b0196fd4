//! What is counted of a tunnel.

use std::time::Duration;

use super::client_protocols::ClientProtocol;
use crate::config::{ListenerName, RouteName};
use crate::websocket::CloseCode;

/// A tunnel that opens or has opened.
#[derive(Clone, Copy, Debug)]
pub struct CountedTunnel<'a> {
    /// The listener that its client came through.
    pub listener: &'a ListenerName,
    /// Its route.
    pub route: &'a RouteName,
    /// What its client speaks.
    pub protocol: ClientProtocol,
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug)]
pub struct TunnelEnd {
    /// The word for why.
    pub outcome: &'static str,
    /// The word for who began it.
    pub by: &'static str,
    /// What stands for it in the log.
    pub code: Option<CloseCode>,
    /// How long it was open.
    pub life: Duration,
    /// How long nothing had passed that counts when it ended.
    pub quiet: Duration,
    /// What decided where it was placed: by that its client is known if it comes back.
    pub key: u64,
}
