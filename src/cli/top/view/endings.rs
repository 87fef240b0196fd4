//! Why tunnels ended in the last minute: by cause, by who began it, by close code.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::header::last_minute;
use super::palette::Palette;
use super::sheet::{Sheet, column, plain};
use super::title::title;
use crate::cli::top::model::Model;
use crate::cli::top::text::{Side, harmless, number};

const ABOVE: usize = 2;

/// How many lines all of it needs.
pub(super) fn height(model: &Model) -> usize {
    model.measure.endings().len().max(1) + ABOVE + 1
}

pub(super) fn lines(model: &Model, palette: Palette, area: Rect) -> Vec<Line<'static>> {
    let endings = model.measure.endings();
    let room = usize::from(area.height).saturating_sub(ABOVE);
    let span = last_minute(model.measure.seconds());
    let mut lines = vec![title("Endings", &span, false, palette, area.width)];
    if endings.is_empty() {
        lines.push(Line::styled("none", palette.quiet()));
        return lines;
    }
    let rows = endings.iter().take(room).map(|it| {
        vec![plain(number(it.count)), plain(harmless(&it.outcome)), plain(harmless(&it.by)), plain(harmless(&it.code))]
    });
    let columns = vec![
        column("TIMES", Side::Right, 6, 0),
        column("CAUSE", Side::Left, 20, 0),
        column("BY", Side::Left, 8, 1),
        column("CODE", Side::Left, 5, 0),
    ];
    lines.extend(Sheet { columns, rows: rows.collect(), chosen: None }.lines(area.width.into()));
    lines
}
