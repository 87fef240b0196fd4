//! What keeps a client at its endpoint: `sticky_on` and `pin_cookie` of `[upstream.NAME]`.

use toml::de::DeValue;

use crate::config::defaults;
use crate::config::lists::list;
use crate::config::name_syntax::{AFFINITY, COOKIE, COOKIE_DOMAIN, COOKIE_PATH};
use crate::config::read::{choice, flag, or_off, text};
use crate::config::schema::PIN_COOKIE;
use crate::config::settings::{AffinitySource, PinCookie, SameSite, Secure};
use crate::config::tree::SpannedValue;
use crate::config::units::DURATION;

pub(super) fn sticky_on(item: &SpannedValue<'_>) -> Option<Vec<AffinitySource>> {
    const EXAMPLE: &str = "[\"header:x-user\", \"client_ip\"]";
    let sources = list(text(AFFINITY), EXAMPLE)(item)?;
    let elements = item.elements()?;
    let last = sources.iter().position(|source| *source == AffinitySource::ClientIp);
    if let Some(unreachable) = last.and_then(|last| elements.get(last + 1)) {
        unreachable.fault("is never reached: every request has a client_ip", "move \"client_ip\" to the end");
    }
    if sources.is_empty() {
        item.fault("is empty", "write [\"client_ip\"], or leave it out");
    }
    Some(sources)
}

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
    if let (SameSite::None, Secure::Never, Some(item)) = (cookie.same_site, cookie.secure, section.item("same_site")) {
        item.fault("is for cookies that are secure: browsers drop any other", "write \"lax\", or leave `secure` out");
    }
    Some(cookie)
}

fn secure(item: &SpannedValue<'_>) -> Option<Secure> {
    if let DeValue::String(text) = item.value()
        && text == "auto"
    {
        return Some(Secure::Auto);
    }
    let DeValue::Boolean(_) = item.value() else {
        item.fault(
            format!("must be true, false or \"auto\", not {}", item.type_name()),
            "write true, false or \"auto\"",
        );
        return None;
    };
    flag(item).map(|is_secure| if is_secure { Secure::Always } else { Secure::Never })
}

const SAME_SITES: [(&str, SameSite); 4] =
    [("auto", SameSite::Auto), ("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];
