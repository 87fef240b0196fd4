//! Holds docs/openapi.json against the table of routes and the types of the wire: it is written from them, and has nothing else.
//!
//! `WINDLASS_UPDATE_EXPECTED=1 cargo test --lib admin::openapi_tests` writes it.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::close_wire::{CloseAnswer, CloseRequest};
use super::log_level::{LogLevelRequest, LogLevelStatus};
use super::placement::WhereAnswer;
use super::plan_wire::{PlanAnswer, PlanRequest};
use super::problem::Problem;
use super::routes::{AdminRoute, Needs, Operation, ROUTES, Verb};
use super::tap_wire::TapRequest;
use super::tunnel_query::USUAL_LIMIT;
use super::tunnel_wire::{TunnelDetail, TunnelList};
use super::tunnel_words::{MOST_TUNNELS, SortOrder, TunnelParameter, TunnelSort};
use super::upstream_status::UpstreamStatus;
use super::wire::*;

/// What is answered, and what is asked with.
struct Described {
    summary: &'static str,
    answer: Answer,
    body: Option<Schema>,
    parameters: Vec<Value>,
}

enum Answer {
    Json(Schema),
    Text,
    /// Of this type, which is no JSON.
    Other(&'static str),
}

/// Two ways of looking at types: as they are written, and as they are read.
struct Types {
    written: SchemaGenerator,
    read: SchemaGenerator,
}

impl Types {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            written: settings().for_serialize().into_generator(),
            read: settings().for_deserialize().into_generator(),
        }
    }

    fn told<T: JsonSchema>(&mut self, summary: &'static str) -> Described {
        let answer = Answer::Json(self.written.subschema_for::<T>());
        Described { summary, answer, body: None, parameters: Vec::new() }
    }

    fn done<B: JsonSchema, T: JsonSchema>(&mut self, summary: &'static str) -> Described {
        Described { body: Some(self.read.subschema_for::<B>()), ..self.told::<T>(summary) }
    }

    fn describe(&mut self, operation: Operation) -> Described {
        let text = |summary| Described { summary, answer: Answer::Text, body: None, parameters: Vec::new() };
        let other = |summary, kind| Described { answer: Answer::Other(kind), ..text(summary) };
        match operation {
            Operation::Page => other("The dashboard", "text/html"),
            Operation::PageFile => Described {
                parameters: vec![in_path("file", &json!({ "type": "string" }))],
                ..other("A file of the dashboard", "*/*")
            },
            Operation::Events => other(
                "What there is to see, once a second, as server-sent events: docs/dashboard.md",
                "text/event-stream",
            ),
            Operation::Live => text("Whether the process runs"),
            Operation::Ready => text("Whether new sessions are welcome"),
            Operation::Metrics => text("What Prometheus reads"),
            Operation::OpenApi => self.told::<Map<String, Value>>("This document"),
            Operation::Status => self.told::<Status>("How things stand"),
            Operation::Listeners => self.told::<Vec<ListenerStatus>>("The listeners"),
            Operation::Routes => self.told::<Vec<RouteStatus>>("The routes"),
            Operation::Upstreams => self.told::<Vec<UpstreamStatus>>("The upstreams and their endpoints"),
            Operation::Upstream => Described {
                parameters: vec![in_path("name", &json!({ "type": "string" }))],
                ..self.told::<UpstreamStatus>("One upstream")
            },
            Operation::Tunnels => {
                Described { parameters: filters(), ..self.told::<TunnelList>("The open tunnels of this process") }
            }
            Operation::Tunnel => Described {
                parameters: vec![in_path("id", &json!({ "type": "integer", "minimum": 0 }))],
                ..self.told::<TunnelDetail>("Everything that is known of one tunnel")
            },
            Operation::Where => Described {
                parameters: ["listener", "host", "path", "client"]
                    .map(|name| in_query(name, &json!({ "type": "string" })))
                    .into_iter()
                    .chain([in_query(
                        "header",
                        &json!({ "type": "array", "items": { "type": "string", "pattern": "^[A-Za-z0-9-]+=" } }),
                    )])
                    .collect(),
                ..self.told::<WhereAnswer>("Where a WebSocket like this would be placed now")
            },
            Operation::Rights => self.told::<RightsAnswer>("What who asks may do here"),
            Operation::Reload => self.told::<ReloadAnswer>("Has the process read its file again"),
            Operation::Handoff => self.told::<HandoffAnswer>("Has a new process take over"),
            Operation::Plan => self.done::<PlanRequest, PlanAnswer>("Says what a reload with a file would do"),
            Operation::Drain => self.done::<DrainRequest, DrainAnswer>("Ends tunnels, paced and politely"),
            Operation::Undrain => self.done::<UndrainRequest, UndrainAnswer>("Lets an endpoint take tunnels again"),
            Operation::LogLevel => self.told::<LogLevelStatus>("Which lines are written to the log"),
            Operation::SetLogLevel => {
                self.done::<LogLevelRequest, LogLevelStatus>("Has other lines written to the log, for a while")
            }
            Operation::Tap => Described {
                body: Some(self.read.subschema_for::<TapRequest>()),
                ..other(
                    "What passes through a tunnel, as it passes: a JSON on each line; over a unix socket alone",
                    "application/x-ndjson",
                )
            },
            Operation::Close => self.done::<CloseRequest, CloseAnswer>("Ends tunnels at once"),
        }
    }

    fn schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.written.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            assert!(schemas.insert(name.clone(), schema).is_none(), "{name} is written and read: it needs two names");
        }
        schemas
    }
}

fn in_path(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn in_query(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

fn filters() -> Vec<Value> {
    let text = || json!({ "type": "string" });
    let duration = || json!({ "type": "string", "examples": ["5min"] });
    let words = |words: &[&str]| json!({ "enum": words, "default": words[0] });
    let schema = |parameter| match parameter {
        TunnelParameter::Listener
        | TunnelParameter::Route
        | TunnelParameter::Upstream
        | TunnelParameter::Endpoint
        | TunnelParameter::After => text(),
        TunnelParameter::Client => json!({ "type": "string", "examples": ["10.0.0.0/8"] }),
        TunnelParameter::Claim => json!({ "type": "array", "items": { "type": "string", "pattern": "^[^=]+=" } }),
        TunnelParameter::MinAge | TunnelParameter::MinIdle => duration(),
        TunnelParameter::MinRate => json!({ "type": "number", "minimum": 0 }),
        TunnelParameter::Sort => words(&TunnelSort::VARIANTS.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        TunnelParameter::Order => words(&SortOrder::VARIANTS.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        TunnelParameter::Limit => {
            json!({ "type": "integer", "minimum": 1, "maximum": MOST_TUNNELS, "default": USUAL_LIMIT })
        }
    };
    TunnelParameter::VARIANTS.iter().map(|it| in_query(it.as_str(), &schema(*it))).collect()
}

fn operation(types: &mut Types, route: &AdminRoute) -> Value {
    let Described { summary, answer, body, parameters } = types.describe(route.operation);
    let content = |schema: Value, kind: &str| json!({ kind: { "schema": schema } });
    let problem = types.written.subschema_for::<Problem>();
    let told = match answer {
        Answer::Json(schema) => content(schema.into(), "application/json"),
        Answer::Text => content(json!({ "type": "string" }), "text/plain"),
        Answer::Other(kind) => content(json!({ "type": "string" }), kind),
    };
    let mut responses = json!({
        "200": { "description": "As it was asked for", "content": told },
        "default": { "description": "Why not", "content": content(problem.into(), "application/problem+json") },
    });
    if route.operation == Operation::Ready {
        let told = content(json!({ "type": "string" }), "text/plain");
        responses["503"] = json!({ "description": "They are not, and why", "content": told });
    }
    let name = route.path.trim_matches('/').replace(['/', '{', '}'], "_");
    let mut operation = json!({
        // Of a path that is asked and told, each has a name of its own.
        "operationId": match (route.operation, name.as_str()) {
            (Operation::SetLogLevel, name) => format!("set_{name}"),
            (_, "") => "dashboard".to_owned(),
            (_, name) => name.to_owned(),
        },
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
        "security": match route.needs {
            Needs::Nothing => json!([{}]),
            Needs::Reading | Needs::Steering => json!([{}, { "token": [] }]),
        },
    });
    if let Some(schema) = body {
        operation["requestBody"] = json!({ "required": true, "content": content(schema.into(), "application/json") });
    }
    operation
}

fn document() -> Value {
    let (mut types, mut paths) = (Types::new(), Map::new());
    for route in ROUTES {
        let verb = match route.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[verb] = operation(&mut types, route);
    }
    let token = "Over TCP, where the listener has a token; a client certificate, or nothing, where it asks for that";
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The admin listener of Windlass",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:9900" }],
        "paths": paths,
        "components": {
            "schemas": types.schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": token } },
        },
    })
}

#[test]
fn the_document_says_what_the_table_and_the_types_say() {
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    #[expect(clippy::disallowed_methods, reason = "the tests of the configuration are told so, too")]
    if std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some() {
        std::fs::write(file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == made, "docs/openapi.json is not what the code says: WINDLASS_UPDATE_EXPECTED=1 writes it anew");
}
