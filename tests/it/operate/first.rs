//! The first minutes: a configuration that is written for somebody, and none at all.

use std::fs;
use std::path::Path;

use http::Response;
use http_body_util::Full;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::operate::operator::text;
use crate::rig::{Endpoint, Folder, Frame, PROGRAM, Program, ServingEndpoint, command, output, signal};
use crate::tls_proxy::Client;

/// A folder without a configuration.
fn empty() -> Folder {
    let folder = Folder::new("");
    fs::remove_file(folder.config()).unwrap();
    folder
}

fn init(folder: &Folder, endpoint: &Endpoint, more: &[&str]) -> Command {
    let mut init = command(PROGRAM);
    init.args(["init", "--endpoint", &endpoint.address().to_string(), "--output"]).arg(folder.config());
    init.args(["--listen", "127.0.0.1:0"]).args(more);
    init
}

fn serve(folder: &Folder, runtime: &Path, flags: &[&str]) -> Program {
    let log = fs::File::options().create(true).append(true).open(folder.path("log")).unwrap();
    let mut run = command(PROGRAM);
    run.arg("run").args(flags).env("XDG_RUNTIME_DIR", runtime).current_dir(folder.root()).stderr(log);
    Program::spawn(folder, run)
}

#[tokio::test]
async fn what_init_writes_is_served_with_the_certificate_that_it_makes() {
    let (folder, endpoint) = (empty(), Endpoint::listen().await);
    let written = output(&mut init(&folder, &endpoint, &["--self-signed", "--host", "chat.test"])).await;
    assert!(written.status.success() && text(&written).contains("windlass run -c"), "{}", text(&written));
    let windlass = Program::start_in(&folder).ready().await;
    let chain = fs::read_to_string(folder.path("self-signed.pem")).unwrap();
    let client = Client::trusting([&chain]);
    let mut secured = client.tunnel_to(windlass.address(), "chat.test", &endpoint).await;
    secured.carries().await;
}

#[tokio::test]
async fn init_writes_over_nothing_unless_it_is_told_to() {
    let (folder, endpoint) = (empty(), Endpoint::listen().await);
    fs::write(folder.config(), "mine").unwrap();
    let refused = output(&mut init(&folder, &endpoint, &[])).await;
    assert_eq!((refused.status.code(), &*fs::read_to_string(folder.config()).unwrap()), (Some(2), "mine"));
    assert!(text(&refused).contains("is there already: write --output OTHER, or --force"), "{}", text(&refused));
    let forced = output(&mut init(&folder, &endpoint, &["--force"])).await;
    assert!(forced.status.success() && folder.config().metadata().unwrap().len() > 100, "{}", text(&forced));
}

#[tokio::test]
async fn init_takes_the_certificate_that_it_has_made_before_and_leaves_nothing_where_something_is_wrong() {
    let (folder, endpoint) = (empty(), Endpoint::listen().await);
    let [chain, key] = ["self-signed.pem", "self-signed.key"].map(|name| folder.path(name));
    let mut without = command(PROGRAM);
    without.args(["init", "--self-signed", "-o"]).arg(folder.config()).stdin(std::process::Stdio::null());
    assert_eq!(output(&mut without).await.status.code(), Some(2));
    assert!(!key.exists() && !chain.exists(), "nothing is made of what cannot be");
    assert!(output(&mut init(&folder, &endpoint, &["--self-signed"])).await.status.success());
    let made = fs::read_to_string(&chain).unwrap();
    fs::remove_file(folder.config()).unwrap();
    let again = output(&mut init(&folder, &endpoint, &["--self-signed"])).await;
    assert!(again.status.success() && text(&again).contains("self-signed.key were there, and are used as they are"));
    assert_eq!(fs::read_to_string(&chain).unwrap(), made);
    fs::remove_file(folder.config()).unwrap();
    let of_another = text(&output(&mut init(&folder, &endpoint, &["--self-signed", "--host", "game.test"])).await);
    assert!(
        of_another.contains("is not for game.test, only for localhost") && !folder.config().exists(),
        "{of_another}"
    );
    assert!(output(&mut init(&folder, &endpoint, &["--self-signed", "--force"])).await.status.success());
    assert_ne!(fs::read_to_string(&chain).unwrap(), made);
    fs::remove_file(&chain).unwrap();
    fs::remove_file(folder.config()).unwrap();
    let half = text(&output(&mut init(&folder, &endpoint, &["--self-signed"])).await);
    assert!(half.contains("its other half is not") && !folder.config().exists(), "{half}");
}

#[tokio::test]
async fn init_asks_for_the_endpoint_where_nobody_answers_by_its_flag() {
    let folder = empty();
    let mut init = command(PROGRAM);
    let refused = output(init.args(["init", "-o"]).arg(folder.config()).stdin(std::process::Stdio::null())).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("--endpoint 127.0.0.1:3000"), "{}", text(&refused));
    assert!(!folder.config().exists());
}

#[tokio::test]
async fn a_few_flags_are_served_without_a_file_reloaded_and_handed_over() {
    let (folder, endpoint, runtime) = (empty(), Endpoint::listen().await, tempfile::tempdir().unwrap());
    let address = endpoint.address().to_string();
    let mut windlass =
        serve(&folder, runtime.path(), &["--endpoint", &address, "--listen", "127.0.0.1:0"]).ready().await;
    let (mut client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let ask = async |words: &[&str]| output(command(PROGRAM).args(words).env("XDG_RUNTIME_DIR", runtime.path())).await;
    let socket = format!("unix:{}", runtime.path().join("windlass.sock").display());
    let reloaded = ask(&["reload", "--admin", &socket]).await;
    assert!(text(&reloaded).contains("nothing has changed"), "{}", text(&reloaded));
    windlass.signal(Signal::USR2);
    windlass.logs("handed over").await;
    client.send(Frame::text("still there").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("still there"));
    let (_client, _at_endpoint) = windlass.tunnel(&endpoint).await;
    let status = text(&ask(&["status", "--json", "--admin", &socket]).await);
    let successor = serde_json::from_str::<Value>(&status).unwrap()["pid"].as_u64().unwrap();
    assert_ne!(successor, u64::from(windlass.id()), "{status}");
    signal(successor.try_into().unwrap(), Signal::TERM);
}

#[tokio::test]
async fn run_makes_a_certificate_to_try_with_says_so_and_uses_it_again_and_takes_one_that_is_named() {
    let (folder, endpoint, runtime) = (empty(), Endpoint::listen().await, tempfile::tempdir().unwrap());
    let address = endpoint.address().to_string();
    let flags = ["--endpoint", &address, "--listen", "127.0.0.1:0", "--self-signed"];
    let mut windlass = serve(&folder, runtime.path(), &flags).ready().await;
    let chain = fs::read_to_string(folder.path("self-signed.pem")).unwrap();
    let client = Client::trusting([&chain]);
    client.tunnel_to(windlass.address(), "localhost", &endpoint).await.carries().await;
    windlass.signal(Signal::TERM);
    windlass.exit().await;
    assert!(folder.log().contains("self-signed.pem and self-signed.key are made, in this folder"), "{}", folder.log());
    // Its key has the usual name beside it.
    let named = ["--endpoint", &address, "--listen", "127.0.0.1:0", "--cert", "self-signed.pem"];
    for flags in [&flags[..], &named] {
        // Where the next one listens is said there.
        fs::remove_file(folder.path("log")).unwrap();
        let mut windlass = serve(&folder, runtime.path(), flags).ready().await;
        assert_eq!(fs::read_to_string(folder.path("self-signed.pem")).unwrap(), chain);
        client.tunnel_to(windlass.address(), "localhost", &endpoint).await.carries().await;
        windlass.signal(Signal::TERM);
        windlass.exit().await;
    }
}

#[tokio::test]
async fn flags_and_a_file_are_one_too_many() {
    let said = output(command(PROGRAM).args(["run", "--endpoint", "127.0.0.1:1", "-c", "windlass.toml"])).await;
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said).contains("leave one of them out"), "{}", text(&said));
    let without = output(command(PROGRAM).args(["run", "--listen", ":8443"])).await;
    assert!(text(&without).contains("--endpoint 127.0.0.1:3000"), "{}", text(&without));
}

#[tokio::test]
async fn what_is_wrong_with_a_flag_is_said_of_the_flag() {
    let (folder, runtime) = (empty(), tempfile::tempdir().unwrap());
    for name in ["a", "b"] {
        let mut init = command(PROGRAM);
        init.args(["init", "--self-signed", "--endpoint", "127.0.0.1:1", "-o", &format!("{name}/x.toml")]);
        fs::create_dir(folder.path(name)).unwrap();
        assert!(output(init.current_dir(folder.root())).await.status.success());
    }
    let said = async |words: &[&str]| {
        let mut run = command(PROGRAM);
        run.args(words).current_dir(folder.root()).env("XDG_RUNTIME_DIR", runtime.path());
        text(&output(&mut run).await)
    };
    let keys = ["--cert", "a/self-signed.pem", "--key", "b/self-signed.key"];
    let other_key = said(&[&["run", "--endpoint", "127.0.0.1:1"], &keys[..]].concat()).await;
    assert!(other_key.contains("command line: listener.public.tls.key: "), "{other_key}");
    let nowhere = said(&["init", "--endpoint", "127.0.0.1:1", "-o", "none/x.toml"]).await;
    assert!(nowhere.contains("none/x.toml cannot be written: No such file"), "{nowhere}");
    let no_mail =
        said(&["init", "--endpoint", "127.0.0.1:1", "--host", "a.test", "--acme", "foo", "-o", "x.toml"]).await;
    assert!(no_mail.contains("write --acme ops@example.com") && !folder.path("x.toml").exists(), "{no_mail}");
    let no_file = said(&["run", "127.0.0.1:3000"]).await;
    assert!(no_file.contains("--endpoint 127.0.0.1:3000"), "{no_file}");
}

#[tokio::test]
async fn whoever_answers_and_is_no_windlass_is_not_ready() {
    let endpoint = ServingEndpoint::start(|_| async { Response::new(Full::from("hello")) }).await;
    let address = endpoint.address().to_string();
    for words in [&["ready"][..], &["status"], &["drain", "all"]] {
        let said = output(command(PROGRAM).args(words).args(["--admin", &address])).await;
        assert_eq!(said.status.code(), Some(1), "{words:?}: {}", text(&said));
        let no_windlass = format!("what answers at {address} is no windlass");
        assert!(text(&said).contains(&no_windlass) || words == ["drain", "all"], "{words:?}: {}", text(&said));
    }
}
