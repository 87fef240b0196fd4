use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tracing::{debug, error, info, warn};

use super::*;
use crate::config::{AccessFormat, AccessLogSettings, LogFormat, LogLevel, LogPlace, LoggedExchanges};
use crate::log::{TROUBLE, hearing};

#[test]
fn the_level_of_the_settings_decides_which_of_our_lines_are_written() {
    let paper = Paper::default();
    let (subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, None);

    hearing(subscriber, || {
        info!("ours");
        debug!("ours, but too much");
        info!(target: "hyper::client", "theirs");
        warn!(target: "hyper::client", "theirs, but needs attention");
    });

    assert_eq!(
        paper.lines_with(&log, &["ours", "ours, but too much", "theirs, but needs attention"]),
        [true, false, true]
    );
    assert_eq!(paper.all(&log).lines().count(), 2);
}

#[test]
fn what_operators_do_is_told_at_every_level() {
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info] {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(level, LogFormat::Text, None);
        hearing(subscriber, || info!(target: "windlass::admin::audit", "operator"));
        assert_eq!(paper.lines_with(&log, &["operator"]), [true], "{level}");
    }
}

#[test]
fn what_became_of_lines_is_told_whatever_is_filtered() {
    let filters = [None, Some("windlass::session=info"), Some("off"), Some("windlass::log=error,"), Some("info")];
    for rust_log in filters {
        let paper = Paper::default();
        let (subscriber, mut log) = paper.start(LogLevel::Info, LogFormat::Text, rust_log);
        hearing(subscriber, || {
            log.level.configure(LogLevel::Error);
            warn!(target: TROUBLE, "some were dropped");
            error!(target: TROUBLE, "an error has waited");
        });
        let told = paper.lines_with(&log, &["some were dropped", "an error has waited"]);
        assert_eq!(told, [true, true], "{rust_log:?}");
    }
}

#[test]
fn what_others_name_stays_apart_and_passes_for_nothing_else() {
    let headers = r#"{"x-trace":"1 x-user=admin\u202e","x-user":"\""}"#;
    let written = |format| {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(LogLevel::Info, format, None);
        hearing(subscriber, || {
            info!(headers, "an object");
            info!(headers = "none", "a text");
        });
        paper.all(&log)
    };

    let lines = written(LogFormat::Json);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["headers"], serde_json::from_str::<Value>(headers).unwrap());
    assert_eq!(lines[1]["headers"], "none");
    let text = written(LogFormat::Text);
    assert!(text.contains(r#" headers.x-trace="1 x-user=admin\u202e" headers.x-user="\"" "#), "{text}");
    assert!(text.contains(" headers=none "), "{text}");
}

#[test]
fn a_reload_changes_the_level() {
    let paper = Paper::default();
    let (subscriber, mut log) = paper.start(LogLevel::Info, LogFormat::Text, None);

    hearing(subscriber, || {
        debug!("before");
        log.level.configure(LogLevel::Debug);
        debug!("between");
        log.level.configure(LogLevel::Warn);
        info!("after");
    });

    assert_eq!(paper.lines_with(&log, &["before", "between", "after"]), [false, true, false]);
}

#[test]
fn rust_log_beats_the_settings_also_after_a_reload() {
    let paper = Paper::default();
    let (subscriber, mut log) = paper.start(LogLevel::Error, LogFormat::Text, Some("windlass=info"));

    hearing(subscriber, || {
        info!("before");
        log.level.configure(LogLevel::Info);
        info!("after");
        warn!(target: "hyper", "theirs");
    });

    assert_eq!(paper.lines_with(&log, &["before", "after", "theirs"]), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_orders_holds_for_its_time_or_until_a_reload_says_something_else() {
    let paper = Paper::default();
    let (subscriber, mut log) = paper.start(LogLevel::Warn, LogFormat::Text, None);
    let minute = Duration::from_secs(60);
    let noted = |log: &Log| log.level.noted().status();
    hearing(subscriber, || {
        info!("before");
        log.level.order(LogLevel::Debug, Some(minute)).unwrap();
        debug!("while it holds");
        log.level.configure(LogLevel::Warn);
        debug!("after a reload that changed nothing");
    });
    let status = noted(&log);
    assert_eq!(
        (status.level.as_str(), status.decided_by.as_str(), status.back_in_seconds),
        ("debug", "operator", Some(60))
    );
    log.level.order_ends().await;
    log.level.end_order();
    assert_eq!((noted(&log).level.as_str(), noted(&log).decided_by.as_str()), ("warn", "configuration"));

    log.level.order(LogLevel::Trace, None).unwrap();
    assert_eq!(noted(&log).back_in_seconds, None);
    log.level.configure(LogLevel::Info);
    assert_eq!((noted(&log).level.as_str(), noted(&log).decided_by.as_str()), ("info", "configuration"));
    let before = ["before", "while it holds", "after a reload that changed nothing"];
    assert_eq!(paper.lines_with(&log, &before), [false, true, true]);
}

#[test]
fn rust_log_takes_no_orders_and_says_so() {
    let paper = Paper::default();
    let (_subscriber, mut log) = paper.start(LogLevel::Info, LogFormat::Text, Some("windlass=warn"));
    let refused = log.level.order(LogLevel::Debug, None).unwrap_err().to_string();
    assert!(refused.starts_with("RUST_LOG (windlass=warn) decides"), "{refused}");
    let status = log.level.noted().status();
    assert_eq!((status.level.as_str(), status.decided_by.as_str()), ("windlass=warn", "RUST_LOG"));
}

#[test]
fn lines_go_elsewhere_from_a_reload_on_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let paper = Paper::default();
    let (subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, None);
    let moved = LogSettings { to: LogPlace::File(path.clone()), ..settings(LogLevel::Info, LogFormat::Json) };
    hearing(subscriber, || {
        info!("before");
        let prepared = log.prepare(&moved).unwrap();
        retire(log.sink.swap(prepared.sink.unwrap()));
        info!("after");
    });
    assert!(log.sink.load().queue().flush(Duration::from_secs(20)));
    let after = std::fs::read_to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap()["message"], "after");
    while !paper.text().contains("before") {
        std::thread::yield_now();
    }

    let nowhere = LogSettings { to: LogPlace::File(folder.path().join("none/log")), ..moved.clone() };
    let refused = log.prepare(&nowhere).unwrap_err().to_string();
    assert!(refused.contains("log.to: cannot open") && refused.contains("make the folder"), "{refused}");
    let nowhere = AccessLogSettings { path: folder.path().to_owned(), format: AccessFormat::Json };
    let refused = log.prepare(&LogSettings { access: Some(nowhere), ..moved }).unwrap_err().to_string();
    assert!(refused.contains("log.access: cannot open") && refused.contains("name a file in it"), "{refused}");
}

#[test]
fn what_a_reload_would_open_is_foretold_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let served = LogSettings { to: LogPlace::File(inner.join("log")), ..settings(LogLevel::Info, LogFormat::Text) };
    let (_subscriber, log) = start(&served, None, LogReader::Other, || Err(io::ErrorKind::Other.into())).unwrap();
    // What is open stays open.
    std::fs::rename(&inner, folder.path().join("moved")).unwrap();
    let access = |path| Some(AccessLogSettings { path, format: AccessFormat::Json });
    for (planned, key) in [
        (served.clone(), None),
        (LogSettings { level: LogLevel::Warn, ..served.clone() }, None),
        (LogSettings { format: LogFormat::Json, ..served.clone() }, Some("log.to: ")),
        (LogSettings { access: access(folder.path().join("access")), ..served.clone() }, None),
        (LogSettings { access: access(inner.join("access")), ..served.clone() }, Some("log.access: ")),
    ] {
        let [foretold, opened] = [log.foretell(&planned).map(drop), log.prepare(&planned).map(drop)]
            .map(|outcome| outcome.map_err(|error| error.to_string()));
        assert_eq!(foretold, opened);
        let said = foretold.err().unwrap_or_default();
        assert!(key.map_or(said.is_empty(), |key| said.starts_with(key)), "{planned:?}: {said}");
    }
}

#[test]
fn an_empty_rust_log_is_none() {
    let paper = Paper::default();
    let (_subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, Some(""));

    assert_eq!(log.level.noted().status.decided_by, "configuration");
}

#[test]
fn auto_is_json_unless_somebody_watches() {
    let json: Value = serde_json::from_str(&line(LogFormat::Auto, LogReader::Other)).unwrap();
    assert_eq!(json["message"], "tunnel ended");
    assert_eq!(json["route"], "chat");
    assert_eq!(json["level"], "INFO");
    assert_eq!(json["pid"], std::process::id());
    assert_eq!(json["field_pid"], 5, "what is not the line's own has another name");
    assert!(json["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line(LogFormat::Json, LogReader::Person(Ink::Coloured)).starts_with('{'));
}

#[test]
fn text_is_logfmt_with_colours_where_somebody_wants_them() {
    let text = line(LogFormat::Text, LogReader::Other);
    let (time, rest) = text.split_once(' ').unwrap();
    assert!(time.starts_with("ts=20"), "{text}");
    let pid = std::process::id();
    let target = module_path!();
    let expected = format!(
        "level=info pid={pid} msg=\"tunnel ended\" route=chat field_pid=5 is_ready=true seconds=0.5 why=\"a \\\"b\\\"\" target={target}\n"
    );
    assert_eq!(rest, expected);
    assert_eq!(line(LogFormat::Auto, LogReader::Person(Ink::Plain)).split_once(' ').unwrap().1, expected);
    let coloured = line(LogFormat::Auto, LogReader::Person(Ink::Coloured));
    assert!(coloured.contains("\x1b[32minfo\x1b[0m") && coloured.ends_with(&format!("{target}\n")), "{coloured:?}");
}

#[test]
fn several_lines_stand_below_each_other_for_people_only() {
    let said = |reader| written(LogFormat::Text, reader, || warn!(x = 1, "refused:\nfirst\n  \x1b[31msecond"));
    assert!(said(LogReader::Other).contains(r#"msg="refused:\nfirst\n  \u001b[31msecond" x=1"#));
    let person = said(LogReader::Person(Ink::Plain));
    assert!(person.contains(" msg=refused: x=1 "), "{person}");
    assert!(person.ends_with("\n    first\n      \\u001b[31msecond\n"), "{person}");
}

#[test]
fn no_field_of_anybodys_breaks_a_line() {
    let odd = "\u{9b}31m\u{202e}\u{2028}\n\x1b]0;x\x07";
    let event = || info!(text = odd, shown = %odd, debugged = ?odd, option = Some(odd), "{odd}");
    let json = written(LogFormat::Json, LogReader::Other, event);
    assert!(json.is_ascii() && json.lines().count() == 1, "{json:?}");
    let line: Value = serde_json::from_str(&json).unwrap();
    for field in ["text", "shown", "option", "message"] {
        assert_eq!(line[field], odd, "{field}");
    }
    let text = written(LogFormat::Text, LogReader::Other, event);
    assert!(text.is_ascii() && text.lines().count() == 1 && !text.contains('\x1b'), "{text:?}");
}

fn line(format: LogFormat, reader: LogReader) -> String {
    written(format, reader, || {
        info!(route = "chat", pid = 5, is_ready = true, seconds = 0.5, why = %"a \"b\"", "tunnel ended");
    })
}

fn written(format: LogFormat, reader: LogReader, event: impl FnOnce()) -> String {
    let paper = Paper::default();
    let (subscriber, log) = paper.start_for(reader, &settings(LogLevel::Info, format), None);
    hearing(subscriber, event);
    drop(log);
    paper.text()
}

#[test]
fn an_invalid_rust_log_is_an_error_that_names_the_directive() {
    let error = |value: &[u8]| {
        parse_rust_log(OsStr::from_bytes(value)).map(|_| ()).expect_err("it should be refused").to_string()
    };

    assert!(error(b"inof").contains("\"inof\" is not a level"));
    assert!(error(b"warn,hyper").contains("\"hyper\" is not a level"));
    assert!(error(b"windlass=loud").contains("is not a filter"));
    assert!(error(b"\xff").contains("is not UTF-8"));
    assert!(error(b"inof").contains("for example RUST_LOG=warn,windlass=debug"));
    for fine in ["info", "off", "WARN,windlass::tunnel=trace", "windlass[session]=debug", "info,"] {
        assert!(parse_rust_log(OsStr::new(fine)).is_ok(), "{fine}");
    }
}

pub(super) fn settings(level: LogLevel, format: LogFormat) -> LogSettings {
    LogSettings {
        level,
        format,
        to: LogPlace::Stderr,
        opened: false,
        exchanges: LoggedExchanges::All,
        headers: Vec::new(),
        access: None,
    }
}

/// What was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn start(
        &self,
        level: LogLevel,
        format: LogFormat,
        rust_log: Option<&str>,
    ) -> (impl Subscriber + Send + Sync + use<>, Log) {
        self.start_for(LogReader::Other, &settings(level, format), rust_log)
    }

    fn start_for(
        &self,
        reader: LogReader,
        settings: &LogSettings,
        rust_log: Option<&str>,
    ) -> (impl Subscriber + Send + Sync + use<>, Log) {
        let output = Output::Stream(Box::new(self.clone()));
        let output: Box<dyn FnOnce() -> io::Result<Output>> = Box::new(|| Ok(output));
        start(settings, rust_log.map(OsStr::new), reader, output).unwrap()
    }

    /// Everything that was logged.
    fn all(&self, log: &Log) -> String {
        assert!(log.sink.load().queue().flush(Duration::from_secs(20)));
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// For each message, whether some line says it.
    fn lines_with(&self, log: &Log, messages: &[&str]) -> Vec<bool> {
        let text = self.all(log);
        let says = |line: &str, message| {
            line.contains(&format!(" msg={message} ")) || line.contains(&format!(" msg=\"{message}\" "))
        };
        messages.iter().map(|message| text.lines().any(|line| says(line, message))).collect()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
