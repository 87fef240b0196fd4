//! WebSocket frames as bytes, written and read without the code under test.

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opcode {
    /// The rest of a message.
    Continuation = 0,
    /// Text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// Good-bye.
    Close = 8,
    /// Are you there?
    Ping = 9,
    /// I am.
    Pong = 10,
}

/// One frame, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Whether its message ends with it.
    pub(crate) fin: bool,
    /// What it is.
    pub(crate) opcode: Opcode,
    /// What it says.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// A whole frame.
    pub(crate) fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, opcode, payload: payload.into() }
    }

    /// A whole text.
    pub(crate) fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text)
    }

    /// A Close.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::new(Opcode::Close, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The code of a Close.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().filter(|_| self.opcode == Opcode::Close)?;
        Some(u16::from_be_bytes(*code))
    }

    /// As an endpoint sends it.
    pub(crate) fn by_endpoint(&self) -> Vec<u8> {
        [self.header(self.payload.len() as u64, 0), self.payload.clone()].concat()
    }

    /// As a client sends it.
    pub(crate) fn by_client(&self) -> Vec<u8> {
        const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
        let masked = self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [self.header(self.payload.len() as u64, 0x80), MASK.to_vec(), masked.collect()].concat()
    }

    /// Its header, with another length than it has; `mask` is the mask bit.
    pub(crate) fn header(&self, length: u64, mask: u8) -> Vec<u8> {
        let mut header = vec![(u8::from(self.fin) << 7) | self.opcode as u8];
        match length {
            0..126 => header.push(mask | length as u8),
            126..65536 => {
                header.push(mask | 126);
                header.extend((length as u16).to_be_bytes());
            }
            _ => {
                header.push(mask | 127);
                header.extend(length.to_be_bytes());
            }
        }
        header
    }

    /// Reads the frame that `bytes` begin with, and its size; `None` while its end is missing.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second] = *bytes.first_chunk()?;
        let (length, mut at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let mut mask = [0; 4];
        if second & 0x80 != 0 {
            mask = *bytes.get(at..)?.first_chunk()?;
            at += 4;
        }
        let end = at + usize::try_from(length).unwrap();
        let payload = bytes.get(at..end)?.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        let opcode = match first & 0x0f {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            other => panic!("opcode {other}"),
        };
        Some((Self { fin: first & 0x80 != 0, opcode, payload }, end))
    }
}
