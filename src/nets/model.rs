//! What everything else knows of a network, whatever its file.
//!
//! A [`Model`] has a feature transformer that can be evaluated, and neurons that can change places. That suffices to
//! search: a trainer's own type can be one, without any file. A [`ModelFile`] can also be written in another order and
//! compared with what it was, weight by weight.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use crate::chess::board::Board;
use crate::order::Permutation;

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

/// In which order the samples of every position stand in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleOrder {
    /// The side to move's sample of position 0, its opponent's where there is one, those of position 1, and so on.
    Positions,
    /// Sorted by the king's place as that perspective sees it, then by side: neighbours share rows, which is several
    /// times faster (`docs/notes/compute.md`, section 3), and positions of one game follow one another.
    KingPlaces,
}

/// Sizes of a feature transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Accumulator columns a perspective.
    pub columns: usize,
    /// Outputs a perspective, a multiple of 4.
    pub neurons: usize,
    /// Samples of a position: 2, or 1 where a network sees it as the side to move only.
    pub perspectives: usize,
}

/// What evaluating a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Memory of the model itself, in bytes.
    pub bytes: u64,
    /// Memory beside the model, planes and positions while it is evaluated, in bytes: copies that kernels make.
    pub evaluator_bytes: u64,
    /// Rows that a sample switches on, at most.
    pub rows: usize,
}

/// A feature transformer that was made ready for evaluation.
pub trait FtSource: Sync {
    /// The weights, for the kernels of a backend. `None` where these do not compute as the network's engines do;
    /// then there is [`plain`](Self::plain).
    fn weights(&self) -> Option<FtWeights<'_>>;

    /// The active rows of all samples of these positions. With [`SampleOrder::KingPlaces`] neighbours should share
    /// rows; no result depends on how they are sorted, as long as equal positions give equal batches.
    fn samples(&self, boards: &[Board], order: SampleOrder) -> SampleBatch;

    /// Code that computes the same without kernels. Needed where [`weights`](Self::weights) are `None`; where there
    /// are both it is used on devices that cannot take the weights.
    fn plain(&self) -> Option<&dyn PlainZeros> {
        None
    }
}

/// Plain code that tells which outputs are zero.
pub trait PlainZeros: Sync {
    /// Calls `zero` with each neuron whose output is zero in sample number `sample` of a batch.
    fn zeros(&self, batch: &SampleBatch, sample: usize, zero: &mut dyn FnMut(usize));
}

/// A network whose feature-transformer neurons can change places.
pub trait Model: Sync {
    fn shape(&self) -> Shape;

    fn demand(&self) -> Demand;

    /// Makes the feature transformer ready for evaluation.
    fn ft_source(&self) -> Box<dyn FtSource + '_>;

    /// How many output buckets there are, if it is known how engines choose one.
    fn buckets(&self) -> Option<usize> {
        None
    }

    /// The output bucket of a position, 0 to 7. Where [`buckets`](Self::buckets) are not known, it tells positions
    /// apart by their number of pieces, as Stockfish does.
    fn bucket(&self, board: &Board) -> usize {
        board.bucket()
    }

    /// What makes an order of this network doubtful, for people. `zeros[n]` is in how many samples neuron n is zero.
    fn doubt(&self, zeros: &[u64]) -> Option<String> {
        let _ = zeros;
        None
    }
}

/// Any error, with its message.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// A network that can be written with its neurons in another order, and proved to be the same.
pub trait ModelFile: Model + Send {
    /// The ending of a file name that is made from the contents, without the dot.
    fn extension(&self) -> &str;

    /// What is proved by [`compare_file`](Self::compare_file) and by [`Reference::compare`] on so many positions, for
    /// people.
    fn proof(&self, positions: usize) -> String;

    /// Reorders the neurons: output i of each perspective becomes the old output `permutation[i]`.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    fn permute(&mut self, permutation: &Permutation) -> Result<(), AnyError>;

    /// Writes the file of the network in another order, without changing it here.
    ///
    /// # Errors
    /// Those of the writer; of kind [`InvalidInput`](io::ErrorKind::InvalidInput) if the permutation's length is not
    /// the number of neurons.
    fn write_permuted(&self, permutation: &Permutation, out: &mut dyn Write) -> io::Result<()>;

    /// Is this the whole file of this network in another order: every weight, and all that no order touches?
    ///
    /// # Errors
    /// The first difference.
    fn compare_file(&self, file: &[u8], permutation: &Permutation) -> Result<(), AnyError>;

    /// What the network computes on positions, taken down while its file is written. `done` is called after every
    /// position, from any thread.
    fn reference(&self, boards: Vec<Board>, done: &(dyn Fn() + Sync)) -> Box<dyn Reference>;

    /// How to read another file as this one was read.
    fn reread(&self) -> Box<dyn Reread>;
}

/// What a network computed on some positions.
pub trait Reference: Send {
    /// Number of positions.
    fn positions(&self) -> usize;

    /// Does the network in a file, which should be the same in another order, compute the same? `done` is called after
    /// every position, from any thread.
    ///
    /// # Errors
    /// It is no network, or the first difference.
    fn compare(
        &self,
        file: Vec<u8>,
        permutation: &Permutation,
        done: &(dyn Fn() + Sync),
    ) -> Result<(), AnyError>;
}

/// How a network was read.
pub trait Reread {
    /// Reads another file in the same way.
    ///
    /// # Errors
    /// It cannot be read, or is no such network.
    fn read(&self, path: &Path) -> Result<Box<dyn ModelFile>, AnyError>;
}
