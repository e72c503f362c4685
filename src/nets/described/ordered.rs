//! The bytes of a network with its neurons in another order, a few rows at a time.

use std::io;

use rayon::prelude::*;

use super::activation::ActivationKind;
use super::description::Layout;
use super::net::Unpacked;
use super::tensor::{Role, Tensor};
use crate::order::Permutation;

/// Bytes that are reordered at a time: enough for all cores, little beside a network.
const PIECE: usize = 1 << 22;

/// Bytes that one task reorders.
const TASK: usize = 1 << 17;

/// A piece of a file that was unpacked.
pub(super) enum Piece<'a> {
    /// What lies between tensors, in front of them or behind.
    Rest(&'a [u8]),
    /// Whole values of a tensor.
    Values(&'a Tensor, &'a [u8]),
}

impl<'a> Piece<'a> {
    pub fn bytes(&self) -> &'a [u8] {
        match *self {
            Piece::Rest(bytes) | Piece::Values(_, bytes) => bytes,
        }
    }
}

/// Where the columns and the neurons of a reordered network come from.
struct Orders<'a> {
    columns: Permutation,
    neurons: &'a Permutation,
}

impl Orders<'_> {
    fn of<'a>(layout: &Layout, neurons: &'a Permutation) -> Orders<'a> {
        let columns = match layout.activation.kind {
            ActivationKind::Pairwise => neurons.columns(layout.activation.pairing),
            ActivationKind::Clipped | ActivationKind::Squared => neurons.clone(),
        };
        Orders { columns, neurons }
    }

    /// What the places along the neuron axes of a tensor are reordered by, in as many groups as it goes into them.
    fn of_tensor(&self, tensor: &Tensor) -> Option<&Permutation> {
        match tensor.role {
            Role::FtWeights | Role::FtBias => Some(&self.columns),
            Role::L1Weights => Some(self.neurons),
            Role::Flag | Role::Other => None,
        }
    }
}

/// Hands on all bytes from the first to the last, with the flags set and the neurons in this order, which is as long as
/// there are neurons; as they are if there is none.
pub(super) fn in_order(
    net: Unpacked,
    order: Option<&Permutation>,
    mut each: impl FnMut(Piece) -> io::Result<()>,
) -> io::Result<()> {
    let orders = order.map(|order| Orders::of(net.layout, order));
    let mut at = 0;
    for tensor in net.layout.tensors() {
        each(Piece::Rest(&net.bytes[at..tensor.start]))?;
        at = tensor.start + tensor.bytes();
        let values = &net.bytes[tensor.start..at];
        match &orders {
            Some(_) if tensor.role == Role::Flag => each(Piece::Values(tensor, &flag(tensor)))?,
            Some(orders) if let Some(order) = orders.of_tensor(tensor) => {
                reordered(tensor, order, values, |piece| {
                    each(Piece::Values(tensor, piece))
                })?;
            }
            _ => {
                for piece in values.chunks(PIECE) {
                    each(Piece::Values(tensor, piece))?;
                }
            }
        }
    }
    each(Piece::Rest(&net.bytes[at..]))
}

/// The bytes of a flag that says that the file was permuted.
fn flag(tensor: &Tensor) -> Vec<u8> {
    let value = tensor.set.unwrap_or_default().to_le_bytes();
    value[..tensor.element.bytes()].repeat(tensor.len())
}

fn reordered(
    tensor: &Tensor,
    order: &Permutation,
    values: &[u8],
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let sources = sources(tensor.along(), order);
    let mut new = Vec::new();
    if !tensor.has_neuron_rows() {
        new.resize(values.len(), 0);
        let scatter = match tensor.element.bytes() {
            1 => scatter::<1>,
            2 => scatter::<2>,
            _ => scatter::<4>,
        };
        scatter(tensor, &sources, values, &mut new);
        return each(&new);
    }
    let row = tensor.element.bytes() * sources.len();
    let rows = (PIECE / row).max(1);
    for old in values.chunks(rows * row) {
        new.resize(old.len(), 0);
        let gather = match tensor.element.bytes() {
            1 => gather::<1>,
            2 => gather::<2>,
            _ => gather::<4>,
        };
        gather(&sources, old, &mut new);
        each(&new)?;
    }
    Ok(())
}

/// For each place along the neuron axes the old place whose value it gets.
fn sources(along: usize, order: &Permutation) -> Vec<u32> {
    let group = order.len() as u32;
    (0..along as u32 / group)
        .flat_map(|number| {
            order
                .indices()
                .iter()
                .map(move |from| number * group + from)
        })
        .collect()
}

/// Reorders rows of values of N bytes.
fn gather<const N: usize>(sources: &[u32], old: &[u8], new: &mut [u8]) {
    let row = N * sources.len();
    let task = (TASK / row).max(1) * row;
    let tasks = new.par_chunks_mut(task).zip(old.par_chunks(task));
    tasks.for_each(|(new, old)| {
        for (new, old) in new.chunks_exact_mut(row).zip(old.chunks_exact(row)) {
            let (old, _) = old.as_chunks::<N>();
            let (new, _) = new.as_chunks_mut::<N>();
            for (new, &source) in new.iter_mut().zip(sources) {
                *new = old[source as usize];
            }
        }
    });
}

/// Reorders values of N bytes that lie anywhere.
fn scatter<const N: usize>(tensor: &Tensor, sources: &[u32], old: &[u8], new: &mut [u8]) {
    let (old, _) = old.as_chunks::<N>();
    let (new, _) = new.as_chunks_mut::<N>();
    let places = tensor.neuron_offsets();
    for rest in 0..tensor.rest() {
        let base = tensor.rest_offset(rest);
        for (&to, &source) in places.iter().zip(sources) {
            new[base + to] = old[base + places[source as usize]];
        }
    }
}
