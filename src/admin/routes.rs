//! What may be asked: one table of paths and methods, and who may ask. Everything else follows from it: what is not found, which
//! method is wrong, what OPTIONS says, and what docs/openapi.json has to list.

use http::Method;

/// One thing that may be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdminRoute {
    /// `GET`, and `HEAD` with it, or `POST`.
    pub(super) verb: Verb,
    /// Its path; a segment in braces stands for any one.
    pub(super) path: &'static str,
    /// Who may ask.
    pub(super) needs: Needs,
    /// What it is.
    pub(super) operation: Operation,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Nothing changes by it.
    Get,
    /// It has something done.
    Post,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// Whoever reaches the listener: it says nothing about anybody.
    Nothing,
    /// Who may look.
    Reading,
    /// Who may steer.
    Steering,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Page,
    PageFile,
    Events,
    Live,
    Ready,
    Status,
    Metrics,
    Listeners,
    Routes,
    Upstreams,
    Upstream,
    Tunnels,
    Tunnel,
    Where,
    Rights,
    LogLevel,
    OpenApi,
    Reload,
    Plan,
    Drain,
    Undrain,
    Close,
    SetLogLevel,
    Tap,
    Handoff,
}

/// All of it.
pub(super) static ROUTES: &[AdminRoute] = &[
    get("/", Needs::Nothing, Operation::Page),
    get("/dashboard/{file}", Needs::Nothing, Operation::PageFile),
    get("/events", Needs::Reading, Operation::Events),
    get("/live", Needs::Nothing, Operation::Live),
    get("/ready", Needs::Nothing, Operation::Ready),
    get("/status", Needs::Reading, Operation::Status),
    get("/metrics", Needs::Reading, Operation::Metrics),
    get("/listeners", Needs::Reading, Operation::Listeners),
    get("/routes", Needs::Reading, Operation::Routes),
    get("/upstreams", Needs::Reading, Operation::Upstreams),
    get("/upstreams/{name}", Needs::Reading, Operation::Upstream),
    get("/tunnels", Needs::Reading, Operation::Tunnels),
    get("/tunnels/{id}", Needs::Reading, Operation::Tunnel),
    get("/where", Needs::Reading, Operation::Where),
    get("/rights", Needs::Reading, Operation::Rights),
    get("/log-level", Needs::Reading, Operation::LogLevel),
    get("/openapi.json", Needs::Nothing, Operation::OpenApi),
    post("/reload", Operation::Reload),
    post("/plan", Operation::Plan),
    post("/drain", Operation::Drain),
    post("/undrain", Operation::Undrain),
    post("/close", Operation::Close),
    post("/log-level", Operation::SetLogLevel),
    post("/tap", Operation::Tap),
    post("/handoff", Operation::Handoff),
];

const fn get(path: &'static str, needs: Needs, operation: Operation) -> AdminRoute {
    AdminRoute { verb: Verb::Get, path, needs, operation }
}

const fn post(path: &'static str, operation: Operation) -> AdminRoute {
    AdminRoute { verb: Verb::Post, path, needs: Needs::Steering, operation }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'p> {
    /// This, and what stands where the path has braces.
    Route(&'static AdminRoute, &'p str),
    /// Which methods there are.
    Options(&'static str),
    /// The path is for these methods.
    WrongMethod(&'static str),
    /// Nothing.
    Nowhere,
}

/// What `method` asks for at `path`.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let of_path = ROUTES.iter().filter_map(|route| Some((route, named(route.path, path)?)));
    let (mut gets, mut posts) = (false, false);
    for (route, name) in of_path {
        gets |= route.verb == Verb::Get;
        posts |= route.verb == Verb::Post;
        if route.verb.is(method) {
            return Found::Route(route, name);
        }
    }
    let methods = match (gets, posts) {
        (true, true) => "GET, HEAD, POST, OPTIONS",
        (true, false) => "GET, HEAD, OPTIONS",
        (false, true) => "POST, OPTIONS",
        (false, false) => return Found::Nowhere,
    };
    if method == Method::OPTIONS { Found::Options(methods) } else { Found::WrongMethod(methods) }
}

/// Every path that there is, in words.
pub(super) fn paths() -> String {
    ROUTES.iter().map(|route| route.path).collect::<Vec<_>>().join(", ")
}

impl Verb {
    fn is(self, method: &Method) -> bool {
        match self {
            Self::Get => method == Method::GET || method == Method::HEAD,
            Self::Post => method == Method::POST,
        }
    }
}

/// What `path` has where `pattern` has braces, nothing where there are none; `None` where it is another path.
fn named<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, after)) = pattern.split_once('{') else { return (pattern == path).then_some("") };
    let rest = path.strip_prefix(before)?;
    let name = match after.split_once('}') {
        Some((_, "")) | None => rest,
        Some((_, after)) => rest.strip_suffix(after)?,
    };
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> String {
        match find(&method, path) {
            Found::Route(route, name) => format!("{:?} {name}", route.operation),
            Found::Options(methods) | Found::WrongMethod(methods) => methods.to_owned(),
            Found::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn the_table_says_what_is_asked() {
        for (method, path, expected) in [
            (Method::GET, "/status", "Status "),
            (Method::HEAD, "/status", "Status "),
            (Method::GET, "/upstreams", "Upstreams "),
            (Method::GET, "/upstreams/chat", "Upstream chat"),
            (Method::GET, "/upstreams/", "nowhere"),
            (Method::GET, "/upstreams/a/b", "nowhere"),
            (Method::POST, "/reload", "Reload "),
            (Method::GET, "/reload", "POST, OPTIONS"),
            (Method::OPTIONS, "/status", "GET, HEAD, OPTIONS"),
            (Method::DELETE, "/status", "GET, HEAD, OPTIONS"),
            (Method::GET, "/status/", "nowhere"),
            (Method::GET, "", "nowhere"),
        ] {
            assert_eq!(found(method.clone(), path), expected, "{method} {path}");
        }
    }

    #[test]
    fn nothing_is_done_for_who_may_only_look_and_no_path_stands_twice() {
        for (number, route) in ROUTES.iter().enumerate() {
            assert_eq!(route.verb == Verb::Post, route.needs == Needs::Steering, "{route:?}");
            let same = |other: &&AdminRoute| (other.verb, other.path) == (route.verb, route.path);
            assert_eq!(ROUTES.iter().position(|other| same(&other)), Some(number), "{route:?}");
        }
    }
}
