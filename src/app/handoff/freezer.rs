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
    /// It was said that there are too few descriptors.
    has_told_of_descriptors: bool,
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
        Self::hearing(proxy.departures())
    }

    /// One that hears what tunnels say here.
    pub(super) fn hearing(departures: UnboundedReceiver<Departed>) -> Self {
        Self { departures, has_told_of_descriptors: false }
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
        // Answers to questions that were taken back: there are keys and descriptors in them.
        while self.departures.try_recv().is_ok() {}
        staying.retain(|(handle, _)| !handle.is_ended());
        self.tell_of_descriptors(&staying);
        (standing, staying)
    }

    /// Says, once, that descriptors are too few.
    fn tell_of_descriptors(&mut self, staying: &Staying) {
        let is_short = staying.iter().any(|(_, why)| *why == Stays::Full);
        if is_short && !self.has_told_of_descriptors {
            self.has_told_of_descriptors = true;
            tracing::warn!("no descriptors are left for open tunnels to move with: raise LimitNOFILE");
        }
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};
    use std::pin::pin;

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::time::sleep;

    use super::*;
    use crate::drain::{Member, Registration, Registry, Whereabouts};
    use crate::session::MovingTunnel;

    const PATIENCE: Duration = Duration::from_millis(50);

    /// A freezer, and what tunnels say to it.
    fn freezer() -> (Freezer, UnboundedSender<Departed>) {
        let (sender, departures) = unbounded_channel();
        (Freezer::hearing(departures), sender)
    }

    fn tunnels<const N: usize>() -> ([Registration; N], Vec<Arc<TunnelHandle>>) {
        let (registry, client) = (Registry::new(1), IpAddr::from(Ipv4Addr::LOCALHOST));
        let tunnels = [(); N].map(|()| registry.register(0, Member::of_route("chat"), client));
        let handles = tunnels.iter().map(|tunnel| Arc::clone(tunnel.handle())).collect();
        (tunnels, handles)
    }

    /// What is known of some tunnel.
    fn known() -> Box<Departing> {
        let sample: (Vec<MovingTunnel>, _) =
            postcard::take_from_bytes(include_bytes!("batch_of_format_1.bin")).unwrap();
        let descriptor = || TcpListener::bind("127.0.0.1:0").unwrap().into();
        Box::new(Departing { tunnel: sample.0.into_iter().next().unwrap(), descriptors: [descriptor(), descriptor()] })
    }

    /// Said now.
    fn now(tunnel: TunnelId, answer: Result<Box<Departing>, Stays>) -> Departed {
        Departed { tunnel, at: SystemMoment::now(), answer }
    }

    fn places(handles: &[Arc<TunnelHandle>]) -> Vec<Whereabouts> {
        handles.iter().map(|handle| handle.whereabouts()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_stands_still_or_stays_and_those_that_stand_still_go_on_when_they_are_let_go() {
        let ((mut freezer, says), (tunnels, handles)) = (freezer(), tunnels::<4>());
        let [stands, stays, _held_up, ended] = tunnels;
        drop(ended);
        let answers = async {
            sleep(Duration::from_millis(1)).await;
            assert!(stands.handle().note_frozen() && stays.handle().decline());
            says.send(now(stands.handle().id, Ok(known()))).unwrap();
            says.send(now(stays.handle().id, Err(Stays::Tls12))).unwrap();
        };
        let ((standing, staying), ()) = tokio::join!(freezer.freeze(&handles, PATIENCE), answers);

        assert_eq!((standing.handles.len(), standing.known.len()), (1, 1));
        assert!(Arc::ptr_eq(&standing.handles[0], stands.handle()));
        let why: Vec<_> = staying.iter().map(|(_, why)| *why).collect();
        assert_eq!(why, [Stays::Tls12, Stays::Late], "that of the one whose worker is held up is the last");
        use Whereabouts::{Frozen, Here, Resumed};
        assert_eq!(places(&handles), [Frozen, Here, Resumed, Here]);
        drop(standing);
        assert_eq!(places(&handles), [Resumed, Here, Resumed, Here]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_left_is_not_let_go_on() {
        let ((mut freezer, says), (tunnels, handles)) = (freezer(), tunnels::<1>());
        let [tunnel] = tunnels;
        let answer = async {
            sleep(Duration::from_millis(1)).await;
            assert!(tunnel.handle().note_frozen());
            says.send(now(tunnel.handle().id, Ok(known()))).unwrap();
        };
        let ((standing, _), ()) = tokio::join!(freezer.freeze(&handles, PATIENCE), answer);
        tunnel.handle().note_left();
        drop(standing);
        assert_eq!(tunnel.handle().whereabouts(), Whereabouts::Left);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_answers_while_it_is_taken_back_is_heard_and_one_that_never_says_so_goes_on() {
        let ((mut freezer, says), (tunnels, handles)) = (freezer(), tunnels::<2>());
        let answers = async {
            sleep(Duration::from_millis(1)).await;
            assert!(tunnels.iter().all(|tunnel| tunnel.handle().note_frozen()));
            sleep(PATIENCE).await;
            says.send(now(tunnels[0].handle().id, Ok(known()))).unwrap();
        };
        let ((standing, staying), ()) = tokio::join!(freezer.freeze(&handles, PATIENCE), answers);
        assert_eq!((standing.handles.len(), staying.len()), (1, 1));
        assert_eq!(places(&handles), [Whereabouts::Frozen, Whereabouts::Resumed]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_no_more_waited_for_goes_on() {
        let ((mut freezer, _says), (tunnels, handles)) = (freezer(), tunnels::<2>());
        {
            let mut freezing = pin!(freezer.freeze(&handles, PATIENCE));
            assert!(tokio::time::timeout(Duration::from_millis(1), &mut freezing).await.is_err());
            assert_eq!(places(&handles), [Whereabouts::Asked; 2]);
            assert!(tunnels[0].handle().note_frozen());
        }
        assert_eq!(places(&handles), [Whereabouts::Resumed; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_to_an_earlier_question_is_not_an_answer_to_this_one() {
        let ((mut freezer, says), (tunnels, handles)) = (freezer(), tunnels::<1>());
        // Of another tunnel, and of this one at a time before.
        says.send(now(TunnelId(77), Ok(known()))).unwrap();
        says.send(now(tunnels[0].handle().id, Ok(known()))).unwrap();
        let (standing, staying) = freezer.freeze(&handles, PATIENCE).await;
        assert!(standing.handles.is_empty() && staying.len() == 1);
        drop(tunnels);
    }
}
