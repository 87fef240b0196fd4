//! `pin_cookie` of `[upstream.NAME]`.

use toml::de::DeValue;

use crate::config::defaults;
use crate::config::name_syntax::{COOKIE, COOKIE_DOMAIN, COOKIE_PATH};
use crate::config::read::{choice, flag, or_off, text};
use crate::config::schema::PIN_COOKIE;
use crate::config::settings::{PinCookie, SameSite, Secure};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

/// The name of a cookie, or a table with all that can be said of it.
pub(super) fn pin_cookie(item: &SpannedValue<'_>) -> Option<PinCookie> {
    let DeValue::Table(_) = item.value() else {
        return Some(PinCookie {
            name: text(COOKIE)(item)?,
            path: defaults::PIN_PATH.into(),
            domain: None,
            same_site: defaults::PIN_SAME_SITE,
            secure: defaults::PIN_SECURE,
            max_age: defaults::PIN_MAX_AGE,
        });
    };
    let section = item.section(&PIN_COOKIE)?;
    let name = section.require("name", text(COOKIE), "name = \"windlass_pin\"");
    let path = section.try_read("path", text(COOKIE_PATH), defaults::PIN_PATH.into());
    let domain = section.try_read("domain", |item| text(COOKIE_DOMAIN)(item).map(Some), None);
    let same_site = section.try_read("same_site", choice(&SAME_SITES), defaults::PIN_SAME_SITE);
    let secure = section.try_read("secure", secure, defaults::PIN_SECURE);
    let max_age = section.try_read("max_age", or_off(text(DURATION)), defaults::PIN_MAX_AGE);
    let cookie = PinCookie {
        name: name?,
        path: path?,
        domain: domain?,
        same_site: same_site?,
        secure: secure?,
        max_age: max_age?,
    };
    check_prefix(&section, &cookie);
    if let (SameSite::None, Secure::Never, Some(item)) = (cookie.same_site, cookie.secure, section.item("same_site")) {
        item.fault("is for cookies that are secure: browsers drop any other", "write \"lax\", or leave `secure` out");
    }
    Some(cookie)
}

/// A name may promise what its attributes are, and browsers hold it to that (RFC 6265bis §4.1.3).
fn check_prefix(section: &Section<'_>, cookie: &PinCookie) {
    let promises = |prefix: &str| {
        let front = cookie.name.as_str().get(..prefix.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(prefix))
    };
    let (of_host, of_secure) = (promises(HOST_PREFIX), promises(SECURE_PREFIX));
    let prefix = if of_host { HOST_PREFIX } else { SECURE_PREFIX };
    let broken = [
        ("secure", (of_host || of_secure) && cookie.secure == Secure::Never, "is secure"),
        ("path", of_host && cookie.path != "/", "has the path \"/\""),
        ("domain", of_host && cookie.domain.is_some(), "has no domain"),
    ];
    for (key, _, promise) in broken.into_iter().filter(|(_, is_broken, _)| *is_broken) {
        if let Some(item) = section.item(key) {
            item.fault(
                format!("cannot be: browsers drop a cookie with {prefix} in its name unless it {promise}"),
                "leave it out, or give the cookie another name",
            );
        }
    }
}

fn secure(item: &SpannedValue<'_>) -> Option<Secure> {
    match item.value() {
        DeValue::String(text) if text == "auto" => Some(Secure::Auto),
        DeValue::Boolean(_) => flag(item).map(|is_secure| if is_secure { Secure::Always } else { Secure::Never }),
        _ => {
            item.fault(
                format!("must be true, false or \"auto\", not {}", item.type_name()),
                "write true, false or \"auto\"",
            );
            None
        }
    }
}

const SAME_SITES: [(&str, SameSite); 4] =
    [("auto", SameSite::Auto), ("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];

const HOST_PREFIX: &str = "__Host-";
const SECURE_PREFIX: &str = "__Secure-";
