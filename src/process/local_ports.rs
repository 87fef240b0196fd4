//! The ports that a connect may choose from.

use std::fs::read_to_string;
use std::ops::RangeInclusive;

/// What `net.ipv4.ip_local_port_range` says (ip(7)), which holds for IPv6 too; `None` where `/proc` is hidden.
pub fn local_ports() -> Option<RangeInclusive<u16>> {
    parse(&read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    Some(first.parse().ok()?..=last.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_read_as_the_kernel_writes_it() {
        assert_eq!(parse("32768\t60999\n"), Some(32_768..=60_999));
        for bad in ["", "32768", "32768\t", "a b", "0 70000"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert!(local_ports().is_some());
    }
}
