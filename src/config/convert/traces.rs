//! `[traces]`.

use http::header::ACCEPT_ENCODING;
use http::{HeaderName, HeaderValue};
use toml::de::DeValue;

use super::authorize::ca;
use super::jwt::entries;
use crate::config::authorize_syntax::{COLLECTOR_URL, is_of_one_message};
use crate::config::defaults;
use crate::config::not_compared::NotCompared;
use crate::config::read::{choice, named_file, or_off, text};
use crate::config::schema::TRACES;
use crate::config::settings::{
    AuthScheme, AuthUrl, EndpointAddress, FollowedParents, NamedFile, SampleRate, TracesSettings,
};
use crate::config::syntax::{Syntax, SyntaxError};
use crate::config::tree::{Section, SpannedValue};

pub(in crate::config) fn traces(file: &Section<'_>) -> Option<TracesSettings> {
    let section = file.section("traces", &TRACES);
    let endpoint = section.read("endpoint", or_off(text(COLLECTOR_URL)), None);
    let ca = section.read("ca", or_off(|item| ca(item).flatten()), None);
    let headers = section.read("headers", headers, Vec::new());
    let secret_headers = section.read("secret_headers", secret_headers, Vec::new());
    let sample = section.read("sample", or_off(sample), Some(defaults::TRACES_SAMPLE));
    let parent = section.read("parent", choice(&PARENTS), defaults::TRACES_PARENT);
    let service_name = section.read("service_name", text(SERVICE_NAME), "windlass".to_owned());
    let endpoint = endpoint?;
    if let (Some(_), Some(item), AuthScheme::Http) = (&ca, section.item("ca"), endpoint.speaks) {
        item.fault("is never looked at: the endpoint is not over TLS", "write an https URL, or remove it");
    }
    if let Some((name, _)) = headers.iter().find(|(name, _)| secret_headers.iter().any(|(other, _)| name == other))
        && let Some(item) = section.item("secret_headers")
    {
        item.fault(format!("{name} stands in headers, too"), "write it once");
    }
    if let (false, AuthScheme::Http, Some(item)) =
        (secret_headers.is_empty() || is_on_this_machine(&endpoint), endpoint.speaks, section.item("secret_headers"))
    {
        item.location().warn(
            "everybody on the way to the collector reads them: it has no TLS",
            "write an https URL, or send to an OpenTelemetry Collector on this machine",
        );
    }
    let location = NotCompared(section.location().source());
    Some(TracesSettings { endpoint, ca, headers, secret_headers, sample, parent, service_name, location })
}

/// Whether what is said there stays on this machine.
fn is_on_this_machine(endpoint: &AuthUrl) -> bool {
    match &endpoint.address {
        EndpointAddress::Socket(address) => address.ip().to_canonical().is_loopback(),
        EndpointAddress::Name(host, _) => host == "localhost" || host.ends_with(".localhost"),
        EndpointAddress::Unix(_) => true,
    }
}

fn sample(item: &SpannedValue<'_>) -> Option<SampleRate> {
    let rate = match item.value() {
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
        _ => {
            item.fault(format!("must be a number, not {}", item.type_name()), RATES);
            return None;
        }
    };
    let share = rate.and_then(SampleRate::new);
    if share.is_none() {
        item.fault("is no share of the traces", RATES);
    }
    share
}

fn headers(item: &SpannedValue<'_>) -> Option<Vec<(HeaderName, String)>> {
    let read = |name: HeaderName, value: &SpannedValue<'_>| {
        if IS_SECRET.contains(&name.as_str()) {
            value.fault(
                format!("{name} is a secret"),
                format!("write its value to a file, and secret_headers = {{ {name} = \"FILE\" }}"),
            );
            return None;
        }
        Some((name, text(HEADER_VALUE)(value)?))
    };
    each(item, "{ x-scope-orgid = \"chat\" }", read)
}

fn secret_headers(item: &SpannedValue<'_>) -> Option<Vec<(HeaderName, NamedFile)>> {
    each(item, "{ authorization = \"collector.token\" }", |name, value| {
        let file = named_file(value)?;
        value.location().report().note_named(|named| named.collector_headers.push(file.clone()));
        Some((name, file))
    })
}

/// What `read` makes of each header of a table.
fn each<T>(
    item: &SpannedValue<'_>,
    example: &str,
    read: impl Fn(HeaderName, &SpannedValue<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let entries = entries(item, example)?;
    let mut written = Vec::new();
    let all: Vec<_> = entries
        .iter()
        .map(|(name, value)| {
            let hint = "write the name of a header that collectors ask for, such as authorization";
            let Ok(header) = name.parse::<HeaderName>() else {
                value.fault(format!("{name:?} is not the name of a header"), hint);
                return None;
            };
            if header == ACCEPT_ENCODING {
                value.fault(format!("{name:?} asks for answers that are not read: no encoding is"), "remove it");
                return None;
            }
            if is_of_one_message(&header) || OURS.contains(&header.as_str()) {
                value.fault(format!("{name:?} is said anyway, as it is for this request"), "remove it");
                return None;
            }
            if written.contains(&header) {
                value.fault(format!("{header} stands here already: names of headers have no case"), "write it once");
                return None;
            }
            written.push(header.clone());
            read(header, value)
        })
        .collect();
    all.into_iter().collect()
}

fn parse_service_name(text: &str) -> Result<String, SyntaxError> {
    let is_fit = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
    is_fit.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no name of a service").into())
}

fn parse_header_value(text: &str) -> Result<String, SyntaxError> {
    let is_fit = HeaderValue::from_str(text).is_ok() && text.is_ascii() && !text.is_empty() && text.len() <= 4096;
    is_fit.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no value of a header").into())
}

const PARENTS: [(&str, FollowedParents); 3] =
    [("trusted", FollowedParents::Trusted), ("follow", FollowedParents::All), ("ignore", FollowedParents::None)];

const RATES: &str = "write a share between 0 and 1, such as 0.01 for every hundredth";

const SERVICE_NAME: Syntax<String> =
    Syntax { noun: "a name", example: "\"windlass\" or \"chat-edge\"", unit: "", parse: parse_service_name };

const HEADER_VALUE: Syntax<String> =
    Syntax { noun: "the value of a header", example: "\"chat\"", unit: "", parse: parse_header_value };

const IS_SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

const OURS: [&str; 4] = ["content-type", "user-agent", "traceparent", "tracestate"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_this_machine_is_read_by_nobody_on_the_way() {
        for (url, is_here) in [
            ("http://127.0.0.1:4318", true),
            ("http://[::1]:4318", true),
            ("http://localhost:4318", true),
            ("unix:/run/otel.sock:/v1/traces", true),
            ("http://10.0.0.1:4318", false),
            ("http://[::]:4318", false),
            ("http://localhost.test", false),
        ] {
            assert_eq!(is_on_this_machine(&(COLLECTOR_URL.parse)(url).unwrap()), is_here, "{url}");
        }
    }
}
