use std::path::Path;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::*;
use crate::config::parse;
use crate::drain::{LOCAL_CLIENT, Member, Registration, Registry, Whereabouts};
use crate::process::SystemMoment;
use crate::session::Departed;

/// Tunnels of two workers in turn, whose new process says nothing.
struct Scene {
    registry: Arc<Registry>,
    tunnels: Vec<Registration>,
    says: UnboundedSender<Departed>,
    _theirs: UnboundedSender<Taken>,
}

static GOES_ON: AtomicBool = AtomicBool::new(false);
static STOPS: AtomicBool = AtomicBool::new(true);

impl Scene {
    fn of(tunnels: usize, is_stopped: &'static AtomicBool) -> (Self, Mover<'static>) {
        let text =
            "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"a:1\"]\n";
        let settings = parse(text, Path::new("test.toml")).unwrap();
        let limits = Arc::new(settings.routes["r"].websocket.clone());
        let registry = Registry::new(2);
        let open = |number| {
            let tunnel = registry.register(number % 2, Member::of_route("r"), LOCAL_CLIENT);
            tunnel.handle().note_joined(Box::default(), Arc::clone(&limits));
            tunnel
        };
        let tunnels = (0..tunnels).map(open).collect();
        let ((says, departures), (theirs, taken)) = (unbounded_channel(), unbounded_channel());
        let (channel, _) = Channel::pair().unwrap();
        let mover = Mover::new(Freezer::hearing(departures), Arc::new(channel), taken, is_stopped);
        (Self { registry, tunnels, says, _theirs: theirs }, mover)
    }

    /// All but the first `silent` say that they stay, for as long as this is polled.
    async fn answers(&self, silent: usize) {
        loop {
            for tunnel in self.tunnels.iter().skip(silent).map(Registration::handle) {
                if tunnel.whereabouts() == Whereabouts::Asked && tunnel.decline() {
                    let (at, answer) = (SystemMoment::now(), Err(Stays::Tls12));
                    self.says.send(Departed { tunnel: tunnel.id, at, answer }).unwrap();
                }
            }
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// How many stayed for this reason.
fn stayed(out: &MovedOut, why: Stays) -> usize {
    out.moved.stayed.get(&why).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_held_up_is_waited_for_and_not_each_of_its_tunnels() {
    let (scene, mut mover) = Scene::of(40 * AT_ONCE, &GOES_ON);
    let begun = Instant::now();

    let out = mover.move_all(scene.registry.tunnels_by_worker()).await;

    assert_eq!((out.left.len(), stayed(&out, Stays::Late)), (scene.tunnels.len(), scene.tunnels.len()));
    assert!(out.left.iter().all(|handle| handle.whereabouts() != Whereabouts::Asked));
    // One of the two after the other, in each round.
    assert!(begun.elapsed() < 3 * PATIENCE.iter().sum::<Duration>(), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_keeps_no_other_from_being_asked() {
    // The first of each worker.
    const SILENT: usize = 2;
    let (scene, mut mover) = Scene::of(40 * AT_ONCE, &GOES_ON);

    let out = tokio::select! {
        out = mover.move_all(scene.registry.tunnels_by_worker()) => out,
        () = scene.answers(SILENT) => panic!("it answers for ever"),
    };

    let counted = (stayed(&out, Stays::Late), stayed(&out, Stays::Tls12));
    assert_eq!(counted, (SILENT, scene.tunnels.len() - SILENT));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_whose_streams_are_not_joined_and_nobody_once_this_process_stops() {
    let (mut scene, mut mover) = Scene::of(4, &GOES_ON);
    scene.tunnels.push(scene.registry.register(0, Member::of_route("r"), LOCAL_CLIENT));
    let out = tokio::select! {
        out = mover.move_all(scene.registry.tunnels_by_worker()) => out,
        () = scene.answers(0) => panic!("it answers for ever"),
    };
    assert_eq!((out.left.len(), stayed(&out, Stays::Tls12)), (4, 4));

    let (scene, mut mover) = Scene::of(4, &STOPS);
    let out = mover.move_all(scene.registry.tunnels_by_worker()).await;
    assert_eq!((out.left.len(), stayed(&out, Stays::Ending)), (4, 4));
}
