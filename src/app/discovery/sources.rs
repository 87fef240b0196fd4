//! The sources of the configuration that is served, each a task of its own.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::Duration;

use super::super::handoff::InheritedSets;
use super::keeper::Keeper;
use super::named_sets::is_same;
use super::prepared::PreparedSources;
use super::source::Source;
use super::sweep::SweepTime;
use crate::config::{Settings, SourceSettings, StateFolder, UpstreamName};
use crate::discovery::{EndpointSet, Found, KeptSet, SourceStatuses, StateFiles};
use crate::process::FileWork;
use crate::session::Proxy;

/// The sources that are asked.
#[derive(Debug)]
pub(in crate::app) struct Sources {
    begun: BTreeMap<UpstreamName, Source>,
    /// The state folder that systemd has made.
    state_directory: Option<PathBuf>,
    keeper: Option<Keeper>,
    /// Where what was kept is read: of its own, for a folder that hangs is to hold up no reload.
    pub(super) reading: FileWork,
    /// What was named in the process before, until this one serves.
    inherited: InheritedSets,
    sweep: SweepTime,
}

/// What a source has said.
#[derive(Debug)]
pub(in crate::app) struct News {
    pub(super) upstream: UpstreamName,
    pub(super) found: Found,
}

/// What is to be done next.
#[derive(Debug)]
pub(in crate::app) enum Next {
    /// A source has said something.
    Take(News),
    /// It is time to look whether something has left.
    Sweep,
}

impl Sources {
    /// None yet; where systemd has made a state folder, it is `state_directory`. `inherited` is what was named in the process before.
    pub(in crate::app) fn new(state_directory: Option<PathBuf>, inherited: InheritedSets) -> Self {
        let (begun, reading, sweep) = (BTreeMap::new(), FileWork::default(), SweepTime::default());
        Self { begun, state_directory, keeper: None, reading, inherited, sweep }
    }

    /// Whether `source` is asked for `upstream` already.
    pub(super) fn has(&self, upstream: &UpstreamName, source: &SourceSettings) -> bool {
        self.begun.get(upstream).is_some_and(|begun| is_same(&begun.settings, source))
    }

    /// What the process before has said that `source` names for `upstream`.
    pub(super) fn inherited(&self, upstream: &UpstreamName, source: &SourceSettings) -> Option<KeptSet> {
        self.inherited.get(upstream, source)
    }

    /// Where sets are kept under these settings.
    pub(super) fn state_files(&self, settings: &Settings) -> Option<StateFiles> {
        match &settings.state_folder {
            StateFolder::Off => None,
            StateFolder::Auto => self.state_directory.clone().map(StateFiles::new),
            StateFolder::At(folder) => Some(StateFiles::new(folder.clone())),
        }
    }

    /// `proxy` serves what its snapshot says: the sources that were prepared for that are asked from now on, those that it has not any
    /// more end, and what is the same goes on.
    pub(in crate::app) fn adopt(&mut self, prepared: PreparedSources, proxy: &Proxy) {
        let (snapshot, statuses) = (proxy.snapshot(), &proxy.sources);
        let settings = &snapshot.settings;
        self.begun.retain(|upstream, begun| {
            let source = settings.upstreams.get(upstream).and_then(|upstream| upstream.source.as_ref());
            let same = source.filter(|source| is_same(source, &begun.settings));
            if let Some(same) = same {
                begun.settings = same.clone();
                begun.resolver.keep_to(&settings.resolver);
            }
            same.is_some()
        });
        let names = settings.upstreams.values().filter_map(|it| Some((it.name.clone(), it.source.as_ref()?)));
        statuses.keep(names.map(|(name, source)| (name, source.from.to_string())));
        self.keeper = self.state_files(settings).map(|files| Keeper::writing_to(files, self.keeper.take()));
        for (upstream, (mut source, first)) in prepared.into_parts() {
            match &first.found {
                Ok(set) => self.note_good(&upstream, &source.settings, set, statuses),
                Err(error) => statuses.note_failure(&upstream, error),
            }
            if let Some(age) = first.kept {
                statuses.note_kept(&upstream, age);
            }
            source.trouble = first.say(&upstream, &source.settings);
            self.begun.insert(upstream, source);
        }
        self.inherited = InheritedSets::default();
        if let Some(keeper) = &self.keeper {
            keeper.forget_all_but(self.begun.keys().cloned().collect());
        }
    }

    /// No source is asked any more.
    pub(in crate::app) fn end(&mut self) {
        self.begun.clear();
        self.keeper = None;
    }

    /// Waits for what a source says, or until it is time to look who has left: `sweep_after` so long, if ever, and no later however
    /// often this is called meanwhile.
    ///
    /// Cancel safe: what was not returned is returned by the next call.
    pub(in crate::app) async fn next(&mut self, sweep_after: Option<Duration>) -> Next {
        self.sweep.note_wanted(sweep_after);
        let Self { begun, sweep, .. } = self;
        tokio::select! {
            biased;
            () = sweep.come() => Next::Sweep,
            news = poll_fn(|context| poll_news(begun, context)) => Next::Take(news),
        }
    }

    /// What `news` means for its upstream: the set to serve, unless it is refused. Says so where that is new.
    pub(in crate::app) fn judge(
        &mut self,
        news: News,
        statuses: &SourceStatuses,
    ) -> Option<(UpstreamName, EndpointSet)> {
        let News { upstream, found } = news;
        let source = self.begun.get_mut(&upstream)?;
        let settings = source.settings.clone();
        match found.and_then(|set| Ok(set.fit_for(&settings)?)) {
            Ok(set) => {
                if let Some(trouble) = source.trouble.take() {
                    trouble.say_over(&upstream, &settings);
                }
                self.note_good(&upstream, &settings, &set, statuses);
                Some((upstream, set))
            }
            Err(error) => {
                source.trouble.get_or_insert_default().note(&upstream, &settings, &error);
                statuses.note_failure(&upstream, &error);
                None
            }
        }
    }

    fn note_good(
        &self,
        upstream: &UpstreamName,
        source: &SourceSettings,
        set: &EndpointSet,
        statuses: &SourceStatuses,
    ) {
        statuses.note_good(upstream);
        if let Some(keeper) = &self.keeper {
            keeper.keep(upstream, source, set);
        }
    }
}

fn poll_news(begun: &mut BTreeMap<UpstreamName, Source>, context: &mut Context<'_>) -> Poll<News> {
    for (upstream, source) in begun {
        if let Poll::Ready(found) = source.poll_found(context) {
            return Poll::Ready(News { upstream: upstream.clone(), found });
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests;
