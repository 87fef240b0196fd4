//! Pins that are made with a secret.

use std::path::PathBuf;

use tempfile::TempDir;
use windlass::balance::PinToken;

use super::site::{Placed, Site, user};
use crate::rig::{Config, Proxy};

const OLD: &str = "the first secret of ours";
const NEW: &str = "the next secret of ours";

/// A fleet's file of secrets.
struct Secrets {
    folder: TempDir,
}

impl Secrets {
    fn of(lines: &[&str]) -> Self {
        let secrets = Self { folder: tempfile::tempdir().unwrap() };
        secrets.write(lines);
        secrets
    }

    fn write(&self, lines: &[&str]) {
        std::fs::write(self.path(), lines.join("\n") + "\n").unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pins.secret")
    }

    /// A configuration whose pins are made with them.
    fn before(&self, site: &Site) -> Config {
        site.sticky_on("[\"header:x-user\"]")
            .with("upstream.chat.pin_cookie", "\"pin\"")
            .with("upstream.chat.pin_secret", &format!("{:?}", self.path()))
    }
}

/// A client that was placed, and the name of a user whom the hash places on the other endpoint.
async fn placed_apart(site: &Site, proxy: &Proxy) -> (Placed, u32) {
    let first = site.place(proxy, &user(0)).await;
    for other in 1..100 {
        if site.place(proxy, &user(other)).await.at != first.at {
            return (first, other);
        }
    }
    panic!("a hundred users are on one endpoint");
}

#[tokio::test]
async fn every_proxy_of_a_fleet_reads_the_pins_of_the_others_and_nobody_elses() {
    let (site, secrets) = (Site::open().await, Secrets::of(&[OLD]));
    let [one, other] = [(); 2].map(|()| Proxy::serving(&secrets.before(&site)));
    let stranger = Proxy::serving(&Secrets::of(&[NEW]).before(&site));
    let (pinned, elsewhere) = placed_apart(&site, &one).await;
    let handshake = user(elsewhere).with("cookie", pinned.cookie());

    for proxy in [&one, &other] {
        let placed = site.place(proxy, &handshake).await;
        assert_eq!(placed.at, pinned.at);
        assert_eq!(placed.head.value("set-cookie"), None);
    }
    let placed = site.place(&stranger, &handshake).await;

    assert_ne!(placed.at, pinned.at);
    assert_ne!(placed.cookie(), pinned.cookie());
    assert!(pinned.cookie().starts_with("pin=2."), "{}", pinned.cookie());
}

#[tokio::test]
async fn a_pin_that_anybody_can_make_is_not_read_where_there_is_a_secret() {
    let (site, secrets) = (Site::open().await, Secrets::of(&[OLD]));
    let open = Proxy::serving(&site.sticky_on("[\"header:x-user\"]").with("upstream.chat.pin_cookie", "\"pin\""));
    let closed = Proxy::serving(&secrets.before(&site));
    let (placed, elsewhere) = placed_apart(&site, &open).await;
    let forged = format!("pin={}", PinToken::of("chat", &placed.at.to_string()));
    let handshake = user(elsewhere).with("cookie", forged);

    assert_eq!(site.place(&open, &handshake).await.at, placed.at);
    assert_ne!(site.place(&closed, &handshake).await.at, placed.at);
}

#[tokio::test]
async fn a_secret_that_is_replaced_moves_nobody_until_the_old_one_is_taken_out() {
    let (site, secrets) = (Site::open().await, Secrets::of(&[OLD]));
    let mut proxy = Proxy::serving(&secrets.before(&site));
    let (pinned, elsewhere) = placed_apart(&site, &proxy).await;
    let with = |cookie: String| user(elsewhere).with("cookie", cookie);

    secrets.write(&[NEW, OLD]);
    let reloaded = proxy.reload(&secrets.before(&site)).unwrap();
    let moved_on = site.place(&proxy, &with(pinned.cookie())).await;

    let said: Vec<_> = reloaded.diff.changes.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["upstream chat changed: pin_secret: the file holds other secrets"]);
    assert_eq!((reloaded.draining, proxy.reload(&secrets.before(&site)).unwrap().diff.changes.len()), (0, 0));
    assert_eq!(moved_on.at, pinned.at, "its cookie is of the older line");
    assert_ne!(moved_on.cookie(), pinned.cookie(), "it is given one of the first line");

    secrets.write(&[NEW]);
    proxy.reload(&secrets.before(&site)).unwrap();

    assert_ne!(site.place(&proxy, &with(pinned.cookie())).await.at, pinned.at);
    assert_eq!(site.place(&proxy, &with(moved_on.cookie())).await.at, pinned.at);
}

#[tokio::test]
async fn a_file_of_no_secrets_is_refused_and_changes_nothing() {
    let (site, secrets) = (Site::open().await, Secrets::of(&[OLD]));
    let mut proxy = Proxy::serving(&secrets.before(&site));
    let (pinned, elsewhere) = placed_apart(&site, &proxy).await;
    for (lines, said) in [
        (&["changeme"][..], "has a secret of 8 bytes in line 1"),
        (&[NEW, "", "short"], "has a secret of 5 bytes in line 3"),
        (&[""], "holds no secret"),
        (&["-----BEGIN PRIVATE KEY-----", "AAAA"], "is PEM"),
    ] {
        secrets.write(lines);
        let refused = proxy.reload(&secrets.before(&site)).unwrap_err().to_string();
        assert!(refused.contains("upstream.chat.pin_secret: "), "{refused}");
        assert!(refused.contains(&format!("pins.secret: {said}")), "{refused}");
        assert!(!lines.iter().any(|line| !line.is_empty() && refused.contains(line)), "it is shown: {refused}");
    }
    std::fs::remove_file(secrets.path()).unwrap();
    let refused = proxy.reload(&secrets.before(&site)).unwrap_err().to_string();
    assert!(refused.contains("pins.secret: cannot be read: No such file"), "{refused}");

    let placed = site.place(&proxy, &user(elsewhere).with("cookie", pinned.cookie())).await;
    assert_eq!(placed.at, pinned.at);
}
