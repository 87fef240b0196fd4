//! The whole: what stands where, in a frame of any size.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::palette::Palette;
use super::sheet::row;
use super::{endings, endpoints, footer, header, overlay, tunnels};
use crate::cli::top::model::{Model, Pane};

/// The frame from which on both lists are shown, and the endings stand beside the endpoints.
const BOTH_FROM: u16 = 14;
const TINY_BELOW: u16 = 8;
const MOST_AT_FOOT: u16 = 3;
const WIDE_FROM: u16 = 110;
const WIDTH_OF_ENDINGS: u16 = 44;

/// Draws everything; the model learns how many tunnels there is room for.
pub(in crate::cli::top) fn draw(frame: &mut Buffer, model: &mut Model, palette: Palette, now: Instant) {
    let area = frame.area;
    let lines = header::lines(model, palette, now, area.width.into());
    // A list is worth more than the last lines of a header.
    let most = if area.height < TINY_BELOW { 1 } else { usize::from(area.height / 2) };
    let head = lines.len().min(most);
    let (head, rest) = split(area, u16::try_from(head).unwrap_or(u16::MAX));
    let last = footer::lines(model, palette, area.width.into());
    let most = if area.height < TINY_BELOW { 1 } else { MOST_AT_FOOT };
    let (body, foot) = split(rest, rest.height.saturating_sub(u16::try_from(last.len()).unwrap_or(u16::MAX).min(most)));
    render(frame, head, lines);
    let (above, below) = lists(model, body);
    model.rows = tunnels::rows_in(below);
    let is_wide = above.width >= WIDE_FROM;
    let (left, right) = if is_wide {
        let width = above.width - WIDTH_OF_ENDINGS;
        (Rect { width, ..above }, Rect { x: above.x + width, width: WIDTH_OF_ENDINGS, ..above })
    } else {
        (above, Rect { width: 0, ..above })
    };
    // One column stays empty between the two.
    let left = Rect { width: left.width.saturating_sub(u16::from(is_wide) * 2), ..left };
    render(frame, left, endpoints::lines(model, palette, left));
    render(frame, right, endings::lines(model, palette, right));
    render(frame, below, tunnels::lines(model, palette, below));
    render(frame, foot, last);
    overlay::draw(frame, model, palette, now);
}

/// Where the endpoints are, and where the tunnels; one of the two has nothing where there is room for one list only.
fn lists(model: &Model, body: Rect) -> (Rect, Rect) {
    if body.height < BOTH_FROM {
        let nothing = Rect { height: 0, ..body };
        return match model.pane {
            Pane::Endpoints => (body, nothing),
            Pane::Tunnels => (nothing, body),
        };
    }
    let wanted = (endpoints::height(model)).max(if body.width >= WIDE_FROM { endings::height(model) } else { 0 });
    let most = match model.pane {
        Pane::Endpoints => body.height * 3 / 5,
        Pane::Tunnels => body.height * 2 / 5,
    };
    split(body, u16::try_from(wanted).unwrap_or(u16::MAX).min(most))
}

/// The upper part of so many rows, and the rest.
fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let below = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, below)
}

fn render(frame: &mut Buffer, area: Rect, lines: Vec<Line<'static>>) {
    for (number, line) in lines.into_iter().take(area.height.into()).enumerate() {
        line.render(row(area, number), frame);
    }
}
