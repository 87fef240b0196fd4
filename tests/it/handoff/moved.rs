//! Open tunnels that move to the new process: their clients notice nothing.

use crate::handoff::chat::{Chat, Echo, echoes};
use crate::handoff::succession::hand_off;

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
