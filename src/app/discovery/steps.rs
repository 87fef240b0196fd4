//! What the process does at the word of a source.

use std::time::Duration;

use super::super::control::Control;
use super::super::running::Running;
use super::sources::News;
use super::story::say_changes;
use crate::config::UpstreamName;
use crate::snapshot::Diff;

impl Control {
    /// A source has said something.
    pub(in crate::app) fn take_news(&mut self, news: News) {
        let proxy = self.running.proxy();
        let Some((upstream, set)) = self.sources.judge(news, &proxy.sources) else { return };
        let diff = self.running.take_endpoints(&upstream, set);
        self.say(&upstream, &diff);
    }

    /// Lets go of what has left meanwhile.
    pub(in crate::app) fn sweep(&mut self) {
        for (upstream, diff) in self.running.drop_left() {
            self.say(&upstream, &diff);
        }
    }

    fn say(&self, upstream: &UpstreamName, diff: &Diff) {
        let proxy = self.running.proxy();
        if let Some(upstream) = proxy.snapshot().upstreams().get(upstream) {
            say_changes(diff, upstream, proxy.registry.len());
        }
    }
}

impl Running {
    /// When it is worth a look whether something has left; `None` while nothing is about to.
    pub(in crate::app) fn sweep_after(&self) -> Option<Duration> {
        match () {
            () if self.has_leaving() => Some(LEAVING),
            () if !self.retired.is_empty() => Some(RETIRED),
            () => None,
        }
    }
}

/// How long an endpoint may be seen in the status after its last tunnel has ended.
const LEAVING: Duration = Duration::from_secs(1);
/// How long what is served no more may lie there after the last request has looked at it.
const RETIRED: Duration = Duration::from_secs(10);
