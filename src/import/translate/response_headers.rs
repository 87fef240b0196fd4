//! `add_header` and `proxy_hide_header`: what clients read.

use http::HeaderName;

use super::ledger::Ledger;
use super::request_headers::told_by_server;
use super::scope::Scope;
use super::text::{Variables, template, without_braces};
use crate::import::output::Value;
use crate::import::syntax::Directive;
use crate::rules::is_reserved;

/// What a route says of the head that clients read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseHeaders {
    set: Vec<(String, String)>,
    add: Vec<(String, String)>,
    remove: Vec<String>,
}

impl ResponseHeaders {
    pub(super) fn of(scope: &Scope<'_>, ledger: &Ledger) -> Self {
        let mut headers = Self::default();
        for directive in scope.all("add_header") {
            headers.added(directive, scope, ledger);
        }
        for directive in scope.all("proxy_hide_header") {
            match directive.value().and_then(name) {
                Some(name) => {
                    headers.remove.push(name);
                    ledger.carried(directive);
                }
                None => ledger.left(directive, "is no header that a route may take out", "nothing"),
            }
        }
        headers
    }

    /// `response_headers`, if anything is changed.
    pub(super) fn value(&self) -> Option<Value> {
        let table = |headers: &[(String, String)]| {
            Value::Table(headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
        };
        let mut entries = Vec::new();
        if !self.set.is_empty() {
            entries.push(("set".to_owned(), table(&self.set)));
        }
        if !self.add.is_empty() {
            entries.push(("add".to_owned(), table(&self.add)));
        }
        if !self.remove.is_empty() {
            entries.push(("remove".to_owned(), Value::texts(self.remove.clone())));
        }
        (!entries.is_empty()).then_some(Value::Table(entries))
    }

    /// Whether a text says the name of the request.
    pub(super) fn names_request(&self) -> bool {
        self.set.iter().chain(&self.add).any(|(_, value)| value.contains("{request_id}"))
    }

    fn added(&mut self, directive: &Directive, scope: &Scope<'_>, ledger: &Ledger) {
        let (written, value) = match directive.texts()[..] {
            [name, value] | [name, value, "always"] => (name, value),
            _ => return ledger.left(directive, "is no header", "write `response_headers` in [route.NAME]"),
        };
        let value = without_braces(&Variables::of(scope).spelled_out(value));
        let Some(name) = name(written) else {
            return ledger.left(directive, "is no header that a route may change", "nothing");
        };
        if value.is_empty() {
            return ledger.nothing(directive);
        }
        if name == "alt-svc" {
            return ledger.remarked(directive, "HTTP/3 is not spoken: nobody is to try it", "nothing");
        }
        if let Some((set, said)) = told_by_server(&value, scope) {
            if said == "set-cookie" && name == "set-cookie" {
                // The client gets it in any case: it is the default of take_to_client.
                ledger.carried(set);
                return ledger.carried(directive);
            }
            ledger.left(
                directive,
                "clients get headers of that server under its own names",
                "write take_to_client = [\"x-name\"] in [route.NAME.authorize]",
            );
            return ledger.carried(set);
        }
        match template(&value) {
            Ok(text) if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') => {
                let is_another_line = name == "set-cookie" || self.set.iter().any(|(there, _)| *there == name);
                match is_another_line && !self.add.iter().any(|(there, _)| *there == name) {
                    true => self.add.push((name, text)),
                    false if is_another_line => {
                        return ledger.left(
                            directive,
                            "a route adds one line of a name",
                            "let the application add the others",
                        );
                    }
                    false => self.set.push((name, text)),
                }
                ledger.carried(directive);
            }
            Ok(_) => ledger.left(directive, "its text cannot be said here", "write `response_headers` in [route.NAME]"),
            Err(variable) => ledger.left(
                directive,
                format!("there is no ${variable} here"),
                "write response_headers = { set = { … } } in [route.NAME] with one of the variables of docs/rules.md",
            ),
        }
    }
}

/// A header that a route may change, in lower case.
fn name(written: &str) -> Option<String> {
    let header = HeaderName::from_bytes(written.as_bytes()).ok()?;
    (!is_reserved(&header)).then(|| header.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn said(source: &str) -> (String, usize) {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let headers = ResponseHeaders::of(&Scope::of(&tree), &ledger);
        (headers.value().map(|it| it.to_string()).unwrap_or_default(), ledger.counts().2)
    }

    #[test]
    fn headers_are_set_added_and_taken_out() {
        let (value, left) = said(
            "add_header Strict-Transport-Security \"max-age=31536000; includeSubDomains\" always; add_header Set-Cookie a=b; \
             add_header X-Host $host; proxy_hide_header X-Powered-By; add_header X-Empty '';",
        );
        let set = r#"set = { strict-transport-security = "max-age=31536000; includeSubDomains", x-host = "{host}" }"#;
        assert_eq!(
            (value, left),
            (format!("{{ {set}, add = {{ set-cookie = \"a=b\" }}, remove = [\"x-powered-by\"] }}"), 0)
        );
    }

    #[test]
    fn what_cannot_be_said_is_told_of() {
        for header in ["X-Cache $upstream_cache_status", "Connection close", "X-A é", "X y z"] {
            assert_eq!(said(&format!("add_header {header};")), (String::new(), 1), "{header}");
        }
        assert_eq!(said("add_header Alt-Svc 'h3=\":443\"';"), (String::new(), 0));
    }
}
