//! Words, semicolons and braces, as `ngx_conf_read_token` of nginx tells them apart.
//!
//! A quote opens only where a word begins; within a bare word quotes, `#` and `}` are letters like any other, and `${` opens no block.

use std::iter::Peekable;
use std::str::Chars;

use super::tree::Word;

/// A line and a column, both from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) spot: Spot,
    pub(super) problem: String,
}

impl Mistake {
    pub(super) fn new(spot: Spot, problem: impl Into<String>) -> Self {
        Self { spot, problem: problem.into() }
    }
}

pub(super) struct Lexer<'s> {
    rest: Peekable<Chars<'s>>,
    spot: Spot,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        // Editors of Windows write it in front.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        Self { rest: source.chars().peekable(), spot: Spot { line: 1, column: 1 } }
    }

    /// The next token, and where it begins; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Token, Spot)>, Mistake> {
        self.skip_blanks_and_comments();
        let spot = self.spot;
        let token = match self.rest.peek() {
            None => return Ok(None),
            Some(';') => self.single(Token::End),
            Some('{') => self.single(Token::Open),
            Some('}') => self.single(Token::Close),
            Some('"' | '\'') => Token::Word(self.quoted()?),
            Some(_) => Token::Word(self.bare()),
        };
        Ok(Some((token, spot)))
    }

    fn skip_blanks_and_comments(&mut self) {
        let mut is_comment = false;
        while let Some(c) = self.rest.peek() {
            match c {
                '\n' => is_comment = false,
                _ if is_comment || is_blank(*c) => {}
                '#' => is_comment = true,
                _ => return,
            }
            self.take();
        }
    }

    fn single(&mut self, token: Token) -> Token {
        self.take();
        token
    }

    fn bare(&mut self) -> Word {
        let mut written = String::new();
        let mut is_behind_dollar = false;
        while let Some(c) = self.rest.peek().copied() {
            match c {
                ';' => break,
                '{' if !is_behind_dollar => break,
                _ if is_blank(c) => break,
                '\\' => written.extend(self.take()),
                _ => {}
            }
            is_behind_dollar = c == '$';
            written.extend(self.take());
        }
        Word { text: without_escapes(&written), written }
    }

    fn quoted(&mut self) -> Result<Word, Mistake> {
        let opened = self.spot;
        let mut written = String::new();
        let quote = self.take();
        written.extend(quote);
        loop {
            match self.take() {
                None => return Err(Mistake::new(opened, "this quote is never closed")),
                c if c == quote => break,
                Some('\\') => {
                    written.push('\\');
                    written.extend(self.take());
                }
                Some(c) => written.push(c),
            }
        }
        let text = without_escapes(written.get(1..).expect("it begins with a quote, which is a byte"));
        written.extend(quote);
        match self.rest.peek() {
            None | Some(';' | '{' | ')') => {}
            Some(c) if is_blank(*c) => {}
            Some(c) => {
                return Err(Mistake::new(
                    self.spot,
                    format!("{c:?} directly behind a closing quote: a blank or a `;` is missing"),
                ));
            }
        }
        Ok(Word { text, written })
    }

    /// Whether `c` is next; it is taken then.
    pub(super) fn takes(&mut self, c: char) -> bool {
        let is_next = self.rest.peek() == Some(&c);
        if is_next {
            self.take();
        }
        is_next
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.spot = match c {
            '\n' => Spot { line: self.spot.line + 1, column: 1 },
            _ => Spot { column: self.spot.column + 1, ..self.spot },
        };
        Some(c)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Only these escapes mean something; in front of anything else a backslash stays, as in `\.` of an expression.
fn without_escapes(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        let meant = match (c, rest.peek()) {
            ('\\', Some(c @ ('"' | '\'' | '\\'))) => *c,
            ('\\', Some('t')) => '\t',
            ('\\', Some('r')) => '\r',
            ('\\', Some('n')) => '\n',
            _ => {
                text.push(c);
                continue;
            }
        };
        rest.next();
        text.push(meant);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(source: &str) -> Result<Vec<Token>, Mistake> {
        let mut lexer = Lexer::new(source);
        let mut tokens = Vec::new();
        while let Some((token, _)) = lexer.next()? {
            tokens.push(token);
        }
        Ok(tokens)
    }

    fn words(source: &str) -> Vec<String> {
        let word = |token| match token {
            Token::Word(word) => word.text,
            other => format!("{other:?}"),
        };
        tokens(source).unwrap().into_iter().map(word).collect()
    }

    #[test]
    fn words_end_at_blanks_semicolons_and_braces() {
        assert_eq!(
            words("listen 80;server{a\tb ;}"),
            ["listen", "80", "End", "server", "Open", "a", "b", "End", "Close"]
        );
        assert_eq!(words("a}b #c\nd#e"), ["a}b", "d#e"]);
        assert_eq!(words("# all of it is a comment; { }"), [""; 0]);
    }

    #[test]
    fn variables_in_braces_open_no_block() {
        assert_eq!(words("return 301 https://${host}x$uri{"), ["return", "301", "https://${host}x$uri", "Open"]);
    }

    #[test]
    fn quotes_hold_what_would_end_a_word() {
        assert_eq!(words(r#"log '$a "b"; {' "it's" "" "#), ["log", "$a \"b\"; {", "it's", ""]);
        assert_eq!(words(r#"a"b c'd"#), ["a\"b", "c'd"]);
        assert_eq!(words(r#"if ($host = "a b") {"#), ["if", "($host", "=", "a b", ")", "Open"]);
    }

    #[test]
    fn escapes_are_those_of_nginx() {
        assert_eq!(words(r#"~ \.php$ a\;b "x\"y\\z\tq\d""#), ["~", "\\.php$", "a\\;b", "x\"y\\z\tq\\d"]);
        let Token::Word(word) = tokens(r#""a\"b""#).unwrap().remove(0) else { panic!() };
        assert_eq!(word.written, r#""a\"b""#);
    }

    #[test]
    fn a_quote_is_closed_and_followed_by_a_blank() {
        let mistake = tokens("a\n  \"b;").unwrap_err();
        assert_eq!(
            (mistake.spot, mistake.problem.as_str()),
            (Spot { line: 2, column: 3 }, "this quote is never closed")
        );
        let mistake = tokens("a 'b'c;").unwrap_err();
        assert_eq!(mistake.spot, Spot { line: 1, column: 6 });
    }

    #[test]
    fn places_count_lines_and_characters() {
        let mut lexer = Lexer::new("\u{feff}ä b\r\n\n c");
        let mut spots = Vec::new();
        while let Some((_, spot)) = lexer.next().unwrap() {
            spots.push((spot.line, spot.column));
        }
        assert_eq!(spots, [(1, 1), (1, 3), (3, 2)]);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_each_ends(text in "[a-z$\\\\\"'#;{} \n\t)(é]{0,60}") {
            let _ = tokens(&text);
        }

        #[test]
        fn what_is_quoted_is_read_as_it_was(text in "[a-z$#;{} \"'\\\\]{0,20}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(words(&quoted), [text]);
        }
    }
}
