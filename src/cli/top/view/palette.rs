//! Colours, where there are any: few of the sixteen, which terminals show rightly on light and on dark ground.

use ratatui::style::{Color, Modifier, Style};

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Palette {
    Colours,
    /// `NO_COLOR`, or a terminal that has none: bold, underlined and reversed only.
    Plain,
}

impl Palette {
    /// All is well.
    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    /// Something is on its way, and somebody wanted it so.
    pub(super) fn changing(self) -> Style {
        self.coloured(Color::Magenta)
    }

    /// Somebody has to look.
    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What leads the eye: titles, and what keys are named.
    pub(super) fn title() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn chosen() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What is read when it is looked for.
    pub(super) fn quiet(self) -> Style {
        match self {
            Self::Colours => Style::new().add_modifier(Modifier::DIM),
            Self::Plain => Style::new(),
        }
    }

    /// The style of a state of an endpoint.
    pub(super) fn state(self, state: &str) -> Style {
        match state {
            "eligible" => self.good(),
            "drained" | "leaving" => self.changing(),
            _ => self.bad(),
        }
    }

    fn coloured(self, colour: Color) -> Style {
        match self {
            Self::Colours => Style::new().fg(colour),
            Self::Plain => Style::new(),
        }
    }
}
