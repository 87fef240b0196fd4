//! Frames of several sizes and states, as text.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Color;

use super::draw;
use super::palette::Palette;
use crate::cli::top::model::{Model, Overlay};
use crate::cli::top::news::{News, Said};
use crate::cli::top::samples::{detail, model, pressed, seen, tell_tunnels, typed};

fn drawn(model: &mut Model, (width, height): (u16, u16), palette: Palette) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, palette, Instant::now())).unwrap();
    terminal
}

fn lines(model: &mut Model, size: (u16, u16)) -> Vec<String> {
    let terminal = drawn(model, size, Palette::Plain);
    let buffer = terminal.backend().buffer();
    let row = |y| (0..size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..size.1).map(|y| row(y).trim_end().to_owned()).collect()
}

#[test]
fn show() {
    let mut model = model();
    for size in [(120, 40), (80, 24), (40, 12), (20, 5)] {
        println!("{}", lines(&mut model, size).join("\n"));
    }
}
