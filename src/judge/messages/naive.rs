//! A reader that has all of a message before it and takes its time.

use super::*;

/// What a message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naive {
    /// More has to come.
    Goes,
    Ends(usize),
    Flawed,
}

/// More has to come, or a flaw.
type Stop = Naive;

pub(super) fn naive(input: &[u8], sender: Sender, asked: Asked, limits: &Limits) -> Naive {
    message(input, sender, asked, limits).unwrap_or_else(|stop| stop)
}

fn message(input: &[u8], sender: Sender, asked: Asked, limits: &Limits) -> Result<Naive, Stop> {
    let mut at = 0;
    while input[at..].starts_with(b"\r\n") {
        at += 2;
    }
    let length = head_length(&input[at..])?;
    let head = lines(&input[at..at + length - 4])?;
    let (first, fields) = head.split_first().unwrap();
    check(at + length <= limits.head as usize)?;
    let code = first_line(first, sender, limits)?;
    check_fields(fields, limits)?;
    at += length;
    let body = framing(fields, sender, first.contains("HTTP/1.0"))?;
    match (code, body) {
        (Some(101), _) => Ok(Naive::Goes),
        (Some(100..200), _) => match message(&input[at..], sender, asked, limits)? {
            Naive::Ends(length) => Ok(Naive::Ends(at + length)),
            other => Ok(other),
        },
        (Some(204 | 304), _) => Ok(Naive::Ends(at)),
        (Some(_), _) if asked == Asked::ForHead => Ok(Naive::Ends(at)),
        (_, Length::Chunked) => Ok(Naive::Ends(at + chunks(&input[at..], limits)?)),
        (_, Length::Sized(length)) if (input.len() - at) as u64 >= length => Ok(Naive::Ends(at + length as usize)),
        (None, Length::Unsaid) => Ok(Naive::Ends(at)),
        _ => Ok(Naive::Goes),
    }
}

fn check(is_right: bool) -> Result<(), Stop> {
    if is_right { Ok(()) } else { Err(Stop::Flawed) }
}

fn position(input: &[u8], what: &[u8]) -> Result<usize, Stop> {
    input.windows(what.len()).position(|window| window == what).ok_or(Stop::Goes)
}

fn head_length(input: &[u8]) -> Result<usize, Stop> {
    position(input, b"\r\n\r\n").map(|at| at + 4)
}

/// The lines of a head as text, a char a byte.
fn lines(head: &[u8]) -> Result<Vec<String>, Stop> {
    let text: String = head.iter().map(|&byte| char::from(byte)).collect();
    let lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
    let is_text = |line: &String| line.chars().all(|c| c == '\t' || !c.is_ascii_control());
    check(lines.iter().all(is_text))?;
    Ok(lines)
}

fn first_line(line: &str, sender: Sender, limits: &Limits) -> Result<Option<u16>, Stop> {
    let parts: Vec<_> = line.splitn(3, ' ').collect();
    let is_version = |text: &str| ["HTTP/1.0", "HTTP/1.1"].contains(&text);
    match (sender, &parts[..]) {
        (Sender::Client, [method, target, version]) => {
            check(is_token(method) && method.len() <= 32 && is_version(version))?;
            check(!target.is_empty() && !target.contains('\t') && target.chars().count() <= limits.target as usize)?;
            Ok(None)
        }
        (Sender::Endpoint, [version, code, ..]) => {
            check(is_version(version) && code.len() == 3 && code.chars().all(|c| c.is_ascii_digit()))?;
            check(line.chars().count() <= limits.line as usize)?;
            Ok(Some(code.parse().unwrap()))
        }
        _ => Err(Stop::Flawed),
    }
}

fn is_token(text: &str) -> bool {
    crate::grammar::is_token(text)
}

fn check_fields(fields: &[String], limits: &Limits) -> Result<(), Stop> {
    check(fields.len() <= limits.lines as usize)?;
    for line in fields {
        let (name, _) = line.split_once(':').ok_or(Stop::Flawed)?;
        check(is_token(name) && line.chars().count() <= limits.line as usize)?;
    }
    Ok(())
}

fn values(fields: &[String], name: &str) -> Vec<String> {
    let pairs = fields.iter().filter_map(|line| line.split_once(':'));
    let of_name = pairs.filter(|(other, _)| other.eq_ignore_ascii_case(name));
    of_name.map(|(_, value)| value.trim_matches([' ', '\t']).to_ascii_lowercase()).collect()
}

fn framing(fields: &[String], sender: Sender, is_old: bool) -> Result<Length, Stop> {
    let (lengths, codings) = (values(fields, "content-length"), values(fields, "transfer-encoding"));
    let numbers: Vec<_> =
        lengths.iter().flat_map(|line| line.split(',')).map(|member| member.trim_matches([' ', '\t'])).collect();
    let is_number = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    check(numbers.iter().all(is_number))?;
    let mut numbers: Vec<u64> = numbers.iter().map(|text| text.parse().unwrap_or(u64::MAX)).collect();
    check(numbers.iter().all(|&number| number < 1 << 63))?;
    check(codings.is_empty() || !is_old && codings == ["chunked"])?;
    if sender == Sender::Client {
        check(numbers.len() + codings.len() <= 1)?;
    }
    numbers.dedup();
    check(numbers.len() <= 1)?;
    Ok(match (numbers.first(), codings.is_empty()) {
        (_, false) => Length::Chunked,
        (Some(&length), true) => Length::Sized(length),
        (None, true) => Length::Unsaid,
    })
}

fn chunks(body: &[u8], limits: &Limits) -> Result<usize, Stop> {
    let mut at = 0;
    loop {
        let line = &body[at..at + position(&body[at..], b"\r\n")?];
        let line = lines(line)?.remove(0);
        at += line.chars().count() + 2;
        let size = line.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t']);
        check(!size.is_empty() && size.chars().all(|c| c.is_ascii_hexdigit()))?;
        let size = u64::from_str_radix(size, 16).ok().filter(|&size| size < 1 << 63).ok_or(Stop::Flawed)?;
        if size == 0 {
            break;
        }
        let end = at + usize::try_from(size).unwrap().min(body.len());
        if end + 2 > body.len() {
            return Err(Stop::Goes);
        }
        check(&body[end..end + 2] == b"\r\n")?;
        at = end + 2;
    }
    if body[at..].starts_with(b"\r\n") {
        return Ok(at + 2);
    }
    let length = head_length(&body[at..])?;
    let trailers = lines(&body[at..at + length - 4])?;
    check(length <= limits.head as usize)?;
    check_fields(&trailers, limits)?;
    check(["content-length", "transfer-encoding"].iter().all(|name| values(&trailers, name).is_empty()))?;
    Ok(at + length)
}
