//! What must hold for any bytes of HTTP/1.

use windlass::judge::{Asked, Flaw, Judge, Limits, Then};

/// However a message is cut, it ends at the same byte or has the same flaw; and a head that passes is read by httparse, which is
/// what hyper reads by, to the same length.
///
/// The first byte chooses whose message it is, the second how it is cut.
pub fn judge(data: &[u8]) {
    let Some((&[choice, step], stream)) = data.split_first_chunk() else { return };
    let whole = judged(choice, stream, usize::MAX);
    assert_eq!(judged(choice, stream, 1), whole);
    assert_eq!(judged(choice, stream, usize::from(step) + 2), whole);
    if let Judged::Ends(end) = whole {
        let message = stream.get(..end).expect("no message ends behind what there is");
        assert!(is_read(choice, message), "{}", message.escape_ascii());
    }
}

/// What a message comes to.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Goes,
    Ends(usize),
    Flawed(Flaw),
}

/// Feeds a message `step` bytes at a time.
fn judged(choice: u8, stream: &[u8], step: usize) -> Judged {
    let mut judge = if is_request(choice) { Judge::of_requests(LIMITS) } else { Judge::of_answers() };
    judge.expect(if choice & 2 == 0 { Asked::ForAll } else { Asked::ForHead });
    let mut passed = 0;
    for piece in stream.chunks(step) {
        let scan = judge.scan(piece);
        assert!(scan.passed <= piece.len());
        passed += scan.passed;
        match scan.then {
            Then::Exhausted => assert_eq!(scan.passed, piece.len()),
            Then::MessageEnds => return Judged::Ends(passed),
            Then::Flawed(flaw) => return Judged::Flawed(flaw),
        }
    }
    Judged::Goes
}

fn is_request(choice: u8) -> bool {
    choice & 1 == 0
}

/// Whether httparse reads a head at the front of a whole message; what it does not like of a target is its own.
fn is_read(choice: u8, message: &[u8]) -> bool {
    let mut lines = [httparse::EMPTY_HEADER; 100];
    let read = if is_request(choice) {
        httparse::Request::new(&mut lines).parse(message)
    } else {
        httparse::Response::new(&mut lines).parse(message)
    };
    match read {
        Ok(httparse::Status::Complete(length)) => {
            let head = message.get(..length).expect("no head ends behind what there is");
            head.ends_with(b"\r\n\r\n")
                && head.windows(4).position(|end| end == b"\r\n\r\n").is_some_and(|at| {
                    // Before the first line there may be empty ones.
                    at + 4 == length || head.starts_with(b"\r\n")
                })
        }
        Ok(httparse::Status::Partial) => false,
        Err(error) => is_request(choice) && error == httparse::Error::Token,
    }
}

const LIMITS: Limits = Limits { head: 1024, lines: 20, line: 200, target: 100 };
