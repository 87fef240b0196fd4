//! `sticky_on` of `[upstream.NAME]`.

use crate::config::lists::list;
use crate::config::name_syntax::AFFINITY;
use crate::config::read::text;
use crate::config::settings::AffinitySource;
use crate::config::tree::SpannedValue;

/// At least one source, and none behind one that every request has.
pub(super) fn sticky_on(item: &SpannedValue<'_>) -> Option<Vec<AffinitySource>> {
    const EXAMPLE: &str = "[\"header:x-user\", \"client_ip\"]";
    let sources = list(text(AFFINITY), EXAMPLE)(item)?;
    let elements = item.elements()?;
    let last = sources.iter().position(|source| *source == AffinitySource::ClientIp);
    if let Some(unreachable) = last.and_then(|last| elements.get(last + 1)) {
        unreachable.fault("is never reached: every request has a client_ip", "move \"client_ip\" to the end");
    }
    if sources.is_empty() {
        item.fault("is empty", "write [\"client_ip\"], or leave it out");
    }
    Some(sources)
}
