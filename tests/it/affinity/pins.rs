//! The cookie that pins a client: its attributes.

use super::site::{Site, user};
use crate::rig::Proxy;

const PLAIN: &str = "GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n";

#[tokio::test]
async fn a_pin_has_the_attributes_that_are_configured() {
    let site = Site::open().await;
    for (table, attributes) in [
        ("\"pin\"", "Path=/; HttpOnly; SameSite=Lax"),
        ("{ name = \"pin\" }", "Path=/; HttpOnly; SameSite=Lax"),
        ("{ name = \"pin\", path = \"/chat\" }", "Path=/chat; HttpOnly; SameSite=Lax"),
        ("{ name = \"pin\", domain = \"Chat.test\" }", "Path=/; Domain=chat.test; HttpOnly; SameSite=Lax"),
        ("{ name = \"pin\", max_age = \"1d\" }", "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"),
        ("{ name = \"pin\", same_site = \"strict\" }", "Path=/; HttpOnly; SameSite=Strict"),
        ("{ name = \"pin\", secure = true }", "Path=/; HttpOnly; Secure; SameSite=None"),
        ("{ name = \"pin\", secure = true, same_site = \"lax\" }", "Path=/; HttpOnly; Secure; SameSite=Lax"),
    ] {
        let proxy = Proxy::serving(&site.sticky_on("[\"header:x-user\"]").with("upstream.chat.pin_cookie", table));
        let placed = site.place(&proxy, &user(1)).await;
        let answered = site.ask(&proxy, PLAIN).await;
        for head in [&placed.head, &answered] {
            let set = head.value("set-cookie").unwrap_or_else(|| panic!("{table}: {head:?}"));
            let (pair, found) = set.split_once("; ").unwrap();
            assert!(pair.starts_with("pin=1."), "{table}: {set}");
            assert_eq!(found, attributes, "{table}");
        }
    }
}
