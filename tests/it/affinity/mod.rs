//! What keeps a client at its endpoint: the keys that are looked for in its requests, and the cookie that pins it.

mod keys;
mod pins;
mod secrets;
mod site;
mod split;
