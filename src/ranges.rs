//! The part of a slice or a text whose range is known to lie within it.
//!
//! A range that does not is a mistake of ours. Where debug assertions are on, in tests and under the fuzzer, it fails at the
//! caller; in a release it is nothing, so whoever must not go on with nothing asks the slice itself and ends with an error.

use std::fmt::Debug;
use std::slice::SliceIndex;

/// The `range` of `slice`.
#[track_caller]
#[inline]
pub fn within<T, R>(slice: &[T], range: R) -> &[T]
where
    R: SliceIndex<[T], Output = [T]> + Clone + Debug,
{
    let part = slice.get(range.clone());
    debug_assert!(part.is_some(), "{range:?} is not within {}", slice.len());
    part.unwrap_or_default()
}

/// The `range` of `slice`, to write to.
#[track_caller]
#[inline]
pub fn within_mut<T, R>(slice: &mut [T], range: R) -> &mut [T]
where
    R: SliceIndex<[T], Output = [T]> + Clone + Debug,
{
    let length = slice.len();
    let part = slice.get_mut(range.clone());
    debug_assert!(part.is_some(), "{range:?} is not within {length}");
    part.unwrap_or_default()
}

/// The `range` of `text`; it begins and ends between two characters.
#[track_caller]
#[inline]
pub fn text_within<R>(text: &str, range: R) -> &str
where
    R: SliceIndex<str, Output = str> + Clone + Debug,
{
    let part = text.get(range.clone());
    debug_assert!(part.is_some(), "{range:?} is not within the {} bytes of {text:?}", text.len());
    part.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_within_is_that_part() {
        assert_eq!(within(b"abc", 1..), b"bc");
        assert_eq!(within(b"abc", ..3), b"abc");
        assert_eq!(within(b"abc", 3..), b"");
        assert_eq!(within_mut(&mut [1_u8, 2, 3], 1..2), [2_u8]);
        assert_eq!(text_within("aé", 1..3), "é");
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "2..4 is not within 3"))]
    fn a_range_beyond_the_end_is_a_mistake_and_nothing() {
        assert_eq!(within(b"abc", 2..4), b"");
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "4.. is not within 3"))]
    fn so_is_one_to_write_to() {
        assert!(within_mut(&mut [1_u8, 2, 3], 4..).is_empty());
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "..2 is not within the 3 bytes"))]
    fn so_is_one_that_ends_inside_a_character() {
        assert_eq!(text_within("aé", ..2), "");
    }
}
