//! The list of tunnels: a page of it, as the process has sorted it.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::palette::Palette;
use super::sheet::{Cell, Column, Sheet, cell, column, plain};
use super::title::title;
use crate::admin::{SortOrder, TunnelList, TunnelSort, TunnelStatus};
use crate::cli::amounts::{bytes, sum};
use crate::cli::top::choice::Choice;
use crate::cli::top::listed::{Asked, Listed};
use crate::cli::top::model::{Model, Pane};
use crate::cli::top::text::{self, Side, byte_rate, harmless, number, rate, short_time};

/// The lines above the rows.
const ABOVE: usize = 2;

/// How many tunnels fit.
pub(super) fn rows_in(area: Rect) -> usize {
    usize::from(area.height).saturating_sub(ABOVE).max(1)
}

pub(super) fn lines(model: &Model, palette: Palette, area: Rect) -> Vec<Line<'static>> {
    let is_focused = model.pane == Pane::Tunnels;
    let mut lines = vec![title("2 Tunnels", &notes(model), is_focused, palette, area.width)];
    let Some(Listed { asked, answer }) = &model.tunnels else { return lines };
    let list = match answer {
        Ok(list) => list,
        Err(why) => {
            lines.extend(text::lines(&format!("! {why}"), palette.bad(), area.width.into()));
            return lines;
        }
    };
    if list.tunnels.is_empty() {
        lines.push(Line::styled(nothing(list, asked), palette.quiet()));
        return lines;
    }
    let at = model.tunnel.position(&model.tunnel_keys());
    let room = rows_in(area);
    let offset = Choice::offset(at, list.tunnels.len(), room);
    let rows = list.tunnels.iter().skip(offset).take(room).map(|it| cells(it, asked.order.0, palette));
    let sheet = Sheet {
        columns: columns(asked.order),
        rows: rows.collect(),
        chosen: at.filter(|_| is_focused).map(|at| at.saturating_sub(offset)),
    };
    lines.extend(sheet.lines(area.width.into()));
    lines
}

/// Why there is no row.
fn nothing(list: &TunnelList, asked: &Asked) -> &'static str {
    if list.open == 0 {
        "no tunnel is open"
    } else if asked.page > 1 {
        "the tunnels of this page have ended: Home leads to the first page"
    } else {
        "none is like that"
    }
}

/// What is shown; and what is to be, where its answer has not come yet.
fn notes(model: &Model) -> String {
    let wanted = model.asked();
    let shown = model.tunnels.as_ref().map_or(&wanted, |it| &it.asked);
    let mut notes = described(shown);
    if let Some(list) = model.tunnel_list() {
        notes = format!("{} of {} {notes}", list.tunnels.len(), list.matching);
        if shown.page > 1 {
            notes = format!("page {}, {notes}", shown.page);
        }
        if list.matching < list.open {
            notes += &format!(", of {} that are open", list.open);
        }
        let elsewhere: usize = list.not_listed.iter().filter_map(|it| it.tunnels).sum();
        if elsewhere > 0 {
            notes += &format!("; {elsewhere} more in processes that handed over");
        }
    }
    if *shown != wanted {
        let page = if shown.page == wanted.page { String::new() } else { format!("page {}, ", wanted.page) };
        notes = format!("next: {page}{}; now: {notes}", described(&wanted));
    }
    notes
}

fn described(Asked { order: (sort, order), filter, .. }: &Asked) -> String {
    let direction = if *order == SortOrder::Descending { "most first" } else { "least first" };
    let filter = if filter.is_empty() { String::new() } else { format!("  /{}", harmless(filter)) };
    format!("by {}, {direction}{filter}", sort.as_str())
}

fn columns((sort, order): (TunnelSort, SortOrder)) -> Vec<Column> {
    let sign = if order == SortOrder::Descending { "▼" } else { "▲" };
    let name = |by: TunnelSort, name: &str| if by == sort { format!("{name} {sign}") } else { name.to_owned() };
    let mut columns = vec![
        column("TUNNEL", Side::Right, 20, 0),
        column("CLIENT", Side::Left, 39, 0),
        column("ROUTE", Side::Left, 24, 3),
        column("ENDPOINT", Side::Left, 32, 1),
        column(name(TunnelSort::Age, "AGE"), Side::Right, 8, 5),
        column(name(TunnelSort::Idle, "QUIET"), Side::Right, 8, 4),
        column(name(TunnelSort::Rate, "MSG/S"), Side::Right, 8, 0),
        column("BYTES/S", Side::Right, 10, 2),
        column("PING", Side::Right, 8, 6),
    ];
    match sort {
        TunnelSort::Age | TunnelSort::Idle | TunnelSort::Rate => {}
        TunnelSort::Bytes => columns.push(column(name(sort, "BYTES"), Side::Right, 10, 0)),
        TunnelSort::Messages => columns.push(column(name(sort, "MESSAGES"), Side::Right, 10, 0)),
        TunnelSort::Buffered => columns.push(column(name(sort, "WAITING"), Side::Right, 10, 0)),
    }
    columns.push(column("", Side::Left, 6, 1));
    columns
}

fn cells(it: &TunnelStatus, sort: TunnelSort, palette: Palette) -> Vec<Cell> {
    let (messages, bytes_now) = it.rate.map_or_else(
        || ("?".to_owned(), "?".to_owned()),
        |it| (rate(it.messages_per_second), byte_rate(it.bytes_per_second)),
    );
    let ping = it.ping_ms.client.map_or_else(|| "–".to_owned(), |time| format!("{time:.0} ms"));
    let mut cells = vec![
        plain(it.id.to_string()),
        plain(harmless(&it.client)),
        plain(harmless(&it.route)),
        plain(harmless(&format!("{}/{}", it.upstream, it.endpoint))),
        plain(short_time(it.age_seconds)),
        plain(short_time(it.idle_seconds)),
        plain(messages),
        plain(bytes_now),
        plain(ping),
    ];
    match sort {
        TunnelSort::Age | TunnelSort::Idle | TunnelSort::Rate => {}
        TunnelSort::Bytes => cells.push(plain(bytes(sum(it.bytes.from_client, it.bytes.from_upstream)))),
        TunnelSort::Messages => cells.push(plain(number(sum(it.messages.from_client, it.messages.from_upstream)))),
        TunnelSort::Buffered => {
            let waiting = sum(it.buffered_bytes.from_client.into(), it.buffered_bytes.from_upstream.into());
            cells.push(plain(bytes(waiting)));
        }
    }
    let (ending, style) = if it.is_ending { ("ending", palette.changing()) } else { ("", Style::new()) };
    cells.push(cell(ending, style));
    cells
}
