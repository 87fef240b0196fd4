//! What compressed messages of one direction say (RFC 7692), as far as it can be known by one who came late.
//!
//! Invariant: what is inflated is right. A message is read behind those that were read just before it, or alone: where it refers to
//! anything else, the distance is beyond what there is, which is an error and never another text.

use flate2::{Decompress, FlushDecompress, Status};

use super::seen::Hidden;
use crate::ranges::within;

/// The end of a message's last block, which is left out on the wire (RFC 7692 §7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// How much one message may inflate to here, in bytes.
const MOST: usize = 8 * 1024 * 1024;

/// Inflates the messages of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    /// What the next message may refer to; `None` where that is nothing, or not known.
    context: Option<Decompress>,
    /// Whether a message may refer to the one before.
    takes_context_over: bool,
}

impl Inflater {
    pub(super) fn new(takes_context_over: bool) -> Self {
        Self { context: None, takes_context_over }
    }

    /// The first `most` bytes of what a message inflates to, and whether there are more.
    pub(super) fn inflate(&mut self, message: &[u8], most: usize) -> Result<(Vec<u8>, bool), Hidden> {
        let mut inflate = self.context.take().unwrap_or_else(|| Decompress::new(false));
        let inflated = run(&mut inflate, message, most)?;
        if self.takes_context_over {
            self.context = Some(inflate);
        }
        Ok(inflated)
    }

    /// Something was missed: what follows may refer to it.
    pub(super) fn forget(&mut self) {
        self.context = None;
    }

    /// Why what cannot be inflated cannot be.
    pub(super) fn why(&self, hidden: Hidden) -> Hidden {
        match hidden {
            Hidden::Corrupt if self.takes_context_over => Hidden::Context,
            hidden => hidden,
        }
    }
}

fn run(inflate: &mut Decompress, message: &[u8], most: usize) -> Result<(Vec<u8>, bool), Hidden> {
    let (mut shown, mut all) = (Vec::new(), 0);
    let mut output = [0; 16 * 1024];
    for mut input in [message, &TAIL] {
        loop {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, &mut output, FlushDecompress::None).map_err(|_| Hidden::Corrupt)?;
            let taken = usize::try_from(inflate.total_in() - before_in).unwrap_or(usize::MAX);
            let given = usize::try_from(inflate.total_out() - before_out).unwrap_or(usize::MAX);
            input = within(input, taken..);
            let piece = within(&output, ..given);
            shown.extend(piece.iter().take(most.saturating_sub(shown.len())));
            all += given;
            if all > MOST {
                return Err(Hidden::TooLarge);
            }
            match status {
                // A block marked as the last one does not end the message (RFC 7692 §7.2.3.4).
                Status::StreamEnd => inflate.reset(false),
                Status::Ok | Status::BufError if taken == 0 && given == 0 && !input.is_empty() => {
                    return Err(Hidden::Corrupt);
                }
                Status::Ok | Status::BufError => {}
            }
            if input.is_empty() && given < output.len() {
                break;
            }
        }
    }
    Ok((shown, all > most))
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    use super::*;

    /// Messages of one sender, compressed as RFC 7692 has it.
    fn compressed(messages: &[Vec<u8>], takes_context_over: bool) -> Vec<Vec<u8>> {
        let mut compress = Compress::new(Compression::default(), false);
        messages
            .iter()
            .map(|message| {
                if !takes_context_over {
                    compress.reset();
                }
                let mut out = Vec::with_capacity(message.len() + 1024);
                compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
                assert!(out.ends_with(&TAIL));
                out.truncate(out.len() - TAIL.len());
                out
            })
            .collect()
    }

    #[test]
    fn a_message_that_refers_to_one_before_the_tap_is_hidden_and_one_that_does_not_is_shown() {
        let text = b"the same words again, and again the same words".to_vec();
        let sent = compressed(&[text.clone(), text.clone(), text.clone()], true);
        let mut inflater = Inflater::new(true);
        let late = inflater.inflate(&sent[1], 100);
        assert_eq!(late.map_err(|hidden| inflater.why(hidden)), Err(Hidden::Context));
        let mut inflater = Inflater::new(true);
        for message in &sent {
            assert_eq!(inflater.inflate(message, 8), Ok((text[..8].to_vec(), true)));
        }
        inflater.forget();
        assert!(inflater.inflate(&sent[2], 100).is_err());
        let alone = compressed(&[text.clone(), text.clone()], false);
        assert_eq!(Inflater::new(false).inflate(&alone[1], 100), Ok((text, false)));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let sent = compressed(&[vec![0; MOST + 1]], false);
        assert_eq!(Inflater::new(false).inflate(&sent[0], 100), Err(Hidden::TooLarge));
    }

    proptest! {
        /// Whatever was seen before: what is shown is what was sent.
        #[test]
        fn nothing_but_what_was_sent_is_ever_shown(
            messages in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abcd".to_vec()), 1..200), 1..12),
            seen in prop::collection::vec(any::<bool>(), 12),
            takes_context_over in any::<bool>(),
        ) {
            let sent = compressed(&messages, takes_context_over);
            let mut inflater = Inflater::new(takes_context_over);
            for ((message, sent), seen) in messages.iter().zip(&sent).zip(seen) {
                if !seen {
                    inflater.forget();
                    continue;
                }
                match inflater.inflate(sent, usize::MAX) {
                    Ok(shown) => prop_assert_eq!(shown, (message.clone(), false)),
                    Err(_) => prop_assert!(takes_context_over),
                }
            }
        }
    }
}
