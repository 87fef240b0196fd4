//! What a client would rather read: `Accept` (RFC 9110 §12.5.1).

use super::list::split_unquoted;

/// Whether who says `Accept` in these `lines` would rather read `wanted` than `instead`: it gives it a higher `q`, or the same and names
/// it more closely, or the same and sooner. Who says nothing has no preference.
pub fn would_rather<'l>(lines: impl Iterator<Item = &'l [u8]> + Clone, wanted: &str, instead: &str) -> bool {
    let weigh =
        |media: &str| ranges(lines.clone()).filter_map(|range| range.weigh(media)).max_by_key(|it| it.closeness);
    let Some(wanted) = weigh(wanted).filter(|it| it.quality > 0) else { return false };
    weigh(instead).is_none_or(|instead| wanted.rank() > instead.rank())
}

/// What a range says of a media type.
#[derive(Clone, Copy)]
struct Weight {
    quality: u16,
    /// `*/*`, `type/*`, or the type itself.
    closeness: u8,
    /// How many ranges stand before it.
    place: usize,
}

impl Weight {
    /// Of two, the higher is wanted more.
    fn rank(self) -> (u16, u8, usize) {
        (self.quality, self.closeness, usize::MAX - self.place)
    }
}

/// One member of the list.
struct Range<'l> {
    media: &'l [u8],
    quality: u16,
    place: usize,
}

impl Range<'_> {
    fn weigh(&self, media: &str) -> Option<Weight> {
        let kind = media.split('/').next().unwrap_or_default().as_bytes();
        let closeness = match self.media {
            b"*/*" => 0,
            exact if exact.eq_ignore_ascii_case(media.as_bytes()) => 2,
            [of_kind @ .., b'/', b'*'] if of_kind.eq_ignore_ascii_case(kind) => 1,
            _ => return None,
        };
        Some(Weight { quality: self.quality, closeness, place: self.place })
    }
}

fn ranges<'l>(lines: impl Iterator<Item = &'l [u8]>) -> impl Iterator<Item = Range<'l>> {
    let members = lines.flat_map(|line| split_unquoted(line, b',')).map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty()).enumerate().map(|(place, member)| {
        let mut parts = split_unquoted(member, b';').map(<[u8]>::trim_ascii);
        let media = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| match part {
            [b'q' | b'Q', b'=', value @ ..] => Some(quality(value).unwrap_or_default()),
            _ => None,
        });
        Range { media, quality: quality.unwrap_or(1000), place }
    })
}

/// In thousandths (RFC 9110 §12.4.2); `None` where it is no weight.
fn quality(text: &[u8]) -> Option<u16> {
    let (whole, rest) = text.split_first()?;
    let thousandths = match rest {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => {
            let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(3);
            padded.fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
        }
        _ => return None,
    };
    match whole {
        b'0' => Some(thousandths),
        b'1' if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rather_json(lines: &[&str], instead: &str) -> bool {
        would_rather(lines.iter().map(|line| line.as_bytes()), "application/json", instead)
    }

    #[test]
    fn who_wants_json_more_is_told_apart() {
        for lines in [
            &["application/json"][..],
            &["APPLICATION/Json; charset=utf-8"],
            &["application/json, text/plain, */*"],
            &["*/*, application/json"],
            &["text/plain;q=0.5, application/json;q=0.501"],
            &["text/plain;q=0.5", "application/json;q=0.6"],
            &["application/*, text/*;q=0.9"],
            &["*/*, text/plain;q=0"],
            &["x/y;a=\"q=0,text/plain\", application/json"],
            &["application/json;q=0.1"],
        ] {
            assert!(rather_json(lines, "text/plain"), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"],
            &["text/plain, application/json"],
            &["application/json;q=0, */*"],
            &["application/json;q=0"],
            &["application/json;q=0.5, text/plain;q=0.6"],
            &["application/json;q=2"],
            &["application/json;q=0.1234"],
            &["application/json;q=, */*"],
            &["application/jsonx"],
            &["application/problem+json, */*"],
        ] {
            assert!(!rather_json(lines, "text/plain"), "{lines:?}");
        }
        assert!(!rather_json(&["text/html, application/json;q=0.9"], "text/html"));
        assert!(rather_json(&["text/html, application/json;q=0.9"], "text/plain"));
    }

    proptest! {
        #[test]
        fn nobody_would_rather_read_both(line in "([a-z*/]|text/|application/json|;q=|[0-9.]|, |\"){0,16}", other in "(, ;q=0.5|\\*/\\*|a/b){0,3}") {
            let lines = || [line.as_bytes(), other.as_bytes()].into_iter();
            let (json, text) = ("application/json", "text/plain");
            prop_assert!(!(would_rather(lines(), json, text) && would_rather(lines(), text, json)));
        }
    }
}
