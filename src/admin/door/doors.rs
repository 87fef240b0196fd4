//! The doors that are open: what else of the process asks about them.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::rights::Door;

/// All of them, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Doors(ArcSwap<Vec<Arc<Door>>>);

impl Doors {
    /// From now on it is these.
    pub fn put(&self, doors: Vec<Arc<Door>>) {
        self.0.store(Arc::new(doors));
    }

    /// Those that are open now.
    pub fn all(&self) -> Arc<Vec<Arc<Door>>> {
        self.0.load_full()
    }
}
