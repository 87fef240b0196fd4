//! What lies over the lists: help, a question, everything of one tunnel.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Widget, Wrap};

use super::help::HELP;
use super::palette::Palette;
use crate::cli::facts::facts;
use crate::cli::top::keys::HESITATION;
use crate::cli::top::model::{Model, Overlay};
use crate::cli::top::steering::Steering;

const WIDTH: u16 = 78;

pub(super) fn draw(frame: &mut Buffer, model: &mut Model, palette: Palette, now: Instant) {
    match &mut model.overlay {
        Overlay::Nothing | Overlay::Typing(_) => {}
        Overlay::Help => show(frame, " Help: any key leads back ", Text::from(HELP), 0),
        Overlay::Asking { steering, since } => {
            let takes_yes = now.saturating_duration_since(*since) >= HESITATION;
            show(frame, " Sure? ", question(steering, takes_yes, palette), 0);
        }
        Overlay::Detail { id, told, scroll } => {
            let text = match told {
                None => Text::from("…"),
                Some(Err(why)) => Text::styled(format!("! {why}"), palette.bad()),
                Some(Ok(tunnel)) => {
                    let facts = facts(tunnel);
                    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
                    let line = |(name, text): &(&str, String)| {
                        let name = Span::styled(format!("{name:width$}  "), Palette::title());
                        Line::from(vec![name, Span::raw(text.clone())])
                    };
                    facts.iter().map(line).collect()
                }
            };
            // Beyond the last line there is nothing to see.
            *scroll = (*scroll).min(u16::try_from(text.lines.len()).unwrap_or(u16::MAX).saturating_sub(1));
            show(frame, &format!(" Tunnel {id}: ↑ ↓ scroll, x close, any other key leads back "), text, *scroll);
        }
    }
}

fn question(steering: &Steering, takes_yes: bool, palette: Palette) -> Text<'static> {
    let mut name = steering.name();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    // The key is named once it is taken.
    let yes = if takes_yes {
        [Span::styled("y", Palette::title()), Span::raw(" does it; ")]
    } else {
        [Span::raw("…"), Span::raw(" ")]
    };
    let answer = Line::from_iter(
        yes.into_iter()
            .chain([Span::styled("any other key", Palette::title()), Span::raw(" leaves everything as it is")]),
    );
    Text::from(vec![
        Line::styled(format!("{name}?"), palette.bad()),
        answer,
        Line::default(),
        Line::from(steering.consequence()),
    ])
}

fn show(frame: &mut Buffer, title: &str, text: Text<'static>, scroll: u16) {
    let all = frame.area;
    let width = WIDTH.min(all.width);
    let inside = usize::from(width.saturating_sub(2)).max(1);
    let lines: usize = text.lines.iter().map(|line| wrapped(line, inside)).sum();
    let height = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2).min(all.height);
    let area = Rect { x: (all.width - width) / 2, y: (all.height - height) / 2, width, height };
    Clear.render(area, frame);
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: false }).scroll((scroll, 0));
    // Where there is no room for a frame, the words are what matters.
    let is_tiny = all.height < 8 || all.width < 30;
    if is_tiny {
        paragraph.render(area, frame);
    } else {
        paragraph.block(Block::bordered().title(title.to_owned())).render(area, frame);
    }
}

/// How many lines it takes at the most where words are not broken: what a word leaves empty is less than the longest there is.
fn wrapped(line: &Line<'_>, inside: usize) -> usize {
    let width = line.width();
    if width <= inside { 1 } else { width.div_ceil(inside) + width / (inside * 3) }
}
