//! `windlass import nginx`: configurations like those that people have, each with what is made of it.
//!
//! Each `tests/import/nginx/NAME.conf` has its result in `NAME.toml`. After a change that is meant,
//! `WINDLASS_UPDATE_EXPECTED=1 cargo test --test it import` writes them anew; read the difference before you commit it.

mod kept_out;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use windlass::app::Loaded;
use windlass::config::{self, Settings};
use windlass::import::{Written, nginx};

const FOLDER: &str = "tests/import/nginx";

fn configurations() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    assert!(files.len() >= 30, "only {} files", files.len());
    files
}

fn imported(file: &Path) -> Written {
    nginx(file, Path::new(FOLDER)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no arguments of its own")]
fn every_configuration_is_written_as_expected() {
    let update = std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some();
    for file in configurations() {
        let (text, expected) = (imported(&file).text, file.with_extension("toml"));
        if update {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
    }
}

/// With the files that it names, each is served as it is.
#[test]
fn every_result_passes_check() {
    for file in configurations() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_string_lossy();
        let text = imported(&file)
            .text
            .replace("\"/etc/", &format!("\"{here}/etc/"))
            .replace(&format!("\"{FOLDER}/"), &format!("\"{here}/"))
            // A bare machine has no certificates of issuers.
            .replace("\ntls = true\n", "\ntls = { ca = \"issuers.pem\" }\n");
        let written = folder.path().join("windlass.toml");
        fs::write(&written, &text).unwrap();
        make_files(&config::load(&written).unwrap_or_else(|problems| panic!("{}: {problems}", file.display())));
        let loaded =
            Loaded::read_file(&written).unwrap_or_else(|problems| panic!("{}: {problems}\n{text}", file.display()));
        // A route that was closed leaves its upstream unused, and hosts of strangers are redirected as nginx does it.
        let known = ["no route uses it", "leads to whatever host the client says"];
        let warnings = loaded.warnings().to_string();
        let odd: Vec<_> = warnings.lines().filter(|it| it.contains(": ") && !it.contains("hint: ")).collect();
        assert!(odd.iter().all(|it| known.iter().any(|known| it.contains(known))), "{}: {warnings}", file.display());
    }
}

/// Makes every file that `settings` name.
fn make_files(settings: &Settings) {
    let mut number = 0;
    let mut pair = |chain: &Path, key: &Path| {
        number += 1;
        let made = rcgen::generate_simple_self_signed([format!("{number}.example.com")]).unwrap();
        write(chain, &made.cert.pem());
        write(key, &made.signing_key.serialize_pem());
    };
    for listener in settings.listeners.values() {
        listener.tls.iter().flat_map(|tls| &tls.certificates).for_each(|it| pair(&it.chain, &it.key));
        listener.client_certificates.iter().for_each(|it| pair(&it.ca.path, &it.ca.path.with_extension("made")));
    }
    for tls in settings.upstreams.values().filter_map(|upstream| upstream.tls.as_ref()) {
        tls.ca.iter().for_each(|ca| pair(&ca.path, &ca.path.with_extension("made")));
        tls.certificate.iter().for_each(|it| pair(&it.chain, &it.key));
    }
    for file in settings.routes.values().filter_map(|route| route.access.basic_auth.as_ref()) {
        write(&file.file.path, "ada:$2y$04$abcdefghijklmnopqrstuuOq3SI1wwAvYIqRZZv2zKsfIOxaWMWu2\n");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["import", "nginx"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exit_codes_say_what_there_is_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("whole.conf", "server { listen 8080; location / { proxy_pass http://127.0.0.1:3000; } }");
    file("gzip.conf", "gzip on; server { listen 8080; location / { proxy_pass http://127.0.0.1:3000; } }");
    file("wrong.conf", "server {\n  listen 80\n}\n");
    file("files.conf", "server { listen 80; root /var/www; }");
    file("lua.conf", "server { location / { content_by_lua_block { return } } }");
    let code = |name| {
        let output = run(&[name], folder.path());
        (output.status.code().unwrap(), told(&output), String::from_utf8_lossy(&output.stdout).into_owned())
    };

    let (status, told, text) = code("whole.conf");
    assert_eq!((status, told.contains("0 to look at")), (0, true), "{told}");
    assert!(text.contains("endpoints = [\"127.0.0.1:3000\"]"), "{text}");
    let (status, told, text) = code("gzip.conf");
    assert_eq!((status, told.contains("1 to look at: see the comments")), (3, true), "{told}");
    assert!(text.contains("# gzip.conf:1: gzip on;"), "{text}");
    let (status, told, text) = code("wrong.conf");
    assert_eq!((status, text.as_str()), (2, ""));
    assert!(told.starts_with("wrong.conf:3:1: a `}` before listen of line 2 has ended: a `;` is missing"), "{told}");
    let (status, told, text) = code("files.conf");
    assert_eq!((status, text.as_str()), (2, ""));
    assert!(told.contains("no route can be made of it") && told.contains("files.conf:1: root /var/www;"), "{told}");
    assert_eq!(code("lua.conf").0, 2);
    let (status, told, _) = code("none.conf");
    assert_eq!(status, 1);
    assert!(told.starts_with("none.conf: cannot be read: No such file"), "{told}");
}

#[test]
fn no_file_that_is_there_is_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.conf"), "server { location / { proxy_pass http://127.0.0.1:3000; } }").unwrap();
    let output = folder.path().join("windlass.toml");

    assert!(run(&["a.conf", "-o", "windlass.toml"], folder.path()).status.success());
    let text = fs::read_to_string(&output).unwrap();
    assert!(config::parse(&text, &output).is_ok());
    fs::write(&output, "mine").unwrap();
    let refused = run(&["a.conf", "-o", "windlass.toml"], folder.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("it is there already: name another one, or write --force"), "{}", told(&refused));
    assert_eq!(fs::read_to_string(&output).unwrap(), "mine");
    assert!(run(&["a.conf", "-o", "windlass.toml", "--force"], folder.path()).status.success());
    assert_eq!(fs::read_to_string(&output).unwrap(), text);
}

#[test]
fn relative_paths_start_at_the_prefix() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sites")).unwrap();
    fs::write(folder.path().join("sites/a"), "server { listen 81; include tail.conf; }").unwrap();
    fs::write(folder.path().join("tail.conf"), "location / { proxy_pass http://127.0.0.1:3000; }").unwrap();

    assert_eq!(run(&["sites/a"], folder.path()).status.code(), Some(2));
    let output = run(&["--prefix", ".", "sites/a"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

/// What docs/from-nginx.md shows of it is what it does.
#[test]
fn the_example_of_the_page_is_what_is_written() {
    let page = fs::read_to_string("docs/from-nginx.md").unwrap();
    let (_, section) = page.split_once("## `windlass import nginx`\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let block = |language: &str| {
        let (_, rest) = section.split_once(&format!("```{language}\n")).unwrap();
        rest.split("```").next().unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.conf"), block("nginx")).unwrap();
    let written = nginx(&folder.path().join("site.conf"), folder.path()).unwrap().text;
    let (_, below_head) = written.split_once("\n\n").unwrap();
    let below_head = below_head.replace(&format!("{}/", folder.path().display()), "/etc/nginx/");
    assert_eq!(below_head, block("toml"));
    let names: BTreeSet<_> = section.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    assert!(names.len() > 3);
}
