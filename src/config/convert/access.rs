//! Who may enter, of `[route.NAME]`.

use super::authorize::authorize;
use super::jwt::jwt;
use crate::config::defaults;
use crate::config::lists::list;
use crate::config::origin_syntax::ORIGIN;
use crate::config::read::{choice, or_off, text};
use crate::config::settings::{AccessSettings, OriginSettings, WithoutOrigin};
use crate::config::tree::Section;

pub(super) fn access(section: &Section<'_>) -> AccessSettings {
    AccessSettings {
        origins: origins(section),
        jwt: jwt(section),
        authorize: section.read("authorize", or_off(authorize), None),
    }
}

fn origins(section: &Section<'_>) -> Option<OriginSettings> {
    let without = section.read("without_origin", choice(&WITHOUT_ORIGIN), defaults::WITHOUT_ORIGIN);
    let Some(item) = section.item("allowed_origins") else {
        if let Some(item) = section.item("without_origin") {
            item.fault("is not looked at without allowed_origins", "add allowed_origins = [\"self\"], or remove it");
        }
        return None;
    };
    let allowed = list(text(ORIGIN), "[\"https://app.example.com\"]")(&item)?;
    if allowed.is_empty() {
        item.fault("lets no page in", "list origins, or leave it out to check none");
    }
    Some(OriginSettings { allowed, without })
}

const WITHOUT_ORIGIN: [(&str, WithoutOrigin); 2] = [("pass", WithoutOrigin::Pass), ("refuse", WithoutOrigin::Refuse)];
