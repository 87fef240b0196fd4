//! A list in columns: as wide as what stands in them, and without those that matter least where there is no room.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::palette::Palette;
use crate::cli::top::text::{Side, fit, width};

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) title: String,
    pub(super) side: Side,
    /// How wide it gets at the most.
    pub(super) most: usize,
    /// Those with the highest number go first; 0 stays.
    pub(super) rank: u8,
}

/// What stands in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Rows under their titles.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Which row is chosen.
    pub(super) chosen: Option<usize>,
}

const BETWEEN: usize = 2;

pub(super) fn column(title: impl Into<String>, side: Side, most: usize, rank: u8) -> Column {
    Column { title: title.into(), side, most, rank }
}

pub(super) fn cell(text: impl Into<String>, style: Style) -> Cell {
    Cell { text: text.into(), style }
}

pub(super) fn plain(text: impl Into<String>) -> Cell {
    cell(text, Style::new())
}

impl Sheet {
    /// The line of titles, and the rows.
    pub(super) fn lines(&self, room: usize) -> Vec<Line<'static>> {
        let widths = self.widths(room);
        let titles = self.columns.iter().map(|it| cell(it.title.clone(), Palette::title())).collect::<Vec<_>>();
        let mut lines = vec![self.line(&titles, &widths, room)];
        for (at, row) in self.rows.iter().enumerate() {
            let line = self.line(row, &widths, room);
            lines.push(if self.chosen == Some(at) { line.style(Palette::chosen()) } else { line });
        }
        lines
    }

    /// How wide each is; `None` where it has no room.
    fn widths(&self, room: usize) -> Vec<Option<usize>> {
        let mut widths: Vec<_> = (0..self.columns.len()).map(|at| Some(self.widest(at))).collect();
        let taken = |widths: &[Option<usize>]| widths.iter().flatten().map(|it| it + BETWEEN).sum::<usize>();
        while taken(&widths) > room + BETWEEN {
            let shown = self.columns.iter().zip(&widths).enumerate();
            let droppable = shown.filter(|(_, (it, width))| it.rank > 0 && width.is_some());
            let Some((least, _)) = droppable.max_by_key(|(_, (it, _))| it.rank) else { break };
            if let Some(width) = widths.get_mut(least) {
                *width = None;
            }
        }
        widths
    }

    fn widest(&self, at: usize) -> usize {
        let Some(column) = self.columns.get(at) else { return 0 };
        let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| width(&cell.text));
        cells.chain([width(&column.title)]).max().unwrap_or_default().min(column.most.max(width(&column.title)))
    }

    fn line(&self, cells: &[Cell], widths: &[Option<usize>], room: usize) -> Line<'static> {
        let mut spans = Vec::new();
        for ((cell, column), width) in cells.iter().zip(&self.columns).zip(widths) {
            let Some(width) = width else { continue };
            spans.push(Span::styled(fit(&cell.text, *width, column.side), cell.style));
            spans.push(Span::raw(" ".repeat(BETWEEN)));
        }
        spans.pop();
        let taken: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::raw(" ".repeat(room.saturating_sub(taken))));
        Line::from(spans)
    }
}

/// The part of an area in which its line of this number stands.
pub(super) fn row(area: Rect, number: usize) -> Rect {
    let number = u16::try_from(number).unwrap_or(u16::MAX).min(area.height);
    let height = 1.min(area.height - number);
    Rect { y: area.y.saturating_add(number), height, ..area }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_matter_least_go_first() {
        let columns =
            vec![column("ID", Side::Right, 9, 0), column("WHY", Side::Left, 20, 2), column("N", Side::Right, 9, 1)];
        let rows = vec![vec![plain("4711"), plain("because of that"), plain("12")]];
        let sheet = Sheet { columns, rows, chosen: None };
        let text = |room| sheet.lines(room).iter().map(|line| line.to_string()).collect::<Vec<_>>();
        assert_eq!(text(30), ["  ID  WHY               N     ", "4711  because of that  12     "]);
        assert_eq!(text(12), ["  ID   N    ", "4711  12    "]);
        assert_eq!(text(5), ["  ID ", "4711 "]);
    }
}
