//! "Did you mean": what an operator may have meant to write.

use strsim::osa_distance;

/// The candidate that is a few slips of the finger away from `written`, if there is one.
pub(super) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let slips = written.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (osa_distance(written, candidate), *candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether one of the candidates is the plural of `written`, or its singular.
pub(super) fn is_but_an_s_away(written: &str, candidates: &[&str]) -> bool {
    candidates.iter().any(|it| it.strip_suffix('s') == Some(written) || written.strip_suffix('s') == Some(it))
}

/// `did you mean "…"?` where something is near, else the whole list to choose from.
pub(super) fn among(written: &str, candidates: &[&str]) -> String {
    match nearest(written, candidates) {
        Some(known) => format!("did you mean {known:?}?"),
        None => format!("write {}", alternatives(candidates)),
    }
}

/// `"a", "b" or "c"`
fn alternatives(candidates: &[&str]) -> String {
    let quoted: Vec<_> = candidates.iter().map(|candidate| format!("{candidate:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(nearest("idle_timout", &["idle_timeout", "stall_timeout"]), Some("idle_timeout"));
        assert_eq!(nearest("listeners", &["listener", "route"]), Some("listener"));
        assert_eq!(nearest("health", &["endpoints", "policy"]), None);
    }

    #[test]
    fn one_and_several_are_told_from_other_slips() {
        assert!(is_but_an_s_away("algorithm", &["keys", "algorithms"]));
        assert!(is_but_an_s_away("redirects", &["redirect"]));
        assert!(!is_but_an_s_away("http3", &["http2", "h2c"]));
    }

    #[test]
    fn lists_what_there_is() {
        assert_eq!(among("x", &["auto", "text", "json"]), r#"write "auto", "text" or "json""#);
        assert_eq!(among("x", &["sticky"]), r#"write "sticky""#);
    }
}
