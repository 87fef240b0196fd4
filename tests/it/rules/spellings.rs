//! Paths that are written so that another route takes them than the one whose rules are for what the endpoint reads.

use http::Request;
use http::uri::PathAndQuery;

use super::{answer_to, in_front_of, read_of};
use crate::http2_front::client::{Http2Client, websocket};
use crate::rig::{Config, Endpoint, Folder, Handshake, Proxy, within};

/// Of `/admin`, or something below it.
const SPELLINGS: [&str; 16] = [
    "/x/../admin",
    "//admin",
    "/%61dmin",
    "/admin;x",
    "/x/..;/admin",
    "/x\\..\\admin",
    "/./admin/y",
    "/%2fadmin",
    "/%5Cadmin/y",
    "/x/%2e%2E/admin?y",
    "/admin%3By",
    "/admin%3Fy",
    "/admin%2Fy",
    "//x/..;//%61dmin/y",
    "//admin/..;/y",
    "/x/../%61dmin/%2e%2e/y",
];

/// What may stand at a door: a route's key and its value.
fn doors(folder: &Folder) -> [(&'static str, String); 7] {
    folder.write("staff.htpasswd", "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\n");
    [
        ("upstream", "\"chat\"\nallowed_clients = [\"192.0.2.1\"]".to_owned()),
        ("upstream", format!("\"chat\"\nbasic_auth = {{ file = {:?}, realm = \"a\" }}", folder.path("staff.htpasswd"))),
        ("upstream", format!("\"chat\"\nauthorize = {{ url = \"http://{}/\" }}", Endpoint::nobody())),
        ("respond", "{ status = 404 }".to_owned()),
        ("redirect", "{ path = \"/login\" }".to_owned()),
        ("redirect", "\"https\"\nmethods = [\"GET\"]".to_owned()),
        ("respond", "{ status = 403 }\nhosts = [\"chat.test\"]\nlisteners = [\"public\"]".to_owned()),
    ]
}

/// A site of which all leads to the endpoint, but that there is a door before `/admin`.
fn with_door(endpoint: &Endpoint, (key, value): &(&str, String)) -> Config {
    in_front_of(endpoint)
        .with("listener.public.h2c", "true")
        .with("route.admin.path", "\"/admin\"")
        .with(&format!("route.admin.{key}"), value)
}

#[tokio::test]
async fn no_spelling_of_a_path_goes_around_what_its_route_asks() {
    let (endpoint, folder) = (Endpoint::listen().await, Folder::new(""));
    for door in doors(&folder) {
        let proxy = Proxy::serving(&with_door(&endpoint, &door));
        for target in SPELLINGS {
            let mut client = proxy.connect().await;
            let asked = answer_to(&mut client, "chat.test", target);
            let (head, body) = endpoint.is_untouched_until(asked).await;
            assert_eq!(head.status(), 400, "{door:?} {target}: {body}");
            let mut client = proxy.connect().await;
            client
                .send(
                    Handshake::new()
                        .request(&format!("GET {target} HTTP/1.1"))
                        .without("host")
                        .with("host", "chat.test")
                        .bytes(),
                )
                .await;
            let (head, body) = endpoint.is_untouched_until(client.answer()).await;
            assert_eq!(head.status(), 400, "{door:?} {target}: {body}");
        }
        assert_eq!(proxy.refusals("other_spelling"), 2 * u32::try_from(SPELLINGS.len()).unwrap());
    }
}

#[tokio::test]
async fn nor_over_http2() {
    let (endpoint, folder) = (Endpoint::listen().await, Folder::new(""));
    for door in doors(&folder) {
        let proxy = Proxy::serving(&with_door(&endpoint, &door));
        let client = Http2Client::connect(&proxy).await;
        for target in SPELLINGS {
            let path: PathAndQuery = target.parse().unwrap();
            let asked = client.ask(Request::get(format!("http://chat.test{path}")).body(()).unwrap());
            let (head, body) = endpoint.is_untouched_until(asked).await;
            assert_eq!(head.status, 400, "{door:?} {target}: {body}");
            let (answer, _outgoing) = client.begin(websocket(target).body(()).unwrap(), false).await;
            let answer = endpoint.is_untouched_until(within("an answer", answer)).await.unwrap();
            assert_eq!(answer.status(), 400, "{door:?} {target}");
        }
    }
}

#[tokio::test]
async fn what_is_odd_and_stays_in_its_route_passes_as_it_was_sent() {
    let (endpoint, folder) = (Endpoint::listen().await, Folder::new(""));
    let [_, _, _, door, ..] = doors(&folder);
    let config = with_door(&endpoint, &door)
        .with("route.files.path", "\"/files\"")
        .with("route.files.upstream", "\"chat\"")
        .with("route.files.strip_prefix", "true")
        .with("route.odd.path", "\"/odd%20name\"")
        .with("route.odd.upstream", "\"chat\"")
        .with("route.odd.rewrite", "{ prefix = \"/even%20odder\" }");
    let proxy = Proxy::serving(&config);
    for (target, read) in [
        ("/a%20b", "/a%20b"),
        ("/x/../y", "/x/../y"),
        ("/..", "/.."),
        ("//x;y/%2561dmin", "//x;y/%2561dmin"),
        ("/.well-known/x", "/.well-known/x"),
        ("/C%3A%5Cx", "/C%3A%5Cx"),
        ("/x/admin;y", "/x/admin;y"),
        ("/files/a%20b;c//d%2fadmin", "/a%20b;c//d%2fadmin"),
        ("/files//admin", "//admin"),
        ("/odd%20name/x%20y", "/even%20odder/x%20y"),
    ] {
        let head = read_of(&proxy, &endpoint, &format!("GET {target} HTTP/1.1\r\nHost: a")).await;
        assert_eq!(head.first_line(), format!("GET {read} HTTP/1.1"), "{target}");
    }
}

#[tokio::test]
async fn only_what_the_request_could_reach_is_another_route() {
    let endpoint = Endpoint::listen().await;
    let guarded = |key: &str, value: &str| {
        let door = ("respond", "{ status = 404 }".to_owned());
        Proxy::serving(&with_door(&endpoint, &door).with(&format!("route.admin.{key}"), value))
    };
    for (key, elsewhere, here) in [
        ("hosts", "[\"b.test\"]", "[\"a.test\"]"),
        ("methods", "[\"PUT\"]", "[\"GET\"]"),
        ("match_headers", "{ x-a = \"2\" }", "{ x-a = \"1\" }"),
        ("match_query", "{ q = \"2\" }", "{ q = \"1\" }"),
    ] {
        for target in ["//admin?q=1", "/x/../admin?q=1"] {
            let lines = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nX-A: 1");
            read_of(&guarded(key, elsewhere), &endpoint, &lines).await;
            let mut client = guarded(key, here).connect().await;
            client.send(format!("{lines}\r\n\r\n")).await;
            assert_eq!(endpoint.is_untouched_until(client.head()).await.status(), 400, "{key} {target}");
        }
    }
}

#[tokio::test]
async fn an_operator_who_knows_the_endpoint_lets_them_pass() {
    let endpoint = Endpoint::listen().await;
    let door = ("respond", "{ status = 404 }".to_owned());
    let config = with_door(&endpoint, &door).with("route.chat.other_spellings", "\"pass\"");
    let proxy = Proxy::serving(&config);
    for target in SPELLINGS {
        let head = read_of(&proxy, &endpoint, &format!("GET {target} HTTP/1.1\r\nHost: a")).await;
        assert_eq!(head.first_line(), format!("GET {target} HTTP/1.1"));
    }
    let dots = Proxy::serving(&with_door(&endpoint, &door).with("route.chat.dot_segments", "\"pass\""));
    read_of(&dots, &endpoint, "GET /x/../admin HTTP/1.1\r\nHost: a").await;
    let mut client = dots.connect().await;
    assert_eq!(answer_to(&mut client, "a", "//admin").await.0.status(), 400, "that is no dot");
}

#[tokio::test]
async fn what_no_endpoint_reads_is_answered_however_it_is_spelled() {
    let config = Config::default()
        .with("listener.public.bind", "\"127.0.0.1:0\"")
        .with("route.all.redirect", "\"https\"")
        .with("route.admin.path", "\"/admin\"")
        .with("route.admin.respond", "{ status = 404 }");
    let mut client = Proxy::serving(&config).connect().await;
    assert_eq!(answer_to(&mut client, "a", "//admin").await.0.status(), 308);
}
