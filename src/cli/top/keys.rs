//! What a key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use strum::VariantArray;

use super::choice::Move;
use super::endpoints::EndpointRow;
use super::model::{Model, Overlay, Pane};
use super::news::Said;
use super::steering::Steering;
use crate::admin::TunnelStatus;

/// What is to be done about it outside of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Quit,
    /// Give the terminal back until the shell says otherwise.
    Suspend,
    Steer(Steering),
}

/// How far a page goes in a list that is shown whole.
const PAGE: usize = 10;
/// How long a filter is at the most.
const LONGEST_FILTER: usize = 400;

pub(super) fn press(model: &mut Model, key: KeyEvent) -> Step {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Step::Quit,
            KeyCode::Char('z') => Step::Suspend,
            KeyCode::Char('u') => {
                if let Overlay::Typing(text) = &mut model.overlay {
                    text.clear();
                }
                Step::Nothing
            }
            _ => Step::Nothing,
        };
    }
    model.said = None;
    match std::mem::replace(&mut model.overlay, Overlay::Nothing) {
        Overlay::Nothing => press_in_lists(model, key.code),
        // Any key leads back.
        Overlay::Help => Step::Nothing,
        Overlay::Typing(text) => type_filter(model, text, key.code),
        Overlay::Asking(steering) => confirm(model, steering, key.code),
        Overlay::Detail { id, told, scroll } => {
            let scroll = match key.code {
                KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
                KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
                KeyCode::Char('x') => {
                    // This one, whatever the list has become behind it.
                    let closing = told.as_ref().and_then(|told| told.as_ref().ok()).map(|it| close(&it.status));
                    return closing.map_or(Step::Nothing, |closing| ask(model, closing));
                }
                _ => return Step::Nothing,
            };
            model.overlay = Overlay::Detail { id, told, scroll };
            Step::Nothing
        }
    }
}

fn press_in_lists(model: &mut Model, code: KeyCode) -> Step {
    match code {
        KeyCode::Char('q') | KeyCode::Esc => return Step::Quit,
        KeyCode::Char('?' | 'h') => model.overlay = Overlay::Help,
        KeyCode::Char('/') => model.overlay = Overlay::Typing(model.filter().clone()),
        KeyCode::Char('p') | KeyCode::Char(' ') => model.is_paused = !model.is_paused,
        KeyCode::Tab | KeyCode::BackTab => {
            model.pane = match model.pane {
                Pane::Endpoints => Pane::Tunnels,
                Pane::Tunnels => Pane::Endpoints,
            };
        }
        KeyCode::Char('1') => model.pane = Pane::Endpoints,
        KeyCode::Char('2') => model.pane = Pane::Tunnels,
        KeyCode::Char('s') => sort_by_next(model, Next::Forwards),
        KeyCode::Char('S') => sort_by_next(model, Next::Backwards),
        KeyCode::Char('r') => reverse(model),
        KeyCode::Up | KeyCode::Char('k') => go(model, Move::Up(1)),
        KeyCode::Down | KeyCode::Char('j') => go(model, Move::Down(1)),
        KeyCode::PageUp => go(model, Move::Up(PAGE)),
        KeyCode::PageDown => go(model, Move::Down(PAGE)),
        KeyCode::Home | KeyCode::Char('g') => go(model, Move::First),
        KeyCode::End | KeyCode::Char('G') => go(model, Move::Last),
        KeyCode::Enter => open_detail(model),
        KeyCode::Char('d') => return ask_about_endpoint(model, Wish::Drain),
        KeyCode::Char('u') => return ask_about_endpoint(model, Wish::Undrain),
        KeyCode::Char('x') => return ask_to_close(model),
        _ => {}
    }
    Step::Nothing
}

fn type_filter(model: &mut Model, mut text: String, code: KeyCode) -> Step {
    match code {
        KeyCode::Enter => {
            *model.filter() = text.trim().to_owned();
            model.pages.clear();
            return Step::Nothing;
        }
        KeyCode::Esc => return Step::Nothing,
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(character) if text.len() < LONGEST_FILTER => text.push(character),
        _ => {}
    }
    model.overlay = Overlay::Typing(text);
    Step::Nothing
}

/// Only a `y` is a yes: what somebody typed for something else does nothing.
fn confirm(model: &mut Model, steering: Steering, code: KeyCode) -> Step {
    if !matches!(code, KeyCode::Char('y' | 'Y')) {
        model.said = Some(Said::Done(format!("left as it is: {} was not confirmed", steering.name())));
        return Step::Nothing;
    }
    model.under_way = Some(steering.clone());
    Step::Steer(steering)
}

#[derive(Clone, Copy)]
enum Next {
    Forwards,
    Backwards,
}

fn sort_by_next(model: &mut Model, next: Next) {
    match model.pane {
        Pane::Endpoints => model.endpoint_order.0 = beside(model.endpoint_order.0, next),
        Pane::Tunnels => {
            model.tunnel_order.0 = beside(model.tunnel_order.0, next);
            model.pages.clear();
        }
    }
}

fn beside<T: VariantArray + Copy + PartialEq>(now: T, next: Next) -> T {
    let all = T::VARIANTS;
    let at = all.iter().position(|it| *it == now).unwrap_or_default();
    let to = match next {
        Next::Forwards => at + 1,
        Next::Backwards => at + all.len() - 1,
    };
    all.get(to % all.len()).copied().unwrap_or(now)
}

fn reverse(model: &mut Model) {
    match model.pane {
        Pane::Endpoints => model.endpoint_order.1 = model.endpoint_order.1.reversed(),
        Pane::Tunnels => {
            model.tunnel_order.1 = model.tunnel_order.1.reversed();
            model.pages.clear();
        }
    }
}

fn go(model: &mut Model, to: Move) {
    match model.pane {
        Pane::Endpoints => {
            let names: Vec<_> = model.endpoint_rows().iter().map(|row| row.name()).collect();
            model.endpoint.go(to, &names);
        }
        Pane::Tunnels => {
            let keys = model.tunnel_keys();
            match to {
                Move::First => {
                    model.pages.clear();
                    model.tunnel.put(0);
                }
                // A page is what the screen shows.
                Move::Up(PAGE) | Move::Down(PAGE) => turn_page(model, to),
                to => {
                    if !model.tunnel.go(to, &keys) {
                        turn_page(model, to);
                    }
                }
            }
        }
    }
}

/// Beyond the end of a page is the next one.
fn turn_page(model: &mut Model, to: Move) {
    let next = model.tunnel_list().and_then(|list| list.next.clone());
    match (to, next) {
        // It has been asked for already.
        (Move::Down(_), Some(next)) if model.pages.last() != Some(&next) => {
            model.pages.push(next);
            model.tunnel.put(0);
        }
        (Move::Up(_), _) if model.pages.pop().is_some() => model.tunnel.put(usize::MAX),
        (Move::Up(_), _) => model.tunnel.put(0),
        _ => {}
    }
}

fn open_detail(model: &mut Model) {
    let id = match model.pane {
        Pane::Tunnels => chosen_tunnel(model),
        Pane::Endpoints => {
            // Everything of an endpoint is its tunnels.
            if let Some(row) = chosen_endpoint(model) {
                model.tunnel_filter = format!("endpoint={}", row.name());
                model.pages.clear();
                model.pane = Pane::Tunnels;
            }
            None
        }
    };
    if let Some(id) = id {
        model.overlay = Overlay::Detail { id, told: None, scroll: 0 };
    }
}

#[derive(Clone, Copy)]
enum Wish {
    Drain,
    Undrain,
}

fn ask_about_endpoint(model: &mut Model, wish: Wish) -> Step {
    let what = match wish {
        Wish::Drain => "drain",
        Wish::Undrain => "take back",
    };
    let chosen = match model.pane {
        Pane::Endpoints => chosen_endpoint(model),
        Pane::Tunnels => {
            model.said = Some(Said::Refused(format!("choose the endpoint to {what} in its own list: 1 goes there")));
            return Step::Nothing;
        }
    };
    let Some(row) = chosen else { return Step::Nothing };
    let (upstream, endpoint) = (row.upstream, row.endpoint);
    ask(
        model,
        match wish {
            Wish::Drain => Steering::Drain { upstream, endpoint, tunnels: row.tunnels },
            Wish::Undrain => Steering::Undrain { upstream, endpoint },
        },
    )
}

fn ask_to_close(model: &mut Model) -> Step {
    if model.pane == Pane::Endpoints {
        model.said = Some(Said::Refused("choose the tunnel to close in the list of tunnels: 2 goes there".into()));
        return Step::Nothing;
    }
    let Some(id) = chosen_tunnel(model) else { return Step::Nothing };
    let found = model.tunnel_list().and_then(|list| list.tunnels.iter().find(|it| it.id == id)).cloned();
    found.map_or(Step::Nothing, |tunnel| ask(model, close(&tunnel)))
}

fn close(tunnel: &TunnelStatus) -> Steering {
    Steering::Close { tunnel: tunnel.id, client: tunnel.client.clone(), route: tunnel.route.clone() }
}

fn ask(model: &mut Model, steering: Steering) -> Step {
    let name = steering.name();
    if model.may_steer == Some(false) {
        let why = format!("{} only looks, so it cannot {name}: ask at a unix socket, or show a token", model.place);
        model.said = Some(Said::Refused(why));
    } else if let Some(under_way) = &model.under_way {
        let why = format!("{} is under way: {name} when that is done", under_way.name());
        model.said = Some(Said::Refused(why));
    } else {
        model.overlay = Overlay::Asking(steering);
    }
    Step::Nothing
}

fn chosen_endpoint(model: &Model) -> Option<EndpointRow> {
    let mut rows = model.endpoint_rows();
    let names: Vec<_> = rows.iter().map(|row| row.name()).collect();
    let at = model.endpoint.position(&names)?;
    (at < rows.len()).then(|| rows.swap_remove(at))
}

fn chosen_tunnel(model: &Model) -> Option<u64> {
    let at = model.tunnel.position(&model.tunnel_keys())?;
    model.tunnel_list()?.tunnels.get(at).map(|it| it.id)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::news::News;
    use super::super::samples::{detail, model, pressed, tell_tunnels, typed};
    use super::*;

    #[test]
    fn an_endpoint_is_drained_only_by_a_yes_to_its_name() {
        let mut model = model();
        typed(&mut model, '1');
        pressed(&mut model, KeyCode::Down);
        typed(&mut model, 'd');
        let Overlay::Asking(steering) = model.overlay.clone() else { panic!("it asks") };
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
        assert_eq!(press(&mut model, control('c')), Step::Quit);
        assert_eq!(press(&mut model, control('z')), Step::Suspend);
    }
}
