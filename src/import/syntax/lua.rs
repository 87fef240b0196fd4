//! Blocks of Lua (`access_by_lua_block { … }` and the like): none of it is read, but for where they end.

use super::lexer::{Lexer, Mistake, Spot};

/// Whether what stands in the block of the directive `name` is Lua.
pub(super) fn is_lua(name: &str) -> bool {
    name.ends_with("_by_lua_block")
}

/// Takes what stands up to the `}` of the block that was `opened`. Braces in texts and comments open and close none.
pub(super) fn skip(lexer: &mut Lexer<'_>, opened: Spot) -> Result<(), Mistake> {
    let mut depth = 1_usize;
    while let Some(c) = lexer.take() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '"' | '\'' => skip_quoted(lexer, c),
            '[' => {
                skip_long(lexer);
            }
            '-' if lexer.takes('-') => skip_comment(lexer),
            _ => {}
        }
        if depth == 0 {
            return Ok(());
        }
    }
    Err(Mistake::new(opened, "this block of Lua is never closed: a `}` is missing"))
}

fn skip_quoted(lexer: &mut Lexer<'_>, quote: char) {
    while let Some(c) = lexer.take().filter(|c| *c != quote) {
        if c == '\\' {
            lexer.take();
        }
    }
}

/// Of a comment, which may be one of many lines.
fn skip_comment(lexer: &mut Lexer<'_>) {
    if !(lexer.takes('[') && skip_long(lexer)) {
        while lexer.take().is_some_and(|c| c != '\n') {}
    }
}

/// Takes a text of many lines, `[==[ … ]==]`, whose first bracket is taken; false where it is none.
fn skip_long(lexer: &mut Lexer<'_>) -> bool {
    let level = level(lexer);
    if !lexer.takes('[') {
        return false;
    }
    while let Some(c) = lexer.take() {
        // What begins an end in vain may begin another one.
        let mut is_bracket = c == ']';
        while is_bracket {
            let is_level = self::level(lexer) == level;
            is_bracket = lexer.takes(']');
            if is_bracket && is_level {
                return true;
            }
        }
    }
    true
}

/// How many `=` stand here, which it takes.
fn level(lexer: &mut Lexer<'_>) -> usize {
    std::iter::from_fn(|| lexer.takes('=').then_some(())).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is left behind a block.
    fn rest(source: &str) -> Result<String, Mistake> {
        let mut lexer = Lexer::new(source);
        skip(&mut lexer, Spot { line: 1, column: 1 })?;
        Ok(std::iter::from_fn(|| lexer.take()).collect())
    }

    #[test]
    fn it_ends_where_its_braces_are_closed() {
        for block in [
            "",
            "local t = { a = {}, b = { 1 } }",
            "ngx.say(\"}\") ngx.say('}') ngx.say('\\'}') ngx.say(\"\\\\\")",
            "-- }\n",
            "--[ }\n",
            "--[==[ } ]=] \n } ]==]",
            "ngx.say([[ } ]]) ngx.say([=[ } ]] ]]=]) t[1] = t[t[2]]",
            "a = b - c --}\n",
            "t = { [\"}\"] = 1 }",
        ] {
            assert_eq!(rest(&format!("{block}}} rest")).as_deref(), Ok(" rest"), "{block}");
        }
    }

    #[test]
    fn one_that_is_not_closed_is_told_where_it_was_opened() {
        for block in ["", "{ }", "'}", "-- }", "[[ }", "--[[ } ]", "ngx.say([=[ } ]]"] {
            let mistake = rest(block).unwrap_err();
            assert_eq!(mistake.spot, Spot { line: 1, column: 1 }, "{block}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_each_ends(text in "[a{}\"'\\[\\]=\\\\\n-]{0,40}") {
            let _ = rest(&text);
        }
    }
}
