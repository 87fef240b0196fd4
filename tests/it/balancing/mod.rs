//! Who is placed where: by each policy and each key that has a say in it, and as endpoints come, fail and come back.

mod backups;
mod black_hole;
mod bounded_load;
mod granting;
mod least_busy;
mod min_eligible;
mod policies;
mod shards;
mod site;
mod slow_start;
