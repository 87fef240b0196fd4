//! `watch = true`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::operate::held::Held;
use crate::operate::process::{Windlass, wait_for, write_config};
use crate::operate::two_endpoints;

const MORE: &str = "[route.more]\npath = \"/more\"\nupstream = \"chat\"\n";

async fn watching() -> String {
    format!("watch = true\n{}", two_endpoints().await)
}

async fn generation(windlass: &Windlass) -> u64 {
    windlass.status().await["generation"].as_u64().unwrap()
}

#[tokio::test]
async fn a_file_that_is_replaced_is_reloaded() {
    let config = watching().await;
    let windlass = Windlass::start(&config).await;
    windlass.rewrite(&format!("{config}{MORE}"));
    wait_for("the reload", async || generation(&windlass).await == 2).await;

    // Our own reading, and files that are not ours, cause no reload.
    fs::write(windlass.folder.path().join("other.toml"), "other").unwrap();
    windlass.rewrite(&config);
    wait_for("the next reload", async || generation(&windlass).await == 3).await;
    assert_eq!(windlass.status().await["reloads"]["unchanged"], 0);

    windlass.rewrite(&config.replace("watch = true", "watch = false"));
    wait_for("the last reload", async || generation(&windlass).await == 4).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_during_the_start_is_reloaded() {
    let config = watching().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("windlass.toml");
    write_config(&folder, &config);
    let held = Held::hold(&file);
    let windlass = Windlass::start_in(folder);
    held.is_opened().await;

    windlass.rewrite(&format!("{config}{MORE}"));
    drop(held);

    windlass.serves().await;
    wait_for("the reload", async || generation(&windlass).await == 2).await;
}

#[tokio::test]
async fn a_new_certificate_that_is_replaced_while_it_is_read_is_reloaded() {
    let certificates = tempfile::tempdir().unwrap();
    let config = watching().await;
    let windlass = Windlass::start(&config).await;
    renew(certificates.path());
    let (chain, same) = (certificates.path().join("chain.pem"), certificates.path().join("same.pem"));
    fs::copy(&chain, &same).unwrap();
    let held = Held::hold(&chain);
    windlass.rewrite(&(config + &secure(certificates.path())));
    held.is_opened().await;

    fs::rename(&same, &chain).unwrap();
    drop(held);

    wait_for("the reload", async || generation(&windlass).await == 2).await;
    wait_for("the next reload", async || windlass.status().await["reloads"]["unchanged"] == 1).await;
}

#[tokio::test]
async fn a_config_map_that_is_swapped_is_reloaded() {
    let config = watching().await;
    let windlass = Windlass::start(&config).await;
    let folder = windlass.folder.path();
    let text = fs::read_to_string(windlass.config()).unwrap();
    swap(folder, "..first", &text);
    symlink("..data/windlass.toml", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), folder.join("windlass.toml")).unwrap();
    wait_for("the first look", async || windlass.status().await["reloads"]["unchanged"] == 1).await;

    swap(folder, "..second", &format!("{text}{MORE}"));
    wait_for("the reload", async || generation(&windlass).await == 2).await;
}

/// Writes a new version as the kubelet does: into a folder of its own, and then one link is swapped.
fn swap(folder: &Path, version: &str, text: &str) {
    fs::create_dir(folder.join(version)).unwrap();
    fs::write(folder.join(version).join("windlass.toml"), text).unwrap();
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_reloaded_and_closes_nothing() {
    let certificates = tempfile::tempdir().unwrap();
    renew(certificates.path());
    let config = watching().await + &secure(certificates.path());
    let windlass = Windlass::start(&config).await;
    let mut client = windlass.connect("somebody").await.unwrap();
    renew(certificates.path());
    wait_for("the reload", async || generation(&windlass).await == 2).await;
    client.assert_open().await;
    assert!(windlass.log().contains("listener secure changed"), "{}", windlass.log());
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
