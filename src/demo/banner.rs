//! What `windlass demo` says on the terminal.

use std::path::Path;

use crate::config::ListenerName;

/// What is printed once both listeners are open; the ports are the real ones, and `admin` is the socket of operators.
pub fn banner(plain_port: u16, secure_port: u16, admin: &Path) -> String {
    let admin = admin.display();
    format!(
        r#"
  windlass demo: one proxy, three endpoints (amber, jade, violet), all in one process

  Open in two or three tabs
    https://127.0.0.1:{secure_port}/      the certificate is self-signed and thrown away at the end: accept it
    http://127.0.0.1:{plain_port}/       the same without TLS

  What you will see
    Tabs chat with each other. Each is pinned to one endpoint and finds it again when reloaded.
    "Drain": the configuration is reloaded without that endpoint. Only its tabs read a Close 1012,
    within two seconds, and come back on another one. The others notice nothing.
    "Reload something else": nobody notices anything. That is the point.
    "Replace the program": another process takes over, with every open WebSocket. Type on.

  Try with curl (-k: the certificate is self-signed)
    curl -k  https://127.0.0.1:{secure_port}/api/whoami
    curl -k  https://127.0.0.1:{secure_port}/api/echo --data-binary 'hello'
    curl -kN https://127.0.0.1:{secure_port}/events
    curl -k  -X POST 'https://127.0.0.1:{secure_port}/demo/drain?endpoint=jade'
    curl -k  -X POST 'https://127.0.0.1:{secure_port}/demo/restore?endpoint=jade'
    curl -iN http://127.0.0.1:{plain_port}/ws -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
         -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' --output -

  Look at it from another terminal
    windlass status --admin unix:{admin}
    windlass top    --admin unix:{admin}
    windlass handoff --admin unix:{admin}    the same as "Replace the program"

  Stop with Ctrl-C: every tab reads a Close 1012, then the process ends. A second Ctrl-C ends it at once.
"#
    )
}

/// What is said when `listener`, the name of one of the demo's two, cannot have its port.
pub fn port_taken(listener: &ListenerName, port: u16) -> String {
    format!(
        "port {port} of 127.0.0.1 is in use by another program\n  \
         choose another one with --{listener}-port PORT (0 takes any free one)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_own_port() {
        let text = banner(1111, 2222, Path::new("/tmp/a/admin.sock"));
        assert_eq!(text.matches("--admin unix:/tmp/a/admin.sock").count(), 3, "{text}");
        assert_eq!(text.matches("http://127.0.0.1:1111/").count(), 2, "{text}");
        assert_eq!(text.matches("https://127.0.0.1:2222/").count(), 6, "{text}");
        assert!(!text.contains("8080") && !text.contains("8443"), "{text}");
    }

    #[test]
    fn a_taken_port_names_the_option_that_helps() {
        assert!(port_taken(&"plain".into(), 8080).contains("--plain-port"));
        let text = port_taken(&"secure".into(), 8443);
        assert!(text.contains("8443") && text.contains("--secure-port") && text.contains("0 takes any free one"));
    }
}
