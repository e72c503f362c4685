//! Files with networks inside: any bytes (compressed ones too), or a recipe of networks between other bytes.

use ftperm::nets::source::Engine;
use ftperm::nets::stockfish::Network;

use super::{Recipe, net};

/// Longest file that is made, in bytes.
const MAX_LEN: usize = 8 << 20;

pub fn engine(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    match recipe.byte() % 4 {
        0 => check(recipe.rest),
        kind => {
            let begin: &[u8] =
                [b"\x7FELF", b"MZ\x90\0", b"\xCF\xFA\xED\xFE"][usize::from(kind) - 1];
            let mut bytes = begin.to_vec();
            while !recipe.done() && bytes.len() < MAX_LEN {
                let (kind, len) = (recipe.byte(), usize::from(recipe.byte()));
                match kind % 3 {
                    0 => bytes.extend(recipe.take(len)),
                    1 => bytes.resize(bytes.len() + len * 64, 0),
                    _ => bytes.extend(net::file(&mut Recipe::new(recipe.take(len)))),
                }
            }
            check(&bytes);
        }
    }
}

/// Searches bytes and compares what was found with what the network reader says.
pub(super) fn check(bytes: &[u8]) {
    let engine = match Engine::read_stream("fuzz", bytes) {
        Ok(engine) => engine,
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz"), "{error}");
            return;
        }
    };
    assert!(!engine.nets().is_empty());
    for (number, net) in engine.nets().iter().enumerate() {
        assert_eq!(net.number, number + 1);
        let found = engine.bytes(net);
        assert_eq!(found.len(), net.len);
        assert_eq!(Network::extent(found), Some(net.len));
    }
    let largest = engine.choose(None).expect("there is one");
    assert!(engine.nets().iter().all(|net| net.len <= largest.len));
    assert!(engine.choose(Some(engine.nets().len() + 1)).is_err());
}
