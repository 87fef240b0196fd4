//! `windlass check`, and what it warns of at the start and at each reload too.

use std::fs;
use std::path::Path;
use std::process::Output;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Folder, PROGRAM, Program, command, output, until_async};

const SERVED: &str = r#"
[listener.public]
bind = "127.0.0.1:8443"
tls = { chain = "site.pem", key = "site.key" }
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = ["127.0.0.1:3000"]
[admin]
listen = "off"
"#;

/// Writes `site.pem` and `site.key`, valid from one year's beginning to another's.
fn write_certificate(folder: &Path, from: i32, to: i32) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("site.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join("site.key"), key.serialize_pem()).unwrap();
}

async fn windlass(folder: &Folder, arguments: &[&str]) -> Output {
    output(command(PROGRAM).args(arguments).current_dir(folder.root())).await
}

#[tokio::test]
async fn a_good_file_is_counted_in_words_that_fit() {
    let folder = Folder::new(SERVED);
    write_certificate(folder.root(), 2020, 2100);
    for arguments in [&["check", "-c", "windlass.toml"][..], &["check", "windlass.toml"]] {
        let output = windlass(&folder, arguments).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(text(&output), "windlass.toml: good: 1 listener, 1 route, 1 upstream with 1 endpoint\n");
    }
}

#[tokio::test]
async fn a_file_is_named_once() {
    let folder = Folder::new(SERVED);
    for command in ["check", "run", "plan"] {
        let output = windlass(&folder, &[command, "-c", "windlass.toml", "windlass.toml"]).await;
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(text(&output).contains("cannot be used with"), "{command}: {}", text(&output));
    }
}

#[tokio::test]
async fn run_and_plan_take_a_file_that_stands_alone() {
    let folder = Folder::new("workers = 0");
    for command in ["run", "check"] {
        let output = windlass(&folder, &[command, "windlass.toml"]).await;
        assert!(
            text(&output).contains("windlass.toml:1:11: workers: 0 is out of range"),
            "{command}: {}",
            text(&output)
        );
    }
    let config = two_endpoints().await;
    let serving = Program::start(&config).await;
    let output = windlass(serving.folder(), &["plan", "windlass.toml"]).await;
    assert_eq!(text(&output), "nothing would change\n");
}

#[tokio::test]
async fn warnings_leave_a_file_good() {
    let odd = SERVED.replace("[route.chat]", "trusted_proxies = [\"0.0.0.0/0\"]\n[route.chat]\nhosts = [\"_\"]");
    let folder = Folder::new(&odd);
    write_certificate(folder.root(), 2020, 2100);
    let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
    assert_eq!(output.status.code(), Some(0));
    let summary = "windlass.toml: good, with 2 warnings: 1 listener, 1 route, 1 upstream with 1 endpoint\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), summary);
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert_eq!(warnings.matches(": warning: ").count(), 2, "{warnings}");
}

#[tokio::test]
async fn a_certificate_that_clients_refuse_is_a_warning() {
    let folder = Folder::new(SERVED);
    for (from, to, said) in [(2020, 2021, "has expired"), (2100, 2101, "is not valid before")] {
        write_certificate(folder.root(), from, to);
        let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
        assert_eq!(output.status.code(), Some(0));
        let said_so =
            format!("windlass.toml:4:17: listener.public.tls.chain: warning: site.pem: the certificate {said}");
        assert!(text(&output).contains(&said_so), "{}", text(&output));
    }
}

#[tokio::test]
async fn warnings_are_in_the_log_at_the_start_and_at_each_reload() {
    let config = two_endpoints()
        .await
        .replace("[route.chat]", "tls = { chain = \"site.pem\", key = \"site.key\" }\n[route.chat]");
    let folder = Folder::new(&config);
    write_certificate(folder.root(), 2020, 2021);
    let serving = Program::start_in(&folder).ready().await;
    let warned = || folder.log().matches("has expired").count();
    until_async("the warning at the start", async || warned() == 1).await;

    let reloaded = serving.ask(&["reload"]).await;

    assert_eq!(reloaded.status.code(), Some(0));
    assert!(text(&reloaded).contains("the certificate has expired"), "{}", text(&reloaded));
    until_async("the warning at the reload", async || warned() == 2).await;
    let planned = serving.ask(&["plan"]).await;
    assert!(text(&planned).contains("the certificate has expired"), "{}", text(&planned));
}

#[tokio::test]
async fn everything_is_said_at_once() {
    let wrong = SERVED.replace("upstream = \"chat\"", "upstream = \"chatt\"");
    let twice = format!("{wrong}[listener.public]\nhead_timout = \"1s\"\n");
    let folder = Folder::new(&twice);
    let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    for said in [
        "there is no upstream",
        "is written twice",
        "head_timout",
        "site.pem: cannot be read",
        "site.key: cannot be read",
    ] {
        assert!(text(&output).contains(said), "{said}: {}", text(&output));
    }
}

#[tokio::test]
async fn every_file_that_is_named_is_looked_at_whatever_else_is_wrong() {
    let named = SERVED
        .replace("[route.chat]", "client_certificates = { ca = \"clients.pem\" }\n[route.chat]")
        .replace("[admin]", "pin_cookie = \"pin\"\npin_secret = \"pins.secret\"\n[admin]");
    let folder = Folder::new(&named);
    write_certificate(folder.root(), 2020, 2100);
    let (key, secret) = (fs::read_to_string(folder.path("site.key")).unwrap(), "changeme");
    folder.write("clients.pem", &key);
    folder.write("pins.secret", secret);
    let faults = [
        "windlass.toml:5:30: listener.public.client_certificates.ca: clients.pem: holds a private key, but no certificate",
        "windlass.toml:11:14: upstream.chat.pin_secret: pins.secret: has a secret of 8 bytes in line 1",
    ];
    for config in [named.clone(), named.replace("upstream = \"chat\"", "upstream = \"chatt\"")] {
        folder.configure(&config);
        let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        faults.iter().for_each(|fault| assert!(said.contains(fault), "{fault}: {said}"));
        assert!(!said.contains(secret), "{said}");
    }
    for missing in ["clients.pem", "pins.secret"] {
        fs::remove_file(folder.path(missing)).unwrap();
        let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
        let said = format!("{missing}: cannot be read: No such file");
        assert!(text(&output).contains(&said), "{}", text(&output));
    }
}

#[tokio::test]
async fn an_admin_socket_without_its_folder_is_a_problem_beside_the_others() {
    let folder = Folder::new(&SERVED.replace("\"off\"", "\"unix:/nowhere/at/all/admin.sock\""));
    let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    let said = "windlass.toml:10:10: admin.listen: there is no folder /nowhere/at/all";
    assert!(text(&output).contains(said), "{}", text(&output));
    assert!(text(&output).contains("site.pem: cannot be read"), "{}", text(&output));

    write_certificate(folder.root(), 2020, 2100);
    let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
    assert!(text(&output).contains(said), "{}", text(&output));
}

#[tokio::test]
async fn an_admin_socket_stands_on_no_file() {
    let folder = Folder::new(&SERVED.replace("\"off\"", "\"unix:/etc/passwd\""));
    write_certificate(folder.root(), 2020, 2100);
    let output = windlass(&folder, &["check", "-c", "windlass.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    let said = "windlass.toml:10:10: admin.listen: /etc/passwd is there already, and no socket";
    assert!(text(&output).contains(said), "{}", text(&output));
}

#[tokio::test]
async fn a_file_of_another_program_is_one_problem() {
    let folder = Folder::new("server {\n  listen 80;\n  location / {\n    proxy_pass http://a;\n  }\n}\n");
    let output = windlass(&folder, &["check", "windlass.toml"]).await;
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("looks like an nginx configuration"), "{said}");
    assert_eq!(said.matches("hint:").count(), 1, "{said}");

    // What it says to begin with can be served.
    let example = said.split_once("begin with\n").unwrap().1;
    folder.configure(example);
    let output = windlass(&folder, &["check", "windlass.toml"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
