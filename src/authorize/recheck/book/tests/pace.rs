//! How often is asked, and who waits for a turn.

use std::collections::HashSet;

use super::*;

#[tokio::test]
async fn one_question_is_for_all_tunnels_of_a_credential_and_comes_about_as_often_as_it_should() {
    let mut site = Site::new("recheck_every = \"5min\"");
    let tunnels: Vec<_> = (0..1_000).map(|number| site.open(u8::try_from(number % 4).unwrap(), None)).collect();
    assert_eq!(site.book.len(), 4);
    site.pass(EVERY * 100, yes);
    assert!((4 * 90..=4 * 112).contains(&site.asked.len()), "{}", site.asked.len());
    let mut of_one: Vec<_> = site.asked.iter().filter(|(_, id)| *id == 1).map(|(at, _)| *at).collect();
    of_one.insert(0, site.begun);
    for pair in of_one.windows(2) {
        let between = (pair[1] - pair[0]).as_secs_f64();
        assert!((269.9..331.0).contains(&between), "{between}");
    }
    assert!(tunnels.iter().all(|tunnel| tunnel.order().is_none()));
}

#[tokio::test]
async fn thousands_that_are_due_at_once_are_asked_about_within_the_budget() {
    let mut site = Site::new("recheck_every = \"1s\"\nrecheck_per_second = 100");
    let tunnels: Vec<_> = (0..5_000_u16)
        .map(|number| {
            let mut key = [0; 32];
            key[..2].copy_from_slice(&number.to_be_bytes());
            let tunnel = site.open(0, None);
            let place = site.book.join(
                ("chat".into(), key),
                question(),
                Good { at: site.now, until: None },
                Arc::clone(tunnel.registration.handle()),
            );
            if let Some(first) = tunnel.place {
                site.book.leave(first);
            }
            Tunnel { place, ..tunnel }
        })
        .collect();
    site.pass(Duration::from_secs(60), yes);
    let seconds = site.seconds_of_questions();
    for from in 0..60 {
        let within = seconds.iter().filter(|at| (f64::from(from)..f64::from(from) + 1.0).contains(*at)).count();
        assert!(within <= 101, "{within} in second {from}");
    }
    let asked: HashSet<_> = site.asked.iter().take(5_000).map(|(_, id)| *id).collect();
    assert_eq!(asked.len(), 5_000, "everybody has a turn before anybody has two");
    assert!(seconds.len() > 5_000 && tunnels.len() == 5_000);
}

#[tokio::test]
async fn who_waits_for_a_turn_ends_in_time_all_the_same() {
    let mut site = Site::new("recheck_every = \"5min\"\nrecheck_per_second = 1\nexpires_header = \"x-until\"");
    let until = Duration::from_secs(60);
    let tunnels: Vec<_> = (0..100).map(|credential| site.open(credential, Some(until))).collect();
    site.pass(until, |_, at| Reply::Granted(Good { at, until: Some(at + EVERY * 9) }));
    let (asked, ended) = (site.asked.len(), tunnels.iter().filter(|tunnel| tunnel.order().is_some()));
    assert!((2..10).contains(&asked), "the last tenth of a minute has turns for so many: {asked}");
    assert_eq!(ended.map(|tunnel| tunnel.order()).collect::<Vec<_>>(), vec![Some((Cause::Expired, 1008)); 100 - asked]);
}

#[tokio::test]
async fn who_was_not_answered_and_waits_for_a_turn_stays_no_longer_than_the_route_allows() {
    let mut site = Site::new("recheck_every = \"10s\"\nrecheck_grace = \"1min\"\nrecheck_per_second = 1");
    let tunnels: Vec<_> = (0..45).map(|credential| site.open(credential, None)).collect();
    site.pass(Duration::from_secs(59), silence);
    assert!(tunnels.iter().all(|tunnel| tunnel.order().is_none()));
    assert_eq!(site.asked.iter().map(|(_, id)| *id).collect::<HashSet<_>>().len(), 45);
    site.pass(Duration::from_secs(1), silence);
    assert!(tunnels.iter().all(|tunnel| tunnel.order() == Some((Cause::Unconfirmed, 4403))));
}

#[tokio::test]
async fn that_a_route_asks_less_often_than_it_should_is_told_once_and_so_is_its_end() {
    let mut site = Site::new("recheck_every = \"10s\"\nrecheck_per_second = 1");
    let mut tunnels: Vec<_> = (0..100).map(|credential| site.open(credential, None)).collect();
    site.pass(EVERY, yes);
    assert_eq!(site.news, [PaceNews::Behind]);
    assert!(tunnels.iter().all(|tunnel| tunnel.order().is_none()), "nobody has doubted them");
    for tunnel in tunnels.split_off(5) {
        site.book.leave(tunnel.place.unwrap());
    }
    site.pass(EVERY, yes);
    assert_eq!(site.news, [PaceNews::Behind, PaceNews::CaughtUp]);
}

#[tokio::test]
async fn so_many_questions_are_under_way_and_no_more() {
    let mut site = Site::new("recheck_every = \"1s\"\nrecheck_per_second = 100000");
    let tunnels: Vec<_> = (0..200).map(|credential| site.open(credential, None)).collect();
    site.now += Duration::from_secs(2);
    let mut asked = Vec::new();
    for _ in 0..1_000 {
        match site.book.step(site.now) {
            Step::Ask(id, ..) => asked.push(id),
            Step::Tell(..) => {}
            Step::Wait(due) => site.now = due.unwrap(),
        }
    }
    assert_eq!(asked.len(), MOST_UNDER_WAY);
    for id in asked {
        site.book.note((id, &"chat".into()), Reply::None, site.now);
    }
    assert!((0..1_000).any(|_| match site.book.step(site.now) {
        Step::Ask(..) => true,
        Step::Tell(..) => false,
        Step::Wait(due) => {
            site.now = due.unwrap();
            false
        }
    }));
    drop(tunnels);
}
