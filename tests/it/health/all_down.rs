//! What becomes of requests while every endpoint is down.

use super::site::Site;

#[tokio::test]
async fn with_refuse_they_are_refused_and_nobody_is_asked() {
    let mut site = Site::with(&[("when_all_down", "\"refuse\"")]).await;
    site.a.falls_ill();
    site.b.falls_ill();
    site.is_down("a").await;
    site.is_down("b").await;
    for key in 0..4 {
        assert_eq!(site.asks(key).await.head().await.status(), 503);
    }
    site.a.has_nobody();
    site.b.has_nobody();
}

#[tokio::test]
async fn with_try_they_are_placed_as_ever() {
    let mut site = Site::with(&[("when_all_down", "\"try\"")]).await;
    site.a.falls_ill();
    site.b.falls_ill();
    site.is_down("a").await;
    site.is_down("b").await;
    site.tunnels_on("a", 1).await;
    site.tunnels_on("b", 1).await;
}
