//! Who finds a place, and who makes room for it.

use futures_util::FutureExt;

use super::*;

/// A process of this machine.
const HERE: Option<IpAddr> = None;

/// Somebody at an address of their own.
fn stranger(number: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, number]))
}

fn is_told(place: &mut OperatorPlace) -> bool {
    place.is_needed().now_or_never().is_some()
}

#[tokio::test]
async fn who_has_rested_longest_makes_room() {
    let places = Places::default().of_new_listener();
    let mut taken = Vec::new();
    for _ in 0..OPERATORS_PER_LISTENER {
        taken.push(places.take(HERE).await);
    }
    // The first has just been answered, the second is being answered.
    drop(taken[0].guest.at_work());
    let _at_work = taken[1].guest.at_work();

    let newcomer = places.take(HERE);
    let mut newcomer = std::pin::pin!(newcomer);
    assert!(newcomer.as_mut().now_or_never().is_none());

    let told: Vec<_> = (0..OPERATORS_PER_LISTENER).filter(|number| is_told(&mut taken[*number])).collect();
    assert_eq!(told, [2]);
    drop(taken.remove(2));
    newcomer.await;
}

#[tokio::test]
async fn where_everybody_is_at_work_the_first_who_rests_makes_room() {
    let places = Places::default().of_new_listener();
    let mut taken = Vec::new();
    for _ in 0..OPERATORS_PER_LISTENER {
        taken.push(places.take(HERE).await);
    }
    let mut at_work: Vec<_> = taken.iter().map(|place| place.guest.at_work()).collect();
    let newcomer = places.take(HERE);
    let mut newcomer = std::pin::pin!(newcomer);
    assert!(newcomer.as_mut().now_or_never().is_none());
    assert!(!taken.iter_mut().any(is_told));

    drop(at_work.remove(5));
    drop(at_work.remove(6));

    assert!(is_told(&mut taken[5]) && !is_told(&mut taken[7]));
    drop(taken.remove(5));
    newcomer.await;
}

#[tokio::test]
async fn who_is_dismissed_is_answered_first() {
    let places = Places::default().of_new_listener();
    let mut taken = [places.take(HERE).await, places.take(HERE).await, places.take(HERE).await];
    let [resting, busy, new] = &mut taken;
    drop(resting.guest.at_work());
    let at_work = busy.guest.at_work();

    assert!(!is_told(resting));
    places.dismiss();
    assert!(is_told(resting) && !is_told(busy) && !is_told(new));
    drop(at_work);
    assert!(is_told(busy) && !is_told(new));
    drop(new.guest.at_work());
    assert!(is_told(new));
}

#[tokio::test]
async fn strangers_at_one_listener_take_no_place_of_another_one() {
    let places = Places::default();
    let (ours, open) = (places.of_new_listener(), places.of_new_listener());
    let mut operator = ours.take(HERE).await;
    drop(operator.guest.at_work());
    let mut strangers = Vec::new();
    for number in 0..OPERATORS_PER_LISTENER as u8 {
        strangers.push(open.take(stranger(number)).await);
    }
    assert!(open.take(stranger(99)).now_or_never().is_none());
    assert!(!is_told(&mut operator));
    assert!(ours.take(HERE).now_or_never().is_some());
}

#[tokio::test]
async fn who_was_never_let_in_leaves_before_who_was() {
    let places = Places::default().of_new_listener();
    let mut operator = places.take(stranger(0)).await;
    operator.guest.at_work().note_known();
    let mut strangers = Vec::new();
    for number in 1..OPERATORS_PER_LISTENER as u8 {
        let place = places.take(stranger(number)).await;
        // Each has asked something, too, and rests for less long.
        drop(place.guest.at_work());
        strangers.push(place);
    }
    for _ in &strangers {
        assert!(places.take(stranger(99)).now_or_never().is_none());
    }
    assert!(strangers.iter_mut().all(is_told) && !is_told(&mut operator));
    assert!(places.take(stranger(99)).now_or_never().is_none());
    assert!(is_told(&mut operator), "nobody else is left who rests");
}

#[tokio::test]
async fn who_hears_a_feed_stays_longer_than_who_only_stays() {
    let (places, here) = (Places::default().of_new_listener(), Some(IpAddr::from([127, 0, 0, 1])));
    let mut looker = places.take(here).await;
    looker.guest.at_work().note_feed();
    let mut idle = Vec::new();
    for _ in 1..OPERATORS_PER_LISTENER {
        let place = places.take(here).await;
        drop(place.guest.at_work());
        idle.push(place);
    }
    assert!(!idle.iter_mut().any(is_told), "there is room for many at loopback");
    assert!(places.take(here).now_or_never().is_none());
    assert!(is_told(&mut idle[0]) && !is_told(&mut looker));
}

#[tokio::test]
async fn many_from_one_address_make_room_for_one_another_and_not_what_is_carried_out() {
    let places = Places::default().of_new_listener();
    let mut taken = Vec::new();
    for _ in 0..PER_ADDRESS {
        taken.push(places.take(stranger(1)).await);
    }
    let at_work = taken[0].guest.at_work();
    assert!(!taken.iter_mut().any(is_told));
    let _next = places.take(stranger(1)).await;
    let told: Vec<_> = (0..PER_ADDRESS).filter(|number| is_told(&mut taken[*number])).collect();
    assert_eq!(told, [1], "the first is at work");
    let _other = places.take(stranger(2)).await;
    assert!(!taken.iter_mut().enumerate().any(|(number, place)| number != 1 && is_told(place)));
    drop(at_work);
}

#[tokio::test]
async fn the_places_of_listeners_that_are_gone_are_forgotten() {
    let places = Places::default();
    let kept = places.of_new_listener();
    let held = places.of_new_listener().take(HERE).await;
    for _ in 0..10 {
        places.of_new_listener();
    }
    assert!(lock(&places.0).len() <= 3);
    places.clear();
    assert!(places.are_free().now_or_never().is_none(), "somebody is served still");
    drop((held, kept));
    assert!(places.are_free().now_or_never().is_some());
}
