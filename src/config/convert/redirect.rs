//! `redirect` of `[route.NAME]`.

use http::StatusCode;
use toml::de::DeValue;

use crate::config::defaults;
use crate::config::paths::{NEW_PREFIX, PATH_OF_PLACE};
use crate::config::read::{choice, integer, number, text};
use crate::config::rule_syntax::REDIRECT_HOST;
use crate::config::schema::REDIRECT;
use crate::config::tree::SpannedValue;
use crate::rules::{NewPath, QueryKept, Redirect};

/// `"https"`, or a table with all that can be said of the place.
pub(super) fn redirect(item: &SpannedValue<'_>) -> Option<Redirect> {
    let same = Redirect {
        scheme: None,
        host: None,
        port: None,
        path: NewPath::Same,
        query: defaults::REDIRECT_QUERY,
        status: defaults::REDIRECT_STATUS,
    };
    let section = match item.value() {
        DeValue::Table(_) => item.section(&REDIRECT)?,
        DeValue::String(text) if text.contains(['/', '.']) => {
            let hint = "write \"https\" for the same place over TLS, or the parts of another one, such as \
                        { scheme = \"https\", host = \"www.example.com\", path = \"/\" }";
            item.fault(format!("{text:?} is not one of its values"), hint);
            return None;
        }
        _ => return choice(&[("https", ())])(item).map(|()| Redirect { scheme: Some("https"), ..same }),
    };
    let scheme = section.try_read("scheme", |item| choice(&SCHEMES)(item).map(Some), None);
    let host = section.try_read("host", |item| text(REDIRECT_HOST)(item).map(|host| Some(host.into())), None);
    let port = section.try_read("port", |item| Some(u16::try_from(integer(1..=65_535)(item)?).ok()), None);
    let path =
        section.try_read("path", |item| text(PATH_OF_PLACE)(item).map(|it| NewPath::Whole(it.into())), NewPath::Same);
    let prefix =
        section.try_read("prefix", |item| text(NEW_PREFIX)(item).map(|it| NewPath::Prefix(it.into())), NewPath::Same);
    let query = section.try_read("query", choice(&QUERIES), defaults::REDIRECT_QUERY);
    let status = section.try_read("status", status, defaults::REDIRECT_STATUS);
    if let (true, Some(item)) = (section.has("path"), section.item("prefix")) {
        item.fault("is for what is left of the path, and `path` replaces all of it", "keep one of them");
    }
    let (path, prefix) = (path?, prefix?);
    let redirect = Redirect {
        scheme: scheme?,
        host: host?,
        port: port?,
        path: if prefix == NewPath::Same { path } else { prefix },
        query: query?,
        status: status?,
    };
    let goes_nowhere = Redirect { query: same.query, status: same.status, ..redirect.clone() } == same;
    if goes_nowhere && redirect.query == QueryKept::Keep {
        item.fault("leads to where the request came from", "write `scheme`, `host`, `port`, `path` or `prefix`");
    }
    Some(redirect)
}

fn status(item: &SpannedValue<'_>) -> Option<StatusCode> {
    let hint = || "write 301, 302, 303, 307 or 308".to_owned();
    let code = number(item, 0..=u64::MAX, hint)?;
    let status = [301, 302, 303, 307, 308].into_iter().find(|known| u64::from(*known) == code);
    if status.is_none() {
        item.fault(format!("{code} sends no client elsewhere"), hint());
    }
    StatusCode::from_u16(status?).ok()
}

const SCHEMES: [(&str, &str); 2] = [("https", "https"), ("http", "http")];
const QUERIES: [(&str, QueryKept); 2] = [("keep", QueryKept::Keep), ("drop", QueryKept::Drop)];
