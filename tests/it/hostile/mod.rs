//! Clients that mean harm, one family a file: the real program lives, does not grow, and serves somebody else meanwhile.

mod broken_proxy_headers;
mod http2;
mod idle_connects;
mod no_tls;
mod site;
mod slow_bodies;
mod slow_heads;
mod slow_tls;
