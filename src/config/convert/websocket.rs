//! `[route.NAME.websocket]`.

use crate::config::defaults;
use crate::config::read::{choice, close_code, count, or_off, per_side, rate, rate_of_count, text};
use crate::config::settings::{Compression, Excess, IdleCounts, LimitSettings, Pongs, WebsocketSettings};
use crate::config::tree::Section;
use crate::config::units::{DURATION, SIZE, write_size};
use crate::websocket::{Direction, PerDirection, PerSide, Strictness};

pub(super) fn websocket(section: &Section<'_>) -> WebsocketSettings {
    let ping_every = per_side(or_off(text(DURATION)), defaults::PING_EVERY);
    let settings = WebsocketSettings {
        idle_timeout: section.read("idle_timeout", or_off(text(DURATION)), defaults::IDLE_TIMEOUT),
        idle_counts: section.read("idle_counts", choice(&IDLE_COUNTS), defaults::IDLE_COUNTS),
        ping_every: section.read("ping_every", ping_every, defaults::PING_EVERY),
        pong_within: section.read("pong_within", text(DURATION), defaults::PONG_WITHIN),
        pongs: section.read("pongs", per_side(choice(&PONGS), defaults::PONGS), defaults::PONGS),
        stall_timeout: section.read("stall_timeout", or_off(text(DURATION)), defaults::STALL_TIMEOUT),
        max_lifetime: section.read("max_lifetime", or_off(text(DURATION)), defaults::MAX_LIFETIME),
        closing_timeout: section.read("closing_timeout", text(DURATION), defaults::CLOSING_TIMEOUT),
        half_close_timeout: Some(section.read("half_close_timeout", text(DURATION), defaults::HALF_CLOSE_TIMEOUT)),
        endpoint_lost_code: section.read("endpoint_lost_code", close_code, defaults::ENDPOINT_LOST_CODE),
        limits: limits(section),
        compression: section.read("compression", choice(&COMPRESSION), defaults::COMPRESSION),
        strictness: section.read("strictness", choice(&STRICTNESS), defaults::STRICTNESS),
    };
    check_pong(section, &settings);
    check_inflated(section, &settings);
    settings
}

fn limits(section: &Section<'_>) -> PerDirection<LimitSettings> {
    let size = || or_off(text(SIZE));
    let rate_of_bytes = or_off(rate(text(SIZE)));

    let message = section.try_limit("max_message", size(), defaults::MAX_MESSAGE);
    let frame = section.try_limit("max_frame", size(), defaults::MAX_FRAME);
    if let (Some(frame), Some(message)) = (&frame, &message) {
        check_frame(section, frame, message);
    }
    let message = message.unwrap_or(defaults::MAX_MESSAGE);
    let frame = frame.unwrap_or(defaults::MAX_FRAME);
    let fragments = section.limit("max_fragments", or_off(count), defaults::MAX_FRAGMENTS);
    let inflated = section.limit("max_inflated_message", size(), defaults::MAX_INFLATED_MESSAGE);
    let messages = section.limit("messages_per_second", or_off(rate_of_count), defaults::MESSAGES_PER_SECOND);
    let control =
        section.limit("control_frames_per_second", or_off(rate_of_count), defaults::CONTROL_FRAMES_PER_SECOND);
    let bytes = section.limit("bytes_per_second", rate_of_bytes, defaults::BYTES_PER_SECOND);
    let excess = section.limit("excess", choice(&EXCESS), defaults::EXCESS);

    let of = |direction| LimitSettings {
        max_message: message[direction],
        max_frame: frame[direction],
        max_fragments: fragments[direction],
        max_inflated_message: inflated[direction],
        messages_per_second: messages[direction],
        control_frames_per_second: control[direction],
        bytes_per_second: bytes[direction],
        excess: excess[direction],
    };
    PerDirection { from_client: of(Direction::FromClient), from_upstream: of(Direction::FromUpstream) }
}

/// A frame is never larger than its message, so a larger limit for it can never be met.
fn check_frame(section: &Section<'_>, frame: &PerDirection<Option<u64>>, message: &PerDirection<Option<u64>>) {
    let Some(item) = section.item("max_frame") else { return };
    for direction in [Direction::FromClient, Direction::FromUpstream] {
        if let (Some(frame), Some(message)) = (frame[direction], message[direction])
            && frame > message
        {
            let from = direction.source().as_str();
            item.fault(
                format!("{} from the {from} is above max_message ({})", write_size(frame), write_size(message)),
                "lower max_frame, raise max_message, or set max_frame for one direction alone",
            );
        }
    }
}

/// Whoever writes a deadline for pongs believes that dead peers are found.
fn check_pong(section: &Section<'_>, settings: &WebsocketSettings) {
    let PerSide { client, upstream } = settings.ping_every;
    if let (None, None, Some(item)) = (client, upstream, section.item("pong_within")) {
        item.fault("has no effect: nobody is pinged", "remove it, or let ping_every be a duration");
    }
}

/// Nothing is inflated where nothing may be compressed.
fn check_inflated(section: &Section<'_>, settings: &WebsocketSettings) {
    if let (Compression::Refuse, true, Some(item)) =
        (settings.compression, settings.limits_inflated(), section.item("max_inflated_message"))
    {
        item.fault("can never be met: compression is \"refuse\"", "set it to \"off\", or compression to \"pass\"");
    }
}

const IDLE_COUNTS: [(&str, IdleCounts); 2] = [("messages", IdleCounts::Messages), ("frames", IdleCounts::Frames)];
const PONGS: [(&str, Pongs); 2] = [("once_seen", Pongs::OnceSeen), ("required", Pongs::Required)];
const EXCESS: [(&str, Excess); 2] = [("close", Excess::Close), ("throttle", Excess::Throttle)];
const STRICTNESS: [(&str, Strictness); 2] = [("strict", Strictness::Strict), ("lenient", Strictness::Lenient)];
const COMPRESSION: [(&str, Compression); 2] = [("pass", Compression::Pass), ("refuse", Compression::Refuse)];
