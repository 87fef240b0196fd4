//! The locations of a server, each with what it asks of requests.

use super::asked::Asked;
use super::chosen::chosen;
use super::context::Context;
use super::expressions::Taken;
use super::ledger::Reason;
use super::location::{Location, encoded_text, is_named, modifier_and_text};
use super::moves::{path_of, sends_to_one_place, takes_others};
use super::scope::Scope;
use super::servers::Server;
use crate::import::syntax::Directive;

/// One that a route can be for.
pub(super) struct Found<'t> {
    pub(super) directive: &'t Directive,
    pub(super) location: Location,
    pub(super) scope: Scope<'t>,
    pub(super) asked: Asked,
    /// It stands in an expression, so no route is made of it.
    pub(super) is_conditional: bool,
    /// Expressions beside it, or around it, are not looked for.
    pub(super) is_before_expressions: bool,
}

/// One that no route can be for.
pub(super) struct Unsaid<'t> {
    pub(super) directive: &'t Directive,
    pub(super) taken: Paths,
    pub(super) asked: Asked,
    /// The path of the location that it stands in; `None` for what stands in the server.
    pub(super) within: Option<String>,
}

/// Which paths such a location is for.
pub(super) enum Paths {
    Expression {
        text: String,
        ignores_case: bool,
    },
    /// What begins with this text.
    Beginning(String),
    /// This path alone.
    Only(String),
}

pub(super) struct Locations<'t> {
    pub(super) found: Vec<Found<'t>>,
    pub(super) unsaid: Vec<Unsaid<'t>>,
}

/// All locations of `server`. Those that no route can be for are told of.
pub(super) fn locations<'t>(server: &Server<'t>, context: &Context<'t>) -> Locations<'t> {
    let mut all = Locations { found: Vec::new(), unsaid: Vec::new() };
    collect(&server.scope, &Around::default(), server, context, &mut all);
    all
}

/// What stands around a location.
#[derive(Clone, Default)]
struct Around {
    within: Option<String>,
    is_conditional: bool,
    is_before_expressions: bool,
}

fn collect<'t>(
    scope: &Scope<'t>,
    around: &Around,
    server: &Server<'t>,
    context: &Context<'t>,
    all: &mut Locations<'t>,
) {
    for directive in scope.own_named("location").filter(|it| !is_named(it)) {
        let inner = scope.within(directive.inner());
        let asked = asked(&inner, server);
        match Location::read(&directive.texts()) {
            Ok(location) => {
                let stops = location.is_exact || (around.within.is_none() && has_caret(directive));
                let is_before_expressions = around.is_before_expressions || stops;
                let below = Around {
                    within: Some(location.path.clone()),
                    is_conditional: around.is_conditional,
                    is_before_expressions,
                };
                all.found.push(Found {
                    directive,
                    location,
                    scope: inner.clone(),
                    asked,
                    is_conditional: around.is_conditional,
                    is_before_expressions,
                });
                collect(&inner, &below, server, context, all);
            }
            Err(Reason { why, instead }) => {
                let asked =
                    if lets_nobody_through(directive, &inner) { asked.and(&Asked::answered(directive)) } else { asked };
                let kept_out =
                    "it kept requests out: the open routes that they would come to refuse them, or are closed";
                let why = if asked.is_nothing() { why } else { kept_out.to_owned() };
                context.ledger.left(directive, why, instead);
                if let Some(taken) = paths(directive) {
                    all.unsaid.push(Unsaid { directive, taken, asked, within: around.within.clone() });
                }
                collect(&inner, &Around { is_conditional: true, ..around.clone() }, server, context, all);
            }
        }
    }
}

/// Whether `directive`, a location without a route, keeps its requests from all endpoints: it answers 503, or sends them to one place. That is
/// also how a page moves, so it has to be for a path and all below it, which a route is closed for, or for whatever nobody has named.
fn lets_nobody_through(directive: &Directive, scope: &Scope<'_>) -> bool {
    let is_closed = |it: &Directive| it.name() == "return" && it.argument(0) == Some("503");
    let Some(Paths::Expression { text, .. }) = paths(directive) else { return false };
    let taken = Taken::by(&text);
    let is_no_page = || taken.is_below && taken.path().is_some() || takes_others(&text);
    scope.own().iter().any(|it| is_closed(it) || sends_to_one_place(it, scope) && is_no_page())
}

/// What is asked in `scope`, and by the location that answers there in the end.
fn asked(scope: &Scope<'_>, server: &Server<'_>) -> Asked {
    let own = Asked::of(scope);
    let last = match tried_last(scope, server) {
        Some(named) => Some(server.scope.within(named.inner())),
        None => path_tried_last(scope, server),
    };
    last.map_or(own.clone(), |last| own.and(&Asked::of_named(&last)))
}

/// The location of the path that `try_files` of `scope` comes to in the end.
fn path_tried_last<'t>(scope: &Scope<'t>, server: &Server<'t>) -> Option<Scope<'t>> {
    let tried = scope.own_named("try_files").next()?;
    let last = path_of(tried.arguments.last()?.text.as_str());
    let is_plain = last.starts_with('/') && !last.contains('$');
    Some(chosen(last, &server.scope).ok().filter(|_| is_plain)??.scope)
}

/// The named location that `try_files` of `scope` comes to in the end.
pub(super) fn tried_last<'t>(scope: &Scope<'t>, server: &Server<'t>) -> Option<&'t Directive> {
    let tried = scope.own_named("try_files").next()?;
    let last = tried.arguments.last().map(|it| it.text.as_str()).filter(|it| it.starts_with('@'))?;
    server.scope.own_named("location").find(|it| is_named(it) && it.value() == Some(last))
}

fn has_caret(directive: &Directive) -> bool {
    directive.argument(0).is_some_and(|it| it.starts_with("^~"))
}

fn paths(directive: &Directive) -> Option<Paths> {
    let (modifier, text) = modifier_and_text(&directive.texts())?;
    Some(match modifier {
        "~" => Paths::Expression { text: text.to_owned(), ignores_case: false },
        "~*" => Paths::Expression { text: text.to_owned(), ignores_case: true },
        "=" => Paths::Only(encoded_text(text)),
        _ => Paths::Beginning(encoded_text(text)),
    })
}
