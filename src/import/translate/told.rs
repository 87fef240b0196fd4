//! What is told of a block's directives, in the order in which they stand; those that nobody has spoken for get their word here.

use super::instead::{LOOKED_FOR, Weight, instead_of};
use super::ledger::{Fate, Ledger, Reason};
use super::nothing::means_nothing;
use crate::import::syntax::Directive;

/// What has tables of its own, and is told of there.
const APART: [&str; 5] = ["http", "server", "location", "upstream", "events"];

/// The lines about what stands in `block`, but for blocks that have tables of their own.
pub(super) fn told(block: &[Directive], ledger: &Ledger) -> Vec<String> {
    block.iter().flat_map(|directive| told_of(directive, ledger)).collect()
}

/// The lines about `directive`, and about what stands in its block.
pub(super) fn told_of(directive: &Directive, ledger: &Ledger) -> Vec<String> {
    speak_for(directive, ledger);
    match ledger.fate(directive) {
        Fate::Left(reason) => paragraph(directive, "look at this", &reason),
        Fate::Remarked(reason) => paragraph(directive, "note", &reason),
        _ if APART.contains(&directive.name()) => Vec::new(),
        _ => told(directive.inner(), ledger),
    }
}

/// Has a word for a directive that nobody has looked at.
fn speak_for(directive: &Directive, ledger: &Ledger) {
    if !ledger.is_unread(directive) {
        return;
    }
    if means_nothing(directive) {
        return ledger.nothing(directive);
    }
    if let Some(trouble) = &directive.trouble {
        let instead = "bring it, and import again; --prefix says where relative paths start";
        return ledger.left(directive, format!("cannot be read: {trouble}"), instead);
    }
    let is_guard = GUARDS.contains(&directive.name());
    match instead_of(directive.name()).filter(|_| !is_guard) {
        Some((Weight::Look, reason)) => ledger.left_because(directive, reason),
        Some((Weight::Remark, Reason { why, instead })) => ledger.remarked(directive, why, instead),
        None if is_guard => ledger.left(
            directive,
            "no route that was made asks for it",
            "see which route serves what it guarded, and write what docs/access.md has for it there",
        ),
        None if LOOKED_FOR.contains(&directive.name()) => {
            ledger.remarked(directive, "nothing that was carried over has a use for it", "nothing");
        }
        None => ledger.left(directive, "the import does not know it", "look for what it does in config/reference.toml"),
    }
}

/// What decides who may enter.
const GUARDS: &[&str] = &["allow", "deny", "auth_basic", "auth_basic_user_file", "auth_request"];

fn paragraph(directive: &Directive, what: &str, Reason { why, instead }: &Reason) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", directive.place, directive.written())];
    lines.push(format!("    {what}: {why}"));
    if instead != "nothing" {
        lines.push(format!("    instead: {instead}"));
    }
    listed(directive.inner(), 1, &mut lines);
    lines
}

fn listed(block: &[Directive], depth: usize, lines: &mut Vec<String>) {
    for directive in block {
        lines.push(format!("{}{}: {}", "  ".repeat(depth), directive.place, directive.written()));
        listed(directive.inner(), depth + 1, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn lines(source: &str) -> Vec<String> {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        told(&tree, &Ledger::new(numbers.count()))
    }

    #[test]
    fn a_block_that_is_left_out_is_listed_whole() {
        let lines = lines("user www;\nmap $a $b {\n  default 1;\n}");
        assert_eq!(lines[0], "x:2: map $a $b {");
        assert!(lines[1].starts_with("    look at this: "), "{lines:?}");
        assert_eq!(lines[3], "  x:3: default 1;");
    }

    #[test]
    fn what_is_not_known_is_told_too() {
        assert!(lines("frobnicate on;")[1].contains("the import does not know it"));
        assert!(lines("proxy_read_timeout 5s;")[1].contains("has a use for it"));
        assert!(lines("gzip off; events { gzip on; }").is_empty());
    }
}
