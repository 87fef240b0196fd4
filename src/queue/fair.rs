//! A bounded queue that is fair among clients: they take turns, and within one client whoever came first is first.
//!
//! Invariants: a client that waits is in `order` once and in `portions` once, with as many as it has in `waiting`. Nothing takes
//! more steps than the logarithm of how many wait.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::client::ClientNetwork;

/// Who waits, of which client, and what belongs to each.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// By client, and within one in the order of their coming.
    waiting: BTreeMap<Ticket, T>,
    clients: BTreeMap<ClientNetwork, Portion>,
    /// Whose turn it is: the first's; who has had it is the last.
    order: BTreeMap<Rank, ClientNetwork>,
    /// With how many a client waits, and its rank: the last waits with most.
    portions: BTreeSet<(usize, Rank)>,
    /// The last number and the last rank that was given out.
    last: u64,
}

/// One who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    client: ClientNetwork,
    /// Lower than that of everybody who came later.
    number: u64,
}

/// Where a client stands in the order in which clients take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u64);

/// What one client has of a queue.
#[derive(Clone, Copy, Debug)]
struct Portion {
    waiting: usize,
    rank: Rank,
}

/// One who waits from now on.
#[derive(Debug)]
pub(super) struct Queued<T> {
    pub(super) ticket: Ticket,
    /// Who had to go for it.
    pub(super) displaced: Option<(Ticket, T)>,
}

/// One who waits no more, since it is its turn.
#[derive(Debug)]
pub(super) struct Next<T> {
    pub(super) ticket: Ticket,
    /// Where its client stood.
    pub(super) rank: Rank,
    pub(super) item: T,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            clients: BTreeMap::new(),
            order: BTreeMap::new(),
            portions: BTreeSet::new(),
            last: 0,
        }
    }
}

impl<T> FairQueue<T> {
    /// Lets somebody wait where fewer than `most` do. Where it is full, the last who came of the client that waits with most
    /// has to go for one of a client that waits with fewer, and would still with this one: so nobody who waits alone is
    /// displaced, and none displace one another for ever.
    ///
    /// # Errors
    /// It is full, and the newcomer's client has as much of it as any.
    pub(super) fn push(&mut self, client: ClientNetwork, item: T, most: usize) -> Result<Queued<T>, T> {
        let is_full = self.len() >= most;
        let displaced = if is_full && most > 0 { self.displace_for(client) } else { None };
        if is_full && displaced.is_none() {
            return Err(item);
        }
        let ticket = Ticket { client, number: self.next_number() };
        self.insert(ticket, item, None);
        Ok(Queued { ticket, displaced })
    }

    /// The next whose turn it is: the first who came of the client that has waited longest since its last turn.
    pub(super) fn pop(&mut self) -> Option<Next<T>> {
        let (&rank, &client) = self.order.first_key_value()?;
        self.pop_of(client, rank)
    }

    /// The first who came of the client that is next behind the one that stands at `rank`.
    pub(super) fn pop_behind(&mut self, rank: Rank) -> Option<Next<T>> {
        let (&behind, &client) = self.order.range((Bound::Excluded(rank), Bound::Unbounded)).next()?;
        self.pop_of(client, behind)
    }

    fn pop_of(&mut self, client: ClientNetwork, rank: Rank) -> Option<Next<T>> {
        let (&ticket, _) = self.waiting.range(Self::all_of(client)).next()?;
        let item = self.remove(ticket)?;
        if self.clients.contains_key(&client) {
            let last = Rank(self.next_number());
            self.change(client, |portion| portion.rank = last);
        }
        Some(Next { ticket, rank, item })
    }

    /// Lets one who was called wait as if it had not been; `rank` is where its client stood.
    pub(super) fn put_back(&mut self, ticket: Ticket, rank: Rank, item: T) {
        debug_assert!(!self.order.contains_key(&rank), "a rank belongs to one client");
        self.insert(ticket, item, Some(rank));
    }

    /// Takes out one who does not wait any more.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let item = self.waiting.remove(&ticket)?;
        self.change(ticket.client, |portion| portion.waiting -= 1);
        Some(item)
    }

    /// What belongs to one who waits.
    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        self.waiting.get_mut(&ticket)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn displace_for(&mut self, client: ClientNetwork) -> Option<(Ticket, T)> {
        let &(most, rank) = self.portions.last()?;
        let newcomers = self.clients.get(&client).map_or(0, |portion| portion.waiting);
        if newcomers + 1 >= most {
            return None;
        }
        let greediest = *self.order.get(&rank)?;
        let (&newest, _) = self.waiting.range(Self::all_of(greediest)).next_back()?;
        Some((newest, self.remove(newest)?))
    }

    fn insert(&mut self, ticket: Ticket, item: T, rank: Option<Rank>) {
        let last = Rank(self.next_number());
        self.waiting.insert(ticket, item);
        self.clients.entry(ticket.client).or_insert(Portion { waiting: 0, rank: rank.unwrap_or(last) });
        self.change(ticket.client, |portion| {
            portion.waiting += 1;
            // Of two that are put back, the better one counts.
            portion.rank = rank.map_or(portion.rank, |rank| rank.min(portion.rank));
        });
    }

    /// Changes a client's portion, and forgets the client once nobody of it waits.
    fn change(&mut self, client: ClientNetwork, change: impl FnOnce(&mut Portion)) {
        let Some(portion) = self.clients.get_mut(&client) else { return };
        self.portions.remove(&(portion.waiting, portion.rank));
        self.order.remove(&portion.rank);
        change(portion);
        let Portion { waiting, rank } = *portion;
        if waiting == 0 {
            self.clients.remove(&client);
        } else {
            self.portions.insert((waiting, rank));
            self.order.insert(rank, client);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn all_of(client: ClientNetwork) -> std::ops::RangeInclusive<Ticket> {
        Ticket { client, number: 0 }..=Ticket { client, number: u64::MAX }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn client(number: u32) -> ClientNetwork {
        ClientNetwork::V4(number)
    }

    impl<T> FairQueue<T> {
        fn check_invariants(&self) {
            let mut counted = BTreeMap::<_, usize>::new();
            self.waiting.keys().for_each(|ticket| *counted.entry(ticket.client).or_default() += 1);
            let portions: BTreeMap<_, _> =
                self.clients.iter().map(|(&client, portion)| (client, portion.waiting)).collect();
            assert_eq!(counted, portions);
            let order: BTreeMap<_, _> = self.clients.iter().map(|(&client, portion)| (portion.rank, client)).collect();
            assert_eq!(order, self.order);
            let ranked: BTreeSet<_> = self.clients.values().map(|portion| (portion.waiting, portion.rank)).collect();
            assert_eq!(ranked, self.portions);
        }
    }

    /// Queues one after the other; each is what it is numbered.
    fn queue(clients: &[u32]) -> FairQueue<usize> {
        let mut queue = FairQueue::default();
        for (number, &of) in clients.iter().enumerate() {
            queue.push(client(of), number, usize::MAX).unwrap();
        }
        queue
    }

    fn served(queue: &mut FairQueue<usize>) -> Vec<usize> {
        std::iter::from_fn(|| queue.pop().map(|next| next.item)).collect()
    }

    #[test]
    fn clients_take_turns_and_each_is_served_in_the_order_of_its_coming() {
        assert_eq!(served(&mut queue(&[1, 1, 1, 2, 3, 2])), [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn a_full_queue_takes_from_who_has_most_and_gives_to_who_has_fewer() {
        let mut queue = queue(&[1, 1, 1, 2]);
        let displaced = queue.push(client(3), 4, 4).unwrap().displaced.unwrap();
        assert_eq!(displaced.1, 2, "the newest of the greediest");
        assert_eq!(queue.push(client(2), 5, 4).unwrap_err(), 5, "it would only change places with the other");
        assert_eq!(queue.push(client(1), 6, 4).unwrap_err(), 6);
        assert_eq!(served(&mut queue), [0, 3, 4, 1]);
    }

    #[test]
    fn nobody_who_waits_alone_is_displaced_and_without_room_nobody_waits() {
        let mut alone = queue(&[1, 2, 3]);
        assert_eq!(alone.push(client(4), 3, 3).unwrap_err(), 3);
        assert_eq!(queue(&[]).push(client(4), 3, 0).unwrap_err(), 3);
        let mut shorter = queue(&[1, 1, 1]);
        assert_eq!(shorter.push(client(4), 3, 0).unwrap_err(), 3, "a queue that was made shorter");
        assert_eq!(served(&mut shorter), [0, 1, 2]);
    }

    #[test]
    fn who_was_called_in_vain_is_called_first_again() {
        let mut queue = queue(&[1, 1, 2]);
        let Next { ticket, rank, item } = queue.pop().unwrap();
        queue.put_back(ticket, rank, item);
        queue.check_invariants();
        assert_eq!(served(&mut queue), [0, 2, 1]);
    }

    #[test]
    fn a_call_is_passed_on_to_one_of_each_client() {
        let mut queue = queue(&[1, 1, 2, 3, 2]);
        let mut called = vec![];
        let mut next = queue.pop();
        while let Some(Next { ticket, rank, item }) = next {
            called.push(item);
            queue.put_back(ticket, rank, item);
            next = queue.pop_behind(rank);
        }
        assert_eq!(called, [0, 2, 3]);
        queue.check_invariants();
        assert_eq!(served(&mut queue), [0, 2, 3, 1, 4], "nobody has lost its turn");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push(u32),
        Pop,
        PopAndPutBack,
        /// Of those who wait, the one with this number, counted round.
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u32..6).prop_map(Step::Push),
            2 => Just(Step::Pop),
            1 => Just(Step::PopAndPutBack),
            1 => any::<usize>().prop_map(Step::Leave),
        ]
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_nobody_is_there_twice(steps in prop::collection::vec(step(), 0..200), most in 0_usize..12) {
            let mut queue = FairQueue::default();
            let mut waiting = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(of) => match queue.push(client(of), number, most) {
                        Ok(Queued { ticket, displaced }) => {
                            waiting.insert(number, ticket);
                            if let Some((ticket, item)) = displaced {
                                prop_assert_eq!(waiting.remove(&item), Some(ticket));
                            }
                        }
                        Err(item) => prop_assert_eq!((item, queue.len()), (number, most)),
                    },
                    Step::Pop => {
                        let gone = queue.pop().map(|next| (next.item, next.ticket));
                        prop_assert_eq!(gone.is_none(), waiting.is_empty());
                        if let Some((item, ticket)) = gone {
                            prop_assert_eq!(waiting.remove(&item), Some(ticket));
                        }
                    }
                    Step::PopAndPutBack => if let Some(Next { ticket, rank, item }) = queue.pop() {
                        queue.check_invariants();
                        queue.put_back(ticket, rank, item);
                    },
                    Step::Leave(which) => if let Some((&item, &ticket)) = waiting.iter().nth(which % waiting.len().max(1)) {
                        prop_assert_eq!(queue.remove(ticket), Some(item));
                        prop_assert_eq!(queue.remove(ticket), None);
                        waiting.remove(&item);
                    },
                }
                queue.check_invariants();
                prop_assert!(queue.len() <= most);
                prop_assert_eq!(queue.len(), waiting.len());
            }
        }

        #[test]
        fn between_two_turns_of_a_client_every_other_has_one_at_most(steps in prop::collection::vec(step(), 0..300)) {
            let mut queue = FairQueue::default();
            // For each client that waits: how often each other was served since its own last turn, or since it came.
            let mut since: BTreeMap<ClientNetwork, BTreeMap<ClientNetwork, usize>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Push(of) => {
                        queue.push(client(of), (), usize::MAX).unwrap();
                        since.entry(client(of)).or_default();
                    }
                    _ => if let Some(Next { ticket, .. }) = queue.pop() {
                        for (waiting, served) in &mut since {
                            let times = served.entry(ticket.client).or_default();
                            *times += 1;
                            prop_assert!(*waiting == ticket.client || *times == 1, "{ticket:?} before {waiting:?}");
                        }
                        since.insert(ticket.client, BTreeMap::new());
                        if !queue.clients.contains_key(&ticket.client) {
                            since.remove(&ticket.client);
                        }
                    },
                }
            }
        }
    }
}
