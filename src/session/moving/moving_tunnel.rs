//! All that another process has to know of an open tunnel, but its descriptors.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::access::{ClientKey, FrozenPermit, RenewalId};
use crate::authorize::FrozenPermitted;
use crate::config::WebsocketSettings;
use crate::net::FrozenStream;
use crate::process::SystemMoment;
use crate::traffic::FrozenTraffic;
use crate::tunnel::FrozenTunnel;
use crate::websocket::PerSide;

/// The version of what is written of a tunnel: raised with each change of it, or of anything in it. A program reads its own alone.
pub(crate) const FORMAT: u32 = 1;

/// All that another process has to know of an open tunnel, but its descriptors. Its keys are in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MovingTunnel {
    /// Its number: it keeps that.
    pub(super) id: u64,
    /// When all of this was so; other moments are counted from it.
    pub(super) frozen: SystemMoment,
    /// For how many nanoseconds it was open then.
    pub(super) age: u64,
    /// The client's address, as believed.
    pub(super) client: IpAddr,
    pub(super) place: PlaceNames,
    /// What it is permitted, where its route asks for that.
    pub(super) permit: Option<FrozenPermit>,
    pub(super) kept: KeptValues,
    pub(super) traffic: FrozenTraffic,
    /// By what its client is known if it comes back.
    pub(super) key: u64,
    /// What is kept of its request, as its session has packed it.
    pub(super) record: Box<[u8]>,
    /// Its limits: those that it was born with.
    pub(super) settings: WebsocketSettings,
    pub(super) streams: PerSide<FrozenStream>,
    pub(super) tunnel: FrozenTunnel,
}

/// What it keeps for as long as it is open.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct KeptValues {
    /// It counts for its route; as this client, where those are limited too.
    pub(super) place: Option<Option<ClientKey>>,
    /// What is asked again of whether it may go on.
    pub(super) permitted: Option<FrozenPermitted>,
    /// The name under which it can be prolonged.
    pub(super) name: Option<RenewalId>,
}

/// What a tunnel belongs to, by name: the lives of names are one process's own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlaceNames {
    pub(super) listener: String,
    pub(super) route: String,
    pub(super) upstream: String,
    pub(super) endpoint: String,
    /// Where that is: at another address it is another one.
    pub(super) address: String,
}
