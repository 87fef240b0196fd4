//! Keys, pressed one after the other.

use std::time::{Duration, Instant};

use super::super::news::News;
use super::super::samples::{detail, model, pressed, tell, tell_tunnels, tunnels, typed};
use super::*;

#[test]
fn an_endpoint_is_drained_only_by_a_yes_to_its_name() {
    let mut model = model();
    typed(&mut model, '1');
    pressed(&mut model, KeyCode::Down);
    typed(&mut model, 'd');
    let Overlay::Asking { steering, .. } = model.overlay.clone() else { panic!("it asks") };
    assert_eq!(steering.name(), "drain chat/b");
    assert_eq!(pressed(&mut model, KeyCode::Enter), Step::Nothing, "Enter is no yes");
    assert!(matches!(&model.said, Some(Said::Done(said)) if said.contains("drain chat/b was not confirmed")));
    typed(&mut model, 'd');
    let Step::Steer(Steering::Drain { upstream, endpoint, .. }) = typed(&mut model, 'y') else { panic!("it does") };
    assert_eq!((&*upstream, &*endpoint), ("chat", "b"));
    typed(&mut model, 'u');
    assert!(matches!(&model.said, Some(Said::Refused(said)) if said.contains("under way")), "one at a time");
    model.handle(News::Done(Said::Done("drain 3".into())), Instant::now());
    assert_eq!((&model.under_way, &model.said), (&None, &Some(Said::Done("drain 3".into()))));
    typed(&mut model, 'u');
    assert!(matches!(typed(&mut model, 'y'), Step::Steer(Steering::Undrain { .. })));
}

#[test]
fn where_one_only_looks_the_keys_say_so() {
    let mut model = model();
    model.may_steer = Some(false);
    for (pane, key) in [('1', 'd'), ('1', 'u'), ('2', 'x')] {
        typed(&mut model, pane);
        assert_eq!(typed(&mut model, key), Step::Nothing);
        assert!(matches!(model.overlay, Overlay::Nothing), "{key} asks nothing");
        assert!(matches!(&model.said, Some(Said::Refused(said)) if said.contains("only looks")), "{key}");
    }
}

#[test]
fn the_tunnel_that_is_looked_at_is_closed_whatever_the_list_has_become() {
    let mut model = model();
    pressed(&mut model, KeyCode::Down);
    pressed(&mut model, KeyCode::Enter);
    assert_eq!(model.wanted().detail, Some(2));
    assert_eq!(typed(&mut model, 'x'), Step::Nothing, "nothing is known of it yet");
    pressed(&mut model, KeyCode::Enter);
    model.handle(News::Detail { id: 2, answer: Ok(detail(2)) }, Instant::now());
    tell_tunnels(&mut model, 1);
    typed(&mut model, 'x');
    let steered = typed(&mut model, 'y');
    assert!(matches!(steered, Step::Steer(Steering::Close { tunnel: 2, .. })), "{steered:?}");
}

#[test]
fn what_is_asked_for_follows_sorting_filter_and_page() {
    let mut model = model();
    assert_eq!(model.wanted().path, "/tunnels?sort=rate&order=desc&limit=20");
    typed(&mut model, 's');
    typed(&mut model, 'r');
    typed(&mut model, '/');
    "chat min-idle=5min".chars().for_each(|it| drop(typed(&mut model, it)));
    assert!(model.wanted().path.starts_with("/tunnels?sort=buffered&order=asc"), "not before Enter");
    pressed(&mut model, KeyCode::Enter);
    let first = "/tunnels?route=chat&min_idle=5min&sort=buffered&order=asc&limit=20";
    assert_eq!(model.wanted().path, first);
    tell_tunnels(&mut model, 3);
    (0..3).for_each(|_| drop(pressed(&mut model, KeyCode::Down)));
    assert_eq!(model.wanted().path, format!("{first}&after=a-1"), "beyond the end is the next page");
    pressed(&mut model, KeyCode::PageDown);
    assert_eq!(model.pages.len(), 1, "it is on its way");
    pressed(&mut model, KeyCode::PageUp);
    assert_eq!(model.wanted().path, first);
    typed(&mut model, 'S');
    assert!(model.wanted().path.contains("sort=rate"));
}

#[test]
fn the_tunnels_of_an_endpoint_are_shown_by_enter() {
    let mut model = model();
    typed(&mut model, '1');
    pressed(&mut model, KeyCode::Enter);
    assert_eq!((model.pane, &*model.tunnel_filter), (Pane::Tunnels, "endpoint=chat/a"));
}

#[test]
fn it_is_left_by_each_of_its_keys_and_an_overlay_first() {
    let mut model = model();
    typed(&mut model, '?');
    assert_eq!(pressed(&mut model, KeyCode::Esc), Step::Nothing, "that closes the help");
    assert_eq!(typed(&mut model, 'q'), Step::Quit);
    assert_eq!(pressed(&mut model, KeyCode::Esc), Step::Quit);
    typed(&mut model, '/');
    assert_eq!(typed(&mut model, 'q'), Step::Nothing, "that is a letter");
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    assert_eq!(press(&mut model, control('c'), Instant::now()), Step::Quit);
    assert_eq!(press(&mut model, control('z'), Instant::now()), Step::Suspend);
}

#[test]
fn a_word_that_was_typed_or_pasted_steers_nothing() {
    for (pane, word) in [('2', "proxy"), ('1', "ready")] {
        let begun = Instant::now();
        let steered = |pause: Duration| {
            let mut model = model();
            typed(&mut model, pane);
            let press_at = |(letter, nth)| {
                let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
                press(&mut model, key, begun + pause * nth)
            };
            word.chars().zip(0..).map(press_at).any(|step| step != Step::Nothing)
        };
        assert!(!steered(Duration::ZERO) && !steered(HESITATION / 2), "{word}");
        assert!(steered(HESITATION), "{word}: who waits for the question means it");
    }
}

#[test]
fn what_is_pasted_is_text_for_a_filter_and_nothing_else() {
    let mut model = model();
    paste(&mut model, "xq");
    assert!(matches!(model.overlay, Overlay::Nothing));
    typed(&mut model, 'x');
    paste(&mut model, "y");
    assert!(matches!(model.overlay, Overlay::Asking { .. }) && model.under_way.is_none());
    typed(&mut model, 'n');
    typed(&mut model, '/');
    paste(&mut model, "chat/\u{1b}b\n");
    assert!(matches!(&model.overlay, Overlay::Typing(text) if text == "chat/b"));
    paste(&mut model, &"é".repeat(LONGEST_FILTER));
    assert!(matches!(&model.overlay, Overlay::Typing(text) if text.len() <= LONGEST_FILTER + 1));
}

#[test]
fn a_key_with_alt_is_no_key_and_no_yes() {
    let mut model = model();
    let alt = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::ALT);
    for letter in ['q', 'x', '/', '?'] {
        assert_eq!(press(&mut model, alt(letter), Instant::now()), Step::Nothing);
        assert!(matches!(model.overlay, Overlay::Nothing), "{letter}");
    }
    typed(&mut model, 'x');
    assert_eq!(press(&mut model, alt('y'), Instant::now() + 2 * HESITATION), Step::Nothing);
    assert!(matches!(model.overlay, Overlay::Nothing), "it is a no");
    assert!(matches!(&model.said, Some(Said::Done(said)) if said.contains("was not confirmed")));
}

#[test]
fn nothing_is_asked_about_what_took_the_place_of_the_chosen_one() {
    let mut model = model();
    let mut others = tunnels(3);
    others.tunnels.remove(0);
    tell(&mut model, Ok(others));
    for code in [KeyCode::Char('x'), KeyCode::Enter] {
        assert_eq!(pressed(&mut model, code), Step::Nothing);
        assert!(matches!(model.overlay, Overlay::Nothing), "tunnel 1 was chosen, before any arrow");
        assert!(matches!(&model.said, Some(Said::Refused(said)) if said.contains("gone from the list")));
    }
    pressed(&mut model, KeyCode::Home);
    typed(&mut model, 'x');
    let steered = typed(&mut model, 'y');
    assert!(matches!(steered, Step::Steer(Steering::Close { tunnel: 2, .. })), "{steered:?}");
}
