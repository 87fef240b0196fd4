//! What clients and servers out there do that is odd and legal, seen to break behind other proxies: it goes on working here.
//!
//! What they do that has a place of its own among the tests stands there: NTLM (`exchange::owned`), 103 (`exchange::interim`),
//! half-closed clients (`exchange::cut`), the spelling of names (`exchange::bodies`), kept connections that end
//! (`exchange::reuse`), docker, kubectl and the gateway of Remote Desktop (`upgrade::other_protocols`).

mod clients;
mod servers;
