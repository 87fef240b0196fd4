//! What a route does with a request beyond choosing endpoints: for which requests it is, which path the endpoint reads, which
//! headers are changed on the way, and where a client is sent instead.
//!
//! Values in, values out. What is built here is checked before it leaves: a path that is none, a header that would end its line or a
//! place that leads back is not built. What stands in the configuration is compiled when that is read.

mod conditions;
mod error_page;
mod header_changes;
mod path_change;
mod redirect;
mod spelling;
mod template;

pub use conditions::{Conditions, Required, Subject, Tested};
pub use error_page::{ErrorPage, ErrorPages, ErrorStatus, MOST_OF_A_PAGE_WITH_VARIABLES, Told};
pub use header_changes::{HeaderChanges, RenderedChanges, is_reserved};
pub use path_change::{BadPath, Expression, ExpressionFault, PathChange};
pub use redirect::{Leads, NewPath, QueryKept, Redirect, RequestedPlace};
pub use spelling::{TidiedPath, is_plain};
pub use template::{Template, TemplateFault, Variable};
