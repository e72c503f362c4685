//! Parsers of names of files.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// A name that is not empty, as one is that a script forgot to set.
pub fn name() -> impl TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|name| {
        if name.is_empty() {
            Err("a name is expected")
        } else {
            Ok(name)
        }
    })
}
