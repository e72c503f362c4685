//! The feature transformer of a raw network: plain code for any type, and rows for the kernels where these compute
//! the same.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::AnyBitPattern;
use rayon::prelude::*;

use super::activation::{Accumulator, ActivationKind, LayoutActivation};
use super::input::{Block, Input};
use super::net::{RawNet, Unpacked};
use super::rows::row_lists;
use super::tensor::{ElementType, Role, Tensor};
use crate::chess::board::Board;
use crate::nets::model::SampleOrder;
use crate::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use crate::order::Pairing;

/// Weight rows `[features][columns]` of the widest type among the tensors.
#[derive(Debug)]
enum Rows<'a> {
    I8(Values<'a, i8>),
    I16(Values<'a, i16>),
    I32(Values<'a, i32>),
    F32(Values<'a, f32>),
}

/// Numbers of a file, in it where it has them as this machine has, so that large networks are in memory once.
#[derive(Clone, Debug)]
enum Values<'a, T> {
    InFile(&'a [T]),
    Made(Arc<Vec<T>>),
}

impl<T> Deref for Values<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Values::InFile(values) => values,
            Values::Made(values) => values,
        }
    }
}

impl<T: Copy> Values<'_, T> {
    fn followed_by(&self, others: &Self) -> Self {
        if others.is_empty() {
            return self.clone();
        }
        [&self[..], others].concat().into()
    }
}

impl<T> From<Vec<T>> for Values<'_, T> {
    fn from(values: Vec<T>) -> Self {
        Values::Made(Arc::new(values))
    }
}

/// A feature transformer whose pairs of columns are always j and j + columns / 2.
#[derive(Debug)]
pub(crate) struct Ft<'a> {
    columns: usize,
    activation: LayoutActivation,
    bias: Vec<f64>,
    /// Of piece-square inputs.
    rows: Rows<'a>,
    /// Of all other inputs, which are numbered after these; often of a narrower type.
    others: Rows<'a>,
    /// Number of piece-square inputs.
    pieces: usize,
}

/// Outputs of one perspective.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Outputs {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

impl<'a> Ft<'a> {
    pub(crate) fn new(net: &'a RawNet) -> Ft<'a> {
        Ft::of(net.unpacked())
    }

    pub(super) fn of(net: Unpacked<'a>) -> Ft<'a> {
        let layout = net.layout;
        let columns = layout.columns();
        let pairs = layout.activation.kind == ActivationKind::Pairwise;
        let adjacent = pairs && layout.activation.pairing == Pairing::Adjacent;
        let half = columns / 2;
        // Where the file has logical column c.
        let place = |c: usize| match (adjacent, c < half) {
            (false, _) => c,
            (true, true) => 2 * c,
            (true, false) => 2 * (c - half) + 1,
        };
        let mut bias = vec![0.0; columns];
        for tensor in layout.of_role(Role::FtBias) {
            let offsets = tensor.neuron_offsets();
            for (c, bias) in bias.iter_mut().enumerate() {
                *bias = tensor.number(net.bytes, offsets[place(c)]);
            }
        }
        Ft {
            columns,
            activation: layout.activation,
            bias,
            rows: Rows::read(net, &[Block::PieceSquare], &place),
            others: Rows::read(net, &[Block::Threats, Block::PawnPairs], &place),
            pieces: layout.input().block(Block::PieceSquare),
        }
    }

    /// The outputs of a perspective with these active features.
    pub(crate) fn outputs(&self, features: &[u32]) -> Outputs {
        if self.activation.accumulator == Accumulator::F32 {
            let mut sums = self.bias.clone();
            self.add_all(features, &mut sums, |a, b| a + b, |a, b| a + f64::from(b));
            return Outputs::Floats(self.activate_floats(&sums));
        }
        let bias = self.bias.iter().map(|&bias| bias as i32);
        if self.activation.accumulator == Accumulator::I16 {
            let mut sums: Vec<i16> = bias.map(|bias| bias as i16).collect();
            let add = |sum: i16, weight: i32| sum.wrapping_add(weight as i16);
            self.add_all(features, &mut sums, |sum, _| sum, add);
            let sums: Vec<i32> = sums.into_iter().map(i32::from).collect();
            return Outputs::Integers(self.activate_integers(&sums));
        }
        let mut sums: Vec<i32> = bias.collect();
        self.add_all(features, &mut sums, |a, _| a, i32::wrapping_add);
        Outputs::Integers(self.activate_integers(&sums))
    }

    /// Adds the rows of all features: of floats, and of integers.
    fn add_all<S: Copy>(
        &self,
        features: &[u32],
        sums: &mut [S],
        float: impl Fn(S, f64) -> S,
        integer: impl Fn(S, i32) -> S,
    ) {
        for &feature in features {
            let feature = feature as usize;
            let (rows, row) = match feature.checked_sub(self.pieces) {
                None => (&self.rows, feature),
                Some(other) => (&self.others, other),
            };
            match rows {
                Rows::I8(rows) => self.add(rows, row, sums, |a, b| integer(a, b.into())),
                Rows::I16(rows) => self.add(rows, row, sums, |a, b| integer(a, b.into())),
                Rows::I32(rows) => self.add(rows, row, sums, &integer),
                Rows::F32(rows) => self.add(rows, row, sums, |a, b| float(a, b.into())),
            }
        }
    }

    fn add<W: Copy, S: Copy>(
        &self,
        rows: &[W],
        row: usize,
        sums: &mut [S],
        add: impl Fn(S, W) -> S,
    ) {
        let row = &rows[row * self.columns..][..self.columns];
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum = add(*sum, weight);
        }
    }

    fn activate_integers(&self, sums: &[i32]) -> Vec<i64> {
        let clamp = self.activation.clamp as i64;
        let (shift, half) = (self.activation.shift, self.activation.half());
        let clipped = |sum: i32| i64::from(sum).clamp(0, clamp);
        match self.activation.kind {
            ActivationKind::Clipped => sums
                .iter()
                .map(|&sum| (clipped(sum) + half) >> shift)
                .collect(),
            ActivationKind::Squared => sums
                .iter()
                .map(|&sum| (clipped(sum) * clipped(sum) + half) >> shift)
                .collect(),
            ActivationKind::Pairwise => {
                let (low, high) = sums.split_at(self.columns / 2);
                low.iter()
                    .zip(high)
                    .map(|(&a, &b)| (clipped(a) * clipped(b) + half) >> shift)
                    .collect()
            }
        }
    }

    fn activate_floats(&self, sums: &[f64]) -> Vec<f64> {
        let clamp = self.activation.clamp;
        // Not `clamp`, which keeps -0.0.
        let clipped = |sum: f64| if sum > 0.0 { sum.min(clamp) } else { 0.0 };
        match self.activation.kind {
            ActivationKind::Clipped => sums.iter().map(|&sum| clipped(sum)).collect(),
            ActivationKind::Squared => sums.iter().map(|&sum| clipped(sum).powi(2)).collect(),
            ActivationKind::Pairwise => {
                let (low, high) = sums.split_at(self.columns / 2);
                low.iter()
                    .zip(high)
                    .map(|(&a, &b)| clipped(a) * clipped(b))
                    .collect()
            }
        }
    }

    /// Rows with which the kernels compute the same zeros; `None` where their arithmetic does not fit. Whether they
    /// take rows of this length they say themselves.
    ///
    /// They know `c(a) = 0` and `c(a) * c(b) < 2^shift` for a clamp up to 255 and sums in 16 bits. Two more activations
    /// are brought into the second form: `c(a) >> shift` with b = 1 for every a, and `c(a) * c(a) >> shift` with b = a.
    pub(crate) fn kernel_rows(&self) -> Option<KernelRows<'a>> {
        let LayoutActivation {
            kind,
            clamp,
            accumulator,
            ..
        } = self.activation;
        let shift = self.activation.zero_shift();
        if accumulator != Accumulator::I16 {
            return None;
        }
        let bias: Vec<i16> = self.bias.iter().map(|&bias| bias as i16).collect();
        let small = clamp <= 255.0;
        let pairwise = Activation::Pairwise {
            clamp: clamp.min(255.0) as i16,
            shift,
        };
        let (l1, activation, second) = match kind {
            ActivationKind::Pairwise if small => (self.columns, pairwise, Second::None),
            ActivationKind::Clipped | ActivationKind::Squared if shift == 0 => {
                let clamp = clamp.min(f64::from(i16::MAX)) as i16;
                (self.columns, Activation::Clipped { clamp }, Second::None)
            }
            ActivationKind::Clipped if small => (2 * self.columns, pairwise, Second::One),
            ActivationKind::Squared if small => (2 * self.columns, pairwise, Second::Same),
            _ => return None,
        };
        let (mut wide, mut narrow) = (Values::InFile(&[]), Values::InFile(&[]));
        match (&self.rows, &self.others) {
            (Rows::I16(rows), Rows::I8(others)) => (wide, narrow) = (rows.clone(), others.clone()),
            (Rows::I16(rows), Rows::I16(others)) => wide = rows.followed_by(others),
            (Rows::I8(rows), Rows::I8(others)) => narrow = rows.followed_by(others),
            _ => return None,
        }
        let wide = second.extend(wide, self.columns, 0);
        let narrow = second.extend(narrow, self.columns, 0);
        Some(KernelRows {
            l1,
            activation,
            bias: second.extend(bias.into(), self.columns, 1),
            wide_rows: wide.len() / l1,
            wide,
            narrow,
        })
    }
}

/// Where the rows of some inputs are in a file.
struct Places<'a> {
    net: Unpacked<'a>,
    /// Tensors, and which of their rows, one after the other.
    parts: Vec<(&'a Tensor, Range<usize>)>,
    /// For each column its place along the neuron axes.
    columns: Vec<usize>,
}

impl<'a> Places<'a> {
    /// The values as they are in the file, if these are all, one after the other, in this type and as this machine has
    /// it.
    fn in_file<T: AnyBitPattern>(&self, element: ElementType) -> Option<&'a [T]> {
        let [(tensor, rows)] = &self.parts[..] else {
            return None;
        };
        let is_as_here = cfg!(target_endian = "little") && tensor.element == element;
        if !is_as_here || !tensor.has_neuron_rows() || !self.columns.is_sorted() {
            return None;
        }
        let row = self.columns.len() * element.bytes();
        let bytes = &self.net.bytes[tensor.start..][rows.start * row..rows.end * row];
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// Each value, which `of` takes from a tensor.
    fn values<T: AnyBitPattern + Send>(
        &self,
        element: ElementType,
        of: impl Fn(&Tensor, usize) -> T + Sync,
    ) -> Values<'a, T> {
        if let Some(values) = self.in_file(element) {
            return Values::InFile(values);
        }
        let columns = self.columns.len();
        let rows: usize = self.parts.iter().map(|(_, rows)| rows.len()).sum();
        let mut values = vec![T::zeroed(); rows * columns];
        let mut left = values.as_mut_slice();
        for (tensor, rows) in &self.parts {
            let part = left
                .split_off_mut(..rows.len() * columns)
                .unwrap_or_default();
            let places = tensor.neuron_offsets();
            let places: Vec<usize> = self.columns.iter().map(|&c| places[c]).collect();
            let each = part.par_chunks_exact_mut(columns).zip(rows.clone());
            each.for_each(|(values, row)| {
                let base = tensor.rest_offset(row);
                for (value, place) in values.iter_mut().zip(&places) {
                    *value = of(tensor, base + place);
                }
            });
        }
        values.into()
    }
}

impl<'a> Rows<'a> {
    /// The rows of these kinds of inputs, one after the other; `place` is where the file has a column.
    fn read(net: Unpacked<'a>, blocks: &[Block], place: &dyn Fn(usize) -> usize) -> Rows<'a> {
        let parts = blocks.iter().flat_map(|&block| net.layout.rows_of(block));
        let places = Places {
            net,
            parts: parts.collect(),
            columns: (0..net.layout.columns()).map(place).collect(),
        };
        let bytes = net.bytes;
        let has = |element| {
            places
                .parts
                .iter()
                .any(|(tensor, _)| tensor.element == element)
        };
        if has(ElementType::F32) {
            let number = |tensor: &Tensor, at| tensor.number(bytes, at) as f32;
            Rows::F32(places.values(ElementType::F32, number))
        } else if has(ElementType::I32) {
            let integer = |tensor: &Tensor, at| tensor.integer(bytes, at);
            Rows::I32(places.values(ElementType::I32, integer))
        } else if has(ElementType::I16) {
            let integer = |tensor: &Tensor, at| tensor.integer(bytes, at) as i16;
            Rows::I16(places.values(ElementType::I16, integer))
        } else {
            let integer = |tensor: &Tensor, at| tensor.integer(bytes, at) as i8;
            Rows::I8(places.values(ElementType::I8, integer))
        }
    }
}

/// What stands in the second half of a row.
#[derive(Clone, Copy)]
enum Second {
    /// There is none that the network has not itself.
    None,
    /// The first half again.
    Same,
    /// A bias of 1 and weights of 0.
    One,
}

impl Second {
    fn extend<'a, T: AnyBitPattern>(
        self,
        rows: Values<'a, T>,
        columns: usize,
        one: T,
    ) -> Values<'a, T> {
        if matches!(self, Second::None) {
            return rows;
        }
        let mut extended = Vec::with_capacity(2 * rows.len());
        for row in rows.chunks_exact(columns) {
            extended.extend_from_slice(row);
            match self {
                Second::One => extended.resize(extended.len() + columns, one),
                Second::Same | Second::None => extended.extend_from_slice(row),
            }
        }
        extended.into()
    }
}

/// What the kernels read.
#[derive(Debug)]
pub(crate) struct KernelRows<'a> {
    l1: usize,
    activation: Activation,
    bias: Values<'a, i16>,
    wide: Values<'a, i16>,
    narrow: Values<'a, i8>,
    /// How many rows are of 16 bits: features below this number.
    wide_rows: usize,
}

impl KernelRows<'_> {
    pub(crate) fn weights(&self) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation: self.activation,
            bias: &self.bias,
            wide: &self.wide,
            narrow: &self.narrow,
        }
    }

    /// The features of a sample of a [`batch`](Self::batch).
    pub(crate) fn features(&self, batch: &SampleBatch, sample: usize) -> Vec<u32> {
        let mut features = batch.wide.list(sample).to_vec();
        if !self.narrow.is_empty() {
            let narrow = batch.narrow.list(sample).iter();
            features.extend(narrow.map(|row| row + self.wide_rows as u32));
        }
        features
    }

    /// Lists of features as the kernels take them.
    pub(crate) fn batch(&self, lists: RowLists) -> SampleBatch {
        let samples = lists.offsets.len() - 1;
        if self.narrow.is_empty() {
            return SampleBatch {
                samples,
                wide: lists,
                narrow: RowLists::default(),
            };
        }
        let empty = || RowLists {
            offsets: vec![0],
            rows: Vec::new(),
        };
        let (mut wide, mut narrow) = (empty(), empty());
        for sample in 0..samples {
            for &feature in lists.list(sample) {
                match feature.checked_sub(self.wide_rows as u32) {
                    None => wide.rows.push(feature),
                    Some(feature) => narrow.rows.push(feature),
                }
            }
            wide.offsets.push(wide.rows.len() as u32);
            narrow.offsets.push(narrow.rows.len() as u32);
        }
        SampleBatch {
            samples,
            wide,
            narrow,
        }
    }
}

/// A feature transformer made ready to be evaluated position by position, by plain code.
pub struct Evaluator<'n> {
    input: &'n Input,
    ft: Ft<'n>,
}

impl<'n> Evaluator<'n> {
    pub fn new(net: &'n RawNet) -> Self {
        Evaluator {
            input: net.layout().input(),
            ft: Ft::new(net),
        }
    }

    /// What it gives the first layer: the outputs of each perspective, the side to move's first.
    pub fn outputs(&self, board: &Board) -> Vec<Outputs> {
        let board = std::slice::from_ref(board);
        let lists = row_lists(self.input, board, SampleOrder::Positions);
        (0..self.input.perspectives())
            .map(|perspective| self.ft.outputs(lists.list(perspective)))
            .collect()
    }
}

/// As [`Evaluator::outputs`], for each position.
pub fn outputs(net: &RawNet, boards: &[Board]) -> Vec<Vec<Outputs>> {
    let evaluator = Evaluator::new(net);
    boards
        .par_iter()
        .map(|board| evaluator.outputs(board))
        .collect()
}
