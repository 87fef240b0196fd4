//! `POST /tap`: what an operator asks to see of a tunnel, and the lines that answer, each a JSON of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::parse_duration;
use crate::tap::{Content, Seen};
use crate::websocket::Direction;

/// `POST /tap`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TapRequest {
    /// The tunnel's number.
    pub tunnel: u64,
    /// Only what goes in this direction: `from_client` or `from_upstream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// How many bytes of each message are shown; 256 where it is left out, 65536 at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<usize>,
    /// How many bytes of all messages together; 1 MiB where it is left out, 64 MiB at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// For how long, such as `"30s"`, which it is where it is left out; an hour at the most.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum TapLine {
    /// It begins.
    Began {
        /// The tunnel's number.
        tunnel: u64,
        /// How much is shown: `headers` or `messages`, as `admin.tap` has it.
        level: String,
        /// For how long.
        for_seconds: f64,
    },
    /// A message, or a control frame, has passed.
    Seen(SeenLine),
    /// Something is missing here: it came faster than it was read.
    Missing,
    /// It is over.
    End {
        /// `time`, `bytes`, `ended` (the tunnel has) or `needed` (the process stops, or somebody else needs the connection).
        why: String,
    },
}

/// A message, or a control frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeenLine {
    /// When its end passed, after the tap began.
    pub seconds: f64,
    /// `from_client` or `from_upstream`.
    pub direction: String,
    /// `text`, `binary`, `ping`, `pong`, `close`, `rest` (of a message that began before), `opaque` or `raw`.
    pub kind: String,
    /// Bytes of payload, as they stood on the wire.
    pub bytes: u64,
    /// Frames that it consisted of.
    pub frames: u32,
    /// Whether it was compressed.
    pub compressed: bool,
    /// What it says, where that is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it says, in hexadecimal, where that is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Whether there is more of it than is shown.
    #[serde(default)]
    pub cut: bool,
    /// The code of a Close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Why what it says is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

/// What was asked for, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct TapBounds {
    pub(in crate::admin) direction: Option<Direction>,
    pub(in crate::admin) cut: usize,
    pub(in crate::admin) max_bytes: u64,
    pub(in crate::admin) time: Duration,
}

impl TapRequest {
    /// What it asks for.
    ///
    /// # Errors
    /// What makes no sense.
    pub(in crate::admin) fn understood(&self) -> Result<TapBounds, String> {
        let direction = match self.direction.as_deref() {
            None => None,
            Some("from_client") => Some(Direction::FromClient),
            Some("from_upstream") => Some(Direction::FromUpstream),
            Some(other) => return Err(format!("direction: {other:?} is none; write from_client or from_upstream")),
        };
        let time = self.time.as_deref().map(parse_duration).transpose().map_err(|wrong| format!("for: {wrong}"))?;
        let (cut, max_bytes, time) =
            (self.cut.unwrap_or(USUAL_CUT), self.max_bytes.unwrap_or(USUAL_BYTES), time.unwrap_or(USUAL_TIME));
        if cut > MOST_CUT {
            return Err(format!("cut: {cut} is too much; {MOST_CUT} bytes of a message are shown at the most"));
        }
        if max_bytes > MOST_BYTES {
            return Err(format!("max_bytes: {max_bytes} is too much; write {MOST_BYTES} at the most"));
        }
        if time.is_zero() || time > MOST_TIME {
            return Err("for: write something up to an hour, such as 30s".into());
        }
        Ok(TapBounds { direction, cut, max_bytes, time })
    }
}

impl SeenLine {
    /// The line about something that passed `at` so long after the beginning.
    pub(in crate::admin) fn of(seen: &Seen, at: Duration) -> Self {
        let line = Self {
            seconds: at.as_secs_f64(),
            direction: seen.direction.as_str().to_owned(),
            kind: seen.kind.as_str().to_owned(),
            bytes: seen.bytes,
            frames: seen.frames,
            compressed: seen.is_compressed,
            ..Self::default()
        };
        match &seen.content {
            Content::None => line,
            Content::Text { text, is_cut } => Self { text: Some(text.clone()), cut: *is_cut, ..line },
            Content::Bytes { bytes, is_cut } => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Self { hex: Some(hex), cut: *is_cut, ..line }
            }
            Content::Close { code, reason } => {
                Self { code: code.map(|code| code.get()), text: Some(reason.clone()), ..line }
            }
            Content::Hidden(hidden) => Self { hidden: Some(hidden.text().to_owned()), ..line },
        }
    }
}

const USUAL_CUT: usize = 256;
const MOST_CUT: usize = 64 * 1024;
const USUAL_BYTES: u64 = 1024 * 1024;
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const USUAL_TIME: Duration = Duration::from_secs(30);
const MOST_TIME: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_bounded_by_default_and_takes_no_more_than_it_may() {
        let asked = TapRequest { tunnel: 1, direction: None, cut: None, max_bytes: None, time: None };
        let usual = TapBounds { direction: None, cut: USUAL_CUT, max_bytes: USUAL_BYTES, time: USUAL_TIME };
        assert_eq!(asked.understood(), Ok(usual));
        for (wrong, said) in [
            (TapRequest { direction: Some("up".into()), ..asked.clone() }, "from_client or from_upstream"),
            (TapRequest { cut: Some(MOST_CUT + 1), ..asked.clone() }, "65536 bytes"),
            (TapRequest { max_bytes: Some(MOST_BYTES + 1), ..asked.clone() }, "67108864 at the most"),
            (TapRequest { time: Some("2h".into()), ..asked.clone() }, "up to an hour"),
            (TapRequest { time: Some("soon".into()), ..asked.clone() }, "for: "),
        ] {
            let error = wrong.understood().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
