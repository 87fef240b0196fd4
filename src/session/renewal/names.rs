//! The names under which open tunnels are prolonged.
//!
//! Kept by the proxy, so that they outlive reloads. Invariants: a name is there for as long as one of its tunnels is open, and no
//! longer; the tunnels of one name are of one route and one owner.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::RenewalId;
use crate::config::RouteName;
use crate::drain::{TunnelHandle, TunnelId};
use crate::http::Refusal;

/// Every name of the process.
#[derive(Debug, Default)]
pub(in crate::session) struct TunnelNames(Mutex<HashMap<RenewalId, Named>>);

/// The tunnels of one name.
#[derive(Debug)]
struct Named {
    route: RouteName,
    owner: Box<str>,
    /// By number: a client may open as many as it likes, and each is found at once.
    tunnels: BTreeMap<TunnelId, Arc<TunnelHandle>>,
}

/// A tunnel has a name for as long as this lives.
#[derive(Debug)]
pub(in crate::session) struct NamedTunnel {
    pub(in crate::session) id: RenewalId,
    tunnel: TunnelId,
    names: Arc<TunnelNames>,
}

impl TunnelNames {
    /// Gives a tunnel of this route and owner a name: one of those that its client has brought, if other tunnels of the same have it,
    /// else a `fresh` one.
    pub(in crate::session) fn name(
        self: &Arc<Self>,
        brought: &[RenewalId],
        fresh: RenewalId,
        (route, owner): (&RouteName, &str),
        handle: &Arc<TunnelHandle>,
    ) -> NamedTunnel {
        let mut all = self.all();
        let is_same = |id: &&RenewalId| all.get(*id).is_some_and(|named| named.is_of(route, owner));
        let id = brought.iter().find(is_same).copied().unwrap_or(fresh);
        let named = all.entry(id).or_insert_with(|| Named::new(route, owner));
        named.tunnels.insert(handle.id, Arc::clone(handle));
        NamedTunnel { id, tunnel: handle.id, names: Arc::clone(self) }
    }

    /// Gives a tunnel of this route and owner the name that it had in another process, as others of the same may have it already; `None`
    /// where it is that of somebody else.
    pub(in crate::session) fn rename(
        self: &Arc<Self>,
        id: RenewalId,
        (route, owner): (&RouteName, &str),
        handle: &Arc<TunnelHandle>,
    ) -> Option<NamedTunnel> {
        let mut all = self.all();
        let named = all.entry(id).or_insert_with(|| Named::new(route, owner));
        if !named.is_of(route, owner) {
            return None;
        }
        named.tunnels.insert(handle.id, Arc::clone(handle));
        Some(NamedTunnel { id, tunnel: handle.id, names: Arc::clone(self) })
    }

    /// The tunnels that a client means who has brought these names: those of the first that is known on this route, and of its owner.
    pub(in crate::session) fn find(
        &self,
        brought: &[RenewalId],
        (route, owner): (&RouteName, Option<&str>),
    ) -> Result<Vec<Arc<TunnelHandle>>, Refusal> {
        if brought.is_empty() {
            return Err(Refusal::RenewalUnnamed);
        }
        let all = self.all();
        let mut known = brought.iter().filter_map(|id| all.get(id)).filter(|named| named.route == *route).peekable();
        if known.peek().is_none() {
            return Err(Refusal::RenewalUnknown);
        }
        let owner = owner.ok_or(Refusal::RenewalForeign)?;
        let meant = known.find(|named| *named.owner == *owner).ok_or(Refusal::RenewalForeign)?;
        Ok(meant.tunnels.values().cloned().collect())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RenewalId, Named>> {
        // A panic while they were held leaves each whole: a name and its tunnel are put in by one call each.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    fn new(route: &RouteName, owner: &str) -> Self {
        Self { route: route.clone(), owner: owner.into(), tunnels: BTreeMap::new() }
    }

    fn is_of(&self, route: &RouteName, owner: &str) -> bool {
        self.route == *route && *self.owner == *owner
    }
}

impl Drop for NamedTunnel {
    fn drop(&mut self) {
        let mut all = self.names.all();
        let Entry::Occupied(mut named) = all.entry(self.id) else { return };
        named.get_mut().tunnels.remove(&self.tunnel);
        if named.get().tunnels.is_empty() {
            named.remove();
        }
        // What others have left empty is given back: a storm of names is no reason to keep room for one.
        if all.capacity() > ROOM && all.len() < all.capacity() / 8 {
            all.shrink_to_fit();
        }
    }
}

/// Room for so many names is kept.
const ROOM: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::{LOCAL_CLIENT, Member, Registration, Registry};

    const ADA: (&str, &str) = ("chat", "ada");

    fn id(byte: u8) -> RenewalId {
        RenewalId::new([byte; 16])
    }

    fn registration(registry: &Arc<Registry>) -> Registration {
        let member = Member::of_route("chat");
        registry.register(0, member, LOCAL_CLIENT)
    }

    struct Site {
        names: Arc<TunnelNames>,
        registry: Arc<Registry>,
    }

    impl Site {
        fn new() -> Self {
            Self { names: Arc::default(), registry: Registry::new(1) }
        }

        fn open(&self, brought: &[u8], fresh: u8, (route, owner): (&str, &str)) -> (NamedTunnel, Registration) {
            let registration = registration(&self.registry);
            let brought: Vec<_> = brought.iter().map(|byte| id(*byte)).collect();
            let named = self.names.name(&brought, id(fresh), (&route.into(), owner), registration.handle());
            (named, registration)
        }

        fn find(&self, brought: &[u8], (route, owner): (&str, &str)) -> Result<usize, Refusal> {
            let brought: Vec<_> = brought.iter().map(|byte| id(*byte)).collect();
            self.names.find(&brought, (&route.into(), Some(owner))).map(|handles| handles.len())
        }
    }

    #[tokio::test]
    async fn a_name_that_is_brought_is_kept_by_the_same_owner_and_route_alone() {
        let site = Site::new();
        let (first, _registration) = site.open(&[9], 1, ADA);
        assert_eq!(first.id, id(1), "a name that nobody has is not taken up: clients choose none");
        let others =
            [site.open(&[9, 1], 2, ADA), site.open(&[1], 3, ("chat", "bob")), site.open(&[1], 4, ("news", "ada"))];
        assert_eq!([others[0].0.id, others[1].0.id, others[2].0.id], [id(1), id(3), id(4)]);
        assert_eq!(site.find(&[1], ADA), Ok(2));
        assert_eq!(site.find(&[3], ("chat", "bob")), Ok(1));
    }

    #[tokio::test]
    async fn who_means_nothing_or_somebody_elses_is_refused_each_with_its_own_word() {
        let site = Site::new();
        let _ada = site.open(&[], 1, ADA);
        let _bob = site.open(&[], 2, ("chat", "bob"));
        assert_eq!(site.find(&[], ADA), Err(Refusal::RenewalUnnamed));
        assert_eq!(site.find(&[9], ADA), Err(Refusal::RenewalUnknown));
        assert_eq!(site.find(&[1], ("news", "ada")), Err(Refusal::RenewalUnknown));
        assert_eq!(site.find(&[1], ("chat", "bob")), Err(Refusal::RenewalForeign));
        assert_eq!(site.find(&[9, 2, 1], ADA), Ok(1), "that of a cookie of before is passed over");
        let nobody = site.names.find(&[id(1)], (&"chat".into(), None));
        assert_eq!(nobody.map(|handles| handles.len()), Err(Refusal::RenewalForeign));
    }

    #[tokio::test]
    async fn tunnels_that_move_are_under_the_same_name_again_and_are_found_and_named_by_it() {
        let (old, new) = (Site::new(), Site::new());
        let both = [old.open(&[], 1, ADA), old.open(&[1], 2, ADA)];
        let moved: Vec<_> = both
            .iter()
            .map(|(named, _)| {
                let sent = postcard::to_allocvec(&named.id).unwrap();
                let registration = registration(&new.registry);
                let of = (&"chat".into(), "ada");
                let named = new.names.rename(postcard::from_bytes(&sent).unwrap(), of, registration.handle()).unwrap();
                (named, registration)
            })
            .collect();
        assert_eq!(new.find(&[1], ADA), Ok(2));
        let (third, _registration) = new.open(&[1], 9, ADA);
        assert_eq!(third.id, id(1), "its client opens another one");
        let foreign = registration(&new.registry);
        assert!(new.names.rename(id(1), (&"chat".into(), "bob"), foreign.handle()).is_none());
        assert!(new.names.rename(id(1), (&"news".into(), "ada"), foreign.handle()).is_none());
        drop((moved, third));
        assert!(new.names.all().is_empty());
    }

    #[tokio::test]
    async fn a_name_ends_with_the_last_of_its_tunnels() {
        let site = Site::new();
        let (first, second) = (site.open(&[], 1, ADA), site.open(&[1], 2, ADA));
        drop(first);
        assert_eq!(site.find(&[1], ADA), Ok(1));
        drop(second);
        assert_eq!(site.find(&[1], ADA), Err(Refusal::RenewalUnknown));
        assert!(site.names.all().is_empty());
    }

    #[tokio::test]
    async fn a_storm_of_names_leaves_no_room_behind() {
        let site = Site::new();
        let all: Vec<_> = (0..20_000_u128)
            .map(|number| {
                let registration = registration(&site.registry);
                let fresh = RenewalId::new(number.to_ne_bytes());
                let named = site.names.name(&[], fresh, (&"chat".into(), "ada"), registration.handle());
                (named, registration)
            })
            .collect();
        drop(all);
        assert!(site.names.all().is_empty() && site.names.all().capacity() <= 2 * ROOM);
    }
}
