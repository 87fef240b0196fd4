//! Where connections come from and go to: the system's network; for tests it may be one in memory.

#[cfg(test)]
use super::simulated::SimulatedNetwork;

/// The network that a proxy is in.
#[derive(Clone, Debug)]
pub enum Network {
    /// The system's.
    System,
    /// One in memory: its owner alone can reach it.
    #[cfg(test)]
    Simulated(SimulatedNetwork),
}
