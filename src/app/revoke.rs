//! An operator takes back what let tunnels open: they end at once, in this process and in those that handed over and drain still.

use super::commands::unreached;
use super::control::Control;
use crate::access::Permit;
use crate::admin::{Answered, CloseAnswer, CloseRequest, CommandError, Question, Reply, Unreached, ask};
use crate::drain::Revocation;
use crate::handoff::Predecessor;
use crate::session::Proxy;

impl Control {
    pub(super) async fn close(&mut self, revocation: Revocation, reply: Reply<CloseAnswer>) {
        self.settle().await;
        let proxy = self.running.proxy();
        let here = proxy.registry.revoke(&revocation);
        let unknown_claims = if here == 0 { unknown_claims(proxy, &revocation) } else { Vec::new() };
        let is_known = revocation.route.as_ref().is_none_or(|route| proxy.snapshot().routes().contains_key(route));
        tracing::info!(of = %revocation, tunnels = here, "an operator takes permission back");
        // A tunnel has one number in all of them.
        let is_found = revocation.tunnel.is_some() && here > 0;
        let predecessors = self.running.predecessors.clone();
        self.see_to(async move {
            let there: Vec<Answered<usize>> = match is_found {
                true => Vec::new(),
                false => ask(&predecessors, &Question::Close(CloseRequest::from(&revocation))).await,
            };
            let (mut elsewhere, mut not_reached) = (0, Vec::new());
            for Answered { predecessor: Predecessor { pid, .. }, answer } in there {
                match answer {
                    Ok(tunnels) => elsewhere += tunnels,
                    Err(problem) => not_reached.push(Unreached { pid, problem }),
                }
            }
            let tunnels = here + elsewhere;
            // That somebody has no tunnel is no mistake; a name that nothing has may be one.
            let answer = if tunnels == 0 && (revocation.tunnel.is_some() || !is_known) {
                let unreached = not_reached.iter().map(|Unreached { pid, problem }| unreached(*pid, problem));
                Err(CommandError::Unknown(format!("{}{}", unknown(&revocation), unreached.collect::<String>())))
            } else {
                let of = revocation.to_string();
                let unknown_claims = if elsewhere == 0 { unknown_claims } else { Vec::new() };
                Ok(CloseAnswer { of, tunnels, tunnels_of_predecessors: elsewhere, unknown_claims, not_reached })
            };
            // Whoever asked may have left.
            let _ = reply.send(answer);
        });
    }
}

/// The names of claims that no open tunnel of `proxy` has: misspelt, it may be.
fn unknown_claims(proxy: &Proxy, revocation: &Revocation) -> Vec<String> {
    let mut names: Vec<_> = revocation.claims.iter().map(|claim| claim.name.as_str()).collect();
    proxy.registry.each(|handle| {
        if let Some(permission) = handle.permit().map(Permit::permission) {
            names.retain(|name| permission.claim(name).is_none());
        }
    });
    names.into_iter().map(ToOwned::to_owned).collect()
}

fn unknown(revocation: &Revocation) -> String {
    match revocation.tunnel {
        Some(_) => {
            format!("there is no {revocation}: `windlass tunnels` lists what is open")
        }
        None => format!("there is no tunnel of {revocation}, and no such route: `windlass status` names what there is"),
    }
}
