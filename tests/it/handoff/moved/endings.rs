//! How tunnels end that have moved: as any other, under the number that they opened with.

use super::site::{Ends, Site, Way};
use crate::handoff::chat::{Chat, Echo, echoes};
use crate::handoff::succession::hand_off;
use crate::rig::Frame;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_goes_on_in_the_new_process_and_the_old_one_ends() {
    let (chat, mut main) = Chat::started("").await;
    let mut tunnel = chat.client.tunnel().await.unwrap();
    assert_eq!(echoes(&mut tunnel, "before").await, Echo::Came);
    for number in 0..5 {
        let (_, next) = hand_off(&chat.world, main).await;
        assert_eq!(echoes(&mut tunnel, &format!("after {number}")).await, Echo::Came);
        chat.world.folder.until("the end of the old process", || chat.world.running() == [next]).await;
        main = next;
    }
    tunnel.close(None).await.unwrap();
    chat.world.folder.until_logged(&["tunnel ended"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_of_either_end_arrives_and_the_line_says_how_often_it_was_moved() {
    let mut site = Site::started(&[("log.opened", "true")]).await;
    let mut tunnels = site.open_all().await;
    tunnels.extend(site.open_all().await);
    let opened = site.so_many_lines("tunnel opened", tunnels.len()).await;
    site.hand_over().await;
    site.hand_over().await;
    assert_eq!(site.lines("tunnel ended").len(), 0);

    for (number, Ends { client, endpoint }) in tunnels.iter_mut().enumerate() {
        let code = 4000 + number as u16;
        let close = Frame::close(code, "enough");
        if number < Way::ALL.len() {
            client.send(close.by_client()).await;
            assert_eq!(endpoint.frame().await, close);
            endpoint.send(close.by_endpoint()).await;
            assert_eq!(client.frame().await, close);
        } else {
            endpoint.send(close.by_endpoint()).await;
            assert_eq!(client.frame().await, close);
            client.send(close.by_client()).await;
            assert_eq!(endpoint.frame().await, close);
        }
        client.is_gone().await;
    }

    let mut ended = site.so_many_lines("tunnel ended", tunnels.len()).await;
    ended.sort_by_key(|line| line["code"].as_u64());
    for (number, (opened, ended)) in opened.iter().zip(&ended).enumerate() {
        let by = if number < Way::ALL.len() { "client" } else { "upstream" };
        assert_eq!((&ended["tunnel"], &ended["moved"]), (&opened["tunnel"], &2.into()), "{ended}");
        assert_eq!((&ended["outcome"], &ended["ended_by"]), (&"closed".into(), &by.into()), "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_endpoint_is_lost_is_told_so() {
    let mut site = Site::started(&[]).await;
    let tunnels = site.open_all().await;
    site.hand_over().await;
    for Ends { mut client, endpoint } in tunnels {
        drop(endpoint);
        assert_eq!(client.frame().await.close_code(), Some(1014));
    }
}
