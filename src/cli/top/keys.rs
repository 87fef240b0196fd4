//! What a key does.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use strum::VariantArray;

use super::choice::Move;
use super::endpoints::EndpointRow;
use super::filter;
use super::model::{Contact, Model, Overlay, Pane};
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

/// How long a question stands before it takes a yes: what is typed or pasted as a word (`proxy`, `ready`) comes faster than anybody reads.
pub(super) const HESITATION: Duration = Duration::from_millis(500);

pub(super) fn press(model: &mut Model, key: KeyEvent, now: Instant) -> Step {
    // An Esc with a letter right after it comes as that letter with Alt: who wanted out must not have said yes.
    let code = if !key.modifiers.contains(KeyModifiers::ALT) {
        key.code
    } else if matches!(model.overlay, Overlay::Asking { .. }) {
        KeyCode::Null
    } else {
        return Step::Nothing;
    };
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match code {
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
        Overlay::Nothing => press_in_lists(model, code, now),
        // Any key leads back.
        Overlay::Help => Step::Nothing,
        Overlay::Typing(text) => type_filter(model, text, code),
        Overlay::Asking { steering, since } if is_yes(code) && now.saturating_duration_since(since) < HESITATION => {
            model.overlay = Overlay::Asking { steering, since };
            Step::Nothing
        }
        Overlay::Asking { steering, .. } => confirm(model, steering, code),
        Overlay::Detail { id, told, scroll } => {
            let scroll = match code {
                KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
                KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
                KeyCode::Char('x') => {
                    // This one, whatever the list has become behind it.
                    let closing = told.as_ref().and_then(|told| told.as_ref().ok()).map(|it| close(&it.status));
                    return closing.map_or(Step::Nothing, |closing| ask(model, closing, now));
                }
                _ => return Step::Nothing,
            };
            model.overlay = Overlay::Detail { id, told, scroll };
            Step::Nothing
        }
    }
}

/// Takes what was pasted: only where text is typed is it one; nowhere is it keys.
pub(super) fn paste(model: &mut Model, pasted: &str) {
    if let Overlay::Typing(text) = &mut model.overlay {
        for character in pasted.chars().filter(|it| !it.is_control()) {
            if text.len() < LONGEST_FILTER {
                text.push(character);
            }
        }
    }
}

fn press_in_lists(model: &mut Model, code: KeyCode, now: Instant) -> Step {
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
        KeyCode::Char('d') => return ask_about_endpoint(model, Wish::Drain, now),
        KeyCode::Char('u') => return ask_about_endpoint(model, Wish::Undrain, now),
        KeyCode::Char('x') => return ask_to_close(model, now),
        _ => {}
    }
    Step::Nothing
}

fn type_filter(model: &mut Model, mut text: String, code: KeyCode) -> Step {
    match code {
        KeyCode::Enter => {
            if let Some(why) = filter::refused(&text).filter(|_| model.pane == Pane::Tunnels) {
                model.said = Some(Said::Refused(why));
                return Step::Nothing;
            }
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

fn is_yes(code: KeyCode) -> bool {
    matches!(code, KeyCode::Char('y' | 'Y'))
}

/// Only a `y` is a yes: what somebody typed for something else does nothing.
fn confirm(model: &mut Model, steering: Steering, code: KeyCode) -> Step {
    if !is_yes(code) {
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
                Move::First if !model.pages.is_empty() => {
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
        (Move::Up(_), _) => {
            let keys = model.tunnel_keys();
            model.tunnel.go(Move::First, &keys);
        }
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

fn ask_about_endpoint(model: &mut Model, wish: Wish, now: Instant) -> Step {
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
        now,
    )
}

fn ask_to_close(model: &mut Model, now: Instant) -> Step {
    if model.pane == Pane::Endpoints {
        model.said = Some(Said::Refused("choose the tunnel to close in the list of tunnels: 2 goes there".into()));
        return Step::Nothing;
    }
    let Some(id) = chosen_tunnel(model) else { return Step::Nothing };
    let found = model.tunnel_list().and_then(|list| list.tunnels.iter().find(|it| it.id == id)).cloned();
    found.map_or(Step::Nothing, |tunnel| ask(model, close(&tunnel), now))
}

fn close(tunnel: &TunnelStatus) -> Steering {
    Steering::Close { tunnel: tunnel.id, client: tunnel.client.clone(), route: tunnel.route.clone() }
}

fn ask(model: &mut Model, steering: Steering, now: Instant) -> Step {
    let name = steering.name();
    if model.may_steer == Some(false) {
        let why = format!("{} only looks, so it cannot {name}: ask at a unix socket, or show a token", model.place);
        model.said = Some(Said::Refused(why));
    } else if matches!(model.contact, Contact::Lost { .. }) {
        model.said = Some(Said::Refused(format!("nobody answers at {}: {name} when somebody does", model.place)));
    } else if let Some(under_way) = &model.under_way {
        let why = format!("{} is under way: {name} when that is done", under_way.name());
        model.said = Some(Said::Refused(why));
    } else {
        model.overlay = Overlay::Asking { steering, since: now };
    }
    Step::Nothing
}

/// Nothing is done to what slid under the cursor.
fn say_gone(model: &mut Model) {
    model.said = Some(Said::Refused("what was chosen is gone from the list: choose anew with ↑ ↓ Home".into()));
}

fn chosen_endpoint(model: &mut Model) -> Option<EndpointRow> {
    let mut rows = model.endpoint_rows();
    let names: Vec<_> = rows.iter().map(|row| row.name()).collect();
    let Some(at) = model.endpoint.found(&names) else {
        say_gone(model);
        return None;
    };
    (at < rows.len()).then(|| rows.swap_remove(at))
}

fn chosen_tunnel(model: &mut Model) -> Option<u64> {
    let Some(at) = model.tunnel.found(&model.tunnel_keys()) else {
        say_gone(model);
        return None;
    };
    model.tunnel_list()?.tunnels.get(at).map(|it| it.id)
}

#[cfg(test)]
mod tests;
