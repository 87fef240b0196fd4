//! Over all configurations in tests/import/nginx: no directive is left out in silence, and what is said to be carried over is.

use std::collections::HashSet;
use std::path::Path;

use super::syntax::{Directive, Tree, read};
use super::translate::{Fate, written};

const FOLDER: &str = "tests/import/nginx";

/// The configurations, each with its name.
fn trees() -> Vec<(String, Tree)> {
    let entries = std::fs::read_dir(FOLDER).unwrap().map(|it| it.unwrap().path());
    let files: Vec<_> = entries.filter(|it| it.extension().is_some_and(|it| it == "conf")).collect();
    assert!(files.len() >= 30, "only {} files", files.len());
    let tree = |file: &Path| read(file, Path::new(FOLDER)).unwrap_or_else(|error| panic!("{error}"));
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), tree(file))).collect()
}

fn text_of(tree: &Tree, name: &str) -> String {
    written(tree, &Path::new(FOLDER).join(name), Path::new(FOLDER)).0.text
}

fn each<'t>(block: &'t [Directive], all: &mut Vec<&'t Directive>) {
    for directive in block {
        all.push(directive);
        each(directive.inner(), all);
    }
}

fn without(block: &[Directive], id: usize) -> Vec<Directive> {
    let kept = block.iter().filter(|it| it.id != id);
    kept.map(|it| Directive { block: it.block.as_deref().map(|block| without(block, id)), ..it.clone() }).collect()
}

#[test]
fn every_directive_is_carried_over_or_means_nothing_or_is_told_of() {
    for (name, tree) in trees() {
        let (written, ledger) = written(&tree, &Path::new(FOLDER).join(&name), Path::new(FOLDER));
        let comments: Vec<_> = written.text.lines().filter(|line| line.starts_with('#')).collect();
        let mut all = Vec::new();
        each(&tree.directives, &mut all);
        assert!(all.len() > 5, "{name}");
        for directive in all {
            let place = format!("{}: {}", directive.place, directive.written());
            match ledger.fate(directive) {
                Fate::Carried | Fate::Nothing => {}
                Fate::Unread => panic!("{name}: nobody speaks for {place}"),
                Fate::Left(_) | Fate::Remarked(_) | Fate::Listed => {
                    assert!(
                        comments.iter().any(|line| line.contains(&place)),
                        "{place} stands in no comment:\n{}",
                        written.text
                    );
                }
            }
        }
    }
}

#[test]
fn whatever_closes_a_route_is_named_at_the_top() {
    let mut closing = 0;
    for (name, tree) in trees() {
        let (written, ledger) = written(&tree, &Path::new(FOLDER).join(&name), Path::new(FOLDER));
        let top = written.text.lines().find(|line| line.contains("nginx kept requests out at")).unwrap_or_default();
        let mut all = Vec::new();
        each(&tree.directives, &mut all);
        for directive in all {
            let closes = matches!(ledger.fate(directive), Fate::Left(it) if it.why.contains("answer 403"));
            closing += usize::from(closes);
            let place = directive.place.to_string();
            let is_named = top.split([' ', ',']).any(|word| word.trim_end_matches('.') == place);
            assert!(!closes || is_named, "{place} is not named at the top of {name}:\n{top}");
        }
    }
    assert!(closing >= 10, "only {closing}");
}

/// Carried over is what makes a difference: without it another file is written.
#[test]
fn what_is_carried_over_is_missing_where_it_is_taken_out() {
    let mut names = HashSet::new();
    let mut same = Vec::new();
    for (name, tree) in trees() {
        let (whole, ledger) = written(&tree, &Path::new(FOLDER).join(&name), Path::new(FOLDER));
        let mut all = Vec::new();
        each(&tree.directives, &mut all);
        for directive in all.into_iter().filter(|it| it.block.is_none() && ledger.fate(it) == Fate::Carried) {
            if SAME_WITHOUT.contains(&directive.written().as_str()) {
                continue;
            }
            names.insert(directive.name().to_owned());
            let cut = Tree { directives: without(&tree.directives, directive.id), count: tree.count };
            let text = text_of(&cut, &name);
            if text == whole.text {
                same.push(format!("{}: {}", directive.place, directive.written()));
            }
        }
    }
    assert!(same.is_empty(), "these make no difference: {same:#?}");
    assert!(names.len() >= 40, "only {} names: {names:?}", names.len());
}

/// What is so without them, too: what is written twice, where nginx listens anyway, one of two families, a name of a server that
/// answers for all names.
const SAME_WITHOUT: &[&str] = &[
    "allow 10.9.0.1/32;",
    "allow 10.9.0.1;",
    "allow all;",
    "client_body_timeout 10s;",
    "listen 443 ssl http2;",
    "listen 443 ssl;",
    "listen 80 default_server;",
    "listen 80;",
    "listen 8085;",
    "proxy_set_header X-Secret \"\";",
    "return 404;",
    "send_timeout 10s;",
    "server_name *.tenants.example.com;",
    "server_name app.example.com;",
    "server_name home.example.net;",
    "server_name this.example.com;",
];
