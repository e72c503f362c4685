//! The feature transformer of a raw network: plain code for any type, and rows for the kernels where these compute
//! the same.

use super::description::{Accumulator, ActivationKind, LayoutActivation};
use super::net::RawNet;
use super::tensor::{ElementType, Role, Tensor};
use crate::nets::model::{Activation, FtWeights};
use crate::order::Pairing;

/// Weight rows `[features][columns]` of the widest type among the tensors.
#[derive(Debug)]
enum Rows {
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    F32(Vec<f32>),
}

/// A feature transformer whose pairs of columns are always j and j + columns / 2.
#[derive(Debug)]
pub(crate) struct Ft {
    columns: usize,
    activation: LayoutActivation,
    bias: Vec<f64>,
    rows: Rows,
}

/// Outputs of one perspective.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outputs {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

impl Ft {
    pub(crate) fn new(net: &RawNet) -> Ft {
        let layout = net.layout();
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
                *bias = tensor.number(net.bytes(), offsets[place(c)]);
            }
        }
        let weights: Vec<&Tensor> = layout.of_role(Role::FtWeights).collect();
        let all = |visit: &mut dyn FnMut(&Tensor, usize)| {
            for tensor in &weights {
                let offsets = tensor.neuron_offsets();
                let offsets: Vec<usize> = (0..columns).map(|c| offsets[place(c)]).collect();
                for feature in 0..tensor.rest() {
                    let base = tensor.rest_offset(feature);
                    for offset in &offsets {
                        visit(tensor, base + offset);
                    }
                }
            }
        };
        let has = |element| weights.iter().any(|tensor| tensor.element == element);
        let bytes = net.bytes();
        let len = columns * layout.input().features();
        let rows = if has(ElementType::F32) {
            let mut rows = Vec::with_capacity(len);
            all(&mut |tensor, at| rows.push(tensor.number(bytes, at) as f32));
            Rows::F32(rows)
        } else if has(ElementType::I32) {
            let mut rows = Vec::with_capacity(len);
            all(&mut |tensor, at| rows.push(tensor.integer(bytes, at)));
            Rows::I32(rows)
        } else if has(ElementType::I16) {
            let mut rows = Vec::with_capacity(len);
            all(&mut |tensor, at| rows.push(tensor.integer(bytes, at) as i16));
            Rows::I16(rows)
        } else {
            let mut rows = Vec::with_capacity(len);
            all(&mut |tensor, at| rows.push(tensor.integer(bytes, at) as i8));
            Rows::I8(rows)
        };
        Ft {
            columns,
            activation: layout.activation,
            bias,
            rows,
        }
    }

    /// The outputs of a perspective with these active features.
    pub(crate) fn outputs(&self, features: &[u32]) -> Outputs {
        match &self.rows {
            Rows::F32(rows) => {
                let mut sums = self.bias.clone();
                self.add(rows, features, &mut sums, |sum, weight| {
                    sum + f64::from(weight)
                });
                Outputs::Floats(self.activate_floats(&sums))
            }
            _ if self.activation.accumulator == Accumulator::F32 => {
                // Integer weights under a float bias.
                let mut sums = self.bias.clone();
                match &self.rows {
                    Rows::I8(rows) => self.add(rows, features, &mut sums, |a, b| a + f64::from(b)),
                    Rows::I16(rows) => self.add(rows, features, &mut sums, |a, b| a + f64::from(b)),
                    Rows::I32(rows) => self.add(rows, features, &mut sums, |a, b| a + f64::from(b)),
                    Rows::F32(_) => {}
                }
                Outputs::Floats(self.activate_floats(&sums))
            }
            rows => {
                let mut sums: Vec<i32> = self.bias.iter().map(|&bias| bias as i32).collect();
                match rows {
                    Rows::I8(rows) => {
                        self.add(rows, features, &mut sums, |a, b| a.wrapping_add(b.into()))
                    }
                    Rows::I16(rows) => {
                        self.add(rows, features, &mut sums, |a, b| a.wrapping_add(b.into()))
                    }
                    Rows::I32(rows) => self.add(rows, features, &mut sums, i32::wrapping_add),
                    Rows::F32(_) => {}
                }
                if self.activation.accumulator == Accumulator::I16 {
                    // Sums modulo 2^16 of sums modulo 2^32.
                    sums.iter_mut()
                        .for_each(|sum| *sum = i32::from(*sum as i16));
                }
                Outputs::Integers(self.activate_integers(&sums))
            }
        }
    }

    fn add<W: Copy, S: Copy>(
        &self,
        rows: &[W],
        features: &[u32],
        sums: &mut [S],
        add: impl Fn(S, W) -> S,
    ) {
        for &feature in features {
            let row = &rows[feature as usize * self.columns..][..self.columns];
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum = add(*sum, weight);
            }
        }
    }

    fn activate_integers(&self, sums: &[i32]) -> Vec<i64> {
        let clamp = self.activation.clamp as i64;
        let shift = self.activation.shift;
        let clipped = |sum: i32| i64::from(sum).clamp(0, clamp);
        match self.activation.kind {
            ActivationKind::Clipped => sums.iter().map(|&sum| clipped(sum) >> shift).collect(),
            ActivationKind::Squared => sums
                .iter()
                .map(|&sum| (clipped(sum) * clipped(sum)) >> shift)
                .collect(),
            ActivationKind::Pairwise => {
                let (low, high) = sums.split_at(self.columns / 2);
                low.iter()
                    .zip(high)
                    .map(|(&a, &b)| (clipped(a) * clipped(b)) >> shift)
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
    pub(crate) fn kernel_rows(&self) -> Option<KernelRows> {
        let LayoutActivation {
            kind,
            clamp,
            shift,
            accumulator,
            ..
        } = self.activation;
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
        let (wide, narrow) = match &self.rows {
            Rows::I16(rows) => (second.extend(rows, self.columns, 0), Vec::new()),
            Rows::I8(rows) => (Vec::new(), second.extend(rows, self.columns, 0)),
            Rows::I32(_) | Rows::F32(_) => return None,
        };
        Some(KernelRows {
            l1,
            activation,
            bias: second.extend(&bias, self.columns, 1),
            wide,
            narrow,
        })
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
    fn extend<T: Copy>(self, rows: &[T], columns: usize, one: T) -> Vec<T> {
        let parts = rows.chunks_exact(columns);
        match self {
            Second::None => rows.to_vec(),
            Second::Same => parts.flat_map(|row| [row, row].concat()).collect(),
            Second::One => {
                let ones = vec![one; columns];
                parts.flat_map(|row| [row, &ones].concat()).collect()
            }
        }
    }
}

/// What the kernels read.
#[derive(Debug)]
pub(crate) struct KernelRows {
    l1: usize,
    activation: Activation,
    bias: Vec<i16>,
    wide: Vec<i16>,
    narrow: Vec<i8>,
}

impl KernelRows {
    pub(crate) fn weights(&self) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation: self.activation,
            bias: &self.bias,
            wide: &self.wide,
            narrow: &self.narrow,
        }
    }

    /// Are the rows of 8 bits?
    pub(crate) fn are_narrow(&self) -> bool {
        self.wide.is_empty()
    }
}
