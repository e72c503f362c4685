//! Engines that became JavaScript: any text, or a recipe of a memory that is written as such a script.

use std::fmt::Write as _;

use super::{Recipe, engine, net};

/// Longest memory that is made, in bytes.
const MAX_LEN: usize = 8 << 20;

/// A recipe's first byte that means: the rest is the script itself.
const VERBATIM: u8 = b'v';

pub fn asm_js(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    if recipe.byte() == VERBATIM {
        return engine::check(recipe.rest);
    }
    let mut script = String::from("var a=\"b\";");
    let mut address = recipe.number();
    let mut made = 0;
    while !recipe.done() && made < MAX_LEN {
        let (kind, len) = (recipe.byte(), usize::from(recipe.byte()));
        match kind % 5 {
            0 => {
                let bytes = recipe.take(len);
                call(&mut script, address, bytes);
                address += bytes.len();
            }
            1 => address += len * 64,
            2 => address = address.saturating_sub(len),
            3 => script.push_str(&String::from_utf8_lossy(recipe.take(len))),
            _ => {
                // Cut as wasm2js does it, at places that the recipe chooses.
                let file = net::file(&mut Recipe::new(recipe.take(len)));
                let piece = 1 + recipe.number() * 16;
                for bytes in file.chunks(piece) {
                    call(&mut script, address, bytes);
                    address += bytes.len();
                }
                made += file.len();
            }
        }
    }
    engine::check(script.as_bytes());
}

/// Appends a call that copies `bytes` into the memory.
fn call(script: &mut String, address: usize, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    write!(script, "c(m,{address},\"").expect("writing to memory");
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            script.push(if place <= group.len() {
                char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize])
            } else {
                '='
            });
        }
    }
    script.push_str("\");");
}
