//! When certificates of listeners end, those for operators among them.

use crate::admin::context::Context;
use crate::metrics::CertificateEnd;

/// Each, by the listener that shows it.
pub(in crate::admin) fn certificate_ends(context: &Context) -> Vec<CertificateEnd> {
    let (snapshot, doors) = (context.proxy.snapshot(), context.doors.all());
    let of_listeners = snapshot.listeners().values().map(|it| (it.settings.name.to_string(), it.certificate_ends()));
    let of_doors = doors.iter().map(|it| (it.name(), it.certificate_ends()));
    let each = of_listeners.chain(of_doors).flat_map(|(listener, ends)| {
        ends.into_iter().map(move |(name, ends)| CertificateEnd { listener: listener.clone(), name, ends })
    });
    each.collect()
}
