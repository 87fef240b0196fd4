//! The files of the page, and the headers that they are answered with.

use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY};

use crate::admin::answer::{AdminAnswer, text, typed};

/// One file of the page.
struct PageFile {
    /// Its name below `/dashboard/`.
    name: &'static str,
    /// What it says.
    text: &'static str,
}

/// A row for each, so that a name and its text cannot be mixed up.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(PageFile { name: $name, text: include_str!(concat!("page/", $name)) }),*]
    };
}

static FILES: &[PageFile] = files![
    "access.mjs",
    "certificates.mjs",
    "drains.mjs",
    "elements.mjs",
    "endings.mjs",
    "endpoints.mjs",
    "event_stream.mjs",
    "figures.mjs",
    "history.mjs",
    "icon.svg",
    "model.mjs",
    "parts.css",
    "percentiles.mjs",
    "process.mjs",
    "question.mjs",
    "refusals.mjs",
    "reloads.mjs",
    "script.mjs",
    "sparkline.mjs",
    "steer.mjs",
    "style.css",
    "theme.css",
    "theme.js",
    "tunnels.mjs",
    "ways.mjs",
    "words.mjs",
];

const PAGE: &str = include_str!("page/page.html");

/// Nothing is loaded from elsewhere, nothing stands in the page itself, and nobody may frame its buttons. Whatever a name that
/// is shown may say, it is no script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(in crate::admin) fn page() -> AdminAnswer {
    guarded(PAGE, "text/html; charset=utf-8")
}

/// The file of this name; `None` where there is none.
pub(in crate::admin) fn file(name: &str) -> Option<AdminAnswer> {
    let found = FILES.iter().find(|file| file.name == name)?;
    Some(guarded(found.text, content_type(found.name)?))
}

fn content_type(name: &str) -> Option<&'static str> {
    let (_, kind) = name.rsplit_once('.')?;
    match kind {
        "js" | "mjs" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn guarded(file: &'static str, content_type: &'static str) -> AdminAnswer {
    let mut answer = typed(text(StatusCode::OK, file), content_type);
    let headers: [(HeaderName, &str); 2] = [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "no-referrer")];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use http::header::X_CONTENT_TYPE_OPTIONS;

    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_says_what_it_is() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/dashboard/page");
        let there: BTreeSet<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let served: BTreeSet<_> =
            FILES.iter().map(|file| file.name.to_owned()).chain(["page.html".to_owned()]).collect();
        assert_eq!(there, served);
        for name in FILES.iter().map(|file| file.name) {
            let answer = file(name).unwrap();
            let kind = answer.headers()[CONTENT_TYPE].to_str().unwrap();
            assert!(
                ["text/javascript", "text/css", "image/svg+xml"].iter().any(|it| kind.starts_with(it)),
                "{name}: {kind}"
            );
        }
        assert!(file("page.html").is_none() && file("../files.rs").is_none() && file("").is_none());
    }

    #[test]
    fn every_file_forbids_what_is_not_one_of_them() {
        let files = FILES.iter().map(|it| file(it.name).unwrap());
        for answer in files.chain([page()]) {
            let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(answer.headers()[REFERRER_POLICY], "no-referrer");
        }
    }

    #[test]
    fn the_page_loads_files_that_there_are_and_nothing_from_elsewhere() {
        let loaded = |text: &'static str| {
            let quoted = text.split(['"', '\'']).filter(|it| it.starts_with("/dashboard/") || it.starts_with("./"));
            quoted.map(|it| it.trim_start_matches("/dashboard/").trim_start_matches("./"))
        };
        for (name, text) in FILES.iter().map(|file| (file.name, file.text)).chain([("page.html", PAGE)]) {
            for wanted in loaded(text) {
                assert!(file(wanted).is_some(), "{name} wants {wanted}");
            }
            let elsewhere =
                ["https://", "src=\"http", "@import", "url(", " style=\"", " onclick=", "innerHTML", "eval("];
            for wrong in elsewhere {
                assert!(!text.contains(wrong), "{name}: {wrong}");
            }
        }
    }
}
