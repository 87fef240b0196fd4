//! What every proxy of a fleet can rely on: who moves when endpoints come, go, start slowly, are full or are unwell.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};

use proptest::prelude::*;

use super::*;

/// An upstream's endpoints, with how each is now.
struct World {
    tier: Tier,
    names: Vec<String>,
    candidates: Vec<Candidate>,
}

impl World {
    fn new<'n>(endpoints: impl IntoIterator<Item = (&'n str, u32)>) -> Self {
        let (mut names, mut shares, mut candidates) = (vec![], vec![], vec![]);
        for (index, (name, weight)) in (0..).zip(endpoints) {
            let weight = fine_weight(NonZeroU32::new(weight).unwrap());
            names.push(name.to_string());
            shares.push(Share { identity: EndpointIdentity::of(name), weight, index });
            candidates.push(Candidate { standing: Standing::Open, weight, load: 0, busy: 0, due: 0 });
        }
        Self { tier: Tier::new(shares), names, candidates }
    }

    /// So many endpoints of these weights, one after the other.
    fn of(count: usize, weights: &[u32]) -> Self {
        let names: Vec<_> = (0..count).map(|index| format!("e{index}")).collect();
        Self::new(names.iter().map(String::as_str).zip(weights.iter().copied().cycle()))
    }

    fn place(&self, sticky: Sticky, key: AffinityKey) -> Option<usize> {
        sticky.best(key, &self.tier, |share| self.candidates[share.index()]).map(Share::index)
    }

    fn name(&self, sticky: Sticky, key: AffinityKey) -> Option<&str> {
        self.place(sticky, key).map(|place| self.names[place].as_str())
    }

    fn close(&mut self, place: usize) {
        self.candidates[place].standing = Standing::Closed;
    }
}

fn key(number: u64) -> AffinityKey {
    AffinityKey::of_value(&number.to_le_bytes())
}

fn bounded(thousandths: u32) -> Sticky {
    Sticky { bounded_load: LoadFactor::from_thousandths(thousandths), shards: None }
}

fn shards(count: usize) -> Sticky {
    Sticky { bounded_load: None, shards: NonZeroUsize::new(count) }
}

const PLAIN: Sticky = Sticky { bounded_load: None, shards: None };

/// Less than one in a hundred of all, which is far more than chance makes of a million.
fn is_close(count: u32, of: u32, share: f64) -> bool {
    (f64::from(count) / f64::from(of) - share).abs() < 0.01
}

#[test]
fn of_a_million_keys_each_endpoint_has_its_weight_and_a_newcomer_only_its_fair_share() {
    const KEYS: u32 = 1_000_000;
    let (before, after) = (World::of(5, &[1, 2, 3, 4, 10]), World::of(6, &[1, 2, 3, 4, 10, 5]));
    let (mut counts, mut moved) = ([0; 5], 0);
    for key in (0..KEYS).map(|number| key(number.into())) {
        let (was, is) = (before.place(PLAIN, key).unwrap(), after.place(PLAIN, key).unwrap());
        counts[was] += 1;
        if is != was {
            assert_eq!(is, 5, "a key moves, and not to the newcomer");
            moved += 1;
        }
    }
    for (count, weight) in counts.into_iter().zip([1.0, 2.0, 3.0, 4.0, 10.0]) {
        assert!(is_close(count, KEYS, weight / 20.0), "{counts:?}");
    }
    assert!(is_close(moved, KEYS, 5.0 / 25.0), "{moved} moved");
}

#[test]
fn an_endpoint_that_goes_moves_its_own_keys_to_the_others_by_their_weights() {
    const KEYS: u32 = 100_000;
    let (whole, mut less) = (World::of(5, &[1, 2, 3, 4, 10]), World::of(5, &[1, 2, 3, 4, 10]));
    less.close(4);
    let (mut own, mut moved) = (0, [0; 5]);
    for key in (0..KEYS).map(|number| key(number.into())) {
        let (was, is) = (whole.place(PLAIN, key).unwrap(), less.place(PLAIN, key).unwrap());
        assert!(was == 4 || is == was, "a key of another moves");
        own += u32::from(was == 4);
        moved[is] += u32::from(was == 4);
    }
    for (count, weight) in moved.into_iter().zip([1.0, 2.0, 3.0, 4.0, 0.0]) {
        assert!(is_close(count, own, weight / 10.0), "{moved:?} of {own}");
    }
}

#[test]
fn skewed_keys_are_balanced_by_a_bounded_load_and_hardly_move() {
    const TUNNELS: usize = 4_000;
    let mut random = fastrand::Rng::with_seed(4);
    // Zipf's law: of 1,000 keys the n-th has 1 / n of the tunnels that the first has.
    let harmonic: f64 = (1..=1_000).map(|rank| 1.0 / f64::from(rank)).sum();
    let mut zipf = || {
        let mut left = random.f64() * harmonic;
        (1..1_000)
            .find(|&rank| {
                left -= 1.0 / rank as f64;
                left < 0.0
            })
            .unwrap_or(1_000)
    };
    let keys: Vec<u64> = (0..TUNNELS).map(|_| zipf()).collect();
    let spread = |sticky| {
        let (mut world, mut at_home) = (World::of(10, &[1]), 0);
        for &number in &keys {
            let placed = world.place(sticky, key(number)).unwrap();
            at_home += usize::from(Some(placed) == world.place(PLAIN, key(number)));
            world.candidates[placed].load += 1;
        }
        (world.candidates.iter().map(|it| it.load).max().unwrap(), at_home)
    };
    let (unbounded, _) = spread(PLAIN);
    assert!(unbounded > TUNNELS / 10 * 3 / 2, "the keys are not skewed: {unbounded}");
    let (bounded, at_home) = spread(bounded(1_250));
    assert!(bounded <= TUNNELS / 10 * 5 / 4, "{bounded}");
    assert!(at_home > TUNNELS * 3 / 4, "{at_home} are where their keys mean them to be");
}

#[test]
fn a_ramping_endpoint_takes_keys_bit_by_bit_and_no_other_key_moves() {
    const KEYS: u32 = 20_000;
    for sticky in [PLAIN, shards(2)] {
        let mut world = World::of(4, &[2]);
        let full = world.candidates[3].weight;
        world.close(3);
        let everywhere = |world: &World| -> Vec<_> {
            (0..KEYS).map(|number| world.place(sticky, key(number.into())).unwrap()).collect()
        };
        let mut placed = everywhere(&world);
        world.candidates[3].standing = Standing::Open;
        for quarters in 0..=4 {
            let weight = full.get() * quarters / 4;
            world.candidates[3].weight = NonZeroU32::new(weight).unwrap_or(NonZeroU32::MIN);
            let now = everywhere(&world);
            assert!(placed.iter().zip(&now).all(|(was, is)| is == was || *is == 3), "a key of others moves");
            let own = now.iter().filter(|it| **it == 3).count() as u32;
            let ramping = f64::from(quarters) / 4.0;
            assert!(is_close(own, KEYS, ramping / (3.0 + ramping)), "{own} at {quarters} quarters");
            placed = now;
        }
        assert_eq!(placed, everywhere(&World::of(4, &[2])));
    }
}

#[test]
fn a_poisonous_client_reaches_only_its_own_shards() {
    let mut world = World::of(20, &[1, 2, 3]);
    let mut reached = BTreeSet::new();
    while let Some(place) = world.place(shards(3), key(1)) {
        reached.insert(place);
        world.close(place);
    }
    assert_eq!(reached.len(), 3);
    let served = (0..1_000).filter(|&number| world.place(shards(3), key(number)).is_some()).count();
    assert!(served > 950, "{served} of 1,000 others are served");
    world.candidates[*reached.first().unwrap()].standing = Standing::Drained;
    assert!(world.place(shards(3), key(1)).is_some(), "what an operator drains is made up for");
}

#[test]
fn a_bounded_load_counts_the_shards_of_its_key_alone() {
    let sticky = Sticky { shards: NonZeroUsize::new(2), ..bounded(1_000) };
    let mut world = World::of(10, &[1]);
    for _ in 0..100 {
        let place = world.place(sticky, key(1)).unwrap();
        world.candidates[place].load += 1;
    }
    let loads: Vec<_> = world.candidates.iter().map(|it| it.load).filter(|load| *load > 0).collect();
    assert_eq!(loads, [50, 50]);
}

#[test]
fn tunnels_that_open_while_a_bounded_load_is_looked_at_leave_nobody_without_an_endpoint() {
    let world = World::of(4, &[1]);
    for sticky in [bounded(1_000), Sticky { shards: NonZeroUsize::new(2), ..bounded(1_000) }] {
        let looks = Cell::new(0);
        let look = |share: &Share| {
            looks.set(looks.get() + 1);
            Candidate { load: 1 << looks.get(), ..world.candidates[share.index()] }
        };
        let placed = sticky.best(key(1), &world.tier, look).map(Share::index);
        assert_eq!(placed, world.place(PLAIN, key(1)));
    }
}

#[test]
fn what_is_kept_in_mind_is_what_is_found_without() {
    let names: Vec<_> = (0..300).map(|index| format!("e{index}")).collect();
    let endpoints = |names: &[String]| World::new(names.iter().map(|name| (name.as_str(), 1 + name.len() as u32 % 3)));
    let mut many = endpoints(&names);
    assert!(many.tier.kept_in_mind(key(1)).is_some(), "so many are kept in mind");
    let best = |world: &World, number: u64| {
        let open = |share: &&Share| world.candidates[share.index()].is_open();
        let shares: Vec<_> = world.tier.shares().iter().filter(open).copied().collect();
        rendezvous::best(key(number), &shares, |it| Some(world.candidates[it.index()].weight)).map(Share::index)
    };
    for number in (0..1_500).chain(0..1_500) {
        assert_eq!(many.place(PLAIN, key(number)), best(&many, number));
    }
    for place in 0..100 {
        many.close(place);
        many.candidates[299 - place].weight = NonZeroU32::MIN;
    }
    for number in 0..1_500 {
        assert_eq!(many.place(PLAIN, key(number)), best(&many, number), "the table knows of neither");
    }
}

proptest! {
    #[test]
    fn two_proxies_place_every_key_alike_whatever_the_order_of_their_lists(
        endpoints in prop::collection::btree_map("[a-e]{1,3}", (1_u32..100, 0_u8..4), 1..12),
        rotation in 0_usize..12,
        sticky in prop_oneof![Just(PLAIN), Just(shards(2))],
    ) {
        let world = |order: &[(&String, &(u32, u8))]| {
            let mut world = World::new(order.iter().map(|(name, (weight, _))| (name.as_str(), *weight)));
            for (candidate, (_, (_, state))) in world.candidates.iter_mut().zip(order) {
                candidate.standing = match state {
                    0 => Standing::Closed,
                    1 => Standing::Drained,
                    _ => Standing::Open,
                };
            }
            world
        };
        let mut order: Vec<_> = endpoints.iter().collect();
        let one = world(&order);
        order.reverse();
        order.rotate_left(rotation % endpoints.len());
        let other = world(&order);
        for number in 0..50 {
            prop_assert_eq!(one.name(sticky, key(number)), other.name(sticky, key(number)));
        }
    }

    #[test]
    fn no_load_ever_exceeds_its_bound_by_an_arrival(
        weights in prop::collection::vec(1_u32..10, 1..8),
        thousandths in prop_oneof![Just(1_000), 1_000_u32..3_000],
        events in prop::collection::vec((0_u64..5, any::<prop::sample::Index>(), 0_u8..3), 1..200),
    ) {
        let mut world = World::of(weights.len(), &weights);
        let total_weight: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let mut open: Vec<usize> = vec![];
        for (number, which, kind) in events {
            if kind == 0 && !open.is_empty() {
                let place = open.swap_remove(which.index(open.len()));
                world.candidates[place].load -= 1;
                continue;
            }
            let place = world.place(bounded(thousandths), key(number));
            prop_assert!(place.is_some(), "somebody always has room");
            let place = place.unwrap();
            world.candidates[place].load += 1;
            open.push(place);
            let bound = (u64::from(thousandths) * open.len() as u64 * u64::from(weights[place])).div_ceil(total_weight * 1_000);
            prop_assert!(world.candidates[place].load as u64 <= bound, "{} > {bound}", world.candidates[place].load);
        }
    }

    #[test]
    fn a_key_keeps_its_shards_whoever_else_comes_and_goes(
        weights in prop::collection::vec(1_u32..100, 3..12),
        count in 1_usize..4,
        leaving in any::<prop::sample::Index>(),
        number: u64,
    ) {
        let reached = |world: &mut World| {
            let mut reached = vec![];
            while let Some(place) = world.place(shards(count), key(number)) {
                reached.push(world.names[place].clone());
                world.close(place);
            }
            reached
        };
        let before = reached(&mut World::of(weights.len(), &weights));
        prop_assert_eq!(before.len(), count.min(weights.len()));
        // One comes.
        let with = reached(&mut World::of(weights.len() + 1, &[weights.clone(), vec![50]].concat()));
        let newcomer = format!("e{}", weights.len());
        let kept: Vec<_> = with.iter().filter(|name| **name != newcomer).cloned().collect();
        prop_assert!(before.starts_with(&kept) && before.len() - kept.len() <= 1, "{before:?} {with:?}");
        // One is unwell, and its place is not given away.
        let mut world = World::of(weights.len(), &weights);
        let gone = leaving.index(weights.len());
        world.close(gone);
        let others: Vec<_> = before.iter().filter(|name| **name != world.names[gone]).cloned().collect();
        prop_assert_eq!(reached(&mut world), others);
    }
}
