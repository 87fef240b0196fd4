use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::*;

#[tokio::test]
async fn a_predecessor_is_listed_with_its_tunnels_until_it_is_gone() {
    let (theirs, ours) = Channel::pair().unwrap();
    let predecessors = Predecessors::default();
    predecessors.hear((70, false), Channel::adopt(ours).unwrap(), Box::new(Nobody));
    assert_eq!(predecessors.list(), [Predecessor { pid: 70, tunnels: None }]);

    theirs.send(&HandoffMessage::Remaining { tunnels: 3, answers: true }, None).await.unwrap();
    until(|| predecessors.list() == [Predecessor { pid: 70, tunnels: Some(3) }]).await;
    assert_eq!(predecessors.living().len(), 1);

    drop(theirs);
    until(|| predecessors.list().is_empty()).await;
    assert_eq!(predecessors.living().len(), 0);
}

#[tokio::test]
async fn a_question_gets_its_own_answer() {
    let (old, new) = conversation(true).await;
    let (first, second, ()) = tokio::join!(new.ask("one"), new.ask("two"), async {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let Some((HandoffMessage::Question { number, text }, _)) = old.receive().await.unwrap() else { panic!() };
            heard.push((number, text));
        }
        old.answer(heard[0].0 ^ heard[1].0, "nobody asked").await.unwrap();
        for (number, text) in heard.iter().rev() {
            old.answer(*number, &text.repeat(10_000)).await.unwrap();
        }
    });
    assert!(first.unwrap() == "one".repeat(10_000) && second.unwrap() == "two".repeat(10_000));
    assert!(new.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_is_not_waited_for() {
    let (_old, new) = conversation(true).await;
    assert_eq!(new.ask("one").await, Err(NoAnswer::Late));
    assert!(new.asked().is_empty());
    let (_old, new) = conversation(false).await;
    assert_eq!(new.ask("one").await, Err(NoAnswer::Older));
}

#[tokio::test]
async fn one_that_ends_or_never_comes_to_an_end_answers_nothing() {
    let (old, new) = conversation(true).await;
    let (asked, ()) = tokio::join!(new.ask("one"), async move { drop(old.receive().await) });
    assert_eq!(asked, Err(NoAnswer::Gone));
    assert_eq!(new.ask("one").await, Err(NoAnswer::Gone));

    let (_old, new) = conversation(true).await;
    let (reply, answer) = oneshot::channel();
    new.asked().insert(7, PendingQuestion { so_far: String::new(), reply });
    new.take_part(7, &"a".repeat(LONGEST_ANSWER), false);
    new.take_part(7, "a", true);
    assert_eq!(answer.await.unwrap(), Err(NoAnswer::TooLong));
    assert!(new.asked().is_empty());
}

/// What an intake was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    ToHear,
    ToTurnAway,
}

/// One that says so at each word.
struct Telling(tokio::sync::mpsc::UnboundedSender<Asked>);

impl Intake for Telling {
    fn hear(&mut self, _said: Received) -> Option<HandoffMessage> {
        self.0.send(Asked::ToHear).unwrap();
        None
    }

    fn turn_away(&mut self, batch: u32) -> HandoffMessage {
        self.0.send(Asked::ToTurnAway).unwrap();
        HandoffMessage::TunnelsTaken { batch, refused: std::collections::BTreeMap::new() }
    }
}

fn moved() -> HandoffMessage {
    HandoffMessage::TunnelsMoved { moved: 0, stayed: std::collections::BTreeMap::new(), longest_pause_us: 0 }
}

#[tokio::test]
async fn it_is_settled_once_nobody_moves_tunnels_here_any_more() {
    let predecessors = Predecessors::default();
    predecessors.settled().await;
    let mut theirs = Vec::new();
    for pid in [70, 80] {
        let (their_end, ours) = Channel::pair().unwrap();
        predecessors.hear((pid, true), Channel::adopt(ours).unwrap(), Box::new(Nobody));
        theirs.push(their_end);
    }
    let moving = || predecessors.living().iter().filter(|it| *it.is_moving.borrow()).count();
    let is_settled = async || timeout(Duration::from_millis(1), predecessors.settled()).await.is_ok();
    assert!(moving() == 2 && !is_settled().await);
    theirs[0].send(&moved(), None).await.unwrap();
    until(|| moving() == 1).await;
    assert!(!is_settled().await, "the other one moves tunnels still");
    drop(theirs.remove(1));
    until(|| moving() == 0).await;
    assert!(is_settled().await, "one that is gone moves nothing");
    // What has opened there since follows.
    theirs[0].send(&HandoffMessage::Tunnels { batch: 1, format: 1 }, None).await.unwrap();
    until(|| moving() == 1).await;
    assert!(!is_settled().await);
    theirs[0].send(&moved(), None).await.unwrap();
    until(|| moving() == 0).await;
    assert!(is_settled().await);
}

#[tokio::test]
async fn nothing_is_taken_in_while_it_is_held() {
    let ((theirs, ours), predecessors) = (Channel::pair().unwrap(), Predecessors::default());
    let (say, mut heard) = tokio::sync::mpsc::unbounded_channel();
    predecessors.hear((70, true), Channel::adopt(ours).unwrap(), Box::new(Telling(say)));
    let tunnels = |batch| HandoffMessage::Tunnels { batch, format: 1 };
    let mut hold = Box::pin(predecessors.hold());
    assert!(timeout(Duration::from_millis(1), &mut hold).await.is_err(), "some are on their way");
    theirs.send(&tunnels(1), None).await.unwrap();
    assert_eq!(heard.recv().await, Some(Asked::ToHear), "they come in still");
    theirs.send(&moved(), None).await.unwrap();
    assert_eq!(heard.recv().await, Some(Asked::ToHear));
    let held = hold.await;

    theirs.send(&tunnels(2), None).await.unwrap();
    assert_eq!(heard.recv().await, Some(Asked::ToTurnAway));
    assert!(matches!(theirs.receive().await, Ok(Some((HandoffMessage::TunnelsTaken { batch: 2, .. }, _)))));
    drop(held);
    theirs.send(&tunnels(3), None).await.unwrap();
    assert_eq!(heard.recv().await, Some(Asked::ToHear));
}

#[tokio::test]
async fn whoever_is_left_to_the_next_process_is_not_hung_up_on() {
    let ((theirs, ours), predecessors) = (Channel::pair().unwrap(), Predecessors::default());
    let next = Channel::adopt(ours.try_clone().unwrap()).unwrap();
    predecessors.hear((70, false), Channel::adopt(ours).unwrap(), Box::new(Nobody));
    theirs.send(&HandoffMessage::Remaining { tunnels: 3, answers: true }, None).await.unwrap();
    until(|| predecessors.list() == [Predecessor { pid: 70, tunnels: Some(3) }]).await;

    predecessors.release();
    drop(predecessors);
    tokio::task::yield_now().await;

    theirs.send(&moved(), None).await.unwrap();
    assert!(matches!(next.receive().await, Ok(Some((HandoffMessage::TunnelsMoved { .. }, None)))));
}

#[tokio::test]
async fn one_whose_tunnels_cannot_even_be_looked_at_is_gone() {
    struct Panicking;
    impl Intake for Panicking {
        fn hear(&mut self, _said: Received) -> Option<HandoffMessage> {
            panic!("at some tunnel");
        }

        fn turn_away(&mut self, _batch: u32) -> HandoffMessage {
            moved()
        }
    }
    let ((theirs, ours), predecessors) = (Channel::pair().unwrap(), Predecessors::default());
    predecessors.hear((70, true), Channel::adopt(ours).unwrap(), Box::new(Panicking));
    let conversation = predecessors.living().remove(0);
    theirs.send(&HandoffMessage::Tunnels { batch: 1, format: 1 }, None).await.unwrap();
    predecessors.settled().await;
    assert!(predecessors.living().is_empty());
    assert_eq!(conversation.ask("anything").await, Err(NoAnswer::Gone));
}

struct Nobody;

impl Intake for Nobody {
    fn hear(&mut self, _said: Received) -> Option<HandoffMessage> {
        None
    }

    fn turn_away(&mut self, _batch: u32) -> HandoffMessage {
        moved()
    }
}

/// Both ends, where the old one has said whether it answers.
async fn conversation(answers: bool) -> (Channel, Arc<Conversation>) {
    let (theirs, ours) = Channel::pair().unwrap();
    let predecessors = Box::leak(Box::new(Predecessors::default()));
    predecessors.hear((70, false), Channel::adopt(ours).unwrap(), Box::new(Nobody));
    theirs.send(&HandoffMessage::Remaining { tunnels: 3, answers }, None).await.unwrap();
    let conversation = predecessors.living().remove(0);
    conversation.state.subscribe().wait_for(|state| *state != State::Silent).await.unwrap();
    (theirs, conversation)
}

async fn until(is_met: impl Fn() -> bool) {
    let met = async {
        while !is_met() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), met).await.unwrap();
}
