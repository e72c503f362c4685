//! The three hashes of a network file (`docs/notes/eras.md`, section 3). All arithmetic wraps.

use crate::nets::stockfish::features::FeatureSet;

/// How component hashes make up the feature hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureHash {
    /// The first component's hash alone, whatever follows: until March 2026.
    First,
    /// `h = rotl(h, 1) ^ component` over all components.
    Combined,
    /// `h0 ^ (t << 1) ^ (t >> 1)`, where t is the hash of all that follow by the same rule: the trainer's until
    /// January 2026, which no engine has. It keeps bits beyond the 32nd and then cannot write the file; here they are
    /// lost.
    January,
}

/// The feature hash of these sets, in file order.
pub fn feature_hash(sets: &[&dyn FeatureSet], rule: FeatureHash) -> u32 {
    let hashes: Vec<u32> = sets.iter().map(|set| set.hash()).collect();
    combine(&hashes, rule)
}

/// The feature hash of components, in file order.
pub fn combine(components: &[u32], rule: FeatureHash) -> u32 {
    match rule {
        FeatureHash::First => components.first().copied().unwrap_or(0),
        FeatureHash::Combined => components
            .iter()
            .fold(0u32, |hash, component| hash.rotate_left(1) ^ component),
        FeatureHash::January => {
            let mut from_the_last = components.iter().rev().copied();
            let last = from_the_last.next().unwrap_or(0);
            from_the_last.fold(last, |tail, component| {
                component ^ (tail << 1) ^ (tail >> 1)
            })
        }
    }
}

/// Hash of the feature transformer: the feature hash and both perspectives' width.
pub fn ft_hash(feature_hash: u32, l1: usize) -> u32 {
    feature_hash ^ (2 * l1 as u32)
}

/// Hash of a layer stack with `outputs0` and `outputs1` rows in its first two layers.
///
/// The input widths of the later layers, the activations and the skip connection do not enter it.
pub fn stack_hash(l1: usize, outputs0: usize, outputs1: usize) -> u32 {
    let slice = 0xEC42_E90D ^ (2 * l1 as u32);
    let first = affine(slice, outputs0);
    let second = affine(relu(first), outputs1);
    affine(relu(second), 1)
}

/// The `outputs0` with which [`stack_hash`] gives this hash, for a given `outputs1`.
///
/// Every step of the chain is a bijection of its input (`affine` rotates it right by one), so the chain is run
/// backwards; whether the result is a sensible number of rows is the caller's to judge.
pub fn outputs0(l1: usize, stack_hash: u32, outputs1: usize) -> u32 {
    let slice = 0xEC42_E90D ^ (2 * l1 as u32);
    let second = before_relu(before_affine(stack_hash, 1));
    let first = before_relu(before_affine(second, outputs1));
    (first ^ slice.rotate_right(1)).wrapping_sub(AFFINE)
}

const AFFINE: u32 = 0xCC03_DAE4;
const RELU: u32 = 0x538D_24C7;

fn affine(previous: u32, outputs: usize) -> u32 {
    AFFINE.wrapping_add(outputs as u32) ^ previous.rotate_right(1)
}

fn before_affine(hash: u32, outputs: usize) -> u32 {
    (hash ^ AFFINE.wrapping_add(outputs as u32)).rotate_left(1)
}

fn relu(previous: u32) -> u32 {
    RELU.wrapping_add(previous)
}

fn before_relu(hash: u32) -> u32 {
    hash.wrapping_sub(RELU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::features::{
        FULL_THREATS_59808, FULL_THREATS_60720, HALF_KA_V2_HM, PP_3WIDE,
    };

    #[test]
    fn worked_example_of_the_facts() {
        assert_eq!(affine(0xEC42_E10D, 16), 0x3A22_AA72);
        assert_eq!(relu(0x3A22_AA72), 0x8DAF_CF39);
        assert_eq!(affine(0x8DAF_CF39, 32), 0x0AD4_3C98);
        assert_eq!(relu(0x0AD4_3C98), 0x5E61_615F);
        assert_eq!(stack_hash(1024, 16, 32), 0x6333_6A4A);
        assert_eq!(ft_hash(HALF_KA_V2_HM.hash(), 1024), 0x7F23_44B8);
        assert_eq!(0x7F23_44B8 ^ 0x6333_6A4A, 0x1C10_2EF2);
    }

    #[test]
    fn the_stack_hash_run_backwards() {
        for (l1, o0, o1) in [(1024, 16, 32), (256, 32, 32), (128, 16, 32), (3072, 8, 200)] {
            assert_eq!(outputs0(l1, stack_hash(l1, o0, o1), o1), o0 as u32);
        }
        // Of the facts: SFNNv13 and later, SFNNv9.
        assert_eq!(outputs0(1024, 0x6333_7116, 32), 32);
        assert_eq!(outputs0(3072, 0x6333_744A, 32), 16);
    }

    #[test]
    fn combined_feature_hashes() {
        let v14: [&dyn FeatureSet; 2] = [&FULL_THREATS_60720, &HALF_KA_V2_HM];
        assert_eq!(feature_hash(&v14, FeatureHash::Combined), 0x6165_D5C9);
        assert_eq!(feature_hash(&v14, FeatureHash::First), 0x8F23_4CB8);
        let v16: [&dyn FeatureSet; 3] = [&FULL_THREATS_59808, &PP_3WIDE, &HALF_KA_V2_HM];
        assert_eq!(feature_hash(&v16, FeatureHash::Combined), 0xCB68_5B13);
    }
}
