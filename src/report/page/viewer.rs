//! What the script of a page draws: numbers as compressed arrays, and a manifest that says what they are.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;
use serde::Serialize;

use super::theme::Palettes;
use crate::nets::stockfish::{Network, Row};
use crate::report::pictures::{BoardSet, ENGINE_UNIT, ZeroNumbers, layers, norms};

const CODE: &str = include_str!("viewer.js");

/// Bytes that the arrays of a page may have, so that it stays below 15 MB.
const ARRAYS: usize = 13_000_000;

/// Neurons whose boards by king's square are one array.
const NEURONS_A_CHUNK: usize = 8;

/// Chunks that are compressed to see how large all will be.
const PROBES: usize = 4;

/// A byte that stands for no feature.
const NONE: i8 = i8::MIN;

/// What the template gets.
#[derive(Debug, Serialize)]
pub struct Script {
    manifest: String,
    /// By id, in base64.
    arrays: Vec<(String, String)>,
    code: &'static str,
}

/// What there is to draw.
#[derive(Debug, Default, Serialize)]
struct Manifest {
    palettes: Palettes,
    inputs: Option<Inputs>,
    layers: Vec<Vec<Layer>>,
    psqt: Option<Psqt>,
    zeros: Option<Zeros>,
}

#[derive(Debug, Serialize)]
struct Inputs {
    l1: usize,
    neurons: usize,
    sets: Vec<InputSet>,
    norms: Vec<f64>,
    biases: Vec<i32>,
    zero_rates: Option<Vec<f64>>,
    by_king: Option<ByKing>,
    /// Is the order by norm the first that is shown?
    by_norm: bool,
}

#[derive(Debug, Serialize)]
struct InputSet {
    name: &'static str,
    boards: Vec<String>,
    codes: Vec<u32>,
    pairs: bool,
    data: String,
    /// The greatest value of each column.
    scales: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct ByKing {
    set: usize,
    kings: Vec<u32>,
    /// Those that the page holds.
    columns: Vec<usize>,
    columns_a_chunk: usize,
    chunks: Vec<String>,
    scales: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Layer {
    name: &'static str,
    inputs: usize,
    outputs: usize,
    /// Are the inputs the neurons of both perspectives?
    perspectives: bool,
    biases: Vec<i32>,
    data: String,
}

#[derive(Debug, Serialize)]
struct Psqt {
    buckets: usize,
    kings: Vec<u32>,
    sets: Vec<PsqtSet>,
}

#[derive(Debug, Serialize)]
struct PsqtSet {
    name: &'static str,
    boards: Vec<String>,
    codes: Vec<u32>,
    mean: String,
    by_king: Option<String>,
}

#[derive(Debug, Serialize)]
struct Zeros {
    /// All buckets together, then each.
    rows: Vec<String>,
    samples: Vec<usize>,
    neurons: ZeroCounts,
    blocks: ZeroCounts,
    blocks_after: Option<ZeroCounts>,
}

#[derive(Debug, Serialize)]
struct ZeroCounts {
    columns: usize,
    data: String,
}

/// Arrays and what they are, piece by piece.
#[derive(Debug)]
pub struct Viewer {
    manifest: Manifest,
    arrays: Vec<(String, String)>,
    /// Bytes that the arrays may have.
    most: usize,
}

impl Default for Viewer {
    fn default() -> Viewer {
        Viewer {
            manifest: Manifest::default(),
            arrays: Vec::new(),
            most: ARRAYS,
        }
    }
}

impl Viewer {
    /// Input weights, or with `minus` their differences from another network's. Returns how many neurons have boards by
    /// king's square, if any can: to be called last, since these get the room that is left.
    pub fn inputs(
        &mut self,
        network: &Network,
        minus: Option<&Network>,
        zeros: Option<&ZeroNumbers>,
    ) -> Option<usize> {
        let architecture = &network.architecture;
        let (l1, neurons) = (architecture.l1, architecture.neurons());
        let sets = BoardSet::of(network);
        let norms = norms(network, minus);
        let shown = sets.iter().map(|set| {
            let mut means = set.weights(network, None);
            if let Some(other) = minus {
                means.subtract(&set.weights(other, None));
            }
            let mut bytes = Vec::with_capacity(l1 * set.cells());
            let mut scales = Vec::with_capacity(l1);
            for column in 0..l1 {
                let values: Vec<Option<f64>> = means.column(column).collect();
                let scale = greatest(values.iter().copied().flatten());
                bytes.extend(values.iter().map(|value| quantised(*value, scale)));
                scales.push(rounded(scale));
            }
            (bytes, scales)
        });
        let shown: Vec<(Vec<i8>, Vec<f64>)> = shown.collect();
        let input_sets = sets
            .iter()
            .zip(shown)
            .map(|(set, (bytes, scales))| InputSet {
                name: set.name,
                boards: set.boards.iter().map(|board| board.label()).collect(),
                codes: set.boards.iter().map(|board| board.code).collect(),
                pairs: set.boards.iter().any(|board| board.beside.is_some()),
                data: self.add(bytemuck::cast_slice(&bytes)),
                scales,
            });
        let input_sets = input_sets.collect();
        let biases = (0..l1).map(|column| {
            let of = |network: &Network| i32::from(network.ft.bias[column]);
            of(network) - minus.map_or(0, of)
        });
        let zero_rates = zeros.map(|zeros| {
            let counts = zeros.neurons();
            let rate = |count: &u64| rounded(*count as f64 / zeros.samples.max(1) as f64);
            counts.iter().map(rate).collect()
        });
        let by_king = self.by_king(network, minus, &sets, &norms);
        let with_kings = by_king
            .as_ref()
            .map(|found| found.columns.len() * neurons / l1);
        self.manifest.inputs = Some(Inputs {
            l1,
            neurons,
            sets: input_sets,
            norms: norms.iter().map(|&norm| rounded(norm)).collect(),
            biases: biases.collect(),
            zero_rates,
            by_king,
            by_norm: minus.is_some(),
        });
        with_kings
    }

    /// Weights by own king's square, of as many neurons as there is room for: all, or those with the greatest norms.
    fn by_king(
        &mut self,
        network: &Network,
        minus: Option<&Network>,
        sets: &[BoardSet],
        norms: &[f64],
    ) -> Option<ByKing> {
        let set = sets.iter().position(|set| !set.kings.is_empty())?;
        let rows = KingRows {
            network,
            minus,
            set: &sets[set],
            features: sets[set].features_by_king(),
        };
        let neurons = network.architecture.neurons();
        let columns_of = |chunk: &[usize]| -> Vec<usize> {
            let columns = |&neuron: &usize| (neuron..network.architecture.l1).step_by(neurons);
            chunk.iter().flat_map(columns).collect()
        };
        let mut order: Vec<usize> = (0..neurons).collect();
        let chunks = neurons.div_ceil(NEURONS_A_CHUNK);
        let probes = order
            .par_chunks(NEURONS_A_CHUNK)
            .step_by(chunks.div_ceil(PROBES));
        let sizes: Vec<usize> = probes
            .map(|chunk| packed(&rows.chunk(&columns_of(chunk)).0).len())
            .collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len().max(1);
        let room = self
            .most
            .saturating_sub(self.arrays.iter().map(|(_, text)| text.len()).sum());
        if mean * chunks > room * 9 / 10 {
            order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]).then(a.cmp(&b)));
            order.truncate((room / mean.max(1) + PROBES) * NEURONS_A_CHUNK);
        }
        let made: Vec<(Vec<usize>, String, Vec<f64>)> = order
            .par_chunks(NEURONS_A_CHUNK)
            .map(|chunk| {
                let columns = columns_of(chunk);
                let (bytes, scales) = rows.chunk(&columns);
                (columns, packed(&bytes), scales)
            })
            .collect();
        let mut found = ByKing {
            set,
            kings: sets[set].kings.clone(),
            columns: Vec::new(),
            columns_a_chunk: NEURONS_A_CHUNK * network.architecture.l1 / neurons,
            chunks: Vec::new(),
            scales: Vec::new(),
        };
        let mut taken = 0;
        for (columns, text, scales) in made {
            taken += text.len();
            if taken > room {
                break;
            }
            found.columns.extend(columns);
            found.scales.extend(scales);
            found.chunks.push(self.add_text(text));
        }
        Some(found)
    }

    /// Weights and biases of all buckets.
    pub fn layers(&mut self, network: &Network) {
        for stack in layers(network, None) {
            let mut made = Vec::new();
            for (number, layer) in stack.layers.into_iter().enumerate() {
                let weights: Vec<i8> = layer.weights.concat();
                made.push(Layer {
                    name: layer.name,
                    inputs: layer.inputs,
                    outputs: layer.outputs,
                    perspectives: number == 0,
                    biases: layer.biases,
                    data: self.add(bytemuck::cast_slice(&weights)),
                });
            }
            self.manifest.layers.push(made);
        }
    }

    /// PSQT in engine units, if the network has it.
    pub fn psqt(&mut self, network: &Network) -> bool {
        let buckets = network.architecture.psqt_buckets;
        if buckets == 0 {
            return false;
        }
        let sets = BoardSet::of(network);
        let kings = sets.iter().map(|set| set.kings.clone());
        let kings = kings.max_by_key(Vec::len).unwrap_or_default();
        let values = |set: &BoardSet, king: Option<usize>| {
            let means = set.psqt(network, king);
            let columns = (0..buckets).flat_map(|bucket| means.column(bucket).collect::<Vec<_>>());
            let value =
                |value: Option<f64>| value.map_or(f32::NAN, |value| (value / ENGINE_UNIT) as f32);
            columns.map(value).collect::<Vec<f32>>()
        };
        let sets = sets.iter().map(|set| PsqtSet {
            name: set.name,
            boards: set.boards.iter().map(|board| board.label()).collect(),
            codes: set.boards.iter().map(|board| board.code).collect(),
            mean: self.add(&little_endian(&values(set, None), f32::to_le_bytes)),
            by_king: (!set.kings.is_empty()).then(|| {
                let all = (0..set.kings.len()).flat_map(|king| values(set, Some(king)));
                self.add(&little_endian(&all.collect::<Vec<f32>>(), f32::to_le_bytes))
            }),
        });
        let sets = sets.collect();
        self.manifest.psqt = Some(Psqt {
            buckets,
            kings,
            sets,
        });
        true
    }

    /// Zeros of neurons and blocks by bucket.
    pub fn zeros(&mut self, zeros: &ZeroNumbers) {
        let buckets = &zeros.buckets;
        let mut counts = |rows: Vec<&Vec<u64>>| {
            let columns = rows.first().map_or(0, |row| row.len());
            let sum = |column: usize| rows.iter().map(|row| row[column]).sum::<u64>();
            let mut all: Vec<u32> = (0..columns).map(|column| sum(column) as u32).collect();
            all.extend(rows.iter().copied().flatten().map(|&count| count as u32));
            ZeroCounts {
                columns,
                data: self.add(&little_endian(&all, u32::to_le_bytes)),
            }
        };
        let neurons = counts(buckets.iter().map(|bucket| &bucket.neurons).collect());
        let blocks = counts(buckets.iter().map(|bucket| &bucket.blocks).collect());
        let after: Vec<&Vec<u64>> = buckets
            .iter()
            .filter_map(|bucket| bucket.blocks_after.as_ref())
            .collect();
        let names = buckets
            .iter()
            .map(|bucket| format!("bucket {}", bucket.bucket));
        self.manifest.zeros = Some(Zeros {
            rows: std::iter::once("all".to_string()).chain(names).collect(),
            samples: std::iter::once(zeros.samples)
                .chain(buckets.iter().map(|bucket| bucket.samples))
                .collect(),
            neurons,
            blocks,
            blocks_after: (!after.is_empty()).then(|| counts(after)),
        });
    }

    /// All of it, for the template.
    pub fn script(self) -> serde_json::Result<Script> {
        Ok(Script {
            // A name that contains a tag does not end the script.
            manifest: serde_json::to_string(&self.manifest)?.replace('<', "\\u003c"),
            arrays: self.arrays,
            code: CODE,
        })
    }

    fn add(&mut self, bytes: &[u8]) -> String {
        self.add_text(packed(bytes))
    }

    fn add_text(&mut self, text: String) -> String {
        let id = format!("a{}", self.arrays.len());
        self.arrays.push((id.clone(), text));
        id
    }
}

/// Rows of the set whose features tell the own king's square.
struct KingRows<'a> {
    network: &'a Network,
    minus: Option<&'a Network>,
    set: &'a BoardSet,
    features: Vec<Vec<Option<u32>>>,
}

impl KingRows<'_> {
    /// `[columns][kings][cells]`, and the scale of each column.
    fn chunk(&self, columns: &[usize]) -> (Vec<u8>, Vec<f64>) {
        let cells: Vec<Option<u32>> = self.features.iter().flatten().copied().collect();
        let mut values = vec![None; columns.len() * cells.len()];
        for (at, feature) in cells.iter().enumerate() {
            let Some(feature) = *feature else { continue };
            let value = |network: &Network, column: usize| match network
                .row(self.set.set, feature as usize)
            {
                Row::Wide(row) => i32::from(row[column]),
                Row::Narrow(row) => i32::from(row[column]),
            };
            for (number, &column) in columns.iter().enumerate() {
                let other = self.minus.map_or(0, |other| value(other, column));
                let difference = value(self.network, column) - other;
                values[number * cells.len() + at] = Some(f64::from(difference));
            }
        }
        let (mut bytes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
        for values in values.chunks_exact(cells.len()) {
            let scale = greatest(values.iter().copied().flatten());
            bytes.extend(values.iter().map(|value| quantised(*value, scale) as u8));
            scales.push(rounded(scale));
        }
        (bytes, scales)
    }
}

fn greatest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |most, value| most.max(value.abs()))
}

/// In 127 steps up to the scale.
fn quantised(value: Option<f64>, scale: f64) -> i8 {
    match value {
        None => NONE,
        Some(_) if scale <= 0.0 => 0,
        Some(value) => (127.0 * value / scale).round() as i8,
    }
}

/// With five digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

fn little_endian<T: Copy>(values: &[T], bytes: fn(T) -> [u8; 4]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

/// As a zlib stream in base64.
fn packed(bytes: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    // Writing to memory does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    BASE64.encode(written.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::sample;

    #[test]
    fn boards_by_king_have_the_room_that_is_left() {
        let network = sample("v5", 64);
        let shown = |most| {
            let mut viewer = Viewer {
                most,
                ..Viewer::default()
            };
            let count = viewer.inputs(&network, None, None).unwrap();
            let bytes: usize = viewer.arrays.iter().map(|(_, text)| text.len()).sum();
            let inputs = viewer.manifest.inputs.unwrap();
            (count, bytes, inputs.by_king.unwrap(), inputs.norms)
        };
        let (count, bytes, found, _) = shown(ARRAYS);
        let neurons = network.architecture.neurons();
        let l1 = network.architecture.l1;
        assert_eq!((count, found.columns.len()), (neurons, l1));
        assert_eq!(found.columns[..2], [0, neurons]);
        let (part, least, found, norms) = shown(bytes * 2 / 3);
        assert!(part > 0 && part < count && least <= bytes * 2 / 3, "{part}");
        assert_eq!(found.columns.len(), found.scales.len());
        let greatest = norms.iter().copied().fold(0.0, f64::max);
        assert_eq!(norms[found.columns[0]], greatest);
        assert_eq!(shown(0).0, 0);
    }

    #[test]
    fn values_are_quantised_to_their_scale() {
        let scale = 200.0;
        let of = |value| quantised(value, scale);
        assert_eq!(
            [of(Some(200.0)), of(Some(-200.0)), of(Some(0.5)), of(None)],
            [127, -127, 0, NONE]
        );
        assert_eq!(quantised(Some(0.0), 0.0), 0);
        assert_eq!(rounded(123_456.789), 123_460.0);
    }
}
