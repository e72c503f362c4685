//! A layout as a user writes it: TOML, checked so that all else can rely on it.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::error::{LayoutError, LayoutFileError};
use super::input::{Input, Mirror, piece_of_letter};
use super::tensor::{ElementType, Role, Tensor};
use crate::files::quote::{excerpt, excerpt_of};
use crate::nets::MAX_BYTES;
use crate::order::Pairing;

/// Longest layout that is read, in bytes.
const MAX_TOML: u64 = 1 << 20;

/// More accumulator columns than any network has.
const MAX_COLUMNS: usize = 1 << 16;

/// More axes than any tensor has, and more tensors than any network.
const MAX_AXES: usize = 8;
const MAX_TENSORS: usize = 4096;

/// What a network file is, tensor by tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// A name for people.
    pub name: String,
    pub(super) compression: FileCompression,
    pub(super) magic: Option<String>,
    pub(super) input: Input,
    pub(super) activation: LayoutActivation,
    pub(super) tensors: Vec<Tensor>,
    /// Accumulator columns per perspective.
    pub(super) columns: usize,
    /// Bytes of the unpacked file.
    pub(crate) len: usize,
}

/// How the whole file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileCompression {
    #[default]
    None,
    Zstd,
}

/// How accumulators become outputs, with `c(x) = clamp(x, 0, clamp)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivationKind {
    /// `c(a) >> shift`
    Clipped,
    /// `c(a) * c(a) >> shift`
    Squared,
    /// `c(a) * c(b) >> shift` of the two columns of a pair
    Pairwise,
}

/// The accumulator's type: sums wrap around in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Accumulator {
    I16,
    I32,
    F32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LayoutActivation {
    pub kind: ActivationKind,
    /// At least 1; for floats as it was written.
    pub clamp: f64,
    pub shift: u32,
    pub pairing: Pairing,
    pub accumulator: Accumulator,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLayout {
    format: u32,
    name: String,
    #[serde(default)]
    file: RawFile,
    input: RawInput,
    activation: RawActivation,
    tensor: Vec<RawTensor>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    compression: FileCompression,
    #[serde(default)]
    header: usize,
    magic: Option<String>,
    #[serde(default)]
    footer: usize,
    pad_to: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    #[serde(default = "two")]
    perspectives: usize,
    #[serde(default = "own_first")]
    planes: String,
    #[serde(default)]
    first_square: FirstSquare,
    #[serde(default)]
    mirror: Mirror,
    king_buckets: Option<Vec<u8>>,
}

fn two() -> usize {
    2
}

fn own_first() -> String {
    "PNBRQKpnbrqk".to_string()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FirstSquare {
    #[default]
    A1,
    A8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawActivation {
    kind: ActivationKind,
    clamp: Option<f64>,
    #[serde(default)]
    shift: u32,
    pairs: Option<RawPairing>,
    accumulator: Option<Accumulator>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawPairing {
    Halves,
    Adjacent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTensor {
    name: String,
    #[serde(default = "other")]
    role: Role,
    #[serde(rename = "type")]
    element: ElementType,
    shape: Vec<usize>,
    neuron: Option<RawAxes>,
}

fn other() -> Role {
    Role::Other
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawAxes {
    One(usize),
    Several(Vec<usize>),
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
                    .filter(|&&it| it == b'\n')
                    .count(),
                message: excerpt_of(error.message().replace('\n', " ").as_bytes(), 300),
            }
        })?;
        if raw.format != 1 {
            return Err(LayoutError::Format(raw.format));
        }
        let (tensors, len) = tensors(&raw)?;
        let columns = columns(&tensors)?;
        let activation = activation(&raw.activation, &tensors)?;
        let layout = Layout {
            name: raw.name,
            compression: raw.file.compression,
            magic: raw.file.magic,
            input: input(&raw.input)?,
            activation,
            tensors,
            columns,
            len,
        };
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

    /// How accumulators become outputs.
    pub fn activation_kind(&self) -> ActivationKind {
        self.activation.kind
    }

    /// The tensors in file order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Those of a role.
    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = &Tensor> {
        self.tensors
            .iter()
            .filter(move |tensor| tensor.role == role)
    }

    /// Is the first layer one that engines can skip blocks of four bytes in?
    pub fn has_byte_layer(&self) -> bool {
        self.of_role(Role::L1Weights)
            .any(|tensor| tensor.element == ElementType::I8)
    }

    fn check_sizes(&self) -> Result<(), LayoutError> {
        let neurons = self.neurons();
        if !neurons.is_multiple_of(4) {
            return Err(LayoutError::Tensors(format!(
                "the feature transformer has {neurons} outputs per perspective, which do not make blocks of four"
            )));
        }
        let features: usize = self.of_role(Role::FtWeights).map(Tensor::rest).sum();
        let described = self.input.features();
        if features != described {
            return Err(LayoutError::Tensors(format!(
                "the tensors of role ft_weights have {features} features, [input] describes {described}"
            )));
        }
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
}

fn tensor_error(tensor: &str, problem: impl Into<String>) -> LayoutError {
    LayoutError::Tensor {
        tensor: excerpt(tensor.as_bytes()),
        problem: problem.into(),
    }
}

/// The tensors at their places, and the length of the file.
fn tensors(raw: &RawLayout) -> Result<(Vec<Tensor>, usize), LayoutError> {
    let file = &raw.file;
    if file.footer > 0 && file.pad_to.is_some() {
        return Err(LayoutError::File(
            "footer and pad_to are two ways to say what follows the tensors: give one".into(),
        ));
    }
    if let Some(magic) = &file.magic
        && magic.len() > file.header
    {
        return Err(LayoutError::File(format!(
            "a magic of {} bytes does not fit into a header of {}",
            magic.len(),
            file.header
        )));
    }
    let too_long = || LayoutError::Tensors(format!("it describes more than {MAX_BYTES} bytes"));
    let within = |len: usize| {
        if len as u64 > MAX_BYTES {
            Err(too_long())
        } else {
            Ok(len)
        }
    };
    if raw.tensor.len() > MAX_TENSORS {
        return Err(LayoutError::Tensors(format!(
            "it describes {} tensors, more than {MAX_TENSORS}",
            raw.tensor.len()
        )));
    }
    let mut end = within(file.header)?;
    let mut tensors: Vec<Tensor> = Vec::with_capacity(raw.tensor.len());
    for it in &raw.tensor {
        if tensors.iter().any(|other| other.name == it.name) {
            return Err(tensor_error(&it.name, "two tensors have this name"));
        }
        if it.shape.is_empty() || it.shape.contains(&0) {
            return Err(tensor_error(
                &it.name,
                "every axis of its shape has at least 1 place",
            ));
        }
        if it.shape.len() > MAX_AXES {
            return Err(tensor_error(
                &it.name,
                format!(
                    "its shape has {} axes, more than {MAX_AXES}",
                    it.shape.len()
                ),
            ));
        }
        let bytes = it
            .shape
            .iter()
            .try_fold(it.element.bytes(), |a, &b| a.checked_mul(b))
            .and_then(|bytes| end.checked_add(bytes));
        let next = within(bytes.ok_or_else(too_long)?)?;
        tensors.push(Tensor {
            name: it.name.clone(),
            role: it.role,
            element: it.element,
            shape: it.shape.clone(),
            start: end,
            neuron_axes: neuron_axes(it)?,
        });
        end = next;
    }
    end = within(end.saturating_add(file.footer))?;
    if let Some(unit) = file.pad_to {
        if unit == 0 {
            return Err(LayoutError::File(
                "pad_to is a number of bytes above 0".into(),
            ));
        }
        end = within(end.checked_next_multiple_of(unit).ok_or_else(too_long)?)?;
    }
    Ok((tensors, end))
}

fn neuron_axes(tensor: &RawTensor) -> Result<Vec<usize>, LayoutError> {
    let axes = match &tensor.neuron {
        None => Vec::new(),
        Some(RawAxes::One(axis)) => vec![*axis],
        Some(RawAxes::Several(axes)) => axes.clone(),
    };
    let problem = if axes.is_empty() != (tensor.role == Role::Other) {
        if axes.is_empty() {
            "its role wants `neuron`, the axis along which the neurons lie"
        } else {
            "a tensor without a role is never touched: give it a role, or no `neuron`"
        }
    } else if axes.iter().any(|&axis| axis >= tensor.shape.len()) {
        "`neuron` names an axis that its shape does not have (the first one is 0)"
    } else if (1..axes.len()).any(|at| axes[..at].contains(&axes[at])) {
        "`neuron` names an axis twice"
    } else if tensor.role != Role::Other && tensor.element == ElementType::U8 {
        "weights are signed: its type is i8, i16, i32 or f32"
    } else {
        return Ok(axes);
    };
    Err(tensor_error(&tensor.name, problem))
}

/// Accumulator columns, on which all tensors of the feature transformer must agree.
fn columns(tensors: &[Tensor]) -> Result<usize, LayoutError> {
    let of = |role: Role| tensors.iter().filter(move |it| it.role == role);
    if of(Role::FtWeights).next().is_none() || of(Role::L1Weights).next().is_none() {
        return Err(LayoutError::Tensors(
            "a layout has at least a tensor of role ft_weights and one of role l1_weights".into(),
        ));
    }
    if of(Role::FtBias).count() > 1 {
        return Err(LayoutError::Tensors(
            "two tensors have the role ft_bias".into(),
        ));
    }
    let mut columns = None;
    for tensor in of(Role::FtWeights).chain(of(Role::FtBias)) {
        let along = tensor.along();
        let expected = *columns.get_or_insert(along);
        if along != expected {
            return Err(tensor_error(
                &tensor.name,
                format!("it has {along} accumulator columns, an earlier tensor has {expected}"),
            ));
        }
        if tensor.role == Role::FtBias && tensor.rest() != 1 {
            return Err(tensor_error(
                &tensor.name,
                "biases have no other axis than that of the neurons",
            ));
        }
    }
    let columns = columns.unwrap_or_default();
    for tensor in of(Role::L1Weights) {
        if tensor.along() > 4 * MAX_COLUMNS {
            return Err(tensor_error(
                &tensor.name,
                "no first layer has so many inputs",
            ));
        }
    }
    if columns > MAX_COLUMNS {
        return Err(LayoutError::Tensors(format!(
            "{columns} accumulator columns are more than the {MAX_COLUMNS} of any network"
        )));
    }
    Ok(columns)
}

fn activation(raw: &RawActivation, tensors: &[Tensor]) -> Result<LayoutActivation, LayoutError> {
    let wrong = |text: &str| Err(LayoutError::Activation(text.into()));
    let mut ft = tensors
        .iter()
        .filter(|it| matches!(it.role, Role::FtWeights | Role::FtBias))
        .map(|it| it.element);
    let floats = ft.clone().any(|it| it == ElementType::F32);
    let wide = ft.any(|it| it == ElementType::I32);
    let accumulator = raw.accumulator.unwrap_or(match (floats, wide) {
        (true, _) => Accumulator::F32,
        (false, true) => Accumulator::I32,
        (false, false) => Accumulator::I16,
    });
    if floats != (accumulator == Accumulator::F32) {
        return wrong("the accumulator is f32 exactly if weights or biases are");
    }
    if wide && accumulator == Accumulator::I16 {
        return wrong("an accumulator of i16 does not hold weights or biases of i32");
    }
    let clamp = match raw.clamp {
        Some(clamp) if floats && clamp > 0.0 => clamp,
        Some(clamp)
            if !floats && clamp >= 1.0 && clamp <= f64::from(i32::MAX) && clamp.fract() == 0.0 =>
        {
            clamp
        }
        Some(_) => return wrong("clamp is a whole number from 1 (any number above 0 for f32)"),
        None if floats => f64::INFINITY,
        None => f64::from(i32::MAX),
    };
    if raw.shift > 31 || floats && raw.shift > 0 {
        return wrong("shift is at most 31, and 0 for f32");
    }
    let pairing = match (raw.kind, raw.pairs) {
        (ActivationKind::Pairwise, None | Some(RawPairing::Halves)) => Pairing::Halves,
        (ActivationKind::Pairwise, Some(RawPairing::Adjacent)) => Pairing::Adjacent,
        (_, None) => Pairing::Halves,
        (_, Some(_)) => return wrong("pairs goes with kind = \"pairwise\" only"),
    };
    Ok(LayoutActivation {
        kind: raw.kind,
        clamp,
        shift: raw.shift,
        pairing,
        accumulator,
    })
}

fn input(raw: &RawInput) -> Result<Input, LayoutError> {
    let wrong = |text: String| Err(LayoutError::Input(text));
    if !(1..=2).contains(&raw.perspectives) {
        return wrong("perspectives is 1 or 2".into());
    }
    let mut planes = [u8::MAX; 12];
    for (plane, letter) in raw.planes.chars().enumerate() {
        match piece_of_letter(letter) {
            Some(piece) if planes[piece] == u8::MAX => planes[piece] = plane as u8,
            _ => {
                return wrong(format!(
                    "planes names each of PNBRQK (own) and pnbrqk (the opponent's) once, `{letter}` does not fit"
                ));
            }
        }
    }
    let (own_king, their_king) = (10, 11);
    if planes[their_king] == u8::MAX {
        // Both kings share a plane.
        planes[their_king] = planes[own_king];
    }
    if planes.contains(&u8::MAX) {
        return wrong(
            "planes leaves a piece out (only k may be: both kings then share the plane K)".into(),
        );
    }
    let (buckets, bucket_count) = king_buckets(raw)?;
    Ok(Input {
        buckets,
        bucket_count,
        mirror: raw.mirror,
        planes,
        plane_count: raw.planes.chars().count(),
        from_a8: raw.first_square == FirstSquare::A8,
        perspectives: raw.perspectives,
    })
}

fn king_buckets(raw: &RawInput) -> Result<([u8; 64], usize), LayoutError> {
    let mut buckets = [0; 64];
    let Some(list) = &raw.king_buckets else {
        return Ok((buckets, 1));
    };
    match (list.len(), raw.mirror) {
        (64, _) => buckets.copy_from_slice(list),
        (32, Mirror::Abcd | Mirror::Efgh) => {
            let first = if raw.mirror == Mirror::Abcd { 0 } else { 4 };
            for (at, &bucket) in list.iter().enumerate() {
                buckets[at / 4 * 8 + first + at % 4] = bucket;
            }
        }
        (found, _) => {
            return Err(LayoutError::Input(format!(
                "king_buckets has 64 entries, or 32 with mirror (the four files that the king is on), not {found}"
            )));
        }
    }
    let count = list.iter().max().map_or(0, |&most| usize::from(most) + 1);
    if let Some(missing) =
        (0..count).find(|&it| !list.iter().any(|&bucket| usize::from(bucket) == it))
    {
        return Err(LayoutError::Input(format!(
            "king_buckets goes up to {}, but {missing} is not in it",
            count - 1
        )));
    }
    Ok((buckets, count))
}
