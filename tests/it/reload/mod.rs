//! What a reload does to open tunnels: one test for each row of the table.

mod drains;
mod keeps;
mod keys;
mod refused;
mod site;
mod sockets;
mod table;
mod thousand;
