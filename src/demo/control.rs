//! From a button on the page to a reload: commands go in, changes to be carried out come out.

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::layout::{Action, Layout};
use super::room::{ChatRoom, Event};

/// ButtonReceiver that may wait for the one that is being carried out.
const WAITING: usize = 16;

/// One press of a button, and where its answer goes.
#[derive(Debug)]
pub(super) struct ButtonPress {
    action: Action,
    answer: oneshot::Sender<ButtonAnswer>,
}

/// What the button's presser is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ButtonAnswer {
    /// Whether the configuration is another one now.
    pub(super) ok: bool,
    /// What happened, or why nothing did.
    pub(super) text: String,
    /// The generation that is running.
    pub(super) generation: u32,
}

/// The end at which the endpoints put their commands in; clones lead to the same [`Steering`].
#[derive(Clone, Debug)]
pub(super) struct Buttons(mpsc::Sender<ButtonPress>);

impl Buttons {
    /// Has `action` carried out; `None` when nobody does, or too many wait already.
    pub(super) async fn press(&self, action: Action) -> Option<ButtonAnswer> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(ButtonPress { action, answer }).ok()?;
        answered.await.ok()
    }
}

/// The commands of all endpoints, not yet bound to a layout.
#[derive(Debug)]
pub struct ButtonReceiver {
    commands: mpsc::Receiver<ButtonPress>,
    room: ChatRoom,
}

/// Both ends of the way from the buttons of `room` to whoever reloads.
pub(super) fn channel(room: ChatRoom) -> (Buttons, ButtonReceiver) {
    let (buttons, commands) = mpsc::channel(WAITING);
    (Buttons(buttons), ButtonReceiver { commands, room })
}

/// Turns commands into changes of the layout, one after the other.
#[derive(Debug)]
pub struct Steering {
    commands: mpsc::Receiver<ButtonPress>,
    room: ChatRoom,
    /// What the proxy runs now.
    layout: Layout,
}

impl Steering {
    /// Starts at `layout`, which the proxy runs already or is about to.
    pub fn new(commands: ButtonReceiver, layout: Layout) -> Self {
        let ButtonReceiver { commands, room } = commands;
        room.show(&layout);
        Self { commands, room, layout }
    }

    /// Waits for the next change to carry out; `None` once the endpoints are gone. Cancelling it loses no command.
    ///
    /// ButtonReceiver that can change nothing are answered here and yield no change.
    pub async fn next(&mut self) -> Option<LayoutChange<'_>> {
        loop {
            let ButtonPress { action, answer } = self.commands.recv().await?;
            match self.layout.after(action) {
                Ok(next) => return Some(LayoutChange { steering: self, action, next, answer }),
                Err(text) => {
                    // Whoever asked may have left.
                    let _ = answer.send(ButtonAnswer { ok: false, text, generation: self.layout.generation });
                }
            }
        }
    }

    /// What the proxy runs now.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// A change that somebody asked for. Do what [`LayoutChange::carry`] says, then say how it went; dropping it says that nobody carried
/// it out.
#[derive(Debug)]
pub struct LayoutChange<'a> {
    steering: &'a mut Steering,
    action: Action,
    next: Layout,
    answer: oneshot::Sender<ButtonAnswer>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carry {
    /// This configuration is to be loaded.
    Reload(String),
    /// Another process is to take over, with the same configuration.
    HandOver,
}

impl LayoutChange<'_> {
    /// What is to be done.
    pub fn carry(&self) -> Carry {
        match self.action {
            Action::HandOver => Carry::HandOver,
            Action::Drain(_) | Action::Restore(_) | Action::Reload => Carry::Reload(self.next.config_text()),
        }
    }

    /// The configuration that is loaded still.
    pub fn before(&self) -> String {
        self.steering.layout.config_text()
    }

    /// It is done, of which this can be `told`: every tab hears it.
    pub fn done(self, told: Option<String>) {
        let Self { steering, action, next, answer } = self;
        let text = match action {
            Action::Drain(name) => format!("reloaded without {name}: its tabs are drained, the others stay"),
            Action::Restore(name) => format!("reloaded with {name}: nobody is moved, new placements find it"),
            Action::Reload => format!("reloaded with another route (unrelated-{}): no tab is touched", next.unrelated),
            Action::HandOver => told.unwrap_or_else(|| "another process has taken over".to_owned()),
        };
        steering.layout = next;
        let generation = steering.layout.generation;
        steering.room.show(&steering.layout);
        steering.room.say(&Event::Notice { generation, text: &text });
        // Whoever asked may have left, or been drained.
        let _ = answer.send(ButtonAnswer { ok: true, text, generation });
    }

    /// The proxy runs what it ran before, because of `problem`.
    pub fn refused(self, problem: &str) {
        let what = if self.action == Action::HandOver { "handoff" } else { "reload" };
        let text = format!("the {what} was refused, nothing changed: {problem}");
        let _ = self.answer.send(ButtonAnswer { ok: false, text, generation: self.steering.layout.generation });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::layout::tests::three_places;

    fn start() -> (Buttons, Steering, ChatRoom) {
        let room = ChatRoom::new(["amber", "jade", "violet"]);
        let (buttons, commands) = channel(room.clone());
        (buttons, Steering::new(commands, three_places()), room)
    }

    #[tokio::test]
    async fn a_change_that_is_done_is_the_new_layout_and_everybody_hears_of_it() {
        let (buttons, mut steering, room) = start();
        let mut witness = room.enter("violet");
        let carry_out = async {
            let change = steering.next().await.unwrap();
            let Carry::Reload(text) = change.carry() else { panic!("no reload") };
            assert!(!text.contains("jade") && change.before().contains("jade"), "{text}");
            change.done(None);
        };
        let (answer, ()) = tokio::join!(buttons.press(Action::Drain("jade")), carry_out);
        let answer = answer.unwrap();
        assert!(answer.ok && answer.generation == 2, "{answer:?}");
        assert!(witness.events.try_recv().unwrap().contains("reloaded without jade"));
        assert!(!witness.roster.borrow()[1].in_service);
        assert!(!steering.layout().places[1].in_service);
    }

    #[tokio::test]
    async fn a_refused_change_leaves_the_layout_alone() {
        let (buttons, mut steering, room) = start();
        let mut witness = room.enter("violet");
        let carry_out = async { steering.next().await.unwrap().refused("no such file") };
        let (answer, ()) = tokio::join!(buttons.press(Action::Drain("jade")), carry_out);
        let answer = answer.unwrap();
        assert!(!answer.ok && answer.text.contains("no such file") && answer.generation == 1, "{answer:?}");
        assert_eq!(steering.layout(), &three_places());
        assert!(witness.events.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_answered_without_a_change() {
        let (buttons, mut steering, _room) = start();
        let answer = tokio::select! {
            answer = buttons.press(Action::Restore("jade")) => answer.unwrap(),
            _ = steering.next() => panic!("there is nothing to carry out"),
        };
        assert_eq!((answer.ok, answer.text.as_str()), (false, "jade is in service already"));
    }

    #[tokio::test]
    async fn a_change_that_nobody_carries_out_has_no_answer() {
        let (buttons, mut steering, _room) = start();
        let forget = async { drop(steering.next().await) };
        assert_eq!(tokio::join!(buttons.press(Action::Reload), forget).0, None);
        drop(steering);
        assert_eq!(buttons.press(Action::Reload).await, None);
    }

    #[tokio::test]
    async fn changes_end_with_the_endpoints() {
        let (buttons, mut steering, _room) = start();
        drop(buttons);
        assert!(steering.next().await.is_none());
    }
}
