//! `route.NAME.authorize`.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderName, Method};

use crate::config::authorize_syntax::{AUTH_METHOD, AUTH_URL, RETURNED_HEADER, SENT_HEADER, TAKEN_HEADER, TIME_HEADER};
use crate::config::defaults;
use crate::config::lists::list;
use crate::config::not_compared::NotCompared;
use crate::config::read::{close_code, integer, named_file, or_off, text};
use crate::config::schema::AUTHORIZE;
use crate::config::settings::{AuthScheme, AuthorizeSettings, HeaderPattern, NamedFile, RecheckSettings};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::{DURATION, write_duration};

pub(super) fn authorize(item: &SpannedValue<'_>) -> Option<AuthorizeSettings> {
    let section = item.section(&AUTHORIZE)?;
    let exactly = |names: &[HeaderName]| names.iter().cloned().map(HeaderPattern::Exact).collect::<Vec<_>>();
    let url = section.require("url", text(AUTH_URL), "url = \"http://127.0.0.1:9000/auth\"");
    let method = section.try_read("method", text(AUTH_METHOD), Method::GET);
    let send = section.try_read("send", list(text(SENT_HEADER), SENT), exactly(&[COOKIE, AUTHORIZATION]));
    let take = section.try_read("take", list(text(TAKEN_HEADER), TAKEN), Vec::new());
    let to_client = list(text(RETURNED_HEADER), "[\"set-cookie\"]");
    let take_to_client = section.try_read("take_to_client", to_client, exactly(&[SET_COOKIE]));
    let timeout = section.try_read("timeout", text(DURATION), defaults::AUTHORIZE_TIMEOUT);
    let at_once = section.try_read("at_once", amount(AT_ONCE), defaults::AUTHORIZE_AT_ONCE);
    let ca = section.try_read("ca", ca, None);
    let expires_header = section.try_read("expires_header", or_off(text(TIME_HEADER)), None);
    let close_code = section.try_read("close_code", |item| close_code(item).map(Some), None);
    let recheck = recheck(&section);
    if let (Some(url), Some(item)) = (&url, section.item("ca"))
        && url.speaks == AuthScheme::Http
    {
        item.fault("is never looked at: the URL is not over TLS", "write an https URL, or remove it");
    }
    Some(AuthorizeSettings {
        url: url?,
        method: method?,
        send: send?,
        take: take?,
        take_to_client: take_to_client?,
        timeout: timeout?,
        at_once: at_once?,
        ca: ca?,
        expires_header: expires_header?,
        close_code: close_code?,
        recheck: recheck?,
        location: NotCompared(section.location().source()),
    })
}

fn recheck(section: &Section<'_>) -> Option<Option<RecheckSettings>> {
    let every = section.try_read("recheck_every", or_off(text(DURATION)), None);
    let grace = section.try_read("recheck_grace", text(DURATION), defaults::RECHECK_GRACE);
    let per_second = section.try_read("recheck_per_second", amount(PER_SECOND), defaults::RECHECKS_PER_SECOND);
    if let Some(None) = every {
        for key in ["recheck_grace", "recheck_per_second"] {
            if let Some(item) = section.item(key) {
                item.fault("is not looked at without recheck_every", "add recheck_every = \"5min\", or remove it");
            }
        }
    }
    let (every, grace, per_second) = (every?, grace?, per_second?);
    if let (Some(every), Some(item)) = (every, section.item("recheck_grace").or(section.item("recheck_every")))
        && grace < every
    {
        item.fault(
            format!(
                "recheck_grace is {} and recheck_every {}: one lost answer would end every tunnel",
                write_duration(grace),
                write_duration(every)
            ),
            "write a longer recheck_grace",
        );
    }
    Some(every.map(|every| RecheckSettings { every, grace, per_second }))
}

/// Who has to have issued the certificate of a server that is asked.
pub(super) fn ca(item: &SpannedValue<'_>) -> Option<Option<NamedFile>> {
    let ca = named_file(item)?;
    item.location().report().note_named(|named| named.authorities.push(ca.clone()));
    Some(Some(ca))
}

fn amount(range: RangeInclusive<u64>) -> impl Fn(&SpannedValue<'_>) -> Option<NonZeroU32> {
    let read = integer(range);
    move |item| read(item).and_then(|value| NonZeroU32::new(u32::try_from(value).ok()?))
}

const SENT: &str = "[\"cookie\", \"authorization\"]";
const TAKEN: &str = "[\"x-user\", \"x-auth-*\"]";
const AT_ONCE: RangeInclusive<u64> = 1..=10_000;
const PER_SECOND: RangeInclusive<u64> = 1..=100_000;
