//! Has open tunnels stand still between two of their polls, and say all that is known of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use crate::drain::{Stays, TunnelHandle, TunnelId};
use crate::process::SystemMoment;
use crate::session::{Departed, Departing, Proxy};

/// Has tunnels of a proxy stand still. There is one at a time.
#[derive(Debug)]
pub(super) struct Freezer {
    /// What tunnels say of themselves that were asked.
    departures: UnboundedReceiver<Departed>,
}

/// Tunnels that were asked to stand still. Dropped, it lets them go on here, but for those that have left.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// When they were asked.
    since: SystemMoment,
    /// Those that have not answered.
    asked: HashMap<TunnelId, Arc<TunnelHandle>>,
    /// Those that stand still, and what is known of each.
    pub(super) handles: Vec<Arc<TunnelHandle>>,
    pub(super) known: Vec<Departing>,
}

/// Those that do not move, each with why.
pub(super) type Staying = Vec<(Arc<TunnelHandle>, Stays)>;

impl Freezer {
    /// That of the tunnels of `proxy`.
    pub(super) fn new(proxy: &Proxy) -> Self {
        Self { departures: proxy.departures() }
    }

    /// Has these stand still, and say what is known of them. Who ends meanwhile is not among those who stay; who is [late](Stays::Late) can be asked
    /// again, with more `patience`: those who stand still already wait for them so long.
    ///
    /// Cancel safe: they go on here.
    pub(super) async fn freeze(&mut self, some: &[Arc<TunnelHandle>], patience: Duration) -> (Standing, Staying) {
        let mut standing = Standing::default();
        standing.since = SystemMoment::now();
        let mut staying = Staying::new();
        let asked = some.iter().filter(|handle| !handle.is_ended() && handle.ask_to_freeze());
        standing.asked.extend(asked.map(|handle| (handle.id, Arc::clone(handle))));
        self.hear(&mut standing, &mut staying, patience).await;
        // Those whose worker is held up, or that end. One that cannot be taken back is answering right now.
        let late = standing.asked.extract_if(|_, handle| handle.withdraw());
        staying.extend(late.map(|(_, handle)| (handle, Stays::Late)));
        self.hear(&mut standing, &mut staying, patience).await;
        // Whoever has said nothing by now goes on here.
        staying.extend(standing.asked.drain().map(|(_, handle)| {
            handle.resume();
            (handle, Stays::Late)
        }));
        staying.retain(|(handle, _)| !handle.is_ended());
        (standing, staying)
    }

    /// Hears those that were asked, for so long at the most.
    async fn hear(&mut self, standing: &mut Standing, staying: &mut Staying, within: Duration) {
        let until = Instant::now() + within;
        while !standing.asked.is_empty() {
            let Ok(Some(departed)) = timeout_at(until, self.departures.recv()).await else { return };
            // What was said before they were asked is of another time, and of a tunnel that has gone on since.
            if departed.at < standing.since {
                continue;
            }
            let Some(handle) = standing.asked.remove(&departed.tunnel) else { continue };
            match departed.answer {
                Ok(known) => {
                    standing.handles.push(handle);
                    standing.known.push(*known);
                }
                Err(why) => staying.push((handle, why)),
            }
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        for handle in self.asked.values() {
            handle.withdraw();
        }
        // One that cannot be taken back stands still.
        self.asked.values().chain(&self.handles).for_each(|handle| handle.resume());
    }
}
