//! 0, 1 and 2: all is well, a failure at run time, a wrong command line or configuration.

use std::net::TcpListener;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::rig::{Config, Endpoint, PROGRAM, command, output};

/// What a command says before it ends.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program to its end.
async fn said(arguments: &[&str]) -> Said {
    let output = output(command(PROGRAM).args(arguments)).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[tokio::test]
async fn an_address_in_use_is_a_1_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = format!("\"{}\"", taken.local_addr().unwrap());
    let config = Config::chat([Endpoint::nobody()]).with("listener.public.bind", &bind);
    let (_folder, path) = file(&config.text());

    let said = said(&["run", "-c", path.to_str().unwrap()]).await;

    assert_eq!(said.code, Some(1));
    for words in ["listener public", &taken.local_addr().unwrap().to_string(), "in use", "choose another port"] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
}

#[tokio::test]
async fn ten_mistakes_are_a_2_that_names_all_of_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/invalid/ten_mistakes.toml");
    for command in [&["run", "-c", path][..], &["-c", path], &["check", "-c", path]] {
        let said = said(command).await;
        assert_eq!(said.code, Some(2), "{command:?}");
        let places = said.err.matches("ten_mistakes.toml:").count();
        assert!(places >= 10, "{places} places in {}", said.err);
    }
}

#[tokio::test]
async fn an_unreadable_certificate_is_a_2_that_names_the_file() {
    let config = Config::chat([Endpoint::nobody()])
        .with("listener.public.tls", "{ chain = \"absent.pem\", key = \"absent.key\" }");
    let (_folder, path) = file(&config.text());
    for command in ["run", "check"] {
        let said = said(&[command, "-c", path.to_str().unwrap()]).await;
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains("absent.pem"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_match_its_key_is_a_2_that_says_so() {
    let (folder, path) = file(
        &Config::chat([Endpoint::nobody()])
            .with("listener.public.tls", "{ chain = \"site.pem\", key = \"site.key\" }")
            .text(),
    );
    let one = rcgen::generate_simple_self_signed(["site.test".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["site.test".to_owned()]).unwrap();
    std::fs::write(folder.path().join("site.pem"), one.cert.pem()).unwrap();
    std::fs::write(folder.path().join("site.key"), other.signing_key.serialize_pem()).unwrap();
    for command in ["run", "check"] {
        let said = said(&[command, "-c", path.to_str().unwrap()]).await;
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains("site.key") || said.err.contains("site.pem"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_missing_file_and_a_wrong_command_line_are_a_2() {
    assert_eq!(said(&["run", "-c", "/nonexistent/windlass.toml"]).await.code, Some(2));
    assert_eq!(said(&["check", "--nonsense"]).await.code, Some(2));
    assert_eq!(said(&["nonsense"]).await.code, Some(2));
}

#[tokio::test]
async fn check_says_that_a_good_file_is_good_and_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = format!("\"{}\"", taken.local_addr().unwrap());
    let config = Config::chat([Endpoint::nobody()]).with("listener.public.bind", &bind);
    let (_folder, path) = file(&config.text());

    let said = said(&["check", "-c", path.to_str().unwrap()]).await;

    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains("good: 1 listener, 1 route, 1 upstream with 1 endpoint"), "{}", said.out);
}

#[tokio::test]
async fn version_and_help_are_a_0() {
    let version = said(&["--version"]).await;
    assert_eq!((version.code, version.out), (Some(0), format!("windlass {}\n", env!("CARGO_PKG_VERSION"))));
    let help = said(&["--help"]).await;
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("Examples:"), "{}", help.out);
}

#[tokio::test]
async fn a_rust_log_that_is_no_filter_is_a_2() {
    let config = Config::chat([Endpoint::nobody()]);
    let (_folder, path) = file(&config.text());
    let output = output(command(PROGRAM).env("RUST_LOG", "inof").args(["run", "-c"]).arg(path)).await;

    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("inof"));
}
