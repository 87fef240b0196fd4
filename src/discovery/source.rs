//! What every source is: a task that tells of the set it finds.

use tokio::sync::mpsc::Sender;

use super::file;
use super::in_dns::{self, Question};
use super::source_error::Found;
use crate::config::{SourceKind, SourceSettings};
use crate::resolver::Resolver;

/// Asks what `settings` name, and tells `found` of every answer, also where it is the same as before: its time counts. Keeps asking
/// after a failure, at a pace of its own, and returns when nobody listens to `found` any more. Names are looked up by `resolver`.
pub async fn run(settings: SourceSettings, resolver: Resolver, found: Sender<Found>) {
    let SourceSettings { from, servers, .. } = settings;
    let question = match from {
        SourceKind::File(file) => return file::run(file.path, found).await,
        SourceKind::Dns { host, port } => Question::Addresses { host, port },
        SourceKind::Srv(name) => Question::Services(name),
    };
    in_dns::run(question, servers, resolver, found).await;
}
