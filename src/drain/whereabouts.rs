//! Whether a tunnel goes on here, or is about to move to another process.
//!
//! ```text
//!            ask             note_frozen            note_left
//!   Here ─────────▶ Asked ──────────────▶ Frozen ─────────────▶ Left
//!    ▲ ◀────────── │   ▲                    │
//!    │   decline   │   │ ask                │ resume
//!    │    withdraw ▼   │                    │
//!    └────────── Resumed ◀──────────────────┘
//!       settle
//! ```
//!
//! Two move it: whoever moves tunnels (`ask`, `withdraw`, `resume`, `note_left`), and the task of the tunnel (`note_frozen`,
//! `decline`, `settle`). Invariant: `Left` is for good.

use std::sync::atomic::{AtomicU8, Ordering};

use strum::FromRepr;

/// Where a tunnel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRepr)]
#[repr(u8)]
pub enum Whereabouts {
    /// It goes on here.
    Here,
    /// It is to stand still between two of its polls, and to say all that is known of it.
    Asked,
    /// It stands still, and has said that.
    Frozen,
    /// Another process goes on with it.
    Left,
    /// It is to go on here after all, and has not done so yet.
    Resumed,
}

/// The same, shared by the two who move it.
#[derive(Debug)]
pub(super) struct WhereaboutsCell(AtomicU8);

impl WhereaboutsCell {
    pub(super) fn here() -> Self {
        Self(AtomicU8::new(Whereabouts::Here as u8))
    }

    /// Whether there is nothing to be looked at: it goes on here, and nobody has asked.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Whereabouts::Here as u8
    }

    pub(super) fn get(&self) -> Whereabouts {
        // It holds nothing else than is written below.
        Whereabouts::from_repr(self.0.load(Ordering::Acquire)).unwrap_or(Whereabouts::Here)
    }

    /// Moves on from one of `from`; says whether it was there.
    pub(super) fn step(&self, from: &[Whereabouts], to: Whereabouts) -> bool {
        from.iter()
            .any(|from| self.0.compare_exchange(*from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_read_as_it_was_written_and_none_is_left_by_a_step_from_elsewhere() {
        use Whereabouts::{Asked, Frozen, Here, Left, Resumed};
        let cell = WhereaboutsCell::here();
        for (from, to) in [(Here, Asked), (Asked, Frozen), (Frozen, Resumed), (Resumed, Here), (Here, Left)] {
            assert!(!cell.step(&[Left], to) && cell.get() == from);
            assert_eq!(cell.is_here(), from == Here);
            assert!(cell.step(&[Left, from], to) && cell.get() == to);
        }
    }
}
