//! A layout as a user writes it: TOML, checked so that all else can rely on it.

use std::io::Read as _;
use std::path::Path;

use super::activation::{ActivationKind, LayoutActivation, activation};
use super::build_array::BuildArray;
use super::error::{LayoutError, LayoutFileError};
use super::input::{Block, Input, input};
use super::merged_kings::MergedKings;
use super::output_buckets::OutputBuckets;
use super::places::{Places, columns, places, tensor_error};
use super::storage::{Encoding, FileCompression, Storage};
use super::syntax::{FirstLayer, RawLayout};
use super::tensor::{ElementType, Role, Tensor};
use super::trained::{Trained, trained};
use crate::files::quote::excerpt_of;

/// Longest layout that is read, in bytes.
const MAX_TOML: u64 = 1 << 20;

/// What a network file is, tensor by tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// A name for people.
    pub name: String,
    /// What a user of it should know.
    pub note: Option<String>,
    /// How the engine's build moves the neurons once more, if it does.
    pub build_order: Option<BuildArray>,
    pub(super) first_layer: Option<FirstLayer>,
    pub(super) storage: Storage,
    pub(super) magic: Option<String>,
    pub(super) input: Input,
    pub(super) output_buckets: Option<OutputBuckets>,
    pub(super) activation: LayoutActivation,
    pub(super) tensors: Vec<Tensor>,
    /// What its trainer writes, where the layout says it.
    pub(super) trained: Option<Trained>,
    /// Accumulator columns per perspective.
    pub(super) columns: usize,
    /// Names of tensors that were given no role although an axis has as many places as there are neurons.
    unmarked: Vec<String>,
    /// Is what follows the tensors padding?
    pub(super) pads: bool,
    /// Bytes of the unpacked file.
    pub(crate) len: usize,
}

impl Layout {
    /// Reads a layout.
    ///
    /// # Errors
    /// The file cannot be read or is no layout; the error says where.
    pub fn read(path: &Path) -> Result<Layout, LayoutFileError> {
        let read = || {
            let mut text = String::new();
            let mut file = std::fs::File::open(path)?.take(MAX_TOML + 1);
            file.read_to_string(&mut text)?;
            Layout::parse(&text)
        };
        read().map_err(|problem| LayoutFileError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// Parses and checks a layout.
    ///
    /// # Errors
    /// The text is no layout, or describes nothing that can be.
    pub fn parse(text: &str) -> Result<Layout, LayoutError> {
        let len = text.len() as u64;
        if len > MAX_TOML {
            return Err(LayoutError::TooLong {
                len,
                most: MAX_TOML,
            });
        }
        let raw: RawLayout = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            LayoutError::Toml {
                line: 1 + text.as_bytes()[..at]
                    .iter()
                    .filter(|&&byte| byte == b'\n')
                    .count(),
                message: excerpt_of(error.message().replace('\n', " ").as_bytes(), 300),
            }
        })?;
        if raw.format != 1 {
            return Err(LayoutError::Format(raw.format));
        }
        let Places {
            tensors,
            len,
            optional,
        } = places(&raw)?;
        let columns = columns(&tensors)?;
        let input = input(&raw.input)?;
        let trained = trained(&raw, &tensors, || MergedKings::new(&input))?;
        let activation = activation(&raw.activation, &tensors)?;
        let mut layout = Layout {
            name: raw.name,
            note: raw.note,
            build_order: raw.build_order,
            first_layer: raw.first_layer,
            storage: Storage {
                compression: raw.file.compression,
                plain: raw.file.plain,
                encoding: raw.file.encoding,
                optional,
            },
            magic: raw.file.magic,
            input,
            output_buckets: raw
                .output_buckets
                .as_ref()
                .map(OutputBuckets::new)
                .transpose()?,
            activation,
            tensors,
            trained,
            columns,
            unmarked: Vec::new(),
            pads: raw.file.pad_to.is_some(),
            len,
        };
        let of_neurons = [layout.neurons(), 2 * layout.neurons()];
        for tensor in raw.tensor.iter().filter(|tensor| tensor.role.is_none()) {
            if tensor
                .shape
                .iter()
                .any(|places| of_neurons.contains(places))
            {
                layout.unmarked.push(tensor.name.clone());
            }
        }
        if let Some(added) = layout.first_layer.and_then(|layer| layer.added)
            && !(1..=32).contains(&added)
        {
            return Err(LayoutError::Added(added));
        }
        layout.check_sizes()?;
        Ok(layout)
    }

    /// Outputs of the feature transformer per perspective: what a permutation orders.
    pub fn neurons(&self) -> usize {
        match self.activation.kind {
            ActivationKind::Pairwise => self.columns / 2,
            ActivationKind::Clipped | ActivationKind::Squared => self.columns,
        }
    }

    /// Accumulator columns per perspective.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How positions become features.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// How the engine chooses an output bucket, where the layout says it.
    pub fn output_buckets(&self) -> Option<&OutputBuckets> {
        self.output_buckets.as_ref()
    }

    /// How accumulators become outputs.
    pub fn activation_kind(&self) -> ActivationKind {
        self.activation.kind
    }

    /// The tensors in file order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Bytes of the file, unpacked and at fixed width, with all padding.
    pub fn bytes(&self) -> usize {
        self.len
    }

    /// The length of its files as people write it.
    pub fn length_text(&self) -> String {
        if self.storage.encoding == Encoding::Leb128 {
            let values: usize = self.tensors.iter().map(Tensor::len).sum();
            return format!("{values} values in LEB128");
        }
        let zstd = match self.storage.compression {
            FileCompression::None => "",
            FileCompression::Zstd => ", zstd",
            FileCompression::Either => ", also in zstd",
        };
        match self.storage.optional {
            0 => format!("{}{zstd}", self.len),
            optional => format!("{} or {}{zstd}", self.len, self.len - optional),
        }
    }

    /// Tensors without a role, not even `other`, that have an axis of as many places as there are neurons, or of twice
    /// as many: most likely their values should move with the neurons.
    pub fn unmarked(&self) -> &[String] {
        &self.unmarked
    }

    /// Bytes in front of the first tensor.
    pub(super) fn header(&self) -> usize {
        self.tensors.first().map_or(self.len, |first| first.start)
    }

    /// The first byte after the last tensor.
    pub(super) fn end_of_tensors(&self) -> usize {
        let end = self.tensors.last().map(|last| last.start + last.bytes());
        end.unwrap_or(self.len)
    }

    /// Bytes after the last tensor.
    pub(super) fn footer(&self) -> usize {
        self.len - self.end_of_tensors()
    }

    /// The weights of a kind of inputs: tensors, and which of their rows.
    pub(super) fn rows_of(&self, block: Block) -> Vec<(&Tensor, std::ops::Range<usize>)> {
        let mut rows = Vec::new();
        for tensor in self.of_role(Role::FtWeights) {
            match &tensor.inputs[..] {
                [] if block == Block::PieceSquare => rows.push((tensor, 0..tensor.rest())),
                [only] if *only == block => rows.push((tensor, 0..tensor.rest())),
                several => {
                    let mut first = 0;
                    for &kind in several {
                        let end = first + self.input.block(kind);
                        if kind == block {
                            rows.push((tensor, first..end));
                        }
                        first = end;
                    }
                }
            }
        }
        rows
    }

    /// Those of a role.
    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = &Tensor> {
        self.tensors
            .iter()
            .filter(move |tensor| tensor.role == role)
    }

    /// Do engines skip all-zero blocks of these networks? Without that a permutation brings nothing.
    pub fn sparse(&self) -> bool {
        self.has_byte_layer() && !self.is_dense()
    }

    /// Does the engine read all blocks, zero or not, though the first layer is i8?
    pub fn is_dense(&self) -> bool {
        self.first_layer.is_some_and(|layer| layer.dense)
    }

    /// Is the first layer one that engines can skip blocks of four bytes in?
    pub fn has_byte_layer(&self) -> bool {
        self.of_role(Role::L1Weights)
            .any(|tensor| tensor.becomes == ElementType::I8)
    }

    fn check_sizes(&self) -> Result<(), LayoutError> {
        let neurons = self.neurons();
        if !neurons.is_multiple_of(4) {
            return Err(LayoutError::Tensors(format!(
                "the feature transformer has {neurons} outputs per perspective, which do not make blocks of four"
            )));
        }
        self.check_inputs()?;
        for tensor in self.of_role(Role::L1Weights) {
            let along = tensor.along();
            if !along.is_multiple_of(neurons) {
                return Err(tensor_error(
                    &tensor.name,
                    format!(
                        "its neuron axes have {along} places, no multiple of the {neurons} outputs per perspective"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Has every input one row of weights?
    fn check_inputs(&self) -> Result<(), LayoutError> {
        for tensor in self.of_role(Role::FtWeights) {
            let described: usize = tensor
                .inputs
                .iter()
                .map(|&kind| self.input.block(kind))
                .sum();
            if tensor.inputs.len() > 1 && described != tensor.rest() {
                return Err(tensor_error(
                    &tensor.name,
                    format!(
                        "it has {} inputs, [input] describes {described} of these kinds",
                        tensor.rest()
                    ),
                ));
            }
        }
        for kind in Block::ALL {
            let rows: usize = self.rows_of(kind).iter().map(|(_, rows)| rows.len()).sum();
            let described = self.input.block(kind);
            if rows != described {
                let of = match kind {
                    Block::PieceSquare => String::new(),
                    _ => format!(" of {}", kind.name()),
                };
                return Err(LayoutError::Tensors(format!(
                    "the tensors of role ft_weights have {rows} features{of}, [input] describes {described}"
                )));
            }
        }
        Ok(())
    }
}
