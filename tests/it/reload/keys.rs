//! The keys of tokens: who comes is judged by the new ones, and who is here stays.

use crate::access::is_refused;
use crate::access::tokens::{config_asking, of_ada, opens};
use crate::rig::{Endpoint, Handshake, Proxy, assert_carries};

#[tokio::test]
async fn other_keys_are_a_change_of_their_route_and_end_no_tunnel() {
    let endpoint = Endpoint::listen().await;
    let (config, folder) = config_asking(&endpoint, "");
    let mut proxy = Proxy::serving(&config);
    let handshake = Handshake::new().with("authorization", format!("Bearer {}", of_ada()));
    let (mut client, mut at_endpoint, _) = opens(&proxy, &endpoint, &handshake).await;
    folder.write("secret", "another secret of thirty-two bytes");
    let reloaded = format!("{:?}", proxy.reload(&config).unwrap());
    assert!(reloaded.contains("the file holds other keys"), "{reloaded}");
    is_refused(&proxy, &endpoint, handshake.bytes(), (401, "token_signature")).await;
    assert_carries(&mut client, &mut at_endpoint).await;
    let reloaded = format!("{:?}", proxy.reload(&config).unwrap());
    assert!(!reloaded.contains("other keys"), "{reloaded}");
    folder.write("secret", "short");
    let refused = format!("{:?}", proxy.reload(&config).unwrap_err());
    assert!(refused.contains("less than 32 bytes"), "{refused}");
}
