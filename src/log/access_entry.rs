//! What a line of the access log says.

use std::net::IpAddr;
use std::time::Duration;

/// What a line of the access log says. Texts are a client's, and empty where it has said nothing.
#[derive(Debug)]
pub struct AccessEntry<'e> {
    /// Who has asked.
    pub client: IpAddr,
    /// How.
    pub method: &'e str,
    /// What for, without its query.
    pub path: &'e str,
    /// Of whom.
    pub host: &'e str,
    /// Such as `HTTP/1.1`.
    pub protocol: &'static str,
    /// What it was answered; `None` where it left before.
    pub status: Option<u16>,
    /// Bytes that it got: of the answer's body, or of the tunnel.
    pub bytes: u64,
    /// Bytes that came from it, in the same way.
    pub bytes_from_client: u64,
    /// The page that it came from, without its query.
    pub referer: &'e str,
    /// What it says of itself.
    pub user_agent: &'e str,
    /// How long it took.
    pub took: Duration,
    /// The name of the request.
    pub request_id: &'e str,
    /// The number of the tunnel, if it is one.
    pub tunnel: Option<u64>,
    /// Where it came in.
    pub listener: &'e str,
    /// The route that it took.
    pub route: Option<&'e str>,
    /// Who has answered.
    pub endpoint: Option<&'e str>,
    /// Why it was refused, if it was.
    pub refusal: Option<&'static str>,
}
