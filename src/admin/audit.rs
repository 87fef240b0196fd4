//! The line that each POST leaves in the log: who has asked, from where, for what, and what came of it.
//!
//! Invariants: exactly one line, whatever came of it, but for strangers who are not let in: of those who come again and again there are ten
//! a second, and their number. No token, and no text that was not understood: it may be a secret that somebody has pasted into the wrong
//! place.

use serde::Serialize;

use crate::admin::answer::{AdminAnswer, Told};
use crate::admin::door::{Denied, LetIn, Reception, Visitor};

/// What was asked for, once it is understood.
#[derive(Debug, Default)]
pub(super) struct Asked(Option<String>);

impl Asked {
    /// This was asked for.
    pub(super) fn note(&mut self, request: &impl Serialize) {
        let mut text = serde_json::to_string(request).unwrap_or_default();
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        self.0 = Some(text);
    }
}

/// Leaves the line.
pub(super) fn note(
    reception: &Reception,
    (visitor, let_in): (&Visitor, Result<LetIn, Denied>),
    path: &'static str,
    asked: &Asked,
    answer: &AdminAnswer,
) {
    if let (Err(_), Visitor::Address { peer, .. }) = (let_in, visitor)
        && !reception.context.proxy.may_say_denied(peer.ip())
    {
        return;
    }
    let (who, from) = told_of(reception, visitor, let_in);
    tracing::info!(
        who,
        from,
        listen = %reception.door.listen(),
        path,
        asked = asked.0.as_deref(),
        status = answer.status().as_u16(),
        error = answer.extensions().get::<Told>().map(|Told(detail)| detail.as_str()),
        "operator"
    );
}

/// Who somebody is, and where.
fn told_of(reception: &Reception, visitor: &Visitor, let_in: Result<LetIn, Denied>) -> (String, String) {
    match visitor {
        Visitor::Process { uid, pid } => {
            let name = reception.context.users.name(*uid);
            let who = name.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"));
            (who, pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}")))
        }
        Visitor::Address { peer, certificate } => {
            let who = match (let_in, certificate) {
                (Ok(LetIn::ByCertificate), Some(holder)) => format!("certificate {}", holder.name),
                (Ok(LetIn::ByToken), _) => "token".to_owned(),
                _ => "nobody".to_owned(),
            };
            (who, peer.to_string())
        }
    }
}

/// How much of a request is told, in bytes.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_request_is_told_in_part() {
        let mut asked = Asked::default();
        asked.note(&"é".repeat(1000));
        let told = asked.0.unwrap();
        assert!(told.len() <= LONGEST + 4 && told.ends_with('…'), "{told}");
    }
}
