//! `proxy_set_header`: what endpoints read besides what is always written.

use http::HeaderName;

use super::ledger::Ledger;
use super::scope::Scope;
use super::text::{Variables, template, without_braces};
use crate::import::output::Value;
use crate::import::syntax::Directive;
use crate::rules::is_reserved;

/// What a route says of the head that its endpoint reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestHeaders {
    set: Vec<(String, String)>,
    remove: Vec<String>,
    /// In which header the name of who has given a password stands.
    pub(super) user: Option<String>,
    /// What is taken of the answer of a server that was asked.
    pub(super) take: Vec<String>,
    /// The header with the name of the request.
    pub(super) request_id: Option<String>,
}

impl RequestHeaders {
    pub(super) fn of(scope: &Scope<'_>, ledger: &Ledger) -> Self {
        let mut headers = Self::default();
        for directive in scope.all("proxy_set_header") {
            let [name, value] = directive.texts()[..] else {
                ledger.left(directive, "is no header", "write `request_headers` in [route.NAME]");
                continue;
            };
            let value = without_braces(&Variables::of(scope).spelled_out(value));
            headers.header(&name.to_ascii_lowercase(), &value, directive, scope, ledger);
        }
        headers
    }

    /// `request_headers`, if anything is changed.
    pub(super) fn value(&self) -> Option<Value> {
        let mut entries = Vec::new();
        if !self.set.is_empty() {
            let set = self.set.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            entries.push(("set".to_owned(), Value::Table(set)));
        }
        if !self.remove.is_empty() {
            entries.push(("remove".to_owned(), Value::texts(self.remove.clone())));
        }
        (!entries.is_empty()).then_some(Value::Table(entries))
    }

    fn header(&mut self, name: &str, value: &str, directive: &Directive, scope: &Scope<'_>, ledger: &Ledger) {
        if name == "host" {
            // That is the upstream's.
            return;
        }
        if ["upgrade", "connection"].contains(&name) || is_written_anyway(name, value) {
            return ledger.nothing(directive);
        }
        if ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"].contains(&name)
            && passes_on(name, value)
        {
            if !scope.all("set_real_ip_from").is_empty() {
                // A trusted proxy's word is passed on.
                return ledger.nothing(directive);
            }
            let instead = "name the proxy in front in `trusted_proxies` of [listener.NAME]";
            return ledger.left(
                directive,
                "what a client says there counts only where a trusted proxy says it",
                instead,
            );
        }
        let valid = HeaderName::from_bytes(name.as_bytes()).ok();
        let Some(header) = valid.filter(|header| !is_reserved(header)) else {
            // What frames a message, or belongs to the handshake.
            match value.is_empty() || passes_on(name, value) {
                true => ledger.nothing(directive),
                false => ledger.left(directive, "windlass writes it as the message needs it", "nothing"),
            }
            return;
        };
        let name = header.as_str().to_owned();
        match value {
            "" => self.remove.push(name),
            _ if passes_on(&name, value) => return ledger.nothing(directive),
            "$remote_user" => match scope.last("auth_basic").is_some_and(|it| it.value() != Some("off")) {
                true => self.user = Some(name),
                // Nobody is asked for a name, so there is none; and the client is not to say one.
                false => self.remove.push(name),
            },
            "$request_id" if name.ends_with("id") => self.request_id = Some(name),
            _ if self.is_told_by_server(&name, value, directive, scope, ledger) => return,
            _ => match template(value) {
                Ok(text)
                    if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') && !text.contains("{request_id}") =>
                {
                    self.set.retain(|(there, _)| *there != name);
                    self.set.push((name, text));
                }
                Ok(_) => return self.left(name, "its text cannot be said here", directive, ledger),
                Err(variable) => return self.left(name, &format!("there is no ${variable} here"), directive, ledger),
            },
        }
        ledger.carried(directive);
    }

    /// Tells of a header that cannot be said: what the client says under its name is not to be taken for it.
    fn left(&mut self, name: String, why: &str, directive: &Directive, ledger: &Ledger) {
        ledger.left(
            directive,
            format!("{why}; what a client says in {name} is taken out"),
            "write request_headers = { set = { … } } in [route.NAME] with one of the variables of docs/rules.md",
        );
        self.remove.push(name);
    }

    /// Whether it is what a server said that was asked by `auth_request`.
    fn is_told_by_server(
        &mut self,
        name: &str,
        value: &str,
        directive: &Directive,
        scope: &Scope<'_>,
        ledger: &Ledger,
    ) -> bool {
        let Some((set, said)) = told_by_server(value, scope) else { return false };
        ledger.carried(set);
        if scope.last("auth_request").is_none_or(|it| it.value() == Some("off")) {
            // Nobody is asked, so there is none; and the client is not to say one.
            ledger.carried(directive);
            self.remove.push(name.to_owned());
            return true;
        }
        if said == name {
            ledger.carried(directive);
        } else {
            ledger.left(
                directive,
                format!("what the server says in {said} reaches the endpoint under that name; what a client says in {name} is taken out"),
                format!("have the application read {said}, or the server say {name}"),
            );
            self.remove.push(name.to_owned());
        }
        if !self.take.contains(&said) {
            self.take.push(said);
        }
        true
    }
}

/// The header of the answer of a server that was asked, if that is what the variable `value` says, and where that is written.
pub(super) fn told_by_server<'t>(value: &str, scope: &Scope<'t>) -> Option<(&'t Directive, String)> {
    let set = scope.every("auth_request_set").filter(|it| it.argument(0) == Some(value)).last()?;
    let header = set.argument(1).map(without_braces)?;
    let header = header.strip_prefix("$upstream_http_")?.replace('_', "-");
    Some((set, header))
}

/// Whether it is written in any case, as it is here.
fn is_written_anyway(name: &str, value: &str) -> bool {
    match name {
        "x-forwarded-for" => ["$remote_addr", "$proxy_add_x_forwarded_for", "$proxy_protocol_addr"].contains(&value),
        "x-forwarded-proto" => value == "$scheme",
        "x-forwarded-host" => ["$host", "$http_host", "$host:$server_port"].contains(&value),
        "x-forwarded-port" => value == "$server_port",
        _ => false,
    }
}

/// Whether it says what the client has said under the same name.
fn passes_on(name: &str, value: &str) -> bool {
    value.strip_prefix("$http_").is_some_and(|said| said.replace('_', "-") == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn of(source: &str) -> (RequestHeaders, String, usize) {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let headers = RequestHeaders::of(&Scope::of(&tree), &ledger);
        let value = headers.value().map(|it| it.to_string()).unwrap_or_default();
        (headers, value, ledger.counts().2)
    }

    #[test]
    fn what_is_written_anyway_needs_nothing() {
        let (_, value, left) = of(
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection 'upgrade'; proxy_set_header Host $host; \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; \
             proxy_set_header Sec-WebSocket-Key $http_sec_websocket_key; proxy_set_header Content-Length '';",
        );
        assert_eq!((value.as_str(), left), ("", 0));
    }

    #[test]
    fn others_are_set_or_removed() {
        let (headers, value, left) = of(
            "proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-NginX-Proxy true; proxy_set_header Accept-Encoding ''; \
             proxy_set_header X-Request-ID $request_id; proxy_set_header X-Forwarded-Proto https;",
        );
        let set = r#"set = { x-real-ip = "{client_ip}", x-nginx-proxy = "true", x-forwarded-proto = "https" }"#;
        assert_eq!((value, left), (format!("{{ {set}, remove = [\"accept-encoding\"] }}"), 0));
        assert_eq!(headers.request_id.as_deref(), Some("x-request-id"));
    }

    #[test]
    fn the_name_of_a_server_is_said_where_it_is_one() {
        let of_server =
            |names: &str| of(&format!("server_name {names}; proxy_set_header X-Forwarded-Host $server_name;"));
        assert_eq!(of_server("A.example b.example").1, r#"{ set = { x-forwarded-host = "a.example" } }"#);
        for names in ["_", "*.example.com", "~^a$"] {
            let (_, value, left) = of_server(names);
            assert_eq!((&*value, left), (r#"{ remove = ["x-forwarded-host"] }"#, 1), "{names}");
        }
    }

    #[test]
    fn who_was_let_in_is_said_by_those_who_asked() {
        let (headers, _, left) = of("auth_basic x; proxy_set_header X-Remote-User $remote_user;");
        assert_eq!((headers.user.as_deref(), left), (Some("x-remote-user"), 0));
        let (headers, _, left) =
            of("auth_request /auth; auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user; \
             proxy_set_header X-Login $user;");
        assert_eq!((headers.take, left), (vec!["x-user".to_owned()], 1));
        let set = "auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user;";
        for nobody_asked in ["", "auth_request off; "] {
            let (headers, value, left) = of(&format!("{nobody_asked}{set}"));
            assert_eq!((headers.take.len(), &*value, left), (0, "{ remove = [\"x-user\"] }", 0), "no client says it");
        }
    }

    #[test]
    fn what_cannot_be_said_is_told_of() {
        assert_eq!(of("proxy_set_header X-User $remote_user;").1, "{ remove = [\"x-user\"] }");
        assert_eq!(of("proxy_set_header X-Port $server_port;").1, "{ remove = [\"x-port\"] }");
        for header in [
            "X-Port $server_port",
            "Connection-x y z",
            "X-Forwarded-For $http_x_forwarded_for",
            "Transfer-Encoding chunked",
        ] {
            assert_eq!(of(&format!("proxy_set_header {header};")).2, 1, "{header}");
        }
    }
}
