//! The `#[test]` of this project's integration tests. It enters a test in the list of `tests/common/harness.rs`, which
//! can report a test as ignored while it runs; the standard library's cannot.

use proc_macro::{TokenStream, TokenTree};

/// Marks a function without arguments and result as a test.
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.clone().into_iter();
    let keyword =
        |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn");
    let name = tokens.find(keyword).and_then(|_| tokens.next());
    let Some(TokenTree::Ident(name)) = name else {
        return "compile_error! { \"only functions are tests\" }"
            .parse()
            .expect("an expression");
    };
    let entry = format!(
        "::inventory::submit! {{ crate::common::harness::Test {{ \
             name: concat!(module_path!(), \"::{name}\"), run: {name} }} }}"
    );
    let entry: TokenStream = entry.parse().expect("an item");
    function.into_iter().chain(entry).collect()
}
