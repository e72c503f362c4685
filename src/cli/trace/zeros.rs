//! Which outputs of the feature transformer are zero, and whether an engine recorded the same.

use std::path::Path;

use anyhow::{bail, ensure};
use ftperm::files::quote::excerpt;
use ftperm::files::resources::available_memory;
use ftperm::planes::ZeroPlanes;
use ftperm::planes::recorded::{self, Options, Values};

use crate::cli::console;

/// The outputs of a position that are zero, by perspective: the side to move's, then the opponent's.
pub struct Zeros(Vec<Vec<bool>>);

impl Zeros {
    /// One list a perspective.
    pub fn of(perspectives: Vec<Vec<bool>>) -> Self {
        Zeros(perspectives)
    }

    /// Of what the first layer gets, both perspectives one after the other.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let perspectives = bytes.chunks(bytes.len().div_ceil(2).max(1));
        Zeros(
            perspectives
                .map(|bytes| bytes.iter().map(|&byte| byte == 0).collect())
                .collect(),
        )
    }

    pub fn outputs(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    pub fn zero_outputs(&self) -> usize {
        self.0.iter().flatten().filter(|&&zero| zero).count()
    }

    pub fn zero_blocks(&self) -> usize {
        let blocks = self.0.iter().flat_map(|zeros| zeros.as_chunks::<4>().0);
        blocks.filter(|block| **block == [true; 4]).count()
    }

    pub fn say(&self) -> anyhow::Result<()> {
        let outputs = self.outputs();
        console::result(format!(
            "  feature transformer: {} of {outputs} outputs zero, {} of {} blocks all zero",
            self.zero_outputs(),
            self.zero_blocks(),
            outputs / 4
        ))
    }
}

/// What was computed, to be compared with what an engine recorded of the same positions.
pub struct Comparison<'a> {
    file: &'a Path,
    values: Option<Values>,
    computed: Vec<(String, Zeros)>,
}

impl<'a> Comparison<'a> {
    pub fn with(file: &'a Path, values: Option<Values>) -> Self {
        Comparison {
            file,
            values,
            computed: Vec::new(),
        }
    }

    pub fn push(&mut self, fen: String, zeros: Zeros) {
        self.computed.push((fen, zeros));
    }

    /// Compares, and says what is equal.
    ///
    /// # Errors
    /// Another output is zero, or there are other numbers of samples.
    pub fn finish(self) -> anyhow::Result<()> {
        let Some((_, first)) = self.computed.first() else {
            bail!(
                "there is no position to compare {} with",
                self.file.display()
            );
        };
        let recorded = recorded::read(
            self.file,
            &Options {
                neurons: first.0.first().map(Vec::len),
                values: self.values,
                count: None,
                memory: available_memory(),
            },
        )?;
        let found: usize = recorded.chunks.iter().map(ZeroPlanes::samples).sum();
        let samples: Vec<(&str, usize, &Vec<bool>)> = self
            .computed
            .iter()
            .flat_map(|(fen, zeros)| {
                let perspectives = zeros.0.iter().enumerate();
                perspectives.map(move |(side, zeros)| (fen.as_str(), side, zeros))
            })
            .collect();
        let file = self.file.display();
        ensure!(
            found == samples.len(),
            "{file} has {found} rows of outputs, but {} positions have {}",
            self.computed.len(),
            samples.len()
        );
        let rows = recorded.chunks.iter();
        let rows = rows.flat_map(|planes| (0..planes.samples()).map(move |row| (planes, row)));
        let (mut differing, mut cells, mut first) = (0, 0, None);
        for ((planes, row), (fen, side, zeros)) in rows.zip(samples) {
            for (neuron, &zero) in zeros.iter().enumerate() {
                cells += 1;
                if planes.get(neuron, row) != zero {
                    differing += 1;
                    first.get_or_insert((fen, side, neuron, zero));
                }
            }
        }
        let Some((fen, side, neuron, zero)) = first else {
            console::say(format!(
                "{file}: the same outputs are zero in all {found} rows, {cells} values"
            ));
            return Ok(());
        };
        let of = ["the side to move", "the opponent"][side];
        let [here, there] = if zero {
            ["zero", "not"]
        } else {
            ["not zero", "zero"]
        };
        bail!(
            "{file} is not what this network computes: {differing} of {cells} outputs are zero in one and not in the \
             other; the first: {}, output {neuron} of {of} is {here} here and {there} in the file",
            excerpt(fen.as_bytes())
        )
    }
}
