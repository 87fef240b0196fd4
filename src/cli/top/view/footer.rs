//! The last lines: what came of what somebody did, or which keys there are.

use ratatui::text::{Line, Span};

use super::palette::Palette;
use crate::cli::top::model::{Model, Overlay, Pane};
use crate::cli::top::news::Said;
use crate::cli::top::text::{self, harmless};

pub(super) fn lines(model: &Model, palette: Palette, room: usize) -> Vec<Line<'static>> {
    if let Overlay::Typing(text) = &model.overlay {
        let hint = match model.pane {
            Pane::Endpoints => "a part of the name",
            Pane::Tunnels => "ROUTE, UPSTREAM/NAME, an address, min-idle=5min, NAME=VALUE of a claim",
        };
        let typed = Span::styled(format!("/{}▏", harmless(text)), Palette::title());
        let hint = Span::styled(format!("   {hint}; Enter takes it, Esc does not"), palette.quiet());
        return vec![Line::from(vec![typed, hint])];
    }
    if let Some(steering) = &model.under_way {
        return text::lines(&format!("{} …", steering.name()), palette.changing(), room);
    }
    match &model.said {
        Some(Said::Done(said)) => text::lines(said, Palette::title(), room),
        Some(Said::Refused(said)) => text::lines(&format!("! {said}"), palette.bad(), room),
        None => vec![keys(model)],
    }
}

fn keys(model: &Model) -> Line<'static> {
    let of_list: &[(&str, &str)] = match model.pane {
        Pane::Endpoints => &[("d", "drain"), ("u", "take back"), ("Enter", "its tunnels")],
        Pane::Tunnels => &[("x", "close"), ("Enter", "everything")],
    };
    let for_all = [
        ("?", "help"),
        ("q", "quit"),
        ("Tab", "other list"),
        ("s", "sort"),
        ("r", "reverse"),
        ("/", "filter"),
        ("p", if model.is_paused { "go on" } else { "pause" }),
    ];
    let keys = of_list.iter().copied().chain(for_all);
    let spans = keys.flat_map(|(key, does)| [Span::styled(key, Palette::title()), Span::raw(format!(" {does}  "))]);
    Line::from(spans.collect::<Vec<_>>())
}
