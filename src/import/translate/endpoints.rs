//! `server` in an `upstream`: its endpoints.

use super::amounts::MOST;
use super::ledger::Ledger;
use super::proxy_target::{is_address, with_port};
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// One endpoint.
#[derive(Clone, Debug)]
struct Endpoint {
    address: String,
    weight: u64,
    is_backup: bool,
    is_resolved: bool,
    most_tunnels: Option<u64>,
    slow_start: Option<String>,
    is_never_ejected: bool,
}

/// Writes what the servers of `group` say; false where there is none that can be said.
pub(super) fn endpoints(group: &Directive, ledger: &Ledger, table: &mut Table) -> bool {
    let servers = group.inner().iter().filter(|it| it.name() == "server");
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (directive, endpoint) in servers.filter_map(|it| Some((it, endpoint(it, ledger)?))) {
        match endpoints.iter_mut().find(|other| other.address == endpoint.address) {
            Some(other) => {
                other.weight = other.weight.saturating_add(endpoint.weight);
                ledger.remarked(directive, "the endpoint is there already: its weight is added", "nothing");
            }
            None => endpoints.push(endpoint),
        }
    }
    if !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.is_backup) {
        endpoints.iter_mut().for_each(|endpoint| endpoint.is_backup = false);
    }
    put(&endpoints, table);
    of_all(
        "max_conns",
        "max_tunnels",
        endpoints.iter().map(|it| it.most_tunnels.map(Value::Number)),
        group,
        ledger,
        table,
    );
    of_all(
        "slow_start",
        "slow_start",
        endpoints.iter().map(|it| it.slow_start.clone().map(Value::Text)),
        group,
        ledger,
        table,
    );
    if !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.is_never_ejected) {
        table.put("eject", "off");
    }
    !endpoints.is_empty()
}

/// An endpoint by itself, without an `upstream`.
pub(super) fn single_endpoint(address: &str) -> Value {
    Value::texts([address.to_owned()])
}

fn put(endpoints: &[Endpoint], table: &mut Table) {
    if let [Endpoint { address, is_resolved: true, .. }] = endpoints
        && !address.starts_with("unix:")
    {
        return table.put("endpoints", Value::table([("dns", address.as_str().into())]));
    }
    let written = |endpoint: &Endpoint| {
        if endpoint.weight == 1 && !endpoint.is_backup {
            return endpoint.address.as_str().into();
        }
        let mut entries = vec![("address".to_owned(), Value::from(endpoint.address.as_str()))];
        if endpoint.weight != 1 {
            entries.push(("weight".to_owned(), Value::Number(endpoint.weight.min(1_000_000))));
        }
        if endpoint.is_backup {
            entries.push(("backup".to_owned(), Value::Flag(true)));
        }
        Value::Table(entries)
    };
    table.put("endpoints", Value::List(endpoints.iter().map(written).collect()));
}

/// Writes what is said of each endpoint, and here of all together, where all say the same.
fn of_all(
    parameter: &str,
    key: &'static str,
    said: impl Iterator<Item = Option<Value>>,
    group: &Directive,
    ledger: &Ledger,
    table: &mut Table,
) {
    let said: Vec<_> = said.collect();
    let Some(first) = said.iter().flatten().next() else { return };
    if said.iter().all(|value| value.as_ref() == Some(first)) {
        return table.put(key, first.clone());
    }
    let servers = group.inner().iter().filter(|it| it.name() == "server");
    let beginning = format!("{parameter}=");
    for server in servers.filter(|it| it.texts().iter().any(|text| text.starts_with(&beginning))) {
        ledger.left(
            server,
            format!("{parameter} is the same for all endpoints of an upstream"),
            format!("write one `{key}` in [upstream.NAME], or an upstream of its own for this endpoint"),
        );
    }
}

fn endpoint(directive: &Directive, ledger: &Ledger) -> Option<Endpoint> {
    let (address, parameters) = directive.arguments.split_first()?;
    let written = with_port(&address.text.to_ascii_lowercase(), 80);
    // A socket's path has capitals.
    let address = if written.starts_with("unix:") { address.text.clone() } else { written };
    if address.contains('$') || !is_address(&address) {
        ledger.left(
            directive,
            "is no address of an endpoint",
            "write endpoints = [\"10.0.0.11:8080\", \"chat.internal:8080\" or \"unix:/run/chat.sock\"] in [upstream.NAME]",
        );
        return None;
    }
    let mut endpoint = Endpoint {
        address,
        weight: 1,
        is_backup: false,
        is_resolved: false,
        most_tunnels: None,
        slow_start: None,
        is_never_ejected: false,
    };
    for parameter in parameters {
        let (name, value) = parameter.text.split_once('=').unwrap_or((&parameter.text, ""));
        match name {
            "weight" => endpoint.weight = value.parse().unwrap_or(1).max(1),
            "backup" => endpoint.is_backup = true,
            "resolve" => endpoint.is_resolved = true,
            "max_conns" => {
                let most = value.parse::<u64>().ok().filter(|most| *most > 0);
                if most.is_some_and(|most| most > MOST) {
                    ledger.remarked(
                        directive,
                        format!("`max_tunnels` takes no more than {MOST}, so that is written"),
                        "nothing",
                    );
                }
                endpoint.most_tunnels = most.map(|most| most.min(MOST));
            }
            "slow_start" => endpoint.slow_start = super::amounts::written_time(value),
            "max_fails" => endpoint.is_never_ejected = value == "0",
            // By default an endpoint that fails three times is left alone, for longer and longer.
            "fail_timeout" | "id" => {}
            "down" => {
                ledger.remarked(
                    directive,
                    "it is down, and so it is left out",
                    "write it into `endpoints` when it is up",
                );
                return None;
            }
            other => ledger.left(
                directive,
                format!("{other:?} of it is not known"),
                "docs/endpoints.md says what there is: names, DNS, SRV, files",
            ),
        }
    }
    ledger.carried(directive);
    Some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn written(servers: &str) -> (Vec<String>, usize) {
        let mut numbers = Numbers::default();
        let tree = parse(&format!("upstream u {{ {servers} }}"), &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let mut table = Table::new("upstream", "u");
        endpoints(&tree[0], &ledger, &mut table);
        (table.entries.iter().map(|(key, value)| format!("{key} = {value}")).collect(), ledger.counts().2)
    }

    #[test]
    fn servers_are_endpoints() {
        let (lines, left) = written(
            "server 10.0.0.1:80 weight=3; server App.internal; server unix:/run/A.sock backup; server [::1]:81 down; server 10.0.0.2;",
        );
        assert_eq!(
            (lines, left),
            (
                vec![
                    "endpoints = [{ address = \"10.0.0.1:80\", weight = 3 }, \"app.internal:80\", \
                     { address = \"unix:/run/A.sock\", backup = true }, \"10.0.0.2:80\"]"
                        .to_owned()
                ],
                0
            )
        );
    }

    #[test]
    fn what_is_said_of_each_is_said_of_all_here() {
        let (lines, left) = written(
            "server a:1 max_conns=100 slow_start=30s max_fails=0; server b:1 max_conns=100 slow_start=30s max_fails=0;",
        );
        assert_eq!(
            (&lines[1..], left),
            (&["max_tunnels = 100".into(), "slow_start = \"30s\"".into(), "eject = \"off\"".into()][..], 0)
        );
        assert_eq!(written("server a:1 max_conns=1; server b:1;").1, 1);
        assert_eq!(written("server a:1 route=x; server $b;").1, 2);
    }

    #[test]
    fn one_name_that_is_resolved_is_asked_for() {
        assert_eq!(written("server app:80 resolve;").0, ["endpoints = { dns = \"app:80\" }"]);
    }

    #[test]
    fn the_same_twice_is_one_and_backups_alone_are_none() {
        assert_eq!(written("server a:1; server a:1 weight=2;").0, ["endpoints = [{ address = \"a:1\", weight = 3 }]"]);
        assert_eq!(written("server a:1 backup;").0, ["endpoints = [\"a:1\"]"]);
    }
}
