//! Who may ask what at which listener.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};
use rustls::pki_types::UnixTime;
use tokio::time::Instant;

use super::rights::{Denied, Door, Holder, LetIn, Visitor};
use crate::access::OperatorToken;
use crate::admin::routes::Needs;
use crate::config::{AdminListenerSettings, ClientCertificateSettings, NamedFile, NotCompared, parse_admin_listen};
use crate::snapshot::AdminContents;
use crate::tls::TicketKeys;

const TOKEN: &str = "0123456789abcdef";
const RIGHT: &str = "Bearer 0123456789abcdef";

fn door(listen: &str, change: impl FnOnce(&mut AdminListenerSettings)) -> Door {
    with(AdminContents::default(), listen, change)
}

/// One that has a token.
fn locked(listen: &str, change: impl FnOnce(&mut AdminListenerSettings)) -> Door {
    let token = Some(OperatorToken::parse(TOKEN.as_bytes()).unwrap());
    with(AdminContents { token, ..AdminContents::default() }, listen, change)
}

fn with(contents: AdminContents, listen: &str, change: impl FnOnce(&mut AdminListenerSettings)) -> Door {
    let mut settings = AdminListenerSettings::at(parse_admin_listen(listen).unwrap());
    change(&mut settings);
    Door::new(settings, contents, &TicketKeys::generate().unwrap())
}

fn somebody() -> Visitor {
    Visitor::Address { peer: "127.0.0.1:4711".parse().unwrap(), certificate: None }
}

fn ask(door: &Door, needs: Needs, headers: &[(HeaderName, &str)]) -> Result<LetIn, Denied> {
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    door.admit(&somebody(), needs, &headers, Instant::now())
}

#[test]
fn at_loopback_one_looks_by_an_address_or_a_name_of_ours() {
    let door = door("127.0.0.1:9900", |settings| settings.hosts = vec!["admin.test".into()]);
    for host in ["127.0.0.1", "127.0.0.1:9900", "127.8.9.1:1", "[::1]", "[::1]:9900", "admin.test", "Admin.Test.:9900"]
    {
        assert_eq!(ask(&door, Needs::Reading, &[(HOST, host)]), Ok(LetIn::Freely), "{host}");
        assert_eq!(ask(&door, Needs::Steering, &[(HOST, host)]), Err(Denied::ReadingOnly), "{host}");
    }
    for host in [
        "localhost",
        "rebound.example:9900",
        "10.0.0.1",
        "[::2]",
        "[::1",
        "127.0.0.1:x",
        "127.0.0.1.",
        "",
        "x.admin.test",
    ] {
        assert_eq!(ask(&door, Needs::Reading, &[(HOST, host)]), Err(Denied::Host), "{host}");
    }
    assert_eq!(ask(&door, Needs::Reading, &[]), Err(Denied::Host));
    let twice = [(HOST, "127.0.0.1"), (HOST, "127.0.0.1")];
    let mut headers = HeaderMap::new();
    for (name, value) in twice {
        headers.append(name, value.parse().unwrap());
    }
    assert_eq!(door.admit(&somebody(), Needs::Reading, &headers, Instant::now()), Err(Denied::Host));
}

#[test]
fn elsewhere_any_address_is_ours_and_names_only_where_they_are_listed() {
    let door = door("0.0.0.0:9900", |settings| settings.is_read_only = true);
    assert_eq!(ask(&door, Needs::Reading, &[(HOST, "10.0.0.1:9900")]), Ok(LetIn::Freely));
    assert_eq!(ask(&door, Needs::Steering, &[(HOST, "10.0.0.1:9900")]), Err(Denied::ReadingOnly));
    assert_eq!(ask(&door, Needs::Reading, &[(HOST, "rebound.example")]), Err(Denied::Host));
}

#[test]
fn probes_are_asked_for_nothing() {
    let door = locked("10.0.0.1:9900", |_| {});
    assert_eq!(ask(&door, Needs::Nothing, &[(HOST, "any.name"), (ORIGIN, "null")]), Ok(LetIn::Freely));
}

#[test]
fn a_page_asks_the_listener_that_it_came_from_and_no_other() {
    let door = locked("127.0.0.1:9900", |settings| settings.hosts = vec!["admin.test".into()]);
    let page = |host: &str, origin: &str| {
        ask(&door, Needs::Steering, &[(AUTHORIZATION, RIGHT), (HOST, host), (ORIGIN, origin)])
    };
    assert_eq!(page("127.0.0.1:9900", "http://127.0.0.1:9900"), Ok(LetIn::ByToken));
    assert_eq!(page("admin.test:9900", "http://ADMIN.test:9900"), Ok(LetIn::ByToken));
    assert_eq!(page("admin.test", "http://admin.test"), Ok(LetIn::ByToken));
    for (host, origin) in [
        ("127.0.0.1:9900", "http://127.0.0.1:9901"),
        ("127.0.0.1:9900", "https://127.0.0.1:9900"),
        ("127.0.0.1:9900", "http://127.0.0.1"),
        ("127.0.0.1:9900", "http://evil.example"),
        ("127.0.0.1:9900", "http://admin.test:9900"),
        ("127.0.0.1:9900", "null"),
        ("127.0.0.1:9900", ""),
    ] {
        assert_eq!(page(host, origin), Err(Denied::Origin), "{host} {origin}");
    }
}

#[test]
fn what_a_page_of_another_site_asks_for_without_an_origin_is_no_answer_to_it() {
    let door = door("127.0.0.1:9900", |_| {});
    let site = HeaderName::from_static("sec-fetch-site");
    let ask = |needs, value: &str| ask(&door, needs, &[(HOST, "127.0.0.1:9900"), (site.clone(), value)]);
    for own in ["same-origin", "none"] {
        assert_eq!(ask(Needs::Reading, own), Ok(LetIn::Freely), "{own}");
    }
    for other in ["cross-site", "same-site", "", "what may come"] {
        assert_eq!(ask(Needs::Reading, other), Err(Denied::Origin), "{other}");
    }
    assert_eq!(ask(Needs::Nothing, "cross-site"), Ok(LetIn::Freely), "a link may lead to the dashboard");
}

#[test]
fn a_token_lets_in_and_nothing_else_does() {
    let door = locked("10.0.0.1:9900", |_| {});
    let show = |needs, shown: &str| ask(&door, needs, &[(AUTHORIZATION, shown), (HOST, "10.0.0.1:9900")]);
    for needs in [Needs::Reading, Needs::Steering] {
        assert_eq!(ask(&door, needs, &[(HOST, "10.0.0.1:9900")]), Err(Denied::NoToken));
        assert_eq!(show(needs, RIGHT), Ok(LetIn::ByToken));
        assert_eq!(show(needs, "bearer  0123456789abcdef "), Ok(LetIn::ByToken));
        assert_eq!(show(needs, "Basic MDEyMzQ1Njc4OWFiY2RlZg=="), Err(Denied::NoToken));
        assert_eq!(show(needs, "Bearer"), Err(Denied::NoToken));
        assert_eq!(show(needs, "Bearer 0123456789abcdeg"), Err(Denied::WrongToken));
    }
}

#[test]
fn a_certificate_that_has_ended_lets_nobody_in_however_its_connection_came_to_be() {
    let ca = ClientCertificateSettings {
        ca: NamedFile { path: "ca.pem".into(), location: NotCompared::default() },
        is_required: false,
        tells_endpoints: false,
    };
    let door = door("10.0.0.1:9900", |settings| settings.clients = Some(ca));
    let headers = HeaderMap::from_iter([(HOST, "10.0.0.1:9900".parse().unwrap())]);
    let come = |ends: u64| {
        let holder = Holder { name: "CN=ops".into(), ends: UnixTime::since_unix_epoch(Duration::from_secs(ends)) };
        let visitor = Visitor::Address { peer: "10.0.0.2:4711".parse().unwrap(), certificate: Some(holder) };
        door.admit(&visitor, Needs::Steering, &headers, Instant::now())
    };
    assert_eq!(come(u64::from(u32::MAX)), Ok(LetIn::ByCertificate));
    assert_eq!(come(1_700_000_000), Err(Denied::NoCertificate));
}

#[test]
fn what_is_taken_back_is_worth_nothing_over_connections_that_are_open_still() {
    let door = locked("10.0.0.1:9900", |_| {});
    let show = |needs| ask(&door, needs, &[(AUTHORIZATION, RIGHT), (HOST, "10.0.0.1:9900")]);
    assert_eq!(show(Needs::Steering), Ok(LetIn::ByToken));
    door.end();
    assert_eq!([show(Needs::Reading), show(Needs::Steering)], [Err(Denied::Over); 2]);
    assert_eq!(show(Needs::Nothing), Ok(LetIn::Freely));
}

#[test]
fn who_guesses_is_heard_no_more_for_a_while_and_locks_nobody_out() {
    let door = locked("10.0.0.1:9900", |_| {});
    let show = |shown: &str| ask(&door, Needs::Reading, &[(AUTHORIZATION, shown), (HOST, "10.0.0.1:9900")]);
    let wrong = (0..100).filter(|_| show("Bearer x") == Err(Denied::WrongToken)).count();
    assert!((1..20).contains(&wrong), "{wrong}");
    assert_eq!(show("Bearer x"), Err(Denied::TooManyGuesses));
    assert_eq!(show(RIGHT), Ok(LetIn::ByToken));
    let headers =
        [(AUTHORIZATION, "Bearer x"), (HOST, "10.0.0.1:9900")].map(|(name, value)| (name, value.parse().unwrap()));
    let elsewhere = Visitor::Address { peer: "127.0.0.2:4711".parse().unwrap(), certificate: None };
    let let_in = door.admit(&elsewhere, Needs::Reading, &HeaderMap::from_iter(headers), Instant::now());
    assert_eq!(let_in, Err(Denied::WrongToken), "it is another address");
}

#[test]
fn nobody_steers_where_it_is_read_only() {
    let door = locked("10.0.0.1:9900", |settings| settings.is_read_only = true);
    let shown = [(AUTHORIZATION, RIGHT), (HOST, "10.0.0.1:9900")];
    assert_eq!(ask(&door, Needs::Reading, &shown), Ok(LetIn::ByToken));
    assert_eq!(ask(&door, Needs::Steering, &shown), Err(Denied::ReadOnly));
    assert!(!door.lets_steer(LetIn::ByToken));
}

#[test]
fn a_socket_lets_in_whom_the_system_has_let_in() {
    let process = Visitor::Process { uid: 0, pid: Some(1) };
    let ask = |door: &Door| door.admit(&process, Needs::Steering, &HeaderMap::new(), Instant::now());
    assert_eq!(ask(&door("unix:/run/x", |_| {})), Ok(LetIn::BySocket));
    assert_eq!(ask(&door("unix:/run/x", |settings| settings.is_read_only = true)), Err(Denied::ReadOnly));
}
