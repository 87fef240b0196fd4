//! The line above a list: which it is, and how it stands.

use ratatui::text::{Line, Span};

use super::palette::Palette;

/// A sign beside the name says which list the keys are about.
pub(super) fn title(name: &str, notes: &str, is_focused: bool, palette: Palette, width: u16) -> Line<'static> {
    let sign = if is_focused { "▶ " } else { "  " };
    let name_style = if is_focused { Palette::title() } else { palette.quiet() };
    let text = format!("{sign}{name}");
    let notes = format!("  {notes} ");
    let rule = usize::from(width).saturating_sub(Span::raw(&*text).width() + Span::raw(&*notes).width());
    Line::from(vec![Span::styled(text, name_style), Span::raw(notes), Span::styled("─".repeat(rule), palette.quiet())])
}
