//! What lies over the lists: help, a question, everything of one tunnel.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::help::HELP;
use super::palette::Palette;
use crate::cli::facts::facts;
use crate::cli::top::keys::HESITATION;
use crate::cli::top::model::{Model, Overlay};
use crate::cli::top::steering::Steering;
use crate::cli::top::text::{self, width, wrapped};

const WIDTH: u16 = 78;
/// How many columns the text beside a name needs; where there are fewer it stands below.
const BESIDE: usize = 16;

pub(super) fn draw(frame: &mut Buffer, model: &mut Model, palette: Palette, now: Instant) {
    let window = Window::in_the_middle_of(frame.area);
    match &mut model.overlay {
        Overlay::Nothing | Overlay::Typing(_) => {}
        Overlay::Help => {
            let lines = HELP.lines().flat_map(|line| plain(line, window.inside)).collect();
            window.show(frame, " Help: any key leads back ", lines, &mut 0);
        }
        Overlay::Asking { steering, since } => {
            let takes_yes = now.saturating_duration_since(*since) >= HESITATION;
            window.show(frame, " Sure? ", question(steering, takes_yes, palette, window.inside), &mut 0);
        }
        Overlay::Detail { id, told, scroll } => {
            let lines = match told {
                None => plain("…", window.inside),
                Some(Err(why)) => text::lines(&format!("! {why}"), palette.bad(), window.inside),
                Some(Ok(tunnel)) => everything(&facts(tunnel), window.inside),
            };
            let title = format!(" Tunnel {id}: ↑ ↓ scroll, x close, any other key leads back ");
            window.show(frame, &title, lines, scroll);
        }
    }
}

fn everything(facts: &[(&str, String)], inside: usize) -> Vec<Line<'static>> {
    let names = facts.iter().map(|(name, _)| width(name)).max().unwrap_or_default() + 2;
    let mut lines = Vec::new();
    for (name, text) in facts {
        match inside.checked_sub(names).filter(|beside| *beside >= BESIDE) {
            Some(beside) => {
                let mut name = format!("{name:names$}");
                for part in wrapped(text, beside) {
                    let after = " ".repeat(names);
                    let name = Span::styled(std::mem::replace(&mut name, after), Palette::title());
                    lines.push(Line::from(vec![name, Span::raw(part)]));
                }
            }
            None => {
                lines.extend(text::lines(name, Palette::title(), inside));
                lines.extend(plain(text, inside));
            }
        }
    }
    lines
}

fn question(steering: &Steering, takes_yes: bool, palette: Palette, inside: usize) -> Vec<Line<'static>> {
    let mut name = steering.name();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    // The key is named once it is taken.
    let yes = if takes_yes { "y does it; " } else { "… " };
    let mut lines = text::lines(&format!("{name}?"), palette.bad(), inside);
    lines.extend(text::lines(&format!("{yes}any other key leaves everything as it is"), Palette::title(), inside));
    lines.push(Line::default());
    lines.extend(plain(&steering.consequence(), inside));
    lines
}

fn plain(text: &str, inside: usize) -> Vec<Line<'static>> {
    text::lines(text, Style::new(), inside)
}

/// What lies over the lists.
struct Window {
    all: Rect,
    /// How many columns there are for text.
    inside: usize,
    has_frame: bool,
}

impl Window {
    fn in_the_middle_of(all: Rect) -> Self {
        // Where there is no room for a frame, the words are what matters.
        let has_frame = all.height >= 8 && all.width >= 30;
        let edges = if has_frame { 2 } else { 0 };
        Self { all, inside: usize::from(WIDTH.min(all.width).saturating_sub(edges)).max(1), has_frame }
    }

    /// Shows the lines from this one on, or the last that fill it: beyond them there is nothing to see.
    fn show(&self, frame: &mut Buffer, title: &str, lines: Vec<Line<'static>>, scroll: &mut u16) {
        let edges = if self.has_frame { 2 } else { 0 };
        let all = self.all;
        let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let (width, height) = (WIDTH.min(all.width), count.saturating_add(edges).min(all.height));
        *scroll = (*scroll).min(count.saturating_sub(height.saturating_sub(edges)));
        let area = Rect { x: all.x + (all.width - width) / 2, y: all.y + (all.height - height) / 2, width, height };
        Clear.render(area, frame);
        let paragraph = Paragraph::new(lines).scroll((*scroll, 0));
        if self.has_frame {
            paragraph.block(Block::bordered().title(title.to_owned())).render(area, frame);
        } else {
            paragraph.render(area, frame);
        }
    }
}
