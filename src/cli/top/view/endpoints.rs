//! The list of endpoints: how many tunnels each has, and whether it takes more.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::palette::Palette;
use super::sheet::{Sheet, cell, column, plain};
use super::title::title;
use crate::admin::SortOrder;
use crate::cli::top::choice::Choice;
use crate::cli::top::endpoints::{EndpointRow, EndpointSort};
use crate::cli::top::model::{Model, Pane};
use crate::cli::top::text::{Side, harmless};

/// The lines above the rows.
const ABOVE: usize = 2;
const BAR: usize = 8;

/// How many lines all of it needs.
pub(super) fn height(model: &Model) -> usize {
    model.endpoint_rows().len().max(1) + ABOVE + 1
}

pub(super) fn lines(model: &Model, palette: Palette, area: Rect) -> Vec<Line<'static>> {
    let rows = model.endpoint_rows();
    let is_focused = model.pane == Pane::Endpoints;
    let names: Vec<_> = rows.iter().map(EndpointRow::name).collect();
    let at = model.endpoint.position(&names);
    let room = usize::from(area.height).saturating_sub(ABOVE);
    let offset = Choice::offset(at.filter(|_| is_focused), rows.len(), room);
    // All bars have one scale.
    let most = rows.iter().map(|row| row.tunnels).max().unwrap_or_default().max(1);
    let shown = rows.iter().skip(offset).take(room).map(|row| {
        let elsewhere = if row.elsewhere > 0 { format!(" ({} elsewhere)", row.elsewhere) } else { String::new() };
        vec![
            plain(harmless(&row.name())),
            plain(row.tunnels.to_string()),
            cell(bar(row.tunnels, most), palette.quiet()),
            plain(if row.change == 0 { "·".to_owned() } else { format!("{:+}", row.change) }),
            cell(row.state.clone(), palette.state(&row.state)),
            plain(row.address.clone()),
            plain(format!("{}{elsewhere}", row.why).trim().to_owned()),
        ]
    });
    let (sort, order) = model.endpoint_order;
    let sign = if order == SortOrder::Descending { "▼" } else { "▲" };
    let name = |by: EndpointSort, name: &str| if by == sort { format!("{name} {sign}") } else { name.to_owned() };
    let columns = vec![
        column(name(EndpointSort::Name, "ENDPOINT"), Side::Left, 32, 0),
        column(name(EndpointSort::Tunnels, "TUNNELS"), Side::Right, 9, 0),
        column("", Side::Left, BAR, 4),
        column(name(EndpointSort::Change, "LAST MIN"), Side::Right, 10, 3),
        column(name(EndpointSort::State, "STATE"), Side::Left, 10, 1),
        column("ADDRESS", Side::Left, 40, 5),
        column("", Side::Left, 60, 2),
    ];
    let mut notes = format!("{} by {}", rows.len(), sort_name(model.endpoint_order));
    if !model.endpoint_filter.is_empty() {
        notes += &format!(", with {:?} in their name", harmless(&model.endpoint_filter));
    }
    let sheet =
        Sheet { columns, rows: shown.collect(), chosen: at.filter(|_| is_focused).map(|at| at.saturating_sub(offset)) };
    let mut lines = vec![title("1 Endpoints", &notes, is_focused, palette, area.width)];
    lines.extend(sheet.lines(area.width.into()));
    lines
}

fn bar(tunnels: usize, most: usize) -> String {
    let filled = (tunnels.saturating_mul(BAR)).div_ceil(most).min(BAR);
    "█".repeat(filled) + &"·".repeat(BAR - filled)
}

fn sort_name((sort, order): (EndpointSort, SortOrder)) -> String {
    let name = match sort {
        EndpointSort::Place => "their order in the configuration",
        EndpointSort::Tunnels => "tunnels",
        EndpointSort::Change => "change in the last minute",
        EndpointSort::State => "state",
        EndpointSort::Name => "name",
    };
    if order == SortOrder::Ascending { format!("{name}, reversed") } else { name.to_owned() }
}
