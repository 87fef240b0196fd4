//! Where the bytes of a text stand, by line and column: one look at the text for any number of questions.

use super::problem::Position;
use crate::ranges::text_within;

/// The text, and how far it is looked at in one go.
pub(super) struct Positions<'a> {
    source: &'a str,
    /// Where each step of [`STEP`] bytes begins, with its first whole character. By steps and not by lines: a line may be as
    /// long as a file.
    steps: Vec<Position>,
}

impl<'a> Positions<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let mut steps = Vec::with_capacity(source.len() / STEP + 1);
        let mut position = Position { line: 1, column: 1 };
        for step in 0..=source.len() / STEP {
            steps.push(position);
            position = after(position, between(source, step * STEP, (step + 1) * STEP));
        }
        Self { source, steps }
    }

    /// The position of the byte at `offset`; behind the text, that of its end.
    pub(super) fn at(&self, offset: usize) -> Position {
        let offset = self.source.floor_char_boundary(offset);
        let step = offset / STEP;
        let begin = self.steps.get(step).copied().expect("there is a step for each byte, and for the end");
        after(begin, between(self.source, step * STEP, offset))
    }
}

/// What stands from the first offset to the second; half a character belongs to what is before.
fn between(source: &str, from: usize, to: usize) -> &str {
    text_within(source, source.ceil_char_boundary(from)..source.ceil_char_boundary(to))
}

/// Where one is who was at `position`, behind `text`.
fn after(Position { line, column }: Position, text: &str) -> Position {
    match text.rsplit_once('\n') {
        None => Position { line, column: column + text.chars().count() },
        Some((lines, rest)) => {
            Position { line: line + lines.matches('\n').count() + 1, column: rest.chars().count() + 1 }
        }
    }
}

/// How many bytes are looked at for an answer, at the most.
const STEP: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = "a = 1\n\"ü€\" = 2\n";
        let positions = Positions::of(source);
        assert_eq!(positions.at(0), Position { line: 1, column: 1 });
        assert_eq!(positions.at(source.find("= 2").unwrap()), Position { line: 2, column: 6 });
        assert_eq!(positions.at(source.len()), Position { line: 3, column: 1 });
        assert_eq!(positions.at(source.len() + 9), Position { line: 3, column: 1 });
    }

    proptest! {
        #[test]
        fn every_byte_of_a_long_text_is_where_counting_finds_it(text in "([a€🦀]{0,300}\n){0,20}[é]{0,700}") {
            let positions = Positions::of(&text);
            let mut expected = Position { line: 1, column: 1 };
            for (offset, character) in text.char_indices() {
                prop_assert_eq!(positions.at(offset), expected);
                prop_assert_eq!(positions.at(offset + character.len_utf8() - 1), expected);
                expected = after(expected, character.encode_utf8(&mut [0; 4]));
            }
            prop_assert_eq!(positions.at(text.len()), expected);
        }
    }
}
