//! Proof that two files of one layout hold the same network.

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::activation::ActivationKind;
use super::description::Layout;
use super::first_layer::{FirstLayer, Sum};
use super::ft::Ft;
use super::net::{RawNet, Unpacked};
use super::rows::row_lists;
use super::tensor::{Role, Tensor};
use crate::chess::board::Board;
use crate::nets::model::SampleOrder;
use crate::order::{Pairing, Permutation};

/// What was found to be equal. The bytes that no permutation touches always were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Positions on which all sums of the first layer are equal.
    pub positions: usize,
    /// Have both files the same neurons, with all their weights, in some order? Then the networks are equal on every
    /// position, as far as the layout describes them.
    pub same_neurons: bool,
}

/// What was proved, for people.
pub fn proof_text(proof: Proof) -> String {
    let sums = format!(
        "all sums of the first layer are equal on {} positions, and all that no order touches is equal byte by byte",
        proof.positions
    );
    if proof.same_neurons {
        format!("the same neurons in another order; {sums}")
    } else {
        format!("not the same neurons, but {sums}")
    }
}

/// The first difference of two files.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LayoutDifference {
    #[error("they differ at byte {offset}, in {place}, which no order of the neurons touches")]
    Elsewhere { offset: usize, place: String },
    #[error("neuron {neuron} is not the old neuron {old}")]
    Neuron { neuron: usize, old: u32 },
    #[error(
        "`{fen}`: a sum over perspective {perspective} in row {row} of {tensor} is {expected} and {found}"
    )]
    Sum {
        fen: String,
        perspective: usize,
        row: usize,
        tensor: String,
        expected: String,
        found: String,
    },
}

/// Compares two networks of one layout: bytes, neurons, and the sums of the first layer on positions.
///
/// # Errors
/// The first difference.
///
/// # Panics
/// If the layouts differ.
pub fn compare(a: &RawNet, b: &RawNet, boards: &[Board]) -> Result<Proof, LayoutDifference> {
    let (a, b) = (a.unpacked(), b.unpacked());
    compare_elsewhere(a, b)?;
    let (mut old, mut new) = rayon::join(|| neuron_digests(a), || neuron_digests(b));
    old.sort_unstable();
    new.sort_unstable();
    Sums::of(a, boards.to_vec(), &|| {}).compare(b, &|| {})?;
    Ok(Proof {
        positions: boards.len(),
        same_neurons: old == new,
    })
}

/// Is neuron i of `b` neuron `permutation[i]` of `a`, with all its weights, and all that no order touches equal?
pub(super) fn compare_ordered(
    a: Unpacked,
    b: Unpacked,
    permutation: &Permutation,
) -> Result<(), LayoutDifference> {
    compare_elsewhere(a, b)?;
    if neurons_are_in_order(a, b, permutation) {
        return Ok(());
    }
    // Which one is another? The two columns of a pair may have changed places.
    let (old, new) = rayon::join(|| neuron_digests(a), || neuron_digests(b));
    let mut places = permutation.indices().iter().zip(&new).enumerate();
    match places.find(|(_, (old_place, digest))| old[**old_place as usize] != **digest) {
        Some((neuron, (&old, _))) => Err(LayoutDifference::Neuron { neuron, old }),
        None => Ok(()),
    }
}

/// Is every weight of neuron i of `b` that of neuron `permutation[i]` of `a`, the two columns of a pair in the order in
/// which they were?
fn neurons_are_in_order(a: Unpacked, b: Unpacked, permutation: &Permutation) -> bool {
    let layout = a.layout;
    let neurons = permutation.len();
    let old = |neuron: usize| permutation.indices()[neuron] as usize;
    // The columns that belong to neurons, as `neuron_digests` has them.
    let old_column = |column: usize| match (layout.activation.kind, layout.activation.pairing) {
        (ActivationKind::Clipped | ActivationKind::Squared, _) => old(column),
        (_, Pairing::Halves) => old(column % neurons) + column / neurons * neurons,
        (_, Pairing::Adjacent) => 2 * old(column / 2) + column % 2,
    };
    let old_input = |input: usize| old(input % neurons) + input / neurons * neurons;
    layout.tensors().iter().all(|tensor| {
        let places = 0..tensor.along();
        let old_places: Vec<usize> = match tensor.role {
            Role::FtWeights | Role::FtBias => places.map(old_column).collect(),
            Role::L1Weights => places.map(old_input).collect(),
            Role::Flag | Role::Other => return true,
        };
        match tensor.element.bytes() {
            1 => is_in_order::<1>(tensor, &old_places, a.bytes, b.bytes),
            2 => is_in_order::<2>(tensor, &old_places, a.bytes, b.bytes),
            _ => is_in_order::<4>(tensor, &old_places, a.bytes, b.bytes),
        }
    })
}

/// Has `b` at each place along the neuron axes of a tensor with values of N bytes what `a` has at the old place?
fn is_in_order<const N: usize>(tensor: &Tensor, old_places: &[usize], a: &[u8], b: &[u8]) -> bool {
    let values = tensor.start..tensor.start + tensor.bytes();
    let (a, _) = a[values.clone()].as_chunks::<N>();
    let (b, _) = b[values].as_chunks::<N>();
    if tensor.has_neuron_rows() {
        let rows = b.par_chunks_exact(old_places.len());
        let rows = rows.zip(a.par_chunks_exact(old_places.len()));
        // A whole row is looked at faster than it is decided after each value whether to go on.
        return rows.all(|(row, old)| {
            let pairs = row.iter().zip(old_places);
            pairs.fold(true, |equal, (value, &place)| {
                equal & (*value == old[place])
            })
        });
    }
    let offsets = tensor.neuron_offsets();
    (0..tensor.rest()).into_par_iter().all(|rest| {
        let base = tensor.rest_offset(rest);
        let mut pairs = offsets.iter().zip(old_places);
        pairs.all(|(new, &place)| b[base + new] == a[base + offsets[place]])
    })
}

/// Header, footer and tensors without a role.
fn compare_elsewhere(a: Unpacked, b: Unpacked) -> Result<(), LayoutDifference> {
    assert_eq!(a.layout, b.layout, "one layout");
    let (a_bytes, b_bytes) = (a.bytes, b.bytes);
    let mut at = 0;
    let differ = |from: usize, to: usize, place: &str| {
        if a_bytes[from..to] == b_bytes[from..to] {
            return Ok(());
        }
        let pair = a_bytes[from..to].iter().zip(&b_bytes[from..to]);
        match pair.enumerate().find(|(_, (a, b))| a != b) {
            Some((offset, _)) => Err(LayoutDifference::Elsewhere {
                offset: from + offset,
                place: place.to_string(),
            }),
            None => Ok(()),
        }
    };
    for tensor in a.layout.tensors() {
        differ(at, tensor.start, "the header")?;
        at = tensor.start + tensor.bytes();
        if tensor.role == Role::Other {
            differ(tensor.start, at, &format!("tensor {}", tensor.name))?;
        }
    }
    differ(at, a_bytes.len(), "the footer")
}

/// For each neuron a digest of all weights that move with it. The two columns of a pair have no order.
fn neuron_digests(net: Unpacked) -> Vec<[u8; 32]> {
    let layout = net.layout;
    let neurons = layout.neurons();
    let ft: Vec<(&Tensor, Vec<usize>)> = layout
        .tensors()
        .iter()
        .filter(|it| matches!(it.role, Role::FtWeights | Role::FtBias))
        .map(|it| (it, it.neuron_offsets()))
        .collect();
    let first: Vec<(&Tensor, Vec<usize>)> = layout
        .of_role(Role::L1Weights)
        .map(|it| (it, it.neuron_offsets()))
        .collect();
    let column = |column: usize| -> [u8; 32] {
        let mut bytes = Vec::new();
        for (tensor, offsets) in &ft {
            for rest in 0..tensor.rest() {
                bytes.extend(tensor.value(net.bytes, tensor.rest_offset(rest) + offsets[column]));
            }
        }
        Sha256::digest(&bytes).into()
    };
    (0..neurons)
        .into_par_iter()
        .map(|neuron| {
            let mut columns = match (layout.activation.kind, layout.activation.pairing) {
                (ActivationKind::Clipped | ActivationKind::Squared, _) => vec![column(neuron)],
                (_, Pairing::Halves) => vec![column(neuron), column(neurons + neuron)],
                (_, Pairing::Adjacent) => vec![column(2 * neuron), column(2 * neuron + 1)],
            };
            columns.sort_unstable();
            let mut bytes = columns.concat();
            for (tensor, offsets) in &first {
                for rest in 0..tensor.rest() {
                    let base = tensor.rest_offset(rest);
                    for offset in offsets.iter().skip(neuron).step_by(neurons) {
                        bytes.extend(tensor.value(net.bytes, base + offset));
                    }
                }
            }
            Sha256::digest(&bytes).into()
        })
        .collect()
}

/// The sums of the first layer of a network on some positions.
///
/// They are taken for each row, each perspective and each group of its inputs alone; whatever an engine adds up is then
/// equal too. Sums of floats are taken in the order of the terms' sizes, so that they do not depend on the order of the
/// neurons.
pub(super) struct Sums {
    boards: Vec<Board>,
    /// For each position in the order of [`places`].
    sums: Vec<Vec<Sum>>,
}

impl Sums {
    /// `done` is called after every position, from any thread.
    pub(super) fn of(net: Unpacked, boards: Vec<Board>, done: &(dyn Fn() + Sync)) -> Sums {
        let sums = first_layer_sums(net, &boards, done);
        Sums { boards, sums }
    }

    pub(super) fn positions(&self) -> usize {
        self.boards.len()
    }

    /// Are those of another network of the same layout equal?
    pub(super) fn compare(
        &self,
        other: Unpacked,
        done: &(dyn Fn() + Sync),
    ) -> Result<(), LayoutDifference> {
        let found = first_layer_sums(other, &self.boards, done);
        for (board, (expected, found)) in self.boards.iter().zip(self.sums.iter().zip(&found)) {
            let differing = expected.iter().zip(found).position(|(a, b)| a != b);
            if let Some(at) = differing {
                let (perspective, tensor, row) = places(other.layout)
                    .nth(at)
                    .expect("there are as many places as sums");
                return Err(LayoutDifference::Sum {
                    fen: board.fen(),
                    perspective,
                    row,
                    tensor: tensor.name.clone(),
                    expected: expected[at].to_string(),
                    found: found[at].to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Perspective, tensor and row of all sums of a position.
fn places(layout: &Layout) -> impl Iterator<Item = (usize, &Tensor, usize)> {
    (0..layout.input().perspectives()).flat_map(move |perspective| {
        layout.of_role(Role::L1Weights).flat_map(move |tensor| {
            let groups = tensor.neuron_offsets().len() / layout.neurons();
            (0..tensor.rest())
                .flat_map(move |row| std::iter::repeat_n((perspective, tensor, row), groups))
        })
    })
}

/// For each position the sums in the order of [`places`].
fn first_layer_sums(net: Unpacked, boards: &[Board], done: &(dyn Fn() + Sync)) -> Vec<Vec<Sum>> {
    let ft = Ft::of(net);
    let input = net.layout.input();
    let first = FirstLayer::of(net);
    let of_board = |board: &Board| {
        let lists = row_lists(input, std::slice::from_ref(board), SampleOrder::Positions);
        let mut sums = Vec::new();
        for perspective in 0..input.perspectives() {
            first.append_sums(&ft.outputs(lists.list(perspective)), &mut sums);
        }
        done();
        sums
    };
    boards.par_iter().map(of_board).collect()
}
