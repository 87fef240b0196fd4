//! What the rules of a route make of one request: whether its path is one (`path_check`), its name (`request_id`), what is answered without
//! an endpoint (`own_answer`), which path its endpoint reads, and what is changed of heads (`route_rules`, `route_changes`).

pub(super) mod own_answer;
mod path_check;
pub(super) mod request_id;
mod route_changes;
mod route_rules;

pub(super) use path_check::check_path;
pub(super) use route_changes::RouteChanges;
