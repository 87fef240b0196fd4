//! Frames of several sizes and states, as text.
//!
//! `WINDLASS_UPDATE_EXPECTED=1 cargo test --lib cli::top::view` writes those that are kept in `frames`; look at what has changed.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::draw;
use super::palette::Palette;
use crate::cli::top::model::{Model, Overlay};
use crate::cli::top::news::{News, Said};
use crate::cli::top::samples::{detail, model, pressed, seen, tell, tell_tunnels, tunnels, typed};

fn drawn(model: &mut Model, (width, height): (u16, u16), palette: Palette) -> Buffer {
    let mut frame = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&mut frame, model, palette, Instant::now());
    frame
}

fn shown(model: &mut Model, size: (u16, u16)) -> String {
    let buffer = drawn(model, size, Palette::Plain);
    let row = |y| (0..size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..size.1).map(|y| format!("{}\n", row(y).trim_end())).collect()
}

/// Holds a frame to the one that is kept under this name.
fn is_as_kept(frame: &str, name: &str) {
    let file = format!("{}/src/cli/top/view/frames/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "the tests of the configuration are told so, too")]
    if std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some() {
        std::fs::write(&file, frame).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(frame == kept, "it is\n{frame}\nand not as {file} has it");
}

#[test]
fn a_wide_frame_has_both_lists_and_why_tunnels_ended() {
    is_as_kept(&shown(&mut model(), (120, 24)), "wide");
}

#[test]
fn a_frame_of_eighty_columns_has_what_matters_most() {
    is_as_kept(&shown(&mut model(), (80, 24)), "narrow");
}

#[test]
fn a_tiny_frame_has_the_list_that_the_keys_are_about() {
    let mut model = model();
    is_as_kept(&shown(&mut model, (20, 5)), "tiny");
    typed(&mut model, 'x');
    let asked = shown(&mut model, (20, 5));
    assert!(asked.contains("Close tunnel 1?") && asked.contains("y does it"), "{asked}");
}

#[test]
fn a_question_names_what_is_drained_and_how_many_that_concerns() {
    let mut model = model();
    typed(&mut model, '1');
    pressed(&mut model, KeyCode::Down);
    typed(&mut model, 'd');
    let asked = shown(&mut model, (80, 24));
    for words in ["Sure?", "Drain chat/b?", "y does it; any other key leaves", "2998 tunnels now"] {
        assert!(asked.contains(words), "{words}:\n{asked}");
    }
    typed(&mut model, 'n');
    let left = shown(&mut model, (80, 24));
    assert!(left.contains("left as it is: drain chat/b was not confirmed") && !left.contains("Sure?"), "{left}");
}

#[test]
fn everything_of_a_tunnel_is_shown_and_paints_nothing() {
    let mut model = model();
    pressed(&mut model, KeyCode::Enter);
    model.handle(News::Detail { id: 1, answer: Ok(detail(1)) }, Instant::now());
    let shown = shown(&mut model, (100, 30));
    for words in ["Tunnel 1:", "example.org/ws", "header x-user", "curl\\u001b[31m", "idle_timeout 300 s", "23.4 ms"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn what_is_wrong_stands_in_the_first_lines() {
    let mut model = model();
    let mut shut = seen(3);
    shut.upstreams[0].endpoints.retain(|it| it.state != "eligible");
    shut.reloads = serde_json::from_str(
        r#"{"changed": 0, "unchanged": 0, "refused": 1, "last_refusal": "line 3: no such key\nmore"}"#,
    )
    .unwrap();
    model.handle(News::Seen(Box::new(shut)), Instant::now());
    model.handle(News::Lost("no windlass answers at unix:/a".into()), Instant::now() - Duration::from_secs(64));
    model.is_paused = true;
    let shown = shown(&mut model, (120, 30));
    for words in [
        "! no news for 1 min 4 s, trying again: no windlass answers at unix:/a",
        "! the last reload was refused: line 3: no such key",
        "! no endpoint of chat takes newcomers",
        "PAUSED",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
}

#[test]
fn what_is_wrong_is_read_to_its_end_on_a_narrow_screen() {
    let mut model = model();
    let why = "no windlass answers at unix:/run/windlass/admin.sock: the file is not there; is it running?";
    model.handle(News::Lost(why.into()), Instant::now());
    model.said = Some(Said::Refused("chat/b cannot be drained: it is the only one that takes newcomers".into()));
    let shown = shown(&mut model, (40, 40));
    for words in ["is it running?", "takes newcomers"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
}

#[test]
fn how_often_a_tunnel_was_moved_is_told_of_one_that_was() {
    let moved = |times: u16| {
        let mut tunnel = detail(1);
        tunnel.status.moved = times;
        crate::cli::facts::facts(&tunnel).into_iter().find_map(|(name, said)| (name == "moved").then_some(said))
    };
    assert_eq!([0, 1, 2].map(moved), [None, Some("1 time".to_owned()), Some("2 times".to_owned())]);
}

#[test]
fn everything_of_a_tunnel_can_be_scrolled_to_its_end_on_a_narrow_screen() {
    let mut model = model();
    pressed(&mut model, KeyCode::Enter);
    model.handle(News::Detail { id: 1, answer: Ok(detail(1)) }, Instant::now());
    let everything = detail(1);
    let (_, last) = crate::cli::facts::facts(&everything).pop().unwrap();
    let last = last.rsplit(' ').next().unwrap();
    for _ in 0..200 {
        pressed(&mut model, KeyCode::Down);
    }
    let end = shown(&mut model, (28, 12));
    assert!(end.contains(last), "{last}:\n{end}");
    pressed(&mut model, KeyCode::Up);
    assert_ne!(shown(&mut model, (28, 12)), end, "the first key back is seen");
}

#[test]
fn the_title_says_what_is_shown_until_what_is_asked_for_has_come() {
    let mut model = model();
    model.is_paused = true;
    for key in ['s', '/', 'x'] {
        typed(&mut model, key);
    }
    pressed(&mut model, KeyCode::Enter);
    let before = shown(&mut model, (120, 24));
    assert!(before.contains("next: by buffered, most first  /x; now: 12 of 9000 by rate, most first"), "{before}");
    assert!(before.contains("MSG/S ▼"), "{before}");
    model.is_paused = false;
    tell_tunnels(&mut model, 12);
    let after = shown(&mut model, (120, 24));
    assert!(after.contains("12 of 9000 by buffered, most first  /x ─") && after.contains("WAITING ▼"), "{after}");
}

#[test]
fn an_empty_page_says_why_it_is() {
    let mut model = model();
    let none = |open| crate::admin::TunnelList { tunnels: Vec::new(), open, ..tunnels(1) };
    for (open, words) in [(0, "no tunnel is open"), (7, "none is like that")] {
        tell(&mut model, Ok(none(open)));
        assert!(shown(&mut model, (80, 24)).contains(words), "{words}");
    }
    tell_tunnels(&mut model, 12);
    pressed(&mut model, KeyCode::PageDown);
    tell(&mut model, Ok(none(7)));
    let shown = shown(&mut model, (80, 24));
    assert!(shown.contains("of this page have ended: Home leads to the first"), "{shown}");
}

#[test]
fn before_anything_is_known_it_says_where_it_asks() {
    let mut model = Model::new("unix:/run/a.sock".into(), Duration::from_secs(1), String::new());
    let shown = shown(&mut model, (80, 10));
    assert!(shown.contains("! asking at unix:/run/a.sock …") && shown.contains("2 Tunnels"), "{shown}");
}

#[test]
fn as_many_tunnels_are_asked_for_as_there_is_room_for() {
    let mut model = model();
    for (size, limit) in [((120, 24), 10), ((120, 60), 46), ((20, 5), 1)] {
        shown(&mut model, size);
        assert!(model.wanted().path.ends_with(&format!("limit={limit}")), "{size:?}: {}", model.wanted().path);
    }
}

#[test]
fn there_is_no_colour_where_nobody_wants_it_and_few_of_the_sixteen_where_there_are() {
    let colours = |palette| {
        let mut model = model();
        typed(&mut model, 'x');
        let frame = drawn(&mut model, (120, 40), palette);
        frame
            .content
            .into_iter()
            .flat_map(|cell| [cell.fg, cell.bg])
            .filter(|it| *it != Color::Reset)
            .collect::<Vec<_>>()
    };
    assert_eq!(colours(Palette::Plain), []);
    let some = colours(Palette::Colours);
    assert!(some.iter().all(|it| matches!(it, Color::Red | Color::Green | Color::Magenta)), "{some:?}");
    assert!(some.contains(&Color::Green) && some.contains(&Color::Red) && some.contains(&Color::Magenta));
}

fn key() -> impl Strategy<Value = KeyCode> {
    prop_oneof![
        8 => prop::sample::select("12sSrjkgGduxypq?/ \u{202e}".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Up, KeyCode::Down, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End,
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Backspace,
        ]),
    ]
}

/// What may come meanwhile.
fn happen(model: &mut Model, what: u8) {
    let now = Instant::now();
    match what % 8 {
        0 => tell_tunnels(model, u64::from(what)),
        1 => model.handle(News::Seen(Box::new(seen(u64::from(what)))), now),
        2 => model.handle(News::Lost("the connection broke: \u{9b}31m".into()), now),
        3 => model.handle(News::Done(Said::Refused("no".repeat(what.into()))), now),
        4 => model.handle(News::Seen(Box::default()), now),
        5 => {
            tell(model, Err("sort: write age".into()));
        }
        6 => {
            if let Overlay::Detail { id, .. } = model.overlay {
                model.handle(News::Detail { id, answer: Ok(detail(id)) }, now);
            }
        }
        _ => {
            let mut odd = tunnels(3);
            for it in &mut odd.tunnels {
                (it.client, it.route, it.rate) = ("漢\u{202e}\u{1b}[2J".repeat(9), String::new(), None);
            }
            tell(model, Ok(odd));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_key_and_no_news_and_no_size_makes_it_panic_or_paint(
        steps in prop::collection::vec((key(), any::<u8>(), 1_u16..140, 1_u16..50), 1..40)
    ) {
        let mut model = Model::new("127.0.0.1:9900".into(), Duration::from_secs(1), String::new());
        for (code, what, width, height) in steps {
            pressed(&mut model, code);
            happen(&mut model, what);
            let frame = shown(&mut model, (width, height));
            prop_assert!(!frame.replace('\n', "").contains(char::is_control));
            let is_turned = frame.contains('\u{202e}');
            prop_assert!(!is_turned);
            prop_assert!((1..=50).contains(&model.rows), "{}", model.rows);
        }
    }
}
