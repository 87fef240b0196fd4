//! From the text of one file to its directives.

use std::sync::Arc;

use super::lexer::{Lexer, Mistake, Spot, Token};
use super::lua;
use super::tree::{Directive, Place, Word};

/// How deep blocks may stand in one another: nginx itself knows no more than five or so.
const DEEPEST: usize = 64;

/// The numbers of the directives of a tree.
#[derive(Debug, Default)]
pub(in crate::import) struct Numbers(usize);

impl Numbers {
    /// How many there are.
    pub(in crate::import) fn count(&self) -> usize {
        self.0
    }

    fn next(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }
}

/// Reads what is written in `file`.
///
/// # Errors
/// The first place where it is no syntax of nginx, and why.
pub(in crate::import) fn parse(
    source: &str,
    file: &Arc<str>,
    numbers: &mut Numbers,
) -> Result<Vec<Directive>, (Place, String)> {
    let mut parser = Parser { lexer: Lexer::new(source), file, numbers };
    parser.block(None, 0).map_err(|Mistake { spot, problem }| (parser.place(spot), problem))
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    file: &'s Arc<str>,
    numbers: &'s mut Numbers,
}

impl Parser<'_> {
    /// What stands up to the `}` of the block that was `opened`, or up to the end of the file.
    fn block(&mut self, opened: Option<Spot>, depth: usize) -> Result<Vec<Directive>, Mistake> {
        let mut directives = Vec::new();
        loop {
            match (self.lexer.next()?, opened) {
                (None, None) => return Ok(directives),
                (None, Some(opened)) => {
                    return Err(Mistake::new(opened, "this block is never closed: a `}` is missing"));
                }
                (Some((Token::Close, _)), Some(_)) => return Ok(directives),
                (Some((Token::Close, spot)), None) => return Err(Mistake::new(spot, "a `}` that closes no block")),
                (Some((Token::End, spot)), _) => return Err(Mistake::new(spot, "a `;` with nothing in front of it")),
                (Some((Token::Open, spot)), _) => return Err(Mistake::new(spot, "a `{` with nothing in front of it")),
                (Some((Token::Word(name), spot)), _) => directives.push(self.directive(name, spot, depth)?),
            }
        }
    }

    fn directive(&mut self, name: Word, spot: Spot, depth: usize) -> Result<Directive, Mistake> {
        let id = self.numbers.next();
        let mut arguments = Vec::new();
        let block = loop {
            match self.lexer.next()? {
                Some((Token::Word(word), _)) => arguments.push(word),
                Some((Token::End, _)) => break None,
                Some((Token::Open, opened)) if lua::is_lua(&name.text) => {
                    lua::skip(&mut self.lexer, opened)?;
                    break Some(Vec::new());
                }
                Some((Token::Open, opened)) => {
                    if depth == DEEPEST {
                        return Err(Mistake::new(opened, format!("more than {DEEPEST} blocks within one another")));
                    }
                    break Some(self.block(Some(opened), depth + 1)?);
                }
                Some((Token::Close, close)) => return Err(Mistake::new(close, unended(&name, spot))),
                None => return Err(Mistake::new(spot, format!("{} does not end: a `;` is missing", name.written))),
            }
        };
        Ok(Directive { id, name, arguments, place: self.place(spot), block, trouble: None })
    }

    fn place(&self, Spot { line, column }: Spot) -> Place {
        Place { file: self.file.clone(), line, column }
    }
}

fn unended(name: &Word, spot: Spot) -> String {
    format!("a `}}` before {} of line {} has ended: a `;` is missing", name.written, spot.line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(source: &str) -> Result<Vec<Directive>, (Place, String)> {
        parse(source, &"a.conf".into(), &mut Numbers::default())
    }

    fn mistake(source: &str) -> String {
        let (place, problem) = parsed(source).unwrap_err();
        format!("{}:{}: {problem}", place.line, place.column)
    }

    #[test]
    fn a_tree_has_names_arguments_blocks_and_places() {
        let tree = parsed("http {\n  server { listen 80 default_server; }\n}\nuser 'www data';").unwrap();
        let [http, user] = tree.as_slice() else { panic!("{tree:?}") };
        assert_eq!((http.name(), http.arguments.len(), http.place.to_string()), ("http", 0, "a.conf:1".into()));
        let server = &http.inner()[0];
        assert_eq!((server.name(), server.place.line, server.place.column), ("server", 2, 3));
        assert_eq!(server.inner()[0].texts(), ["80", "default_server"]);
        assert_eq!((user.value(), user.written().as_str()), (Some("www data"), "user 'www data';"));
        assert_eq!(server.written(), "server {");
    }

    #[test]
    fn of_lua_only_the_end_is_read() {
        let tree = parsed("set_by_lua_block $a { return '}' -- }\n} b;").unwrap();
        let [lua, b] = tree.as_slice() else { panic!("{tree:?}") };
        assert_eq!((lua.written().as_str(), lua.inner(), b.name()), ("set_by_lua_block $a {", [].as_slice(), "b"));
    }

    #[test]
    fn each_mistake_has_its_place() {
        assert_eq!(mistake("http {\n server {"), "2:9: this block is never closed: a `}` is missing");
        assert_eq!(mistake("listen 80;\n}"), "2:1: a `}` that closes no block");
        assert_eq!(mistake("a;;"), "1:3: a `;` with nothing in front of it");
        assert_eq!(mistake("a { { } }"), "1:5: a `{` with nothing in front of it");
        assert_eq!(mistake("server { listen 80 }"), "1:20: a `}` before listen of line 1 has ended: a `;` is missing");
        assert_eq!(mistake("listen 80"), "1:1: listen does not end: a `;` is missing");
        assert_eq!(
            mistake("location / { content_by_lua_block { ngx.say('}')"),
            "1:35: this block of Lua is never closed: a `}` is missing"
        );
        assert_eq!(mistake(&"a {".repeat(66)), "1:195: more than 64 blocks within one another");
    }

    const WHOLE: &str =
        "http { # ä\n map $a $b { default \"x y\"; '' ${c}d; }\n location ~ \\.php$ { return 301 https://$host; } }\n";

    #[test]
    fn no_cut_panics() {
        assert!(parsed(WHOLE).is_ok());
        for (at, _) in WHOLE.char_indices() {
            let _ = parsed(WHOLE.get(..at).unwrap());
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parsed(&text);
        }

        #[test]
        fn what_is_written_is_read_as_the_same(names in proptest::collection::vec("[a-z_]{1,8}( [a-z$0-9:/]{1,8}){0,3}", 0..8)) {
            let source: String = names.iter().map(|it| format!("{it};\n")).collect();
            let tree = parsed(&source).unwrap();
            let written: Vec<_> = tree.iter().map(Directive::written).collect();
            let expected: Vec<_> = names.iter().map(|it| format!("{it};")).collect();
            prop_assert_eq!(written, expected);
        }
    }
}
