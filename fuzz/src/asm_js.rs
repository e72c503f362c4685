//! Engines that became JavaScript: any text, or a recipe of a memory that is written as such a script.

use super::{Recipe, engine, net};

/// Longest memory that is made, in bytes.
const MAX_LEN: usize = 1 << 20;

/// Longest network, or base64 takes all the time.
const MAX_NET: usize = 1 << 17;

/// Numbers of eras beyond the table are those of the few with the shortest files.
const SHORT_ERAS: u8 = 0xC0;

/// A recipe's first byte that means: the rest is the script itself.
const VERBATIM: u8 = b'v';

pub fn asm_js(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    if recipe.byte() == VERBATIM {
        return engine::check(recipe.rest);
    }
    let mut script = b"var a=\"b\";".to_vec();
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
            3 => script.extend(recipe.take(len)),
            _ => {
                let mut short = recipe.take(len).to_vec();
                short.iter_mut().take(1).for_each(|era| *era |= SHORT_ERAS);
                let file = net::file(&mut Recipe::new(&short));
                if file.len() > MAX_NET {
                    continue;
                }
                // Cut at places that the recipe chooses.
                let piece = 64 + recipe.number() * 16;
                for bytes in file.chunks(piece) {
                    call(&mut script, address, bytes);
                    address += bytes.len();
                }
                made += file.len();
            }
        }
    }
    engine::check(&script);
}

/// Appends a call that copies `bytes` into the memory.
fn call(script: &mut Vec<u8>, address: usize, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    script.extend(format!("c(m,{address},\"").bytes());
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            script.push(if place <= group.len() {
                DIGITS[(bits >> (18 - 6 * place) & 63) as usize]
            } else {
                b'='
            });
        }
    }
    script.extend(b"\");");
}
