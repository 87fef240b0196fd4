//! `POST /close`: whose tunnels an operator takes back, and what came of it.

use serde::{Deserialize, Serialize};

use super::status::Unreached;
use crate::config::RouteName;
use crate::drain::{BadRevocation, Revocation, TunnelId};
use crate::websocket::CloseCode;

/// `POST /close`. Asked of processes that handed over in the same words.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// What was said of those whose tunnels end, such as `"sub=ada"`: all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The number of the tunnel that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<u64>,
    /// Only tunnels of this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The code of the Close that clients read; 4403 where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_code: Option<u16>,
    /// Its reason; `revoked` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CloseAnswer {
    /// Whose tunnels, as it was asked.
    pub of: String,
    /// How many end now, those of processes that handed over among them.
    pub tunnels: usize,
    /// How many of them are in processes that handed over.
    pub tunnels_of_predecessors: usize,
    /// Where none end: the names of claims that no open tunnel of the process has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_claims: Vec<String>,
    /// The processes that handed over, drain still, and were not reached.
    #[serde(default)]
    pub not_reached: Vec<Unreached>,
}

impl CloseRequest {
    /// What is to be taken back.
    ///
    /// # Errors
    /// What makes no sense.
    pub fn understood(&self) -> Result<Revocation, String> {
        let claims = self.claims.iter().map(|claim| claim.parse()).collect::<Result<_, _>>();
        let code = self.close_code.map_or(Ok(CloseCode::FORBIDDEN), |code| CloseCode::new(code).ok_or(code));
        let revocation = Revocation {
            claims: claims.map_err(|wrong: BadRevocation| format!("claims: {wrong}"))?,
            tunnel: self.tunnel.map(TunnelId),
            route: self.route.as_deref().map(RouteName::from),
            code: code.map_err(|code| format!("close_code: {code} never stands in a Close frame"))?,
            reason: self.reason.as_deref().map(Into::into),
        };
        revocation.checked().map_err(|wrong| wrong.to_string())
    }
}

impl From<&Revocation> for CloseRequest {
    fn from(revocation: &Revocation) -> Self {
        let Revocation { claims, tunnel, route, code, reason } = revocation;
        Self {
            claims: claims.iter().map(ToString::to_string).collect(),
            tunnel: tunnel.map(|id| id.0),
            route: route.as_ref().map(ToString::to_string),
            close_code: Some(code.get()),
            reason: reason.as_deref().map(ToOwned::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(json: &str) -> Result<Revocation, String> {
        serde_json::from_str::<CloseRequest>(json).map_err(|error| error.to_string())?.understood()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let revocation = understood(r#"{"claims": ["sub=ada", "team=a=b"]}"#).unwrap();
        assert_eq!(revocation.to_string(), "sub=ada team=a=b");
        assert_eq!((revocation.code.get(), revocation.order().reason().as_ref()), (4403, "revoked"));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (json, problem) in [
            ("{}", "say whose tunnels"),
            (r#"{"route": "chat"}"#, "say whose tunnels"),
            (r#"{"claims": ["ada"]}"#, "claims: a claim is written as NAME=VALUE"),
            (r#"{"tunnel": 1, "close_code": 1005}"#, "close_code: 1005 never stands"),
            (r#"{"claim": "sub=ada"}"#, "unknown field"),
        ] {
            let said = understood(json).unwrap_err();
            assert!(said.contains(problem), "{json}: {said}");
        }
    }

    #[test]
    fn a_revocation_arrives_as_it_was_given() {
        let given =
            understood(r#"{"claims": ["sub=a=b"], "tunnel": 7, "route": "chat", "reason": "bye", "close_code": 4001}"#);
        let given = given.unwrap();
        let text = serde_json::to_string(&CloseRequest::from(&given)).unwrap();
        assert_eq!(understood(&text), Ok(given));
    }
}
