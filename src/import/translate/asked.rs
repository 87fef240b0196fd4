//! What is asked of a request at one place of nginx, so that two places can be compared: whoever passes one, has he passed the other?

use std::collections::BTreeSet;

use super::guards::{is_guard, is_refusal};
use super::scope::Scope;
use crate::import::syntax::Directive;

/// All that keeps requests out of a place, whether it stands there or around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Each as it is written; what says the same in other words counts as another.
    guards: BTreeSet<String>,
}

impl Asked {
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        let mut guards = BTreeSet::new();
        let addresses = scope.all_of(&["allow", "deny"]);
        if addresses.iter().any(|it| it.name() == "deny") {
            let texts: Vec<_> = addresses.iter().map(|it| it.written()).collect();
            guards.insert(texts.join(" "));
        }
        let of_name = |name: &str| scope.last(name).filter(|it| it.value() != Some("off"));
        if of_name("auth_basic").is_some() {
            guards.insert(scope.last("auth_basic_user_file").map_or_else(String::new, Directive::written));
        }
        guards.extend(of_name("auth_request").map(Directive::written));
        // These are compared by where they stand.
        let others = scope.everything().filter(|it| is_guard(it, scope) || it.name() == "internal");
        let own = scope.own().iter().filter(|it| refuses(it));
        guards.extend(others.chain(own).map(|it| format!("{} {}", it.id, it.written())));
        Self { guards }
    }

    /// What a named location asks, to which nobody comes but from within.
    pub(super) fn of_named(scope: &Scope<'_>) -> Self {
        let mut asked = Self::of(scope);
        asked.guards.retain(|guard| !guard.ends_with(" internal;"));
        asked
    }

    /// That of a location which lets nobody through.
    pub(super) fn answered(location: &Directive) -> Self {
        Self { guards: BTreeSet::from([format!("{} {}", location.id, location.written())]) }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.guards.is_empty()
    }

    /// Whether whoever passes here passes there, too.
    pub(super) fn covers(&self, there: &Self) -> bool {
        there.guards.is_subset(&self.guards)
    }

    /// What is asked where both are.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { guards: self.guards.union(&other.guards).cloned().collect() }
    }
}

/// What lets nobody in: a `return`, or a `try_files` that ends so, but for what just says that there is no such file.
pub(super) fn refuses(directive: &Directive) -> bool {
    match directive.name() {
        "return" => directive.argument(0).is_some_and(is_refusal),
        "try_files" => {
            let last = directive.arguments.last().and_then(|it| it.text.strip_prefix('='));
            last.is_some_and(|status| status == "503" || status != "404" && is_refusal(status))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// Whether who passes the first block of `source` passes the second.
    fn covers(source: &str) -> bool {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        let scope = Scope::of(&tree);
        let blocks: Vec<_> = tree.iter().filter(|it| it.block.is_some()).collect();
        let of = |at: usize| Asked::of(&scope.within(blocks[at].inner()));
        of(0).covers(&of(1))
    }

    #[test]
    fn who_passes_more_passes_less() {
        for source in [
            "a { } b { }",
            "a { deny all; } b { }",
            "deny 10.0.0.1; auth_basic x; auth_basic_user_file f; a { auth_request /q; } b { }",
            "auth_basic x; auth_basic_user_file f; a { } b { auth_basic other; }",
            "auth_jwt x; a { } b { }",
            "a { } b { allow all; auth_basic off; }",
        ] {
            assert!(covers(source), "{source}");
        }
        for source in [
            "a { } b { deny all; }",
            "a { } b { internal; }",
            "a { return 404; } b { return 404; }",
            "auth_basic x; auth_basic_user_file f; a { auth_basic off; } b { }",
            "allow 10.0.0.0/8; deny all; a { allow all; } b { }",
            "a { allow 10.0.0.0/8; deny all; } b { deny all; }",
            "a { auth_basic x; auth_basic_user_file f; } b { auth_basic x; auth_basic_user_file g; }",
        ] {
            assert!(!covers(source), "{source}");
        }
    }

    #[test]
    fn statuses_of_refusals_are_known() {
        let refuses = |source: &str| refuses(&parse(source, &"x".into(), &mut Numbers::default()).unwrap()[0]);
        assert!(
            ["try_files x =403;", "try_files x y =444;", "return 400;", "return 404 x;", "return 444;", "return 500;"]
                .into_iter()
                .all(refuses)
        );
        assert!(
            ![
                "try_files $uri =404;",
                "try_files $uri /x;",
                "return 200;",
                "return 301 /;",
                "return 503;",
                "return /a;",
                "deny all;"
            ]
            .into_iter()
            .any(refuses)
        );
    }
}
