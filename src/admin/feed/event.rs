//! One event of the feed, in the two forms that somebody may need: everything, or what is different from the event before.

use std::fmt::Write as _;

use bytes::Bytes;

/// What there is to see, by name: each as JSON.
pub(in crate::admin) type Sections = Vec<(&'static str, String)>;

/// What is said in one second.
#[derive(Debug)]
pub(super) struct FeedEvent {
    /// Counts up; what follows an event that was heard has the next one.
    pub(super) number: u64,
    /// All sections.
    pub(super) whole: Bytes,
    /// Those that are other than in the event before.
    pub(super) changes: Bytes,
    sections: Sections,
}

impl FeedEvent {
    /// The event that follows `before`, at a time in milliseconds since 1970.
    pub(super) fn after(before: Option<&Self>, sections: Sections, at: u64) -> Self {
        let number = before.map_or(1, |it| it.number.saturating_add(1));
        let old: &[_] = before.map_or(&[], |it| &it.sections);
        let whole = message(number, at, true, sections.iter());
        let changes = message(number, at, false, sections.iter().filter(|it| !old.contains(it)));
        Self { number, whole, changes, sections }
    }

    /// What somebody reads who has heard the event of this number last.
    pub(super) fn for_one_who_heard(&self, number: Option<u64>) -> Bytes {
        let follows = number.is_some_and(|number| number.checked_add(1) == Some(self.number));
        if follows { self.changes.clone() } else { self.whole.clone() }
    }
}

/// An event of another name than that of what is seen.
pub(super) fn named(name: &str, json: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}

/// JSON has no line ends but those that a writer puts in for people: one line is one field `data`.
fn message<'a>(
    number: u64,
    at: u64,
    is_whole: bool,
    sections: impl Iterator<Item = &'a (&'static str, String)>,
) -> Bytes {
    let mut text = format!("data: {{\"number\":{number},\"at\":{at},\"whole\":{is_whole}");
    for (name, json) in sections {
        // Writing into memory cannot fail.
        let _ = write!(text, ",\"{name}\":{json}");
    }
    text.push_str("}\n\n");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn event(before: Option<&FeedEvent>, drains: &str) -> FeedEvent {
        let sections = vec![("drains", drains.to_owned()), ("routes", "[\"a\"]".to_owned())];
        FeedEvent::after(before, sections, 1_700_000_000_123)
    }

    fn read(bytes: &Bytes) -> Value {
        let text = std::str::from_utf8(bytes).unwrap();
        let data = text.strip_prefix("data: ").and_then(|it| it.strip_suffix("\n\n")).unwrap();
        assert!(!data.contains('\n'), "one event is one line of data: {data}");
        serde_json::from_str(data).unwrap()
    }

    #[test]
    fn the_first_event_has_everything_and_the_next_what_is_different() {
        let first = event(None, "[]");
        let second = event(Some(&first), "[1]");
        assert_eq!(read(&first.for_one_who_heard(None))["routes"], serde_json::json!(["a"]));
        let next = read(&second.for_one_who_heard(Some(first.number)));
        assert_eq!((&next["drains"], &next["whole"]), (&serde_json::json!([1]), &Value::Bool(false)));
        assert!(next.get("routes").is_none(), "{next}");
    }

    #[test]
    fn who_has_missed_one_reads_everything_again() {
        let first = event(None, "[]");
        let second = event(Some(&first), "[1]");
        let third = event(Some(&second), "[1]");
        let read = read(&third.for_one_who_heard(Some(first.number)));
        assert_eq!((&read["whole"], &read["routes"]), (&Value::Bool(true), &serde_json::json!(["a"])));
    }
}
