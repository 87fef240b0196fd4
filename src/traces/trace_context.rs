//! `traceparent`: which span a request belongs to, as W3C Trace Context writes it.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// `traceparent` (W3C Trace Context §3.2).
pub const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate` (§3.3).
pub const STATE: HeaderName = HeaderName::from_static("tracestate");

/// By what a trace is known; never 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

/// By what a span of a trace is known; never 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId(u64);

/// A span, for those that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Its flags: those that are known, and no others.
    flags: u8,
}

impl TraceContext {
    /// How many bytes [`to_bytes`](Self::to_bytes) makes.
    pub const LENGTH: usize = 25;

    /// A span of a trace that begins with it; `random` has 192 random bits.
    pub fn begin((trace, span): (u128, u64), is_sampled: bool) -> Self {
        // 0 means none (§3.2.2.3); that of hardly any other, all the same.
        let (trace, span) = (TraceId(trace.max(1)), SpanId(span.max(1)));
        Self { trace, span, flags: if is_sampled { SAMPLED } else { 0 } }
    }

    /// Another span of the same trace.
    pub fn child(self, span: u64) -> Self {
        Self { span: SpanId(span.max(1)), ..self }
    }

    /// What the headers of a request say; `None` where they say nothing, or nothing that makes sense: then a trace begins (§3.2.2.5,
    /// §4.3). Several lines make none.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(&PARENT).iter();
        let (line, None) = (lines.next()?, lines.next()) else { return None };
        Self::parse(line.as_bytes())
    }

    /// Reads a value of `traceparent`. A version that we do not know is read as the one that we know (§3.2.4).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (&[v1, v2, b'-', ref rest @ ..], tail) = text.split_first_chunk::<55>()? else { return None };
        let version = number(&[v1, v2])?;
        let (trace, rest) = rest.split_first_chunk::<32>()?;
        let (&[dash, ref span @ ..], rest) = rest.split_first_chunk::<17>()?;
        let &[other_dash, f1, f2] = rest else { return None };
        let is_whole = match version {
            0 => tail.is_empty(),
            0xff => false,
            _ => tail.first().is_none_or(|byte| *byte == b'-'),
        };
        if !is_whole || (dash, other_dash) != (b'-', b'-') {
            return None;
        }
        let (trace, span) = (number(trace)?, u64::try_from(number(span)?).ok()?);
        let flags = u8::try_from(number(&[f1, f2])?).ok()? & (SAMPLED | RANDOM);
        (trace != 0 && span != 0).then_some(Self { trace: TraceId(trace), span: SpanId(span), flags })
    }

    /// As a request says it.
    pub fn to_value(self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Whether its trace is taken.
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Its flags, as they are exported.
    pub fn flags(self) -> u8 {
        self.flags
    }

    /// The same in as few bytes as can be.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [self.flags; Self::LENGTH];
        let (trace, rest) = bytes.split_at_mut(16);
        trace.copy_from_slice(&self.trace.0.to_be_bytes());
        if let Some((span, _)) = rest.split_at_mut_checked(8) {
            span.copy_from_slice(&self.span.0.to_be_bytes());
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) has made.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let (trace, rest) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let (span, rest) = rest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let flags = rest.first().copied().unwrap_or_default();
        Self { trace: TraceId(u128::from_be_bytes(*trace)), span: SpanId(u64::from_be_bytes(*span)), flags }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number in lower case (§3.2.1): what is written otherwise is none.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// Whoever is before us takes the trace.
const SAMPLED: u8 = 1;
/// The trace's number is random (Trace Context level 2, §3.2.2.5.2).
const RANDOM: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let context = TraceContext::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.to_value(), EXAMPLE);
        assert!(context.is_sampled());
    }

    #[test]
    fn what_makes_no_sense_is_none() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        ] {
            assert_eq!(TraceContext::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_ours_and_flags_that_nobody_knows_are_dropped() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd-what-else";
        assert_eq!(TraceContext::parse(later.as_bytes()).unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn several_lines_are_none() {
        let of = |lines: &[&'static str]| {
            TraceContext::of(&lines.iter().map(|line| (PARENT, HeaderValue::from_static(line))).collect())
        };
        assert!(of(&[EXAMPLE]).is_some());
        assert_eq!((of(&[]), of(&[EXAMPLE, EXAMPLE])), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace: u128, span: u64, is_sampled: bool) {
            let context = TraceContext::begin((trace, span), is_sampled);
            prop_assert_eq!(TraceContext::parse(context.to_string().as_bytes()), Some(context));
            prop_assert_eq!(TraceContext::from_bytes(&context.to_bytes()), context);
            prop_assert_eq!(context.is_sampled(), is_sampled);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            let _ = TraceContext::parse(&bytes);
        }

        #[test]
        fn one_byte_that_is_another_is_another_context_or_none(at in 0..55_usize, byte: u8) {
            let mut text = EXAMPLE.as_bytes().to_vec();
            prop_assume!(text[at] != byte);
            text[at] = byte;
            if let Some(context) = TraceContext::parse(&text) {
                // The version and unknown flags are not kept.
                let is_kept = (3..52).contains(&at);
                prop_assert!(!is_kept || context.to_string().as_bytes() == &text[..]);
            }
        }
    }
}
