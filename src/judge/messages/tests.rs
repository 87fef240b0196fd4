use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::naive::{Naive, naive};
use super::*;

const LIMITS: Limits = Limits { head: 300, lines: 6, line: 60, target: 20 };

/// What a message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Goes,
    Ends(usize),
    Flawed(Flaw),
}
use Judged::{Ends, Flawed, Goes};

fn requests() -> Judge {
    Judge::of_requests(LIMITS)
}

fn answers(asked: Asked) -> Judge {
    let mut judge = Judge::new(Sender::Endpoint, LIMITS);
    judge.expect(asked);
    judge
}

/// Feeds a message in pieces that end at these offsets.
fn in_pieces(mut judge: Judge, input: &[u8], ends: impl IntoIterator<Item = usize>) -> Judged {
    let mut begin = 0;
    for end in ends.into_iter().chain([input.len()]) {
        let scan = judge.scan(&input[begin..end]);
        begin += scan.passed;
        match scan.then {
            Then::MessageEnds => return Ends(begin),
            Then::Flawed(flaw) => return Flawed(flaw),
            Then::Exhausted => assert_eq!(begin, end),
        }
    }
    Goes
}

/// Feeds a message whole, cut in two at every offset, and byte by byte.
#[track_caller]
fn judged(judge: impl Fn() -> Judge, input: impl AsRef<[u8]>) -> Judged {
    let input = input.as_ref();
    let whole = in_pieces(judge(), input, []);
    for cut in 0..input.len() {
        assert_eq!(in_pieces(judge(), input, [cut]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(in_pieces(judge(), input, 1..input.len()), whole, "by bytes: {}", input.escape_ascii());
    whole
}

#[track_caller]
fn request(input: impl AsRef<[u8]>) -> Judged {
    judged(requests, input)
}

#[track_caller]
fn answer(input: impl AsRef<[u8]>) -> Judged {
    judged(|| answers(Asked::ForAll), input)
}

/// A request with these lines, all of it.
fn with(lines: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn a_request_ends_where_its_head_says() {
    for (head, body) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", ""),
        ("GET /?a=\"\u{ff} HTTP/1.0\r\n\r\n", ""),
        ("m-SEARCH * HTTP/1.1\r\na:\r\nB: \t \x7e\u{ff}\tx \r\n\r\n", ""),
        (&with("Content-Length: 5\r\n"), "hello"),
        (&with("content-LENGTH:\t05 \r\n"), "\r\n\r\n\0"),
        (&with("Content-Length: 0\r\n"), ""),
        (&with("Content-Length: 00\r\n"), ""),
        (&with("Content-Lengths: x\r\nX-Content-Length: y\r\nTransfer-Encodin: z\r\n"), ""),
        (&with("Transfer-Encoding: Chunked \r\n"), "5\r\nhello\r\n0\r\n\r\n"),
        (&with("Transfer-Encoding:chunked\r\n"), "A;a=\"\t\u{ff};\" \r\n\r\n\0\x01\n\r....\r\n00 \t;\r\n\r\n"),
        (&with("Transfer-Encoding: chunked\r\n"), "0\r\nX-Sum: 1\r\nx-end:\r\n\r\n"),
    ] {
        let message = [head.as_bytes(), body.as_bytes()].concat();
        let expected = Ends(message.len());
        assert_eq!(request([&message[..], b"GET / HTTP/1.1\r\n\r\n"].concat()), expected, "{head}{body}");
        assert_eq!(request(&message), expected, "{head}{body}");
        assert_eq!(request(&message[..message.len() - 1]), Goes, "{head}{body}");
    }
}

#[test]
fn an_answer_ends_where_its_request_and_its_head_say() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n";
    for (asked, head, body) in [
        (Asked::ForAll, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"),
        (Asked::ForAll, "HTTP/1.0 200\r\nContent-Length: 2, 2 ,02\r\nContent-Length: 2\r\n\r\n", "ok"),
        (Asked::ForHead, "HTTP/1.1 200 \u{e9}\t!\r\nContent-Length: 2\r\n\r\n", ""),
        (Asked::ForHead, chunked, ""),
        (Asked::ForAll, chunked, "1\r\na\r\n0\r\n\r\n"),
        (Asked::ForAll, "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (Asked::ForAll, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""),
        (Asked::ForAll, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\na: b\r\n\r\nHTTP/1.1 204 x\r\n\r\n", ""),
        (Asked::ForHead, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ""),
    ] {
        let message = [head.as_bytes(), body.as_bytes()].concat();
        let judge = || answers(asked);
        assert_eq!(judged(judge, [&message[..], b"HTTP"].concat()), Ends(message.len()), "{head}{body}");
        assert_eq!(judged(judge, &message[..message.len() - 1]), Goes, "{head}{body}");
    }
    for endless in
        ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 404\r\na: b\r\n\r\n", "HTTP/1.1 101 x\r\nContent-Length: 0\r\n\r\n"]
    {
        assert_eq!(answer(format!("{endless}\0\r\n\n")), Goes, "{endless}");
    }
}

#[test]
fn a_message_follows_another() {
    let mut judge = requests();
    let (first, second) = (with("Content-Length: 2\r\n"), with("Transfer-Encoding: chunked\r\n"));
    let stream = format!("{first}ok{second}0\r\n\r\nGET /\n");
    let mut at = 0;
    for length in [first.len() + 2, second.len() + 5] {
        assert!(judge.is_between() && judge.is_in_head());
        let scan = judge.scan(&stream.as_bytes()[at..]);
        assert_eq!(scan, Scan { passed: length, then: Then::MessageEnds });
        at += length;
    }
    assert_eq!(judge.scan(&stream.as_bytes()[at..]).then, Then::Flawed(Flaw::BareLf));
}

#[test]
fn each_flaw_of_a_head_is_found() {
    for (lines, flaw) in [
        ("a: b\n", Flaw::BareLf),
        ("a: b\r\na\n: b\r\n", Flaw::BareLf),
        ("a: b\r\n\n", Flaw::BareLf),
        ("a: b\rc\r\n", Flaw::BareCr),
        ("a: b\r\r\n", Flaw::BareCr),
        ("\ra: b\r\n", Flaw::BareCr),
        ("a: b\0\r\n", Flaw::ControlByte),
        ("a: \x0b\r\n", Flaw::ControlByte),
        ("a: \x7f\r\n", Flaw::ControlByte),
        (" a: b\r\n", Flaw::ObsFold),
        ("a: b\r\n\tc\r\n", Flaw::ObsFold),
        ("a: b\r\n \r\n", Flaw::ObsFold),
        ("a : b\r\n", Flaw::SpaceInName),
        ("Content-Length\t: 1\r\n", Flaw::SpaceInName),
        ("a b: c\r\n", Flaw::SpaceInName),
        (": b\r\n", Flaw::EmptyName),
        ("a\r\n", Flaw::InvalidName),
        ("a\0: b\r\n", Flaw::InvalidName),
        ("\0\r\n", Flaw::InvalidName),
        ("(a): b\r\n", Flaw::InvalidName),
        ("\u{e9}: b\r\n", Flaw::InvalidName),
    ] {
        assert_eq!(request(with(lines)), Flawed(flaw), "{lines:?}");
        assert_eq!(answer(format!("HTTP/1.1 200 OK\r\n{lines}\r\n")), Flawed(flaw), "{lines:?}");
        let chunked = with("Transfer-Encoding: chunked\r\n");
        assert_eq!(request(format!("{chunked}1\r\na\r\n0\r\n{lines}\r\n")), Flawed(flaw), "trailers: {lines:?}");
    }
}

#[test]
fn each_flaw_of_a_first_line_is_found_or_left_to_its_parser() {
    const NEXT: &str = "Host: a\r\n\r\n";
    for (line, flaw) in [
        ("GET / HTTP/1.1\n", Flaw::BareLf),
        ("GET /\n", Flaw::BareLf),
        ("\nGET / HTTP/1.1\r\n", Flaw::BareLf),
        ("\rGET / HTTP/1.1\r\n", Flaw::BareCr),
        ("GET / HTTP/1.1\r", Flaw::BareCr),
        ("GET /\rx HTTP/1.1\r\n", Flaw::BareCr),
        ("GET /\0 HTTP/1.1\r\n", Flaw::ControlByte),
        ("GET /\t HTTP/1.1\r\n", Flaw::ControlByte),
        ("GET\n/ HTTP/1.1\r\n", Flaw::Malformed),
        ("GET /\r\n", Flaw::Malformed),
        ("GET  / HTTP/1.1\r\n", Flaw::Malformed),
        ("GET / HTTP/1.1 \r\n", Flaw::Malformed),
        ("GET / http/1.1\r\n", Flaw::Malformed),
        ("GET / HTTP/1.2\r\n", Flaw::Malformed),
        (" GET / HTTP/1.1\r\n", Flaw::Malformed),
        ("\x16\x03\x01\n", Flaw::Malformed),
    ] {
        assert_eq!(request(format!("{line}{NEXT}")), Flawed(flaw), "{line:?}");
    }
    for (line, flaw) in [
        ("HTTP/1.1 200 OK\n", Flaw::BareLf),
        ("HTTP/1.1 200\n", Flaw::BareLf),
        ("HTTP/1.1 200 O\rK\r\n", Flaw::BareCr),
        ("HTTP/1.1 200 O\0K\r\n", Flaw::ControlByte),
        ("HTTP/1.1 20 OK\r\n", Flaw::Malformed),
        ("HTTP/1.1 2000 OK\r\n", Flaw::Malformed),
        ("HTTP/1.1  200 OK\r\n", Flaw::Malformed),
        ("HTTP/2.0 200 OK\r\n", Flaw::Malformed),
        ("SSH-2.0-OpenSSH_9.2\r\n", Flaw::Malformed),
    ] {
        assert_eq!(answer(format!("{line}{NEXT}")), Flawed(flaw), "{line:?}");
    }
}

#[test]
fn of_a_malformed_line_only_what_tells_its_parser_passes() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let scan = requests().scan(&[&preface[..], b"GET / HTTP/1.1\r\n\r\n"].concat());
    assert_eq!(scan, Scan { passed: preface.len(), then: Then::Flawed(Flaw::Malformed) });
}

#[test]
fn lengths_are_told_once_and_in_one_way() {
    for (lines, flaw) in [
        ("Content-Length: \r\n", Flaw::InvalidLength),
        ("Content-Length: +1\r\n", Flaw::InvalidLength),
        ("Content-Length: -1\r\n", Flaw::InvalidLength),
        ("Content-Length: 1 1\r\n", Flaw::InvalidLength),
        ("Content-Length: 0x1\r\n", Flaw::InvalidLength),
        ("Content-Length: ,1\r\n", Flaw::InvalidLength),
        ("Content-Length: 9223372036854775808\r\n", Flaw::LengthTooLarge),
        ("Content-Length: 99999999999999999999999\r\n", Flaw::LengthTooLarge),
        ("Content-Length: 1, 1\r\n", Flaw::RepeatedLength),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", Flaw::RepeatedLength),
        ("Content-Length: 1\r\nCONTENT-LENGTH: 2\r\n", Flaw::RepeatedLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Flaw::TwoLengths),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", Flaw::TwoLengths),
        ("Transfer-Encoding: \r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunke\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunkedd\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunked x\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunked,\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunked;q=1\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: identity\r\n", Flaw::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Flaw::TransferEncoding),
    ] {
        assert_eq!(request(with(lines)), Flawed(flaw), "{lines:?}");
    }
    assert_eq!(request(with("Content-Length: 9223372036854775807\r\n")), Goes);
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(request(old), Flawed(Flaw::TransferEncodingOnHttp10));
    for (lines, flaw) in [
        ("Content-Length: 2, 3\r\n", Flaw::RepeatedLength),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", Flaw::RepeatedLength),
        ("Content-Length: 2,\r\n", Flaw::InvalidLength),
        ("Content-Length: x\r\n", Flaw::InvalidLength),
        ("Content-Length: 9223372036854775808\r\n", Flaw::LengthTooLarge),
        ("Transfer-Encoding: gzip, chunked\r\n", Flaw::TransferEncoding),
    ] {
        for asked in [Asked::ForAll, Asked::ForHead] {
            let message = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            assert_eq!(judged(|| answers(asked), &message), Flawed(flaw), "{lines:?}");
        }
    }
}

#[test]
fn each_flaw_of_a_chunk_is_found() {
    let head = with("Transfer-Encoding: chunked\r\n");
    for (chunks, flaw) in [
        ("\r\n", Flaw::BrokenChunk),
        ("x\r\n", Flaw::BrokenChunk),
        ("+1\r\n", Flaw::BrokenChunk),
        ("0x1\r\n", Flaw::BrokenChunk),
        (" 1\r\n", Flaw::BrokenChunk),
        ("1 1\r\n", Flaw::BrokenChunk),
        ("1\r\nab\r\n", Flaw::BrokenChunk),
        ("8000000000000000\r\n", Flaw::ChunkTooLarge),
        ("10000000000000000\r\n", Flaw::ChunkTooLarge),
        ("1\n", Flaw::BareLf),
        ("1 \n", Flaw::BareLf),
        ("1;a\n", Flaw::BareLf),
        ("1\r\na\n", Flaw::BareLf),
        ("1\ra", Flaw::BareCr),
        ("1;a\rb\r\n", Flaw::BareCr),
        ("1\r\na\rb", Flaw::BareCr),
        ("1;a\0\r\n", Flaw::ControlByte),
        ("1\x0b\r\n", Flaw::ControlByte),
        ("0\r\nContent-Length: 1\r\n\r\n", Flaw::FramingTrailer),
        ("0\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n", Flaw::FramingTrailer),
    ] {
        assert_eq!(request(format!("{head}{chunks}")), Flawed(flaw), "{chunks:?}");
    }
    let mut judge = requests();
    assert_eq!(judge.scan(head.as_bytes()).then, Then::Exhausted);
    assert!(!judge.is_in_head());
}

#[test]
fn each_limit_is_reached_and_not_exceeded() {
    let of = |method: usize, target: usize, value: usize| {
        format!("{} /{} HTTP/1.1\r\na:{}\r\n\r\n", "M".repeat(method), "x".repeat(target - 1), "v".repeat(value - 2))
    };
    assert!(matches!(request(of(32, 20, 60)), Ends(_)));
    assert_eq!(request(of(33, 20, 60)), Flawed(Flaw::MethodTooLong));
    assert_eq!(request(of(32, 21, 60)), Flawed(Flaw::TargetTooLong));
    assert_eq!(request(of(32, 20, 61)), Flawed(Flaw::HeaderLineTooLong));
    let lines = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(matches!(request(lines(6)), Ends(_)));
    assert_eq!(request(lines(7)), Flawed(Flaw::TooManyHeaderLines));
    let long = |last: usize| {
        let lines = format!("a:{}\r\n", "v".repeat(58)).repeat(4);
        format!("GET / HTTP/1.1\r\n{lines}b:{}\r\n\r\n", "v".repeat(last - 2))
    };
    // 16 bytes of the first line, 4 lines of 62, and 4 bytes behind the last.
    assert!(matches!(request(long(32)), Ends(300)));
    assert_eq!(request(long(33)), Flawed(Flaw::HeadTooLarge));
    assert_eq!(request("\r\n".repeat(151)), Flawed(Flaw::HeadTooLarge));
    assert_eq!(request(format!(" {}", "x".repeat(300))), Flawed(Flaw::HeadTooLarge));
    assert_eq!(answer(format!("HTTP/1.1 200 {}\r\n", "x".repeat(60))), Flawed(Flaw::HeaderLineTooLong));
    let chunked = with("Transfer-Encoding: chunked\r\n");
    let trailers = |count: usize| format!("{chunked}0\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(matches!(request(trailers(6)), Ends(_)));
    assert_eq!(request(trailers(7)), Flawed(Flaw::TooManyHeaderLines));
}

/// Messages of either sender, most of them good.
fn messages() -> impl Strategy<Value = String> {
    let line = select(vec![
        "a: b\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding:gzip\r\n",
        "x:\r\n",
    ]);
    let first = select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /x HTTP/1.0\r\n",
        "\r\nPUT * HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 x\r\n",
        "HTTP/1.0 404\r\n",
    ]);
    let body = select(vec!["", "abc", "3\r\nabc\r\n0\r\n\r\n", "1;x=y\r\na\r\n00\r\nx: y\r\n\r\n"]);
    let lines = prop::collection::vec(line, 0..4).prop_map(|lines| lines.concat());
    (first, lines, body).prop_map(|(first, lines, body)| format!("{first}{lines}\r\n{body}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_passes_passes_a_naive_reader_too(
        message in messages(),
        bends in prop::collection::vec((any::<Index>(), select(b"\r\n\0 \t:;,0aA1-\x7f\xff".to_vec()), 0..3_u8), 0..3),
        cuts in prop::collection::vec(any::<Index>(), 0..4),
        is_request: bool,
        is_head: bool,
    ) {
        let mut input = message.into_bytes();
        for (at, byte, how) in bends {
            let at = at.index(input.len());
            match how {
                0 => input[at] = byte,
                1 => input.insert(at, byte),
                _ => drop(input.remove(at)),
            }
        }
        let asked = if is_head { Asked::ForHead } else { Asked::ForAll };
        // A malformed line lets eight bytes pass.
        input.extend_from_slice(b"another one");
        let judge = || if is_request { requests() } else { answers(asked) };
        let whole = in_pieces(judge(), &input, []);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces(judge(), &input, cuts), whole);
        prop_assert_eq!(in_pieces(judge(), &input, 1..input.len()), whole);
        let sender = if is_request { Sender::Client } else { Sender::Endpoint };
        match (naive(&input, sender, asked, &LIMITS), whole) {
            (Naive::Ends(expected), Ends(length)) => prop_assert_eq!(length, expected),
            // What the naive one waits for may be found flawed already.
            (Naive::Goes, Goes | Flawed(_)) | (Naive::Flawed, Flawed(_)) => {}
            (expected, found) => prop_assert!(false, "{expected:?} {found:?} of {}", input.escape_ascii()),
        }
    }

    #[test]
    fn any_bytes_are_judged(input: Vec<u8>, is_request: bool) {
        let judge = if is_request { requests() } else { answers(Asked::ForAll) };
        let _ = in_pieces(judge, &input, []);
    }
}
