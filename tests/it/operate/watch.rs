//! `watch = true`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::operate::held::Held;
use crate::operate::two_endpoints;
use crate::rig::{Folder, Program, until_async};

const MORE: &str = "[route.more]\npath = \"/more\"\nupstream = \"chat\"\n";

async fn watching() -> String {
    format!("watch = true\n{}", two_endpoints().await)
}

async fn generation(windlass: &Program) -> u64 {
    windlass.status().await["generation"].as_u64().unwrap()
}

#[tokio::test]
async fn a_file_that_is_replaced_is_reloaded() {
    let config = watching().await;
    let windlass = Program::start(&config).await;
    windlass.folder().configure(&format!("{config}{MORE}"));
    until_async("the reload", async || generation(&windlass).await == 2).await;

    // Our own reading, and files that are not ours, cause no reload.
    fs::write(windlass.folder().path("other.toml"), "other").unwrap();
    windlass.folder().configure(&config);
    until_async("the next reload", async || generation(&windlass).await == 3).await;
    assert_eq!(windlass.status().await["reloads"]["unchanged"], 0);

    windlass.folder().configure(&config.replace("watch = true", "watch = false"));
    until_async("the last reload", async || generation(&windlass).await == 4).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_during_the_start_is_reloaded() {
    let config = watching().await;
    let folder = Folder::new(&config);
    let held = Held::hold(&folder.config());
    let windlass = Program::start_in(&folder);
    held.is_opened().await;

    folder.configure(&format!("{config}{MORE}"));
    drop(held);

    let windlass = windlass.ready().await;
    until_async("the reload", async || generation(&windlass).await == 2).await;
}

#[tokio::test]
async fn a_new_certificate_that_is_replaced_while_it_is_read_is_reloaded() {
    let certificates = tempfile::tempdir().unwrap();
    let config = watching().await;
    let windlass = Program::start(&config).await;
    renew(certificates.path());
    let (chain, same) = (certificates.path().join("chain.pem"), certificates.path().join("same.pem"));
    fs::copy(&chain, &same).unwrap();
    let held = Held::hold(&chain);
    windlass.folder().configure(&(config + &secure(certificates.path())));
    held.is_opened().await;

    fs::rename(&same, &chain).unwrap();
    drop(held);

    until_async("the reload", async || generation(&windlass).await == 2).await;
    until_async("the next reload", async || windlass.status().await["reloads"]["unchanged"] == 1).await;
}

#[tokio::test]
async fn a_config_map_that_is_swapped_is_reloaded() {
    let config = watching().await;
    let windlass = Program::start(&config).await;
    let folder = windlass.folder().root();
    let text = fs::read_to_string(windlass.folder().config()).unwrap();
    swap(folder, "..first", &text);
    symlink("..data/windlass.toml", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), folder.join("windlass.toml")).unwrap();
    until_async("the first look", async || windlass.status().await["reloads"]["unchanged"] == 1).await;

    swap(folder, "..second", &format!("{text}{MORE}"));
    until_async("the reload", async || generation(&windlass).await == 2).await;
}

/// Writes a new version as the kubelet does: into a folder of its own, and then one link is swapped.
fn swap(folder: &Path, version: &str, text: &str) {
    fs::create_dir(folder.join(version)).unwrap();
    fs::write(folder.join(version).join("windlass.toml"), text).unwrap();
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn a_secret_that_is_replaced_is_reloaded() {
    let pinned = watching()
        .await
        .replace("[upstream.chat]", "[upstream.chat]\npin_cookie = \"pin\"\npin_secret = \"pins.secret\"");
    let folder = Folder::new(&pinned);
    folder.write("pins.secret", "the first secret of ours\n");
    let windlass = Program::start_in(&folder).ready().await;

    folder.write("pins.secret", "the next secret of ours\nthe first secret of ours\n");

    until_async("the reload", async || generation(&windlass).await == 2).await;
    let line = folder.until_logged(&["pin_secret: the file holds other secrets"]).await;
    assert!(!folder.log().contains("secret of ours"), "{line}");
}

#[tokio::test]
async fn a_renewed_certificate_is_reloaded_and_closes_nothing() {
    let certificates = tempfile::tempdir().unwrap();
    renew(certificates.path());
    let config = watching().await + &secure(certificates.path());
    let windlass = Program::start(&config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    renew(certificates.path());
    until_async("the reload", async || generation(&windlass).await == 2).await;
    client.assert_open().await;
    assert!(windlass.folder().log().contains("listener secure changed"), "{}", windlass.folder().log());
}

/// A listener with the certificate in a folder.
fn secure(folder: &Path) -> String {
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    format!("[listener.secure]\nbind = \"127.0.0.1:0\"\ntls = {{ chain = {chain:?}, key = {key:?} }}\n")
}

pub(crate) fn renew(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    for (name, text) in [("key.pem", made.signing_key.serialize_pem()), ("chain.pem", made.cert.pem())] {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join(name)).unwrap();
    }
}
