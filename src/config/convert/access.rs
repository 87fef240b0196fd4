//! Who may enter, of `[route.NAME]`.

use std::num::NonZeroUsize;

use ipnet::IpNet;
use toml::de::DeValue;

use super::authorize::authorize;
use super::jwt::jwt;
use crate::config::access_syntax::{CLIENT_KEY, REALM, USER_HEADER};
use crate::config::defaults;
use crate::config::dot_segments::has_dot_segments;
use crate::config::lists::list;
use crate::config::name_syntax::NETWORK;
use crate::config::origin_syntax::ORIGIN;
use crate::config::paths::PATH;
use crate::config::read::{choice, count, flag, named_file, or_off, rate_of_count, text};
use crate::config::schema::BASIC_AUTH;
use crate::config::settings::{
    AccessSettings, AdmissionLimits, AuthorizationHeader, BasicAuthSettings, ClientKeySource, ClientSettings,
    NamedFile, OriginSettings, TokenPlace, WithoutOrigin,
};
use crate::config::tree::{Section, SpannedValue};

pub(super) fn access(section: &Section<'_>, path: Option<&str>) -> AccessSettings {
    let access = AccessSettings {
        clients: clients(section),
        origins: origins(section),
        jwt: jwt(section),
        renew_path: path.and_then(|path| renew_path(section, path)),
        authorize: section.read("authorize", or_off(authorize), None),
        basic_auth: section.read("basic_auth", or_off(basic_auth), None),
        limits: limits(section),
    };
    check_one_credential(section, &access);
    access
}

/// A password and a bearer token stand in the one header, of which a request has one line.
fn check_one_credential(section: &Section<'_>, access: &AccessSettings) {
    let Some(jwt) = access.basic_auth.as_ref().and(access.jwt.as_ref()) else { return };
    if let (Some(item), true) = (section.item("basic_auth"), jwt.from == [TokenPlace::Bearer]) {
        item.fault(
            "wants the one Authorization header of a request for its password, and `jwt` for its token: nobody gets in",
            "write from = [\"cookie:session\"] in [route.NAME.jwt], or another place of tokens; or give each a route of its own",
        );
    }
}

fn clients(section: &Section<'_>) -> ClientSettings {
    let networks = || list(text(NETWORK), "[\"10.0.0.0/8\"]");
    let allowed = section.try_read("allowed_clients", |item| networks()(item).map(Some), None);
    let denied = section.read("denied_clients", networks(), Vec::new());
    if let (Some(item), Some(Some(allowed))) = (section.item("allowed_clients"), &allowed) {
        if allowed.is_empty() {
            item.fault("lets nobody in", "list networks, or leave it out to let in everybody who is not denied");
        }
        for (element, network) in item.elements().iter().flatten().zip(allowed) {
            warn_of_denied(element, network, &denied);
        }
    }
    ClientSettings { allowed: allowed.flatten(), denied }
}

/// Warns where a network is let in, and all of it is denied.
fn warn_of_denied(element: &SpannedValue<'_>, network: &IpNet, denied: &[IpNet]) {
    if IpNet::aggregate(&denied.to_vec()).iter().any(|denied| denied.contains(network)) {
        element.location().warn(
            format!("nobody in {network} is let in: denied_clients has all of it"),
            "take it out of one of the two; what is denied is not allowed",
        );
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

/// Where tunnels are prolonged of a route that serves everything below `path`.
fn renew_path(section: &Section<'_>, path: &str) -> Option<Box<str>> {
    let item = section.item("renew_path")?;
    let prefix = path.trim_end_matches('/');
    if !matches!(item.value(), DeValue::String(_)) {
        item.fault(
            format!("must be a path, not {}", item.type_name()),
            format!("write {:?}, or another path below {path:?}", format!("{prefix}/renew")),
        );
        return None;
    }
    let renew_path = text(PATH)(&item)?;
    if section.item("jwt").is_none() {
        item.fault(
            "is not looked at without `jwt`: only what a token has let in is prolonged by another one",
            "add [route.NAME.jwt] with keys = \"issuer.pem\", or remove it",
        );
    }
    if !renew_path.strip_prefix(prefix).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')) {
        let problem = match renew_path == path {
            true => format!("{renew_path:?} is the path of the route itself, where its tunnels open"),
            false => format!("{renew_path:?} does not lie below {path:?}, so no request for it comes to this route"),
        };
        item.fault(problem, format!("write {:?}, or another path below {path:?}", format!("{prefix}/renew")));
    }
    if has_dot_segments(&renew_path) {
        item.fault(
            format!("{renew_path:?} has a segment `.` or `..`, or a backslash, in some encoding"),
            "write a path without them",
        );
    }
    if let Some(other) = ["redirect", "respond"].into_iter().find(|key| section.item(key).is_some()) {
        let problem = format!("is of no use beside `{other}`: the route asks no endpoint, and opens no tunnel");
        item.fault(problem, format!("remove it, or write an upstream in the place of `{other}`"));
    }
    let is_posted = |methods: &SpannedValue<'_>| {
        methods
            .elements()
            .is_none_or(|all| all.iter().any(|it| matches!(it.value(), DeValue::String(it) if it == "POST")))
    };
    if section.item("methods").is_some_and(|methods| !is_posted(&methods)) {
        item.fault(
            "is asked with POST, which is none of the route's `methods`",
            "add \"POST\" there, or remove `methods`",
        );
    }
    Some(renew_path.into())
}

fn basic_auth(item: &SpannedValue<'_>) -> Option<BasicAuthSettings> {
    let section = item.section(&BASIC_AUTH)?;
    let file = section.require("file", password_file, "file = \"staff.htpasswd\", which `htpasswd -B -C 10 -c` makes");
    let realm = section.try_read("realm", text(REALM), defaults::REALM.into());
    let user_header = section.try_read("user_header", or_off(text(USER_HEADER)), None);
    let authorization = section.try_read("keep_authorization", authorization, defaults::KEEP_AUTHORIZATION);
    Some(BasicAuthSettings { file: file?, realm: realm?, user_header: user_header?, authorization: authorization? })
}

fn password_file(item: &SpannedValue<'_>) -> Option<NamedFile> {
    let file = named_file(item)?;
    item.location().report().note_named(|named| named.password_files.push(file.clone()));
    Some(file)
}

fn authorization(item: &SpannedValue<'_>) -> Option<AuthorizationHeader> {
    flag(item).map(|is_kept| if is_kept { AuthorizationHeader::Keep } else { AuthorizationHeader::Remove })
}

fn limits(section: &Section<'_>) -> AdmissionLimits {
    let limits = AdmissionLimits {
        tunnels: section.read("max_tunnels", or_off(tunnels), None),
        tunnels_per_client: section.read("max_tunnels_per_client", or_off(tunnels), None),
        handshakes: section.read("handshakes_per_second", or_off(rate_of_count), None),
        per: section.read("per", text(CLIENT_KEY), defaults::PER),
    };
    if let (ClientKeySource::Claim(_), Some(item), None) = (&limits.per, section.item("per"), section.item("jwt")) {
        item.fault(
            "is what a token says, and the route asks for none",
            "add [route.NAME.jwt] with keys = \"issuer.pem\", or write \"client_ip\"",
        );
    }
    let is_of_clients =
        ["max_tunnels_per_client", "handshakes_per_second"].iter().any(|key| section.item(key).is_some());
    if let (Some(item), false) = (section.item("per"), is_of_clients) {
        item.fault(
            "is not looked at without max_tunnels_per_client or handshakes_per_second",
            "add max_tunnels_per_client = 10, or remove it",
        );
    }
    limits
}

fn tunnels(item: &SpannedValue<'_>) -> Option<NonZeroUsize> {
    usize::try_from(count(item)?).ok().and_then(NonZeroUsize::new)
}

const WITHOUT_ORIGIN: [(&str, WithoutOrigin); 2] = [("pass", WithoutOrigin::Pass), ("refuse", WithoutOrigin::Refuse)];
