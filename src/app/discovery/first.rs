//! The first set of each source: what is waited for before a configuration is served that names it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::super::loaded::Loaded;
use super::prepared::{First, PreparedSources};
use super::source::Source;
use super::sources::Sources;
use crate::config::{SourceSettings, UpstreamName};
use crate::discovery::{Found, KeptSet, SourceError, StateFiles};
use crate::process::{FileTask, FileWorkError};

/// How long sources may take for their first sets, and the state folder for what was kept of them: by then whoever starts or reloads
/// goes on.
const WITHIN: Duration = Duration::from_secs(5);

/// What was kept of each upstream's source, or why it cannot be used.
type KeptSets = BTreeMap<UpstreamName, Result<Option<KeptSet>, String>>;

impl Sources {
    /// Begins the sources that `loaded` names and that are not asked yet, and waits a while for their first sets: those, or else the
    /// last good ones that were kept, go into `loaded`.
    pub(in crate::app) async fn prepare(&self, loaded: &mut Loaded) -> PreparedSources {
        let until = Instant::now() + WITHIN;
        let settings = loaded.settings();
        let names = settings.resolver.clone();
        let named = settings.upstreams.values().filter_map(|it| Some((it.name.clone(), it.source.clone()?)));
        let new: Vec<_> = named.filter(|(upstream, source)| !self.has(upstream, source)).collect();
        // Meanwhile: where the folder hangs, that takes no time of its own.
        let reading = self.state_files(settings).map(|state| self.begin_reading(state, new.clone()));
        let begun: Vec<_> =
            new.into_iter().map(|(upstream, source)| (upstream, Source::begin(source, &names))).collect();
        let mut answered = Vec::new();
        for (upstream, mut source) in begun {
            let found = first(&mut source, until).await;
            let found = found.and_then(|set| Ok(set.fit_for(&source.settings)?));
            answered.push((upstream, source, found));
        }
        let mut kept = match reading {
            Some(reading) if answered.iter().any(|(.., found)| found.is_err()) => kept_sets(reading, until).await,
            _ => Ok(KeptSets::new()),
        };
        let mut prepared = BTreeMap::new();
        for (upstream, source, found) in answered {
            let settings = source.settings.clone();
            let mut first = First { found, kept: None, unusable: None };
            match &first.found {
                Ok(set) => loaded.sets().note(upstream.clone(), settings, set.clone()),
                Err(_) => match self.kept(&mut kept, &upstream, &settings) {
                    Ok(Some(KeptSet { set, age })) => {
                        first.kept = Some(age);
                        loaded.sets().note(upstream.clone(), settings, set);
                    }
                    Ok(None) => {}
                    Err(error) => first.unusable = Some(error),
                },
            }
            prepared.insert(upstream, (source, first));
        }
        PreparedSources(prepared)
    }

    /// The last good set of a source: of the process before, or of the state folder. Or why that cannot be used.
    fn kept(
        &self,
        kept: &mut Result<KeptSets, String>,
        upstream: &UpstreamName,
        source: &SourceSettings,
    ) -> Result<Option<KeptSet>, String> {
        match (self.inherited(upstream, source), kept) {
            (Some(inherited), _) => Ok(Some(inherited)),
            (None, Ok(kept)) => kept.remove(upstream).unwrap_or(Ok(None)),
            (None, Err(held)) => Err(held.clone()),
        }
    }

    fn begin_reading(
        &self,
        state: StateFiles,
        new: Vec<(UpstreamName, SourceSettings)>,
    ) -> Result<FileTask<KeptSets>, FileWorkError> {
        self.reading.begin(move || {
            let read = |(upstream, source)| {
                let read = state.read(&upstream, &source).map_err(|error| error.to_string());
                (upstream, read)
            };
            new.into_iter().map(read).collect()
        })
    }
}

async fn first(source: &mut Source, until: Instant) -> Found {
    match timeout_at(until, source.found.recv()).await {
        Ok(Some(found)) => found,
        Ok(None) => Err(SourceError::NoAnswer("it ended before it answered: please report this".to_owned())),
        Err(_) => Err(SourceError::NoAnswer(format!("no answer within {} seconds", WITHIN.as_secs()))),
    }
}

async fn kept_sets(reading: Result<FileTask<KeptSets>, FileWorkError>, until: Instant) -> Result<KeptSets, String> {
    let mut reading = reading.map_err(|held| held.to_string())?;
    match timeout_at(until, reading.done()).await {
        Ok(read) => read.map_err(|held| held.to_string()),
        Err(_) => Err(format!("the state folder has not answered within {} seconds", WITHIN.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::process::FileWork;

    #[tokio::test]
    async fn a_state_folder_that_hangs_is_waited_for_no_longer_than_a_source() {
        let (files, (hold, stuck)) = (FileWork::default(), channel::<()>());
        let reading = files.begin(move || {
            let _ = stuck.recv();
            KeptSets::new()
        });
        let refused = kept_sets(reading, Instant::now() + Duration::from_millis(10)).await.unwrap_err();
        drop(hold);
        assert!(refused.contains("has not answered"), "{refused}");
    }
}
