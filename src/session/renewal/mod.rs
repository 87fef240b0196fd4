//! How a client with a fresh token keeps its tunnel: `names` has those under which open tunnels are prolonged, `renew` answers who asks for
//! it, and says the name of a tunnel as it opens.

mod names;
mod renew;

pub(super) use names::{NamedTunnel, TunnelNames};
pub(super) use renew::{is_renewal, name, owner, renew};
