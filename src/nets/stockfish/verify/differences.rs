//! Which weights of two networks differ, under an order of the neurons: the count of all, words for the first few.

use rayon::prelude::*;
use serde::Serialize;

use crate::nets::stockfish::{Architecture, DenseLayer, TensorRole};

/// Differences that are kept in words.
const KEPT: usize = 10;

/// A weight that two networks do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WeightDifference {
    /// Tensor and place in words, with feature and neuron.
    pub place: String,
    /// The values in the first and in the second network.
    pub a: i64,
    pub b: i64,
    /// Why no position reads the value, if none does.
    pub unread: Option<&'static str>,
}

impl std::fmt::Display for WeightDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} and {}", self.place, self.a, self.b)?;
        match self.unread {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}

/// All differences of two networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    count: u64,
    unreachable: u64,
    unread: u64,
    first: Vec<WeightDifference>,
    first_unread: Vec<WeightDifference>,
}

impl Differences {
    /// Values that some position may read.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those of [`count`](Self::count) that no legal position reads: if these are all, the networks compute the same
    /// on every legal position.
    pub fn unreachable(&self) -> u64 {
        self.unreachable
    }

    /// Values that no position reads.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// The first few of [`count`](Self::count), in the order of the file.
    pub fn first(&self) -> &[WeightDifference] {
        &self.first
    }

    /// The first few of [`unread`](Self::unread).
    pub fn first_unread(&self) -> &[WeightDifference] {
        &self.first_unread
    }

    fn add(&mut self, found: Found, words: impl Fn(&Spot) -> WeightDifference) {
        self.count += found.count;
        self.unreachable += found.unreachable;
        self.unread += found.unread;
        for (kept, spots) in [
            (&mut self.first, &found.first),
            (&mut self.first_unread, &found.first_unread),
        ] {
            let room = KEPT - kept.len();
            kept.extend(spots.iter().take(room).map(&words));
        }
    }
}

/// A difference in a matrix.
#[derive(Clone, Copy, Debug)]
struct Spot {
    row: usize,
    column: usize,
    a: i64,
    b: i64,
    unread: Option<&'static str>,
}

#[derive(Default)]
struct Found {
    count: u64,
    unreachable: u64,
    unread: u64,
    first: Vec<Spot>,
    first_unread: Vec<Spot>,
}

impl Found {
    fn then(mut self, later: Found) -> Found {
        self.count += later.count;
        self.unreachable += later.unreachable;
        self.unread += later.unread;
        for (kept, spots) in [
            (&mut self.first, later.first),
            (&mut self.first_unread, later.first_unread),
        ] {
            let room = KEPT - kept.len();
            kept.extend(spots.into_iter().take(room));
        }
        self
    }
}

/// A piece of a matrix of the second network, and the whole matrix of the first.
struct Matrices<'a, T> {
    a: &'a [T],
    b: &'a [T],
    /// Index of the first value of `b` in the matrix.
    first: usize,
    row_len: usize,
    /// Column i of `b` is column `columns[i]` of `a`; columns past these stay.
    columns: &'a [u32],
}

impl<T: Copy + Eq + Sync + Into<i64>> Matrices<'_, T> {
    /// Where the matrices differ, `row_unread` says of a row, and `unread` of a row, a column and both values, why no
    /// position reads a difference there; `row_unreachable`, whether a legal position reads the row.
    fn compare(
        &self,
        row_unread: impl Fn(usize) -> Option<&'static str> + Sync,
        row_unreachable: impl Fn(usize) -> bool + Sync,
        unread: impl Fn(usize, usize, i64, i64) -> Option<&'static str> + Sync,
    ) -> Found {
        /// Values that a task compares.
        const PIECE: usize = 1 << 16;
        // Column i of `a`, also for columns that stay.
        let old: Vec<u32> = (0..self.row_len as u32)
            .map(|column| self.columns.get(column as usize).map_or(column, |&old| old))
            .collect();
        let piece = |(number, values): (usize, &[T])| {
            let mut found = Found::default();
            let mut at = self.first + number * PIECE;
            let mut rest = values;
            while !rest.is_empty() {
                let (row, column) = (at / self.row_len, at % self.row_len);
                let (part, others) = rest.split_at(rest.len().min(self.row_len - column));
                let expected = &self.a[row * self.row_len..][..self.row_len];
                let old = &old[column..column + part.len()];
                let pairs = || {
                    part.iter()
                        .zip(old)
                        .map(|(&b, &old)| (expected[old as usize], b))
                };
                if pairs().fold(false, |differ, (a, b)| differ | (a != b)) {
                    let of_row = row_unread(row);
                    let unreachable = u64::from(row_unreachable(row));
                    for (place, (a, b)) in pairs().enumerate().filter(|(_, (a, b))| a != b) {
                        let (a, b): (i64, i64) = (a.into(), b.into());
                        let column = column + place;
                        let spot = Spot {
                            row,
                            column,
                            a,
                            b,
                            unread: of_row.or_else(|| unread(row, column, a, b)),
                        };
                        let (count, kept) = match spot.unread {
                            None => {
                                found.unreachable += unreachable;
                                (&mut found.count, &mut found.first)
                            }
                            Some(_) => (&mut found.unread, &mut found.first_unread),
                        };
                        *count += 1;
                        if kept.len() < KEPT {
                            kept.push(spot);
                        }
                    }
                }
                at += part.len();
                rest = others;
            }
            found
        };
        self.b
            .par_chunks(PIECE)
            .enumerate()
            .map(piece)
            .reduce(Found::default, Found::then)
    }
}

/// Where the columns of the second network are in the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnMap {
    /// Of the feature transformer's rows, `[l1]`.
    pub ft: Vec<u32>,
    /// Of the first layer's rows, both perspectives' outputs.
    pub first_layer: Vec<u32>,
}

impl ColumnMap {
    /// That of an order of the neurons.
    pub fn of(architecture: &Architecture, order: &[u32]) -> ColumnMap {
        let neurons = architecture.neurons();
        // Outputs of both perspectives, and the columns of pairs, stand in runs of as many as there are neurons.
        let runs = |len: usize| -> Vec<u32> {
            (0..len)
                .map(|column| (column / neurons * neurons) as u32 + order[column % neurons])
                .collect()
        };
        ColumnMap {
            ft: runs(architecture.l1),
            first_layer: runs(architecture.ft_outputs()),
        }
    }

    /// The neurons' places, from those of the side to move.
    pub fn neurons(&self, architecture: &Architecture) -> &[u32] {
        &self.first_layer[..architecture.neurons()]
    }
}

/// Adds up the differences of two networks of one architecture, tensor by tensor, in the order of the file.
pub(super) struct Comparing<'a> {
    architecture: &'a Architecture,
    map: ColumnMap,
    /// Are values that no position reads counted like all others?
    strict: bool,
    pub differences: Differences,
}

/// Layers in words.
const LAYERS: [&str; 3] = ["first layer", "second layer", "output layer"];

const PADDING: &str = "padding, which meets zeros only";
const NEVER_ACTIVE: &str = "no position has this feature";
const NARROWED: &str = "engines read its lower 8 bits only, which are equal";

impl<'a> Comparing<'a> {
    pub fn new(architecture: &'a Architecture, map: ColumnMap, strict: bool) -> Comparing<'a> {
        Comparing {
            architecture,
            map,
            strict,
            differences: Differences::default(),
        }
    }

    /// A piece of an FT tensor of the second network, whose first value has index `first`, against the whole tensor of
    /// the first network. `tensor` is its number in the layout.
    pub fn ft<T: Copy + Eq + Sync + Into<i64>>(
        &mut self,
        tensor: usize,
        a: &[T],
        first: usize,
        b: &[T],
    ) {
        let architecture = self.architecture;
        let spec = &architecture.layout[tensor];
        let per_feature = match spec.role {
            TensorRole::Psqt(..) => architecture.psqt_buckets,
            _ => architecture.l1,
        };
        let sets = match spec.role {
            TensorRole::Bias => 0..0,
            TensorRole::Wide(first, end)
            | TensorRole::Narrow(first, end)
            | TensorRole::Psqt(first, end) => first..end,
        };
        // Row of the tensor to the set and its feature.
        let feature = |row: usize| {
            let mut rest = row;
            for &set in &architecture.sets[sets.clone()] {
                if rest < set.count() {
                    return Some((set, rest as u32));
                }
                rest -= set.count();
            }
            None
        };
        // Threats in one 16-bit tensor with the piece-square rows that close it are narrowed by engines.
        let narrowed_rows = match spec.role {
            TensorRole::Wide(first, end) if end > first => architecture.features_in(first..end - 1),
            _ => 0,
        };
        let (strict, no_columns) = (self.strict, Vec::new());
        let columns = match spec.role {
            TensorRole::Psqt(..) => &no_columns,
            _ => &self.map.ft,
        };
        let matrices = Matrices {
            a,
            b,
            first,
            row_len: per_feature,
            columns,
        };
        let never_active = |row: usize| {
            let (set, feature) = feature(row).filter(|_| !strict)?;
            set.is_never_active(feature).then_some(NEVER_ACTIVE)
        };
        let unreachable = |row: usize| {
            feature(row).is_some_and(|(set, feature)| set.impossible(feature).is_some())
        };
        let found = matrices.compare(never_active, unreachable, |row, _, a, b| {
            (!strict && row < narrowed_rows && a as i8 == b as i8).then_some(NARROWED)
        });
        let mut differences = std::mem::take(&mut self.differences);
        let neuron = |column: usize| self.neuron(column);
        let words = |spot: &Spot| {
            let named = feature(spot.row).map(|(set, feature)| {
                format!(
                    "feature {feature} of {} ({})",
                    set.name(),
                    set.describe(feature)
                )
            });
            let column = match spec.role {
                TensorRole::Psqt(..) => format!("bucket {}", spot.column),
                _ => neuron(spot.column),
            };
            let place = match named {
                Some(named) => format!("{}: {named}, {column}", spec.name),
                None => format!("{}: {column}", spec.name),
            };
            spot.named(place)
        };
        differences.add(found, words);
        self.differences = differences;
    }

    /// A layer of the second network against that of the first.
    pub fn layer(&mut self, stack: usize, number: usize, [a, b]: [&DenseLayer; 2]) {
        let name = format!("layer stack {stack}, {}", LAYERS[number]);
        let one_row = a.outputs() == 1;
        let row = |row: usize| {
            if one_row {
                String::new()
            } else {
                format!("row {row}, ")
            }
        };
        let biases = Matrices {
            a: &a.bias,
            b: &b.bias,
            first: 0,
            row_len: a.outputs(),
            columns: &[],
        };
        let found = biases.compare(|_| None, |_| false, |_, _, _, _| None);
        self.differences.add(found, |spot| {
            let place = if one_row {
                format!("{name}: bias")
            } else {
                format!("{name}: bias of row {}", spot.column)
            };
            spot.named(place)
        });
        let columns = match number {
            0 => self.map.first_layer.as_slice(),
            _ => &[],
        };
        let weights = Matrices {
            a: &a.weights,
            b: &b.weights,
            first: 0,
            row_len: a.padded_inputs,
            columns,
        };
        let (strict, inputs) = (self.strict, a.inputs);
        let is_padding = |column: usize| !strict && column >= inputs;
        let found = weights.compare(
            |_| None,
            |_| false,
            |_, column, _, _| is_padding(column).then_some(PADDING),
        );
        let mut differences = std::mem::take(&mut self.differences);
        let neurons = self.architecture.neurons();
        let neuron = |column: usize| self.neuron_of_output(column % neurons);
        differences.add(found, |spot| {
            let input = match number {
                0 if spot.column < neurons => {
                    format!("{}, of the side to move", neuron(spot.column))
                }
                0 if spot.column < inputs => format!("{}, of the opponent", neuron(spot.column)),
                _ => format!("input {}", spot.column),
            };
            spot.named(format!("{name}: weight of {}{input}", row(spot.row)))
        });
        self.differences = differences;
    }

    /// A column of the feature transformer in words.
    fn neuron(&self, column: usize) -> String {
        let neurons = self.architecture.neurons();
        let neuron = self.neuron_of_output(column % neurons);
        if self.architecture.l1 == neurons {
            neuron
        } else {
            format!(
                "{neuron}, {} of its pair",
                ["first", "second"][column / neurons]
            )
        }
    }

    fn neuron_of_output(&self, output: usize) -> String {
        let old = self.map.neurons(self.architecture)[output] as usize;
        if old == output {
            format!("neuron {output}")
        } else {
            format!("neuron {output} (was {old})")
        }
    }
}

impl Spot {
    fn named(&self, place: String) -> WeightDifference {
        WeightDifference {
            place,
            a: self.a,
            b: self.b,
            unread: self.unread,
        }
    }
}
