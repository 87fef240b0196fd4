//! More clients at once than endpoints take: who waits, who is refused and how, and that nobody is forgotten.

mod closed;
mod places;
mod site;
mod turns;
