//! Which bytes stand where, and how many of them stand together.

use crate::ranges::within;

/// How many bytes at the front of `input` make a token (RFC 9110 §5.6.2).
pub(super) fn token_length(input: &[u8]) -> usize {
    input.iter().take_while(|&&byte| is_tchar(byte)).count()
}

/// How many bytes at the front of `input` may stand in a field's value: all but control bytes, of which only a tab may.
pub(super) fn text_length(input: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += run_length(within(input, length..), b' ');
        match input.get(length) {
            Some(b'\t') => length += 1,
            _ => return length,
        }
    }
}

/// How many bytes at the front of `input` may stand in a request's target, as far as its end is concerned.
pub(super) fn target_length(input: &[u8]) -> usize {
    run_length(input, b'!')
}

pub(super) fn is_tchar(byte: u8) -> bool {
    TCHARS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// White space between the parts of a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// How many bytes at the front of `input` are `least` or above it, and no DELETE.
fn run_length(input: &[u8], least: u8) -> usize {
    let (words, _) = input.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = outside(u64::from_le_bytes(*word), least);
        if found != 0 {
            // The lowest mark is that of the first byte.
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let whole = words.len() * 8;
    whole + within(input, whole..).iter().take_while(|&&byte| byte >= least && byte != DELETE).count()
}

/// Marks, by their highest bits, the bytes of a word that are below `least`, and those that are DELETE; above the first of them it
/// may mark others.
fn outside(word: u64, least: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let marked = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word & HIGHEST;
    marked(word, least) | marked(word ^ (ONES * u64::from(DELETE)), 1)
}

const DELETE: u8 = 0x7f;

#[expect(clippy::indexing_slicing, reason = "made when it is compiled, where a wrong index does not compile")]
const TCHARS: [bool; 256] = {
    let mut tchars = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        tchars[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        tchars[others[at] as usize] = true;
        at += 1;
    }
    tchars
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::is_token;

    #[test]
    fn a_token_is_what_the_grammar_says() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_tchar(byte), is_token([byte]), "{byte}");
        }
    }

    #[test]
    fn a_run_ends_at_the_first_byte_that_does_not_belong_wherever_it_stands() {
        for length in 0..70 {
            for stop in [0, b'\r', b'\n', 0x1f, DELETE] {
                let input = [&vec![b'a'; length][..], &[stop], &[b'b'; 40]].concat();
                assert_eq!((text_length(&input), target_length(&input)), (length, length));
            }
            assert_eq!(text_length(&vec![0x80; length]), length);
            assert_eq!(text_length(&[&vec![b'\t'; length][..], b" \xff\r"].concat()), length + 2);
            assert_eq!(target_length(&[&vec![b'/'; length][..], b" \xff"].concat()), length);
        }
    }
}
