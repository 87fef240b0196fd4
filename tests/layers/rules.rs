//! The rules themselves: each finds what it is there to find, and nothing in comments and strings.

use super::*;

#[test]
fn an_upward_reference_is_found_however_it_is_spelled() {
    let problems = |path, text| upward_references(&Source::parse(path, text));

    assert_eq!(
        problems("http/forward.rs", "\nuse crate::tunnel::Pump;"),
        ["src/http/forward.rs:2: `http` may not use `tunnel` above it"]
    );
    assert_eq!(problems("http/a.rs", "use crate::{config::{self, app}, tunnel::x, session};").len(), 2);
    assert_eq!(problems("http/a.rs", "fn f() { crate::app::run() }").len(), 1);
    assert_eq!(problems("http/a.rs", "use super::super::session::Session;").len(), 1);
    assert_eq!(problems("http/a.rs", "use self::super::super::session::Session;").len(), 1);
    assert_eq!(problems("http/mod.rs", "pub use super::session::Session;").len(), 1);
    assert_eq!(problems("http/a.rs", "mod tests { use super::super::super::{app, net}; }").len(), 1);
    assert_eq!(problems("http/a.rs", "mod tests { fn f<'a>() {} } use super::super::app;").len(), 1);
    assert_eq!(problems("http/a.rs", "use windlass::cli;").len(), 1);
    assert_eq!(problems("http/a.rs", "use crate::nowhere::Thing;").len(), 1);
    assert_eq!(problems("helpers/a.rs", "").len(), 1);
}

#[test]
fn what_is_below_beside_or_not_code_is_fine() {
    let problems = |path, text| upward_references(&Source::parse(path, text));

    assert!(problems("http/a.rs", "use crate::config::Settings; use crate::http::Reply; use super::b;").is_empty());
    assert!(problems("http/a.rs", "mod tests { use super::*; use super::super::session_like; }").is_empty());
    assert!(problems("http/a.rs", "// crate::app\n/* /* */ crate::app */ /// [crate::app]\n").is_empty());
    assert!(
        problems("http/a.rs", r####"let s = ("crate::app \" ", r#"" crate::app"#, b'"', '\'', 'x');"####).is_empty()
    );
    assert!(problems("http/a.rs", "use other::crate_::app; pub(crate) fn f() {}").is_empty());
    assert!(problems("main.rs", "use windlass::app;").is_empty());
}

#[test]
fn the_code_after_a_literal_is_seen() {
    for literal in [r#""\\""#, r###"r##"a"# "##"###, r"'\\'", "b'x'", "'a", "/* \" */", "c\"x\"", "r#type"] {
        let problems = upward_references(&Source::parse("http/a.rs", &format!("{literal} crate::app")));
        assert_eq!(problems.len(), 1, "{literal}");
    }
}

#[test]
fn a_circle_is_found_through_groups_aliases_and_tables_of_contents() {
    let found = |files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| Source::parse(path, text)).collect();
        circles(&files).iter().map(message).collect::<Vec<_>>()
    };
    let table = ("net/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::*;");

    assert_eq!(
        found(&[table, ("net/a.rs", "\nuse super::b;"), ("net/b.rs", "fn f() { crate::net::a::f() }")]),
        ["a circle of 2: net/a.rs, net/b.rs\n    src/net/a.rs:2 imports src/net/b.rs:1 imports src/net/a.rs"]
    );
    for (in_a, in_b) in [
        ("use super::{c, b::{self, f}};", "use super::A;"),
        ("use crate::net as n; fn f(b: n::B) {}", "struct B; use self::super::a;"),
        ("use super::c::{C, D}; use super::b::x as y;", "fn f() { crate::net::A::new() }"),
    ] {
        assert_eq!(found(&[table, ("net/a.rs", in_a), ("net/b.rs", in_b)]).len(), 1, "{in_a}");
    }
    let longer = [("net/a.rs", "use super::b;"), ("net/b.rs", "use super::c;"), ("net/c.rs", "use super::{a, b};")];
    assert!(found(&longer)[0].starts_with("a circle of 3"), "{:?}", found(&longer));
    assert!(found(&longer)[0].ends_with("src/net/b.rs:1 imports src/net/c.rs:1 imports src/net/b.rs"));
}

#[test]
fn tables_of_contents_tests_and_comments_import_nothing() {
    let found = |in_a, in_b| {
        let table = Source::parse("net/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;");
        circles(&[table, Source::parse("net/a.rs", in_a), Source::parse("net/b.rs", in_b)]).len()
    };

    assert_eq!(found("use super::B;", ""), 0);
    assert_eq!(found("use super::B;", "use super::b; use crate::net::C; use self::x;"), 0);
    assert_eq!(found("use super::B;", "mod tests { use super::super::A; }"), 0);
    assert_eq!(found("use super::B;", "#[cfg(test)] impl B { fn f(a: [A; 4]) { super::a::f(); } }"), 0);
    assert_eq!(found("use super::B;", "#[cfg(test)] fn f() {} use super::A;"), 1);
    assert_eq!(found("#[cfg(test)] mod c; use super::B;", "use super::A;"), 1);
    let only_for_tests = ["#[cfg(test)] mod a; mod b;", "use super::b;", "use super::a;"];
    let files = ["net/mod.rs", "net/a.rs", "net/b.rs"].into_iter().zip(only_for_tests);
    assert!(circles(&files.map(|(path, text)| Source::parse(path, text)).collect::<Vec<_>>()).is_empty());
    assert_eq!(found("use super::B;", "/// [`A`](super::A)\n// super::a"), 0);
}

#[test]
fn a_missing_range_is_found_but_for_tests() {
    let problems = |text| missing_ranges(&Source::parse("net/a.rs", text)).len();

    assert_eq!(problems("let a = bytes.get(n..).unwrap_or_default(); b.get_mut(f(a, 1)..2)\n.unwrap_or_default()"), 2);
    assert_eq!(problems("mod tests { fn f() { bytes.get(n..).unwrap_or_default(); } }"), 0);
    assert_eq!(problems("bytes.get(n..).map(f).unwrap_or_default(); a.get(n..).unwrap_or(b); within(a, n..)"), 0);
}

#[test]
fn a_clock_is_found_in_pure_code_but_for_its_tests() {
    let problems = |path, text| impurities(&Source::parse(path, text)).len();

    assert_eq!(problems("balance/a.rs", "let now = Instant::now(); use tokio::time; SystemTime::now()"), 3);
    assert_eq!(problems("balance/a.rs", "mod tests { fn f() { Instant::now() } } fn f() { Instant::now() }"), 1);
    assert_eq!(problems("balance/tests.rs", "fn f() { Instant::now(); }"), 0);
    assert_eq!(problems("balance/a.rs", "fn f(now: Instant) {} // tokio"), 0);
    assert_eq!(problems("net/a.rs", "use tokio::net;"), 0);
}

#[test]
fn unsafe_is_found_outside_its_file() {
    assert_eq!(unsafe_code(&Source::parse("net/dial.rs", "fn f() {\n unsafe { g() } }")).len(), 1);
    assert!(unsafe_code(&Source::parse("process/fds.rs", "unsafe { g() }")).is_empty());
    assert!(unsafe_code(&Source::parse("lib.rs", "#![deny(unsafe_code)] // unsafe")).is_empty());
}

#[test]
fn logic_in_a_mod_file_is_found() {
    let problems = |text| logic_in_mod_file(&Source::parse("http/mod.rs", text)).len();

    assert_eq!(problems("//! Docs.\n#![x(y = [1])]\nmod a;\n#[cfg(test)]\npub(crate) mod b;\npub use a::{A, B};"), 0);
    assert_eq!(problems("mod a; fn f() { g(); }"), 2);
    assert_eq!(problems("use a::A;"), 1);
    assert_eq!(problems("mod tests { }"), 1);
    assert_eq!(problems("pub const A: u8 = 1; pub use a::A;"), 1);
    assert!(logic_in_mod_file(&Source::parse("http/a.rs", "fn f() {}")).is_empty());
}

#[test]
fn foreign_words_are_found_in_names_only() {
    let problems = |text| foreign_words(&Source::parse("http/a.rs", text)).len();

    assert_eq!(problems("struct BackendPool; let the_backends = VHOST;"), 3);
    assert_eq!(problems("let backlog = \"backend\"; // frontend"), 0);
}
