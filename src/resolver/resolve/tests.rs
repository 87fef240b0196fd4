use std::path::Path;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Record, RecordType};
use tokio::time::{sleep, timeout};

use super::super::scripted::Scripted;
use super::super::test_server::{Behaviour, TestServer, alias, host, service};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_millis(800);

pub(super) fn settings(servers: &[SocketAddr]) -> ResolverSettings {
    ResolverSettings { servers: servers.to_vec(), min_ttl: SECOND, max_ttl: 300 * SECOND, timeout: TIMEOUT }
}

fn asking(server: &TestServer) -> Resolver {
    Resolver::in_folder(Path::new("/nowhere"), &[server.address])
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

fn found(last: u8, ttl: u64) -> Result<Found<IpAddr>, LookupError> {
    Ok(Found { records: vec![[10, 0, 0, last].into()], ttl: Duration::from_secs(ttl) })
}

fn scripted(says: Result<Found<IpAddr>, LookupError>) -> (Scripted, Resolver) {
    let script = Scripted::saying(says);
    (script.clone(), Resolver::scripted(script))
}

async fn first(resolver: &Resolver) -> Result<u8, LookupError> {
    let addresses = resolver.addresses("app", &[]).await?;
    let IpAddr::V4(address) = addresses[0] else { panic!("{addresses:?}") };
    Ok(address.octets()[3])
}

#[tokio::test]
async fn both_families_and_aliases_are_asked_for() {
    let server = TestServer::start(Behaviour::Answers(vec![
        alias("app.test.", 60, "real.test."),
        host("real.test.", 60, "127.0.0.2"),
        host("real.test.", 60, "127.0.0.1"),
        host("real.test.", 60, "::1"),
    ]))
    .await;
    let resolver = asking(&server);
    let mut addresses = resolver.addresses("app.test", &[]).await.unwrap().to_vec();
    addresses.sort();
    assert_eq!(addresses, ips(&["127.0.0.1", "127.0.0.2", "::1"]));
    let again = resolver.addresses("app.test", &[]).await.unwrap();
    assert_eq!((again.len(), server.asked().len()), (3, 2), "it is known by now");
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_comes_over_tcp() {
    let records: Vec<Record> = (0..200).map(|last| host("many.test.", 60, &format!("10.0.0.{last}"))).collect();
    let server = TestServer::start(Behaviour::Answers(records)).await;
    let found = asking(&server).all_addresses("many.test", &[]).await.unwrap();
    assert_eq!(found.records.len(), 200);
    let over_tcp: Vec<_> = server.asked().into_iter().filter(|asked| asked.over_tcp).collect();
    assert_eq!(over_tcp.len(), 1, "{over_tcp:?}");
    assert_eq!(over_tcp[0].record_type, RecordType::A);
}

#[tokio::test]
async fn services_are_found_also_behind_an_alias() {
    let server = TestServer::start(Behaviour::Answers(vec![
        alias("_ws._tcp.app.test.", 60, "_ws._tcp.real.test."),
        service("_ws._tcp.real.test.", 7, (10, 5, 8080), "a.test."),
        service("_ws._tcp.real.test.", 7, (20, 0, 8081), "b.test."),
    ]))
    .await;
    let found = asking(&server).services("_ws._tcp.app.test", &[]).await.unwrap();
    assert_eq!(found.ttl, 7 * SECOND);
    let targets: Vec<_> =
        found.records.iter().map(|it| (it.priority, it.weight, it.port, it.target.as_str())).collect();
    assert_eq!(targets, [(10, 5, 8080, "a.test"), (20, 0, 8081, "b.test")]);
}

#[tokio::test]
async fn each_failure_is_told_for_what_it_is_and_none_is_waited_for_without_an_end() {
    let server = TestServer::start(Behaviour::Silent).await;
    let resolver = asking(&server);
    let error = timeout(10 * SECOND, resolver.addresses("a.test", &[])).await.unwrap().unwrap_err();
    assert!(matches!(error, LookupError::TimedOut(_)), "{error}");
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        server.behave(Behaviour::Fails(code));
        let error = resolver.all_addresses("b.test", &[]).await.unwrap_err();
        assert_eq!(error, LookupError::ServerFailed(code));
    }
    server.behave(Behaviour::Answers(vec![host("c.test.", 60, "10.0.0.1"), host("d.test.", 60, "0.0.0.0")]));
    assert_eq!(resolver.all_addresses("x.test", &[]).await, Err(LookupError::NoSuchName));
    assert_eq!(resolver.services("c.test", &[]).await, Err(LookupError::NoRecords));
    assert_eq!(resolver.all_addresses("d.test", &[]).await, Err(LookupError::Nonsense([0, 0, 0, 0].into())));
    drop(server);
    let error = resolver.all_addresses("e.test", &[]).await.unwrap_err();
    assert!(matches!(error, LookupError::NotAsked(_) | LookupError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn a_family_that_is_never_answered_for_holds_up_a_connect_for_a_moment_and_a_set_for_good() {
    let records = vec![host("app.test.", 60, "10.0.0.1")];
    let server = TestServer::start(Behaviour::SilentAboutIpv6(records)).await;
    let resolver = asking(&server);
    assert_eq!(*resolver.addresses("app.test", &[]).await.unwrap(), ips(&["10.0.0.1"]));
    let error = resolver.all_addresses("app.test", &[]).await.unwrap_err();
    assert!(matches!(error, LookupError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn the_hosts_file_is_honoured_before_any_server_and_localhost_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hosts"), "127.0.0.9 two.test\n127.0.0.8 two.test\n").unwrap();
    let resolver = Resolver::in_folder(folder.path(), &[]);
    assert_eq!(*resolver.addresses("two.test", &[]).await.unwrap(), ips(&["127.0.0.9", "127.0.0.8"]));
    assert_eq!(resolver.addresses("localhost", &[]).await.unwrap().len(), 2);
    let error = resolver.addresses("other.test", &[]).await.unwrap_err();
    assert!(matches!(error, LookupError::NoServer(_)), "{error}");
}

#[tokio::test]
async fn a_reload_finds_what_the_hosts_file_says_now() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "10.0.0.1 app\n").unwrap();
    let resolver = Resolver::in_folder(folder.path(), &[]);
    assert_eq!(first(&resolver).await, Ok(1));
    sleep(SECOND).await;
    std::fs::write(&hosts, "10.0.0.2 app\n").unwrap();
    resolver.look_up_again();
    let changed = async {
        while first(&resolver).await != Ok(2) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SECOND, changed).await.unwrap();
}

#[tokio::test]
async fn names_are_completed_where_the_system_is_asked_and_a_server_of_ones_own_is_asked_alone() {
    let records = vec![host("app.shop.svc.", 60, "10.0.0.1"), host("app.", 60, "10.0.0.2")];
    let server = TestServer::start(Behaviour::Answers(records)).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hosts"), "10.0.0.3 three\n").unwrap();
    let resolver = Resolver::in_folder(folder.path(), &[]);
    assert!(matches!(resolver.addresses("app", &[]).await, Err(LookupError::NoServer(_))));
    assert_eq!(*resolver.addresses("app", &[server.address]).await.unwrap(), ips(&["10.0.0.2"]));
    assert_eq!(*resolver.addresses("three", &[]).await.unwrap(), ips(&["10.0.0.3"]));
    assert_eq!(resolver.addresses("three", &[server.address]).await, Err(LookupError::NoSuchName));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_asked_for_is_never_waited_for_again() {
    let (script, resolver) = scripted(found(1, 10));
    assert_eq!(first(&resolver).await, Ok(1));
    script.say(found(2, 10), 5 * TIMEOUT / 10);
    for _ in 0..400 {
        sleep(Duration::from_millis(250)).await;
        let asked = Instant::now();
        first(&resolver).await.unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }
    assert_eq!(first(&resolver).await, Ok(2));
    assert!((10..=13).contains(&script.lookups()), "once each TTL: {}", script.lookups());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_asks_for_rests() {
    let (script, resolver) = scripted(found(1, 60));
    assert_eq!(first(&resolver).await, Ok(1));
    sleep(24 * 3600 * SECOND).await;
    assert!(script.lookups() <= 13, "{}", script.lookups());
    script.say(found(2, 60), Duration::ZERO);
    assert_eq!(first(&resolver).await, Ok(2), "what is a day old is looked up again first");
    sleep(24 * 3600 * SECOND).await;
    script.say(found(3, 60), 100 * SECOND);
    let asked = Instant::now();
    assert_eq!(first(&resolver).await, Ok(2), "but not waited for");
    assert_eq!(asked.elapsed(), Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_are_one_lookup() {
    let (script, resolver) = scripted(found(1, 60));
    script.say(found(1, 60), TIMEOUT / 2);
    let askers: Vec<_> = (0..100).map(|_| resolver.clone()).collect();
    let mut asking = tokio::task::JoinSet::new();
    for resolver in askers {
        asking.spawn(async move { first(&resolver).await });
    }
    while let Some(asked) = asking.join_next().await {
        assert_eq!(asked.unwrap(), Ok(1));
    }
    assert_eq!(script.lookups(), 1);
}

#[tokio::test(start_paused = true)]
async fn that_a_name_is_missing_is_remembered_for_a_moment_only() {
    let (script, resolver) = scripted(Err(LookupError::NoSuchName));
    for _ in 0..100 {
        assert_eq!(first(&resolver).await, Err(LookupError::NoSuchName));
    }
    assert_eq!(script.lookups(), 1);
    script.say(found(1, 60), Duration::ZERO);
    sleep(SECOND).await;
    assert_eq!(first(&resolver).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_for_an_hour_takes_no_address_away_and_the_status_says_how_old_they_are() {
    let (script, resolver) = scripted(found(1, 10));
    assert_eq!(first(&resolver).await, Ok(1));
    script.say(Err(LookupError::ServerFailed(ResponseCode::ServFail)), TIMEOUT);
    for _ in 0..3600 {
        sleep(SECOND).await;
        let asked = Instant::now();
        assert_eq!(first(&resolver).await, Ok(1));
        assert!(asked.elapsed() <= Duration::from_millis(500));
    }
    let status = resolver.status();
    assert_eq!((status.names, status.failing), (1, 1));
    assert!((3595..=3602).contains(&status.oldest.as_secs()), "{status:?}");
    assert!((600..=800).contains(&status.failed), "{status:?}");
    script.say(found(2, 10), Duration::ZERO);
    sleep(6 * SECOND).await;
    assert_eq!(first(&resolver).await, Ok(2));
    assert_eq!((resolver.status().failing, resolver.status().oldest), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_fails_while_nobody_asks_for_it_is_no_trouble_until_somebody_does() {
    let (script, resolver) = scripted(found(1, 60));
    assert_eq!(first(&resolver).await, Ok(1));
    script.say(Err(LookupError::NoSuchName), Duration::ZERO);
    sleep(300 * SECOND).await;
    assert_eq!(resolver.status().failing, 1);
    sleep(301 * SECOND).await;
    let lookups = script.lookups();
    for _ in 0..10 {
        resolver.look_up_again();
        sleep(60 * SECOND).await;
    }
    assert_eq!(script.lookups(), lookups, "it rests");
    let ResolverStatus { names, failing, oldest, .. } = resolver.status();
    assert_eq!((names, failing, oldest), (1, 0, Duration::ZERO));
    assert_eq!(first(&resolver).await, Ok(1), "its last addresses are kept");
    sleep(SECOND).await;
    assert_eq!((script.lookups(), resolver.status().failing), (lookups + 1, 1), "and it is looked up again");
    script.say(found(2, 60), Duration::ZERO);
    sleep(6 * SECOND).await;
    assert_eq!(first(&resolver).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn other_settings_are_kept_to_at_once() {
    let (script, resolver) = scripted(found(1, 1000));
    assert_eq!(first(&resolver).await, Ok(1));
    script.say(found(2, 1000), Duration::ZERO);
    resolver.keep_to(&settings(&[]));
    sleep(SECOND).await;
    assert_eq!((first(&resolver).await, script.lookups()), (Ok(1), 1), "they are the same");
    resolver.keep_to(&ResolverSettings { max_ttl: 20 * SECOND, ..settings(&[]) });
    sleep(SECOND).await;
    assert_eq!((first(&resolver).await, script.lookups()), (Ok(2), 2));
    sleep(20 * SECOND).await;
    assert_eq!(script.lookups(), 3);
}

#[test]
fn who_asks_on_a_runtime_that_ends_leaves_nothing_behind() {
    let main = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (script, resolver) = main.block_on(async { scripted(found(1, 60)) });
    script.say(found(1, 60), Duration::from_millis(50));
    for _ in 0..2 {
        let worker = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(worker.block_on(first(&resolver)), Ok(1));
    }
    assert_eq!(script.lookups(), 1);
}
