//! What a route changes of requests: the path, and headers.

use http::HeaderValue;

use super::conditions::conditions;
use super::header_entries::entries;
use crate::config::lists::list;
use crate::config::paths::NEW_PREFIX;
use crate::config::read::{flag, text};
use crate::config::rule_syntax::{CHANGED_HEADER, HEADER_VALUE, TEMPLATE};
use crate::config::schema::{HEADER_CHANGES, REWRITE};
use crate::config::settings::{Destination, ExchangeSettings, RuleSettings};
use crate::config::tree::{Section, SpannedValue};
use crate::rules::{Expression, ExpressionFault, HeaderChanges, PathChange, Variable};

/// `path` is that of the route.
pub(super) fn rules(
    section: &Section<'_>,
    path: Option<&str>,
    destination: Option<&Destination>,
    exchange: &ExchangeSettings,
) -> Option<RuleSettings> {
    let conditions = conditions(section);
    let path_change = path_change(section, path);
    let request_headers = section.try_read("request_headers", header_changes, HeaderChanges::default());
    let response_headers = section.try_read("response_headers", header_changes, HeaderChanges::default());
    let rules = RuleSettings {
        conditions: conditions?,
        path_change: path_change?,
        request_headers: request_headers?,
        response_headers: response_headers?,
    };
    if !matches!(destination, None | Some(Destination::Upstreams(_))) {
        for key in ["strip_prefix", "rewrite", "request_headers"] {
            section.item(key).iter().for_each(|item| {
                item.fault("is for endpoints, and these requests go to none", "remove it, or write `upstream`");
            });
        }
    }
    let asks_for_id = rules
        .request_headers
        .variables()
        .chain(rules.response_headers.variables())
        .any(|variable| *variable == Variable::RequestId);
    if exchange.request_id.is_none() && asks_for_id {
        let item = section.item("request_headers").or_else(|| section.item("response_headers"));
        item.iter().for_each(|item| {
            item.fault("has {request_id}, and requests have none here", "write request_id = \"x-request-id\"");
        });
    }
    let of_claims = |variable: &Variable| matches!(variable, Variable::Claim(_));
    for (key, changes) in [("request_headers", &rules.request_headers), ("response_headers", &rules.response_headers)] {
        if let (false, true, Some(item)) = (section.has("jwt"), changes.variables().any(of_claims), section.item(key)) {
            item.fault("has {claim:NAME}, and requests need no token here", "write [route.NAME.jwt], or take it out");
        }
    }
    Some(rules)
}

fn path_change(section: &Section<'_>, path: Option<&str>) -> Option<Option<PathChange>> {
    let strips = section.try_read("strip_prefix", flag, false)?;
    if let (true, Some("/"), Some(item)) = (strips, path, section.item("strip_prefix")) {
        item.fault("takes nothing off: `path` is \"/\"", "write the `path` that is to be taken off, or remove it");
    }
    let Some(item) = section.item("rewrite") else {
        return Some(strips.then(|| PathChange::Prefix("/".into())));
    };
    if strips {
        item.fault("says which path the endpoint reads, and so does `strip_prefix`", "keep one of them");
    }
    let section = item.section(&REWRITE)?;
    let prefix = section.try_read("prefix", |item| text(NEW_PREFIX)(item).map(Some), None);
    let regex = section.try_read("regex", |item| text(HEADER_VALUE)(item).map(Some), None);
    let to = section.try_read("to", |item| text(HEADER_VALUE)(item).map(Some), None);
    match (prefix?, regex?, to?) {
        (Some(prefix), None, None) => Some(Some(PathChange::Prefix(prefix.into()))),
        (None, Some(regex), Some(to)) => expression(&section, &regex, &to).map(Some),
        _ => {
            let hint = "write { prefix = \"/new\" }, or { regex = \"^/old/(\\\\d+)$\", to = \"/new/$1\" }";
            item.fault("is either a prefix, or an expression with what takes its place", hint);
            None
        }
    }
}

fn expression(section: &Section<'_>, regex: &HeaderValue, to: &HeaderValue) -> Option<PathChange> {
    let (regex, to) = (regex.to_str().ok()?, to.to_str().ok()?);
    match Expression::new(regex, to) {
        Ok(expression) => Some(PathChange::Expression(expression)),
        Err(fault) => {
            let (key, hint) = match &fault {
                ExpressionFault::Regex(_) => {
                    ("regex", "docs.rs/regex says what an expression may have: no look-around, no references back")
                }
                ExpressionFault::NoGroup(_) => {
                    ("to", "write $1 for the first pair of parentheses, and ${1} where letters follow")
                }
                ExpressionFault::LoneDollar => ("to", "write $$ for a dollar"),
                ExpressionFault::NotAPath(_) => ("to", "write a path; the query stays as it is"),
            };
            section.item(key).iter().for_each(|item| item.fault(fault.to_string(), hint));
            None
        }
    }
}

fn header_changes(item: &SpannedValue<'_>) -> Option<HeaderChanges> {
    let section = item.section(&HEADER_CHANGES)?;
    let remove = section.try_read("remove", list(text(CHANGED_HEADER), "[\"x-powered-by\"]"), Vec::new());
    let set = section.try_read("set", |item| entries(item, CHANGED_HEADER, text(TEMPLATE)), Vec::new());
    let add = section.try_read("add", |item| entries(item, CHANGED_HEADER, text(TEMPLATE)), Vec::new());
    Some(HeaderChanges { remove: remove?, set: set?, add: add? })
}
