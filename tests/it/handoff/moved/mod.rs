//! Open tunnels that move to the new process: their ends notice nothing, whatever they are in the middle of.

mod asked_again;
mod broken;
mod caught;
mod clocks;
mod counted;
mod drains;
mod endings;
mod held_back;
mod lines;
mod permits;
mod sample;
mod site;
mod speaker;
mod stays;
mod talk;
