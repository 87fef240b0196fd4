//! Says every day which certificates should have been renewed: a start and a reload say it once, and may be long ago.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use tokio::time::sleep;

use super::loaded::warn;
use crate::admin::Context;
use crate::config::Warnings;
use crate::process::unix_seconds;

/// Says it as long as the process serves.
pub(super) async fn warn_of_certificates(context: Arc<Context>) {
    loop {
        sleep(EVERY).await;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(unix_seconds()));
        let (snapshot, doors) = (context.proxy.snapshot(), context.doors.all());
        let of_listeners = snapshot.listeners().values().flat_map(|listener| listener.certificate_warnings(now));
        let of_admin = doors.iter().flat_map(|door| door.certificate_warnings(now));
        warn(&Warnings::default().and(of_listeners.chain(of_admin)));
    }
}

const EVERY: Duration = Duration::from_secs(86_400);
