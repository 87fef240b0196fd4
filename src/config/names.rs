//! The names an operator gives to things. A name is an identity: across reloads, the same name is the same thing.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as it is written in the configuration.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The `NAME` of a `[listener.NAME]`.
    ListenerName
);
name!(
    /// The `NAME` of a `[route.NAME]`.
    RouteName
);
name!(
    /// The `NAME` of an `[upstream.NAME]`.
    UpstreamName
);
name!(
    /// The `name` of an endpoint, or its address where it has none; unique within its upstream.
    EndpointName
);
