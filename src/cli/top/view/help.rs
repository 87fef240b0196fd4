//! What there is to know, on one page.

pub(super) const HELP: &str = "\
Tab, 1, 2      the list that the keys are about
↑ ↓ PgUp PgDn  choose (also k and j); beyond the end of a page of tunnels is the next
Home, End      the first page, or row; the last row
s, S           sort by the next, or the one before
r              the other way round
/              filter; an empty one shows all
Enter          everything of a tunnel; the tunnels of an endpoint
d, u           drain the endpoint, or take it back: asks first
x              close the tunnel: asks first
p              pause, and go on
q, Esc, Ctrl-C leave        Ctrl-Z suspend

Filters of tunnels: a route, UPSTREAM/NAME, an address or a network,
or NAME=VALUE: listener, route, upstream, endpoint, client, min-age,
min-idle, min-rate, and anything else is a claim.

MSG/S and BYTES/S are of both directions, PING how long the client took
to answer our last one, QUIET for how long no data has passed. LAST MIN
is how many tunnels an endpoint has won or lost in the last minute.";
