//! What makes a variable: `set`, `map`, and the named groups of expressions.
//!
//! What else may make one (`geo`, `auth_request_set`, a module's directive) makes of it something that nobody knows here.

use super::uses::only_uses;
use crate::import::syntax::Directive;

/// Texts that are looked at together: those of an `if`, the source of a `map` with its cases, or one alone.
pub(super) type Texts<'t> = Vec<&'t str>;

/// What the variable `name` is made of, anywhere in `tree`; `None` where nothing known makes it, or something else does.
pub(super) fn made_of<'t>(name: &str, tree: &'t [Directive]) -> Option<Vec<Texts<'t>>> {
    let mut makers =
        Makers { name, groups: GROUPS.map(|(before, after)| format!("{before}{name}{after}")), found: Vec::new() };
    makers.read_block(tree, &[])?;
    (!makers.found.is_empty()).then_some(makers.found)
}

/// How an expression names a group.
const GROUPS: [(&str, &str); 3] = [("(?<", ">"), ("(?p<", ">"), ("(?'", "'")];

struct Makers<'n, 't> {
    /// In small letters, as nginx keeps it.
    name: &'n str,
    /// How groups are written that have this name.
    groups: [String; 3],
    found: Vec<Texts<'t>>,
}

impl<'t> Makers<'_, 't> {
    /// Those in `block`, which stands in an `if` that looks at `condition`; `None` where one is not known.
    fn read_block(&mut self, block: &'t [Directive], condition: &[&'t str]) -> Option<()> {
        for directive in block {
            self.read(directive, condition)?;
            let inner = if directive.name() == "if" { directive.texts() } else { condition.to_vec() };
            if directive.name() != "map" {
                self.read_block(directive.inner(), &inner)?;
            }
        }
        Some(())
    }

    fn read(&mut self, directive: &'t Directive, condition: &[&'t str]) -> Option<()> {
        let texts = directive.texts();
        match (directive.name(), &*texts) {
            ("set", [it, text]) if self.is_it(it) => {
                // By the condition is decided, too, what is set; a group of an expression in it is a part of what that looks at.
                let is_part = condition.iter().any(|word| word.contains('~')) && is_numbered_group(text);
                self.found.extend((!is_part).then(|| vec![*text]));
                self.found.extend((!condition.is_empty()).then(|| condition.to_vec()));
            }
            ("map", [source, it]) => self.read_map(source, it, directive.inner())?,
            ("if", _) if self.has_group(&texts) => self.found.push(texts),
            ("server_name", _) if self.has_group(&texts) => self.found.push(vec!["$host"]),
            ("location" | "rewrite", _) if self.has_group(&texts) => self.found.push(vec!["$uri"]),
            // Files are looked for below these.
            ("root" | "alias", [folder]) if FILES.contains(&self.name) && has_named_variable(folder) => {
                self.found.push(vec![*folder]);
            }
            ("set" | "if" | "server_name" | "location" | "rewrite" | "return", _) => {}
            (name, _) if only_uses(name) => {}
            (name, _) if self.is_it(name) || texts.iter().any(|text| self.is_it(text)) || self.has_group(&texts) => {
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn read_map(&mut self, source: &'t str, made: &str, cases: &'t [Directive]) -> Option<()> {
        let keys: Vec<_> = cases.iter().map(Directive::name).filter(|key| !NO_KEYS.contains(key)).collect();
        if !self.is_it(made) && !self.has_group(&keys) {
            return Some(());
        }
        // Whatever stands in a file that could not be read.
        let is_whole = cases.iter().all(|case| case.name() != "include" || case.trouble.is_none());
        if self.is_it(made) {
            self.found.extend(cases.iter().filter_map(|case| case.argument(0)).map(|value| vec![value]));
        }
        self.found.push([vec![source], keys].concat());
        is_whole.then_some(())
    }

    fn is_it(&self, written: &str) -> bool {
        written.strip_prefix('$').is_some_and(|name| name.eq_ignore_ascii_case(self.name))
    }

    fn has_group(&self, texts: &[&str]) -> bool {
        texts
            .iter()
            .filter(|text| text.contains("(?"))
            .map(|text| text.to_ascii_lowercase())
            .any(|text| self.groups.iter().any(|group| text.contains(group)))
    }
}

/// Variables that name a file, or the folder of files.
const FILES: [&str; 3] = ["request_filename", "document_root", "realpath_root"];

/// What stands among the cases of a `map`, and is none.
const NO_KEYS: [&str; 4] = ["default", "hostnames", "include", "volatile"];

/// Whether it has one besides the groups of its location's expression.
fn has_named_variable(text: &str) -> bool {
    text.split('$').skip(1).any(|behind| !behind.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_numbered_group(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// What `$it` is made of, each group of texts joined.
    fn made(source: &str) -> Option<Vec<String>> {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        Some(made_of("it", &tree)?.into_iter().map(|looked| looked.join(" ")).collect())
    }

    #[test]
    fn what_sets_and_maps_it_is_found_with_what_decides() {
        for (source, expected) in [
            ("set $it a; s { set $It $b; set $other c; }", &["a", "$b"][..]),
            ("if ($a = b) { set $it c; }", &["c", "($a = b)"]),
            ("if ($a ~ (.+)) { set $it $1; }", &["($a ~ (.+))"]),
            ("map $a $it { default 0; hostnames; b $c; }", &["0", "$c", "$a b"]),
            ("if ($a ~ '(?<it>.)') { }", &["($a ~ (?<it>.) )"]),
            ("map $a $b { '~(?P<it>.)' 1; }", &["$a ~(?P<it>.)"]),
            ("server_name '~^(?<it>.+)$';", &["$host"]),
            ("location ~ \"(?'it'.)\" { proxy_set_header X $it; log_format x $it; }", &["$uri"]),
        ] {
            assert_eq!(made(source).unwrap(), expected, "{source}");
        }
    }

    #[test]
    fn what_anything_else_makes_or_nothing_is_not_known() {
        for source in [
            "",
            "set $that 1;",
            "set $it 1; geo $it { default 0; }",
            "set $it 1; geoip2 x { $it source=$a country; }",
            "s { auth_request_set $it $b; } set $it 1;",
            "set $it 1; frobnicate '(?<it>.)';",
        ] {
            assert_eq!(made(source), None, "{source}");
        }
        // A file of cases that could not be read.
        let mut tree = parse("map $host $it { include x; }", &"x".into(), &mut Numbers::default()).unwrap();
        assert!(made_of("it", &tree).is_some());
        tree[0].block.as_mut().unwrap()[0].trouble = Some("No such file".to_owned());
        assert_eq!(made_of("it", &tree), None);
    }
}
