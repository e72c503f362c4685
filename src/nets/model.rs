//! What computations know of a network, whatever its file: the feature transformer's weights and activation, and lists
//! of the rows that samples switch on.

/// How accumulators become output bytes, and with it which outputs are zero (`docs/notes/eras.md`, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `clamp(acc[j], 0, clamp)`, one output per accumulator column.
    Clipped { clamp: i16 },
    /// `(clamp(acc[j], 0, clamp) * clamp(acc[j + L1/2], 0, clamp)) >> shift`, one output per pair of columns.
    Pairwise { clamp: i16, shift: u32 },
}

/// A feature transformer as the kernels read it. Rows have `l1` columns and follow one another, feature-major.
#[derive(Clone, Copy, Debug)]
pub struct FtWeights<'a> {
    /// Accumulator columns per perspective, a multiple of 8.
    pub l1: usize,
    pub activation: Activation,
    /// `[l1]`.
    pub bias: &'a [i16],
    /// 16-bit rows `[features][l1]`.
    pub wide: &'a [i16],
    /// 8-bit rows `[features][l1]`, sign-extended when added; empty in eras without threats.
    pub narrow: &'a [i8],
}

impl FtWeights<'_> {
    /// Outputs per perspective: `l1` for clipped, `l1 / 2` for pairwise activation.
    pub fn neurons(&self) -> usize {
        match self.activation {
            Activation::Clipped { .. } => self.l1,
            Activation::Pairwise { .. } => self.l1 / 2,
        }
    }
}

/// Lists of active rows, one list a sample, stored back to back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowLists {
    /// List s is `rows[offsets[s]..offsets[s + 1]]`; one entry more than there are samples.
    pub offsets: Vec<u32>,
    pub rows: Vec<u32>,
}

impl RowLists {
    pub fn list(&self, sample: usize) -> &[u32] {
        &self.rows[self.offsets[sample] as usize..self.offsets[sample + 1] as usize]
    }
}

/// The active rows of a batch of samples: of the 16-bit and of the 8-bit weights.
///
/// Kernels are fastest when neighbouring samples share rows, e.g. sorted by king bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleBatch {
    pub samples: usize,
    pub wide: RowLists,
    /// No offsets and no rows where the network has no 8-bit weights.
    pub narrow: RowLists,
}
