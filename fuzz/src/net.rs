//! Network files. No whole network has fewer than some ten thousand bytes, so the input is a recipe: an era at a small
//! width, what fills its tensors, and changes at places that matter.

use ftperm::nets::stockfish::{Architecture, ERAS, Network, ReadOptions, TensorRole};
use ftperm::order::Permutation;

use super::Recipe;

/// Longest file that is made, in bytes.
const MAX_LEN: usize = 8 << 20;

/// A recipe's first byte that means: the rest is the file itself.
const VERBATIM: u8 = 0xFF;

pub fn net(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    let options = match recipe.byte() {
        VERBATIM => return check(recipe.rest, &ReadOptions::default()),
        // Four in five times nothing is said about the file.
        flags => ReadOptions {
            era: (flags & 0x40 != 0).then(|| &ERAS[usize::from(flags & 0x1F) % ERAS.len()]),
            clamp: (flags & 0xA0 == 0xA0).then_some(if flags & 1 == 0 { 127 } else { 255 }),
        },
    };
    check(&file(&mut recipe), &options);
}

fn check(bytes: &[u8], options: &ReadOptions) {
    let extent = Network::extent(bytes);
    assert!(extent.is_none_or(|len| len <= bytes.len()));
    assert!(extent.is_none() || Network::has_header(bytes));
    let mut network = match Network::parse(bytes, options) {
        Ok(network) => network,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let plain = options.era.is_none();
    // Where bytes may follow, a stack that stands alone is only known by its era's own sizes.
    let may_be_unknown = network.stacks.len() == 1;
    assert!(!plain || extent == Some(bytes.len()) || (extent.is_none() && may_be_unknown));
    let written = network.to_bytes();
    // Only values that were not in their shortest form are written otherwise, and then the file becomes shorter.
    assert!(written.len() <= bytes.len());
    assert!(written.len() < bytes.len() || written == bytes);
    network.fingerprint();
    network.nonzero_padding().count();
    let neurons = network.architecture.neurons() as u32;
    let rotation = (0..neurons).map(|it| (it + 1) % neurons).collect();
    let rotation = Permutation::new(rotation).expect("a rotation");
    network.permute(&rotation).expect("the network's own width");
    network
        .permute(&rotation.inverse())
        .expect("the network's own width");
    assert!(network.to_bytes() == written);
}

/// Makes a file by a recipe.
pub(super) fn file(recipe: &mut Recipe<'_>) -> Vec<u8> {
    let shipped = era(recipe.byte());
    let or = |value: u8, otherwise: usize| match value {
        0 => otherwise,
        value => usize::from(value),
    };
    let architecture = Architecture {
        l1: 8 << (recipe.byte() % 4),
        outputs0: or(recipe.byte(), shipped.outputs0).max(2),
        outputs1: or(recipe.byte(), shipped.outputs1),
        ..shipped
    };
    let compressed = recipe.number();
    let description = usize::from(recipe.byte());
    let pattern = usize::from(recipe.byte() % 16);
    let pattern = recipe.take(pattern);
    let (mut bytes, places) = sound(&architecture, description, compressed, pattern);
    while !recipe.done() {
        change(&mut bytes, &places, recipe);
    }
    bytes
}

/// An era by its number in the table. Numbers beyond it stand for the few with the shortest files, so that a random
/// byte rarely takes the time of a long one.
fn era(number: u8) -> Architecture {
    let number = usize::from(number);
    let beyond = number.checked_sub(ERAS.len());
    let Some(beyond) = beyond else {
        return ERAS[number].architecture;
    };
    let features = |it: &Architecture| it.features_in(0..it.sets.len());
    let mut by_length: Vec<Architecture> = ERAS.iter().map(|era| era.architecture).collect();
    by_length.sort_by_key(features);
    by_length[beyond % 4]
}

/// A file that is whole (if the pattern's values fit their types), and where its parts begin.
fn sound(
    architecture: &Architecture,
    description: usize,
    compressed: usize,
    pattern: &[u8],
) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut places = vec![0, 4, 8, 12];
    for value in [
        architecture.version,
        architecture.header_hash(),
        description as u32,
    ] {
        bytes.extend(value.to_le_bytes());
    }
    fill(&mut bytes, description, pattern);
    places.push(bytes.len());
    bytes.extend(architecture.ft_hash().to_le_bytes());
    for (number, spec) in architecture.layout.iter().enumerate() {
        places.push(bytes.len());
        let values = architecture.tensor_len(spec.role);
        let (width, longest) = match spec.role {
            TensorRole::Bias | TensorRole::Wide(..) => (2, 3),
            TensorRole::Narrow(..) => (1, 0),
            TensorRole::Psqt(..) => (4, 5),
        };
        if compressed >> number & 1 == 0 || longest == 0 {
            fill(&mut bytes, values * width, pattern);
        } else {
            bytes.extend(b"COMPRESSED_LEB128");
            places.push(bytes.len());
            let payload = payload(values, longest, pattern);
            bytes.extend((payload.len() as u32).to_le_bytes());
            places.push(bytes.len());
            bytes.extend(payload);
        }
    }
    for _ in 0..architecture.stacks {
        places.push(bytes.len());
        let len = architecture.layer_sizes().stack_bytes() - 4;
        bytes.extend(architecture.stack_hash().to_le_bytes());
        fill(&mut bytes, len, pattern);
    }
    places.push(bytes.len());
    (bytes, places)
}

/// Appends `len` bytes of a repeated pattern, zeros if there is none.
fn fill(bytes: &mut Vec<u8>, len: usize, pattern: &[u8]) {
    if pattern.is_empty() {
        bytes.resize(bytes.len() + len, 0);
    } else {
        bytes.extend(pattern.iter().cycle().take(len));
    }
}

/// So many values, each of as many bytes as the pattern's continuation bits say, but never more than `longest`.
fn payload(values: usize, longest: usize, pattern: &[u8]) -> Vec<u8> {
    if pattern.is_empty() {
        return vec![0; values];
    }
    let mut payload = Vec::with_capacity(values);
    let mut next = pattern.iter().cycle();
    for _ in 0..values {
        for left in (0..longest).rev() {
            let byte = next.next().copied().unwrap_or(0);
            payload.push(if left == 0 { byte & 0x7F } else { byte });
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    payload
}

/// One change near a place: overwrites, cuts off, inserts, removes or repeats.
fn change(bytes: &mut Vec<u8>, places: &[usize], recipe: &mut Recipe<'_>) {
    let kind = recipe.byte();
    let place = places[usize::from(recipe.byte()) % places.len()];
    let at = place.saturating_add_signed(isize::from(recipe.byte() as i8));
    let at = at.min(bytes.len());
    let len = usize::from(kind >> 4) + 1;
    match kind % 6 {
        0 | 1 => {
            let new = recipe.take(len);
            let end = (at + new.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&new[..end - at]);
        }
        2 => bytes.truncate(at),
        3 => {
            let new = recipe.take(len);
            bytes.splice(at..at, new.iter().copied());
        }
        4 => {
            let end = (at + len * recipe.number()).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let end = (at + len * recipe.number()).min(bytes.len());
            if bytes.len() < MAX_LEN {
                bytes.extend_from_within(at..end);
            }
        }
    }
}
