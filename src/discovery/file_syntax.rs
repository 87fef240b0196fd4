//! A file of endpoints: JSON or TOML, with the same keys.
//!
//! ```json
//! {"endpoints": ["10.0.0.11:8080", {"address": "10.0.0.12:8080", "name": "b", "weight": 2, "state": "leaving"}]}
//! ```
//! Unknown keys are refused, as in the configuration: what is misspelled is not silently nothing.

use std::fmt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::endpoint_set::{EndpointSet, SetError};
use super::source_error::SourceError;
use crate::config::{EndpointRole, EndpointSettings, MOST_ENDPOINTS, parse_endpoint};

/// How a file of endpoints is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// RFC 8259.
    Json,
    /// TOML 1.0.
    Toml,
}

impl FileFormat {
    /// That of a file: by its extension, or else by how it begins.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Self::Json,
            Some("toml") => Self::Toml,
            // A document of TOML begins with a key, a header in brackets or a comment.
            _ if bytes.trim_ascii_start().starts_with(b"{") => Self::Json,
            _ => Self::Toml,
        }
    }
}

/// The set that a file names.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse_endpoints(bytes: &[u8], format: FileFormat) -> Result<EndpointSet, SourceError> {
    let written: WrittenSet = match format {
        FileFormat::Json => serde_json::from_slice(bytes).map_err(|error| fault(&of_json(&error)))?,
        FileFormat::Toml => {
            let text = str::from_utf8(bytes).map_err(|_| fault("is not UTF-8"))?;
            toml::from_str(text).map_err(|error| fault(&of_toml(text, &error)))?
        }
    };
    Ok(EndpointSet::new(written.endpoints.0)?)
}

fn fault(what: &str) -> SourceError {
    SourceError::bad_set(&what)
}

fn of_json(error: &serde_json::Error) -> String {
    let (line, column, text) = (error.line(), error.column(), error.to_string());
    let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    if line == 0 { what.to_owned() } else { format!("line {line}, column {column}: {what}") }
}

fn of_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return error.message().to_owned() };
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSet {
    endpoints: WrittenEndpoints,
}

/// No more than a set has: what follows is not read.
struct WrittenEndpoints(Vec<EndpointSettings>);

struct WrittenEndpoint(EndpointSettings);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointTable {
    address: String,
    name: Option<String>,
    weight: Option<u64>,
    #[serde(default)]
    state: WrittenState,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenState {
    #[default]
    Ready,
    Backup,
    Leaving,
}

impl EndpointTable {
    fn meant<E: Error>(&self) -> Result<EndpointSettings, E> {
        let role = match self.state {
            WrittenState::Ready => EndpointRole::Ready,
            WrittenState::Backup => EndpointRole::Backup,
            WrittenState::Leaving => EndpointRole::Leaving,
        };
        parse_endpoint(&self.address, self.name.as_deref(), self.weight, role).map_err(Error::custom)
    }
}

impl<'de> Deserialize<'de> for WrittenEndpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = WrittenEndpoints;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of endpoints")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut endpoints = Vec::new();
        while let Some(WrittenEndpoint(endpoint)) = list.next_element()? {
            if endpoints.len() >= MOST_ENDPOINTS {
                return Err(Error::custom(SetError::TooMany));
            }
            endpoints.push(endpoint);
        }
        Ok(WrittenEndpoints(endpoints))
    }
}

impl<'de> Deserialize<'de> for WrittenEndpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndpointVisitor)
    }
}

struct EndpointVisitor;

impl<'de> Visitor<'de> for EndpointVisitor {
    type Value = WrittenEndpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address and a port, or a table with `address`")
    }

    fn visit_str<E: Error>(self, address: &str) -> Result<Self::Value, E> {
        parse_endpoint(address, None, None, EndpointRole::Ready).map(WrittenEndpoint).map_err(Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
        EndpointTable::deserialize(MapAccessDeserializer::new(table))?.meant().map(WrittenEndpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<EndpointSet, String> {
        parse_endpoints(text.as_bytes(), FileFormat::Json).map_err(|error| error.to_string())
    }

    fn toml(text: &str) -> Result<EndpointSet, String> {
        parse_endpoints(text.as_bytes(), FileFormat::Toml).map_err(|error| error.to_string())
    }

    #[test]
    fn both_formats_say_the_same() {
        let one = json(
            r#"{"endpoints": ["10.0.0.11:8080",
                {"address": "app.internal:8080", "name": "b", "weight": 2, "state": "leaving"},
                {"address": "10.0.0.13:8080", "state": "backup"}, {"address": "10.0.0.14:8080", "state": "ready"}]}"#,
        );
        let other = toml(
            "endpoints = [\"10.0.0.11:8080\", { address = \"app.internal:8080\", name = \"b\", weight = 2, state = \"leaving\" },\n\
             { address = \"10.0.0.13:8080\", state = \"backup\" }, { address = \"10.0.0.14:8080\", state = \"ready\" }]",
        );
        let tables = toml(
            "[[endpoints]]\naddress = \"10.0.0.13:8080\"\nstate = \"backup\"\n[[endpoints]]\naddress = \"10.0.0.11:8080\"\n\
             [[endpoints]]\naddress = \"10.0.0.14:8080\"\n\
             [[endpoints]]\naddress = \"app.internal:8080\"\nname = \"b\"\nweight = 2\nstate = \"leaving\"\n",
        );
        assert_eq!(one, other);
        assert_eq!(one, tables);
        let read: Vec<_> = one.unwrap().endpoints().iter().map(written).collect();
        assert_eq!(
            read,
            [
                "10.0.0.11:8080 10.0.0.11:8080 1 Ready",
                "10.0.0.13:8080 10.0.0.13:8080 1 Backup",
                "10.0.0.14:8080 10.0.0.14:8080 1 Ready",
                "b app.internal:8080 2 Leaving"
            ]
        );
    }

    fn written(EndpointSettings { name, address, weight, role }: &EndpointSettings) -> String {
        format!("{name} {address} {weight} {role:?}")
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("", "line 1, column 0: EOF while parsing a value"),
            ("{\"endpoints\": [\"a:1\"", "line 1, column 20: EOF while parsing a list"),
            ("{}", "line 1, column 2: missing field `endpoints`"),
            ("{\"endpoints\": []} x", "line 1, column 19: trailing characters"),
            (
                "{\"endpoints\": [],\n \"version\": 2}",
                "line 2, column 10: unknown field `version`, expected `endpoints`",
            ),
            ("{\"endpoints\": {}}", "line 1, column 14: invalid type: map, expected a list of endpoints"),
            (
                "{\"endpoints\": [7]}",
                "line 1, column 16: invalid type: integer `7`, expected an address and a port, or a table with `address`",
            ),
            ("{\"endpoints\": [\"a:1\", \"a:1\"]}", "two endpoints are called a:1"),
        ] {
            assert_eq!(json(text).unwrap_err(), said, "{text}");
        }
        for (text, said) in [
            ("{\"endpoints\": [\"app.internal\"]}", "has no port"),
            ("{\"endpoints\": [{\"name\": \"a\"}]}", "missing field `address`"),
            ("{\"endpoints\": [{\"address\": \"a:1\", \"wieght\": 2}]}", "unknown field `wieght`"),
            ("{\"endpoints\": [{\"address\": \"a:1\", \"weight\": 0}]}", "weight"),
            ("{\"endpoints\": [{\"address\": \"a:1\", \"name\": \"a b\"}]}", "is not a name"),
            ("{\"endpoints\": [{\"address\": \"a:1\", \"state\": \"gone\"}]}", "unknown variant `gone`"),
        ] {
            let error = json(text).unwrap_err();
            assert!(error.contains(said) && error.starts_with("line 1, column "), "{text}: {error}");
        }
        assert_eq!(toml("endpoints = [\n\"a:1\",\n 7]").unwrap_err().split(':').next(), Some("line 3, column 2"));
        assert_eq!(parse_endpoints(&[0xff], FileFormat::Toml), Err(SourceError::BadSet("is not UTF-8".into())));
    }

    #[test]
    fn what_is_wrong_is_said_in_a_few_words_whatever_is_quoted() {
        let key = "k".repeat(1_000_000);
        for wrong in [json(&format!("{{\"{key}\": []}}")), toml(&format!("{key} = []"))] {
            let said = wrong.unwrap_err();
            assert!(said.starts_with("line 1, column ") && said.len() < 600, "{}", said.len());
        }
    }

    #[test]
    fn a_million_endpoints_are_refused_before_they_are_read() {
        let mut text = "{\"endpoints\": [\"a:1\"".to_owned();
        (0..1_000_000).for_each(|_| text.push_str(", \"a:1\""));
        // It does not even have an end.
        assert!(json(&text).unwrap_err().ends_with("there are more than 20000 endpoints"));
    }

    #[test]
    fn the_format_is_told_by_the_extension_or_else_by_the_first_character() {
        let of = |path: &str, text: &str| FileFormat::of(Path::new(path), text.as_bytes());
        assert_eq!(of("a.json", "endpoints = []"), FileFormat::Json);
        assert_eq!(of("a.toml", "{}"), FileFormat::Toml);
        assert_eq!(of("endpoints", "\n {\"endpoints\": []}"), FileFormat::Json);
        assert_eq!(of("endpoints.conf", "# ours\nendpoints = []"), FileFormat::Toml);
        assert_eq!(of("endpoints", "[[endpoints]]"), FileFormat::Toml);
    }
}
