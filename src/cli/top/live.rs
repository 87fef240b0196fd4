//! The view at work: draws, and waits for keys, news and signals.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use rustix::process::{Signal as Number, getpid, getsid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::keys::{HESITATION, Step, paste, press};
use super::model::{Model, Overlay};
use super::news::{News, Said};
use super::screen::Screen;
use super::source;
use super::steer::steer;
use super::view::{self, Palette};
use crate::admin::Client;
use crate::cli::failure::Failure;

/// How long the thread that reads keys waits for one before it looks whether it is needed.
const GLANCE: Duration = Duration::from_millis(50);
/// How many keys, and how much news, may wait to be looked at.
const WAITING: usize = 64;

/// Shows it until somebody has seen enough.
pub(super) async fn live(client: Client, mut model: Model, palette: Palette) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::Failed(error.to_string()))?;
    let (news, mut arriving) = mpsc::channel(WAITING);
    let (wanted, want) = watch::channel(model.wanted());
    let mut asking = tokio::spawn(source::ask(client.clone(), model.every, want, news.clone()));
    let mut screen = Screen::open().map_err(gone)?;
    let mut keys = Keys::read();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let drawn = screen.terminal.draw(|frame| view::draw(frame.buffer_mut(), &mut model, palette, Instant::now()));
        drawn.map_err(gone)?;
        wanted.send_if_modified(|before| {
            let now = model.wanted();
            let is_other = *before != now;
            *before = now;
            is_other
        });
        let step = tokio::select! {
            key = keys.next() => match key {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => press(&mut model, key, Instant::now()),
                Some(Event::Paste(text)) => {
                    paste(&mut model, &text);
                    Step::Nothing
                }
                // The next frame has the new size.
                Some(_) => Step::Nothing,
                None => Step::Quit,
            },
            Some(news) = arriving.recv() => {
                model.handle(news, Instant::now());
                Step::Nothing
            }
            step = signals.next() => step,
            // It asks for as long as it is heard: it has panicked, and said so.
            _ = &mut asking => return Err(Failure::Failed("what asks the process has failed".into())),
            // What is told by the time that has passed.
            _ = seconds.tick() => Step::Nothing,
            // From then on the question shows that it takes a yes.
            () = sleep(HESITATION), if matches!(model.overlay, Overlay::Asking { .. }) => Step::Nothing,
        };
        match step {
            Step::Nothing => {}
            Step::Quit => break,
            Step::Suspend if leads_session() => {
                let why = "no shell would let it go on: it leads its session, so it does not stop; q quits";
                model.said = Some(Said::Refused(why.into()));
            }
            Step::Suspend => screen.lend(stop_here).map_err(gone)?,
            Step::Steer(steering) => {
                let (client, news) = (client.clone(), news.clone());
                tokio::spawn(async move { news.send(News::Done(steer(&client, steering).await)).await });
            }
        }
    }
    asking.abort();
    Ok(ExitCode::SUCCESS)
}

fn gone(error: io::Error) -> Failure {
    Failure::Failed(format!("the terminal cannot be drawn on: {error}"))
}

/// Whether there is no shell around it, as with `ssh -t` and `docker exec`: once stopped, it would stay so.
fn leads_session() -> bool {
    getsid(None).is_ok_and(|session| session == getpid())
}

/// Stops this process as the shell expects it of Ctrl-Z; returns when it goes on.
fn stop_here() {
    // It is our own, and this is its first thread, which takes the signal before the call returns.
    let _ = kill_process(getpid(), Number::STOP);
}

/// The signals that mean something to a view.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    stop: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Step {
        tokio::select! {
            _ = self.terminate.recv() => Step::Quit,
            _ = self.interrupt.recv() => Step::Quit,
            _ = self.hangup.recv() => Step::Quit,
            _ = self.stop.recv() => Step::Suspend,
        }
    }
}

/// What is typed, read on a thread of its own: a terminal has no other way to be waited for that works everywhere.
struct Keys {
    events: mpsc::Receiver<Event>,
    is_over: Arc<AtomicBool>,
    /// Nothing comes by it: it is hung up when the thread has ended.
    ended: blocking::Receiver<()>,
}

impl Keys {
    fn read() -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let (held, ended) = blocking::channel();
        thread::spawn(move || {
            let _held: blocking::Sender<()> = held;
            while !over.load(Ordering::Relaxed) {
                let read = match event::poll(GLANCE) {
                    Ok(false) => continue,
                    Ok(true) => event::read(),
                    Err(error) => Err(error),
                };
                let Ok(event) = read else { return };
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        Self { events, is_over, ended }
    }

    /// The next one; `None` where the terminal is gone.
    async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Keys {
    /// What is typed from now on is for the shell.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.events.close();
        // Not for ever: what looks at a terminal that has hung up may never come back, and goes with the process.
        let _ = self.ended.recv_timeout(4 * GLANCE);
    }
}
