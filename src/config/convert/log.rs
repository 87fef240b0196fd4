//! `[log]`.

use std::path::{Path, PathBuf};

use http::HeaderName;
use toml::de::DeValue;

use crate::config::defaults;
use crate::config::lists::list;
use crate::config::name_syntax::LOGGED_HEADER;
use crate::config::read::{choice, flag, or_off, text};
use crate::config::schema::LOG;
use crate::config::settings::{
    AccessFormat, AccessLogSettings, LogFormat, LogLevel, LogPlace, LogSettings, LoggedExchanges, SampleRate,
};
use crate::config::syntax::{Syntax, SyntaxError};
use crate::config::tree::{Section, SpannedValue};

pub(in crate::config) fn log(file: &Section<'_>) -> LogSettings {
    let section = file.section("log", &LOG);
    let access_format = section.read("access_format", choice(&ACCESS_FORMATS), defaults::ACCESS_FORMAT);
    let access = section.read("access", or_off(text(ACCESS)), None);
    let settings = LogSettings {
        level: section.read("level", choice(&LOG_LEVELS), defaults::LOG_LEVEL),
        format: section.read("format", choice(&FORMATS), defaults::LOG_FORMAT),
        to: section.read("to", text(TO), defaults::LOG_PLACE),
        opened: section.read("opened", flag, defaults::LOGS_OPENED),
        exchanges: section.read("exchanges", exchanges, defaults::LOGGED_EXCHANGES),
        headers: section.read("headers", logged_headers, Vec::new()),
        access: access.map(|path| AccessLogSettings { path, format: access_format }),
    };
    check(&section, &settings);
    warn(&section, &settings, access_format);
    settings
}

/// Notes what is not looked at.
fn warn(section: &Section<'_>, settings: &LogSettings, access_format: AccessFormat) {
    if settings.access.is_none()
        && access_format != defaults::ACCESS_FORMAT
        && let Some(item) = section.item("access_format")
    {
        item.location().warn("is not looked at: there is no access log", "name its file in `access`, or remove it");
    }
    if settings.opened
        && matches!(settings.level, LogLevel::Error | LogLevel::Warn)
        && let Some(item) = section.item("opened")
    {
        let problem = format!("is not looked at: level = \"{}\" hides the lines of tunnels", settings.level);
        item.location().warn(problem, "write level = \"info\", or remove it");
    }
}

/// Notes what does not go together.
fn check(section: &Section<'_>, settings: &LogSettings) {
    if settings.to == LogPlace::Journald
        && settings.format != LogFormat::Auto
        && let Some(item) = section.item("format")
    {
        item.fault("has no meaning with to = \"journald\": the journal keeps fields", "remove it");
    }
    if let (LogPlace::File(log), Some(access)) = (&settings.to, &settings.access)
        && *log == access.path
        && let Some(item) = section.item("access")
    {
        item.fault("is the file of the log itself, and who reads it reads one kind of line", "name another file");
    }
}

fn exchanges(item: &SpannedValue<'_>) -> Option<LoggedExchanges> {
    let rate = match item.value() {
        DeValue::String(_) => return choice(&EXCHANGES)(item),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
        _ => {
            item.fault(format!("must be a number or a string, not {}", item.type_name()), RATES);
            return None;
        }
    };
    let share = rate.and_then(SampleRate::new);
    if share.is_none() {
        item.fault("is no share of the exchanges", RATES);
    }
    share.map(LoggedExchanges::Share)
}

fn logged_headers(item: &SpannedValue<'_>) -> Option<Vec<HeaderName>> {
    const MOST: usize = 8;
    let names = list(text(LOGGED_HEADER), "[\"x-request-id\"]")(item)?;
    if names.len() > MOST {
        item.fault(
            format!("names {} headers", names.len()),
            format!("name {MOST} at the most: every open tunnel keeps them"),
        );
        return None;
    }
    Some(names)
}

/// Reads the name of a level, for whoever asks for one by hand.
///
/// # Errors
/// What there is instead.
pub fn parse_log_level(text: &str) -> Result<LogLevel, SyntaxError> {
    let found = LOG_LEVELS.iter().find(|(word, _)| *word == text).map(|(_, level)| *level);
    found.ok_or_else(|| SyntaxError::new(format!("{text:?} is no level"), "write error, warn, info, debug or trace"))
}

fn parse_place(text: &str) -> Result<LogPlace, SyntaxError> {
    match text {
        "stderr" => Ok(LogPlace::Stderr),
        "journald" => Ok(LogPlace::Journald),
        path => parse_path(path).map(LogPlace::File),
    }
}

fn parse_path(text: &str) -> Result<PathBuf, SyntaxError> {
    let path = Path::new(text);
    // It is opened again whatever folder the process stands in.
    if !path.is_absolute() {
        return Err(SyntaxError::new(
            format!("{text:?} is no absolute path"),
            "write it from / on, as in \"/var/log/windlass/x.log\"",
        ));
    }
    if text.ends_with('/') {
        return Err(SyntaxError::new(format!("{text:?} is a folder"), "name a file in it"));
    }
    Ok(path.to_owned())
}

const LOG_LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

const FORMATS: [(&str, LogFormat); 3] =
    [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

const ACCESS_FORMATS: [(&str, AccessFormat); 2] = [("combined", AccessFormat::Combined), ("json", AccessFormat::Json)];

const EXCHANGES: [(&str, LoggedExchanges); 2] = [("all", LoggedExchanges::All), ("failed", LoggedExchanges::Failed)];

const RATES: &str = "write \"all\", \"failed\", or a share between 0 and 1, such as 0.1 for every tenth";

/// Where lines go.
const TO: Syntax<LogPlace> = Syntax {
    noun: "\"stderr\", \"journald\" or the path of a file",
    example: "\"stderr\", \"journald\" or \"/var/log/windlass/windlass.log\"",
    unit: "",
    parse: parse_place,
};

const ACCESS: Syntax<PathBuf> =
    Syntax { noun: "the path of a file", example: "\"/var/log/windlass/access.log\"", unit: "", parse: parse_path };
