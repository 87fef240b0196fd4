//! What must hold for any input: one function for each fuzz target. `tests/corpus.rs` calls them too.

use http::header::{HeaderName, SEC_WEBSOCKET_EXTENSIONS};
use http::{HeaderMap, HeaderValue, Method, Version};
use windlass::websocket::{
    CloseBody, CloseCode, ControlFrame, ControlKind, DeflateParameters, Direction, Extensions, Frame, InflateMeter,
    Inspector, MeterScratch, Rules, Side, Strictness, Then, Tolerance, Violation, check_answer, check_request,
    refuse_compression,
};

/// However a stream is cut, the same bytes pass, the same control frames are found and the same frame is refused.
///
/// The first byte chooses the rules, the second how the stream is cut.
pub fn inspector(data: &[u8]) {
    let Some((&[choice, step], stream)) = data.split_first_chunk() else { return };
    let whole = judge(rules(choice), stream, usize::MAX);
    assert_eq!(judge(rules(choice), stream, 1), whole);
    assert_eq!(judge(rules(choice), stream, usize::from(step) + 2), whole);
}

/// The meter never panics, never stalls, and inflates no more in a scan than its budget and a scratch.
///
/// The first byte chooses the rules, the second the limit.
pub fn inflate(data: &[u8]) {
    const BUDGET: usize = 1024;
    const SLACK: usize = 17 * 1024;
    let Some((&[choice, limit], stream)) = data.split_first_chunk() else { return };
    let no_takeover = choice & 2 != 0;
    let parameters = DeflateParameters {
        client_no_context_takeover: no_takeover,
        server_no_context_takeover: no_takeover,
        ..DeflateParameters::default()
    };
    let direction = direction(choice);
    let max = u64::from(limit) << 12;
    let mut inspector = Inspector::new(Rules { extensions: Extensions::Deflate(parameters), ..rules(choice & 1) });
    let mut meter = InflateMeter::new(direction, &parameters, max);
    let mut scratch = MeterScratch::new();
    let mut rest = stream;
    // Each pause has used its budget up, and a message of more than `max` ends the stream.
    let most = stream.len() * 4 + (stream.len() + 1) * (usize::from(limit) * 4 + SLACK / BUDGET);
    for _ in 0..=most {
        let scan = inspector.scan_observed(rest, u64::MAX, &mut meter.observe(&mut scratch, BUDGET));
        rest = rest.get(scan.passed..).expect("no more passes than is there");
        match scan.then {
            Then::Paused => {}
            Then::Control(control) => rest = rest.get(control.size..).expect("a control frame is whole"),
            _ => return,
        }
    }
    panic!("the meter stalls");
}

/// A legal Close body, put into a frame of ours, says the same to the inspector of either side.
pub fn close(data: &[u8]) {
    let Ok(body) = CloseBody::parse(data.get(..125).unwrap_or(data)) else { return };
    let Some(code) = body.code else { return };
    assert_eq!(CloseCode::new(code.get()), Some(code));
    for to in [Side::Client, Side::Upstream] {
        let frame = Frame::close(to, code, body.reason, [1, 2, 3, 4]);
        let direction = to.other().sends();
        let scan = Inspector::new(Rules { direction, ..rules(0) }).scan(&frame, u64::MAX);
        let Then::Control(ControlFrame { kind: ControlKind::Close(Some(found)), .. }) = scan.then else {
            panic!("{:?}", scan.then)
        };
        assert_eq!(found, code);
    }
}

/// No head makes the handshake panic, and what is left of an offer without compression cannot settle on it.
///
/// Lines of `name: value`; an empty line parts the request from the answer.
pub fn handshake(data: &[u8]) {
    let (mut request, answer) = heads(data);
    let asked = |strictness| {
        let mut tolerance = Tolerance::new(strictness);
        let key = check_request(&Method::GET, Version::HTTP_11, &request, &mut tolerance);
        (key, tolerance.needed())
    };
    let (strict, none) = asked(Strictness::Strict);
    let (lenient, needed) = asked(Strictness::Lenient);
    // Leniency is needed for what is not right, and for nothing else.
    assert!(if lenient.is_ok() { strict.is_ok() == (needed == none) } else { strict.is_err() });
    if let Ok(key) = lenient {
        let answered = |strictness| check_answer(&request, &key, &answer, &mut Tolerance::new(strictness));
        assert!(answered(Strictness::Strict).is_err() || answered(Strictness::Lenient).is_ok());
        assert_eq!(key.accept().len(), 28);
        refuse_compression(&mut request);
        assert_eq!(Extensions::check_offer(&request), Ok(()));
    }
    refuse_compression(&mut request);
    let mut compressed = HeaderMap::new();
    compressed.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
    assert!(Extensions::agreed(&request, &compressed).is_err());
}

/// What a stream came to.
#[derive(Debug, PartialEq, Eq)]
struct Judged {
    passed: usize,
    controls: Vec<(ControlKind, Vec<u8>)>,
    messages: u64,
    violation: Option<Violation>,
}

/// Feeds a stream `step` bytes at a time.
fn judge(rules: Rules, stream: &[u8], step: usize) -> Judged {
    let mut inspector = Inspector::new(rules);
    let (mut passed, mut end, mut controls, mut messages, mut violation) = (0, 0, vec![], 0, None);
    while violation.is_none() && end < stream.len() {
        end = end.saturating_add(step).min(stream.len());
        loop {
            let input = stream.get(passed..end).expect("no more passes than is there");
            let scan = inspector.scan(input, u64::MAX);
            passed += scan.passed;
            messages += scan.messages;
            let rest = input.get(scan.passed..).expect("no more passes than is there");
            match scan.then {
                Then::Control(control) => {
                    controls.push((control.kind, control.payload(rest).to_vec()));
                    passed += control.size;
                    continue;
                }
                Then::Exhausted => assert!(rest.is_empty()),
                Then::Incomplete => assert!(!rest.is_empty() && rest.len() <= 138),
                Then::Violation(found) => violation = Some(found),
                Then::Budget | Then::Paused => unreachable!("nobody asked for it"),
            }
            break;
        }
    }
    Judged { passed, controls, messages, violation }
}

fn direction(choice: u8) -> Direction {
    if choice & 1 == 0 { Direction::FromUpstream } else { Direction::FromClient }
}

fn rules(choice: u8) -> Rules {
    let (extensions, strictness) = match choice >> 1 & 3 {
        0 => (Extensions::Deflate(DeflateParameters::default()), Strictness::Strict),
        1 => (Extensions::Unknown, Strictness::Lenient),
        2 => (Extensions::None, Strictness::Strict),
        _ => (Extensions::None, Strictness::Lenient),
    };
    let limit = if choice & 8 == 0 { u64::MAX } else { u64::from(choice >> 4) * 8 };
    Rules {
        direction: direction(choice),
        extensions,
        max_frame: limit,
        max_message: limit.saturating_mul(2),
        max_fragments: limit,
        strictness,
    }
}

fn heads(data: &[u8]) -> (HeaderMap, HeaderMap) {
    let mut heads = [HeaderMap::new(), HeaderMap::new()];
    let mut lines = data.split(|&byte| byte == b'\n').take(200);
    for head in &mut heads {
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let mut parts = line.splitn(2, |&byte| byte == b':');
            let name = parts.next().map(HeaderName::from_bytes);
            let value = parts.next().map(|value| HeaderValue::from_bytes(value.trim_ascii()));
            if let (Some(Ok(name)), Some(Ok(value))) = (name, value) {
                head.append(name, value);
            }
        }
    }
    heads.into()
}
