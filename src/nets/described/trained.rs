//! What a trainer writes of a network, and how the engine's file is made of it: tensors of floats, of which each tensor
//! of the file is one, in another order of its axes, with a factoriser added, scaled and rounded.

use serde::Deserialize;

use super::error::LayoutError;
use super::merged_kings::MergedKings;
use super::places::tensor_error;
use super::syntax::{RawLayout, RawTensor};
use super::tensor::{ElementType, Role, Tensor};
use crate::files::quote::excerpt;
use crate::nets::MAX_BYTES;

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTrained {
    pub tensors: Vec<NameOrMore>,
    #[serde(default)]
    pub products: Products,
    #[serde(default)]
    pub named: bool,
    #[serde(default)]
    pub padding: String,
}

/// A tensor of the trainer's: its name, or more.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum NameOrMore {
    Name(String),
    More(RawFloats),
}

impl NameOrMore {
    fn floats(&self) -> RawFloats {
        match self {
            NameOrMore::Name(name) => RawFloats {
                name: name.clone(),
                shape: None,
                only_named: false,
            },
            NameOrMore::More(floats) => floats.clone(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFloats {
    pub name: String,
    /// By default that of the tensor that is made of it.
    pub shape: Option<Vec<usize>>,
    #[serde(default)]
    pub only_named: bool,
}

/// What a tensor of the file is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPart {
    pub from: String,
    pub plus: Option<String>,
    pub axes: Option<Vec<usize>>,
    pub kings: Option<Kings>,
    pub divisor: Option<f32>,
    pub limit: Option<f32>,
    pub scale: Option<f64>,
    #[serde(default)]
    pub rounded: Rounded,
    pub saturates: Option<ElementType>,
}

/// What becomes of the plane of the opponent's king.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kings {
    /// It shares the plane of the own king, which is never where the opponent's is.
    Merged,
}

/// In what values are multiplied by their scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Products {
    #[default]
    F32,
    F64,
}

/// When a sum is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rounded {
    /// After it was added up.
    #[default]
    Sum,
    /// Each summand by itself.
    Apart,
}

/// A tensor that the trainer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Floats {
    pub name: String,
    pub shape: Vec<usize>,
    /// Is it missing where tensors have no names?
    pub only_named: bool,
}

impl Floats {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The distance of neighbours along each axis; 0 along axes of one place, whose value counts for all.
    fn strides(&self) -> Vec<usize> {
        let axes = 0..self.shape.len();
        axes.map(|axis| match self.shape[axis] {
            1 => 0,
            _ => self.shape[axis + 1..].iter().product(),
        })
        .collect()
    }
}

/// Where the values of a tensor come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origins {
    /// Which of the trainer's tensors.
    pub tensor: usize,
    /// For each axis of the tensor the distance of neighbours in the trainer's.
    strides: Vec<usize>,
}

impl Origins {
    /// The distance of neighbours along the last axis.
    pub fn stride(&self) -> usize {
        self.strides.last().copied().unwrap_or_default()
    }

    /// Where each row, along the last axis, of a tensor of this shape begins.
    pub fn rows(&self, shape: &[usize], kings: Option<&MergedKings>) -> Vec<usize> {
        let (outer, _) = shape.split_at(shape.len() - 1);
        let mut rows = vec![0];
        for (axis, &places) in outer.iter().enumerate() {
            let stride = self.strides[axis];
            let of = |(before, row): (usize, usize)| {
                (0..places).map(move |place| {
                    let place = match kings {
                        Some(kings) if axis == 1 => kings.row(before, place),
                        _ => place,
                    };
                    row + place * stride
                })
            };
            rows = rows.into_iter().enumerate().flat_map(of).collect();
        }
        rows
    }
}

/// How a tensor of the file is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Of floats.
    Made {
        from: Origins,
        plus: Option<Origins>,
        /// Do both kings get one plane?
        merges_kings: bool,
        how: How,
    },
    /// All its values are this one.
    Constant(i32),
}

/// What is done with each value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct How {
    pub divisor: Option<f32>,
    pub limit: Option<f32>,
    /// `None` for floats that stay floats.
    pub scale: Option<f64>,
    pub rounded: Rounded,
    pub products: Products,
    pub saturates: Option<ElementType>,
}

/// What a layout says of its trainer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trained {
    pub tensors: Vec<Floats>,
    /// Do the names of the tensors stand before them in one of the trainer's files?
    pub named: bool,
    /// What the file is filled up with, again and again; zeros if empty.
    pub padding: Vec<u8>,
    /// As many as the layout has tensors.
    pub parts: Vec<Part>,
}

impl Trained {
    /// Bytes of a file that holds nothing but values.
    pub fn plain_bytes(&self) -> u64 {
        let plain = self.tensors.iter().filter(|floats| !floats.only_named);
        plain.map(|floats| 4 * floats.len() as u64).sum()
    }

    /// Bytes of a file in which the tensors have names.
    pub fn named_bytes(&self) -> u64 {
        let of = |floats: &Floats| (floats.name.len() + 1 + 8 + 4 * floats.len()) as u64;
        self.tensors.iter().map(of).sum()
    }
}

fn wrong(text: String) -> LayoutError {
    LayoutError::Trained(text)
}

/// Checks what a layout says of its trainer.
pub(super) fn trained(
    raw: &RawLayout,
    tensors: &[Tensor],
    merged: impl Fn() -> Result<MergedKings, LayoutError>,
) -> Result<Option<Trained>, LayoutError> {
    let Some(said) = &raw.trained else {
        return match raw.tensor.iter().find(|tensor| tensor.trained.is_some()) {
            Some(tensor) => Err(tensor_error(
                &tensor.name,
                "`trained` wants the table [trained]",
            )),
            None => Ok(None),
        };
    };
    if raw.file.header > raw.file.magic.as_ref().map_or(0, String::len) || raw.file.footer > 0 {
        return Err(wrong(
            "a file with a header or footer that is not described cannot be made".into(),
        ));
    }
    if !said.padding.is_empty() && raw.file.pad_to.is_none() {
        return Err(wrong("padding goes with pad_to of [file]".into()));
    }
    check_names(said, &raw.tensor)?;
    check_axes(&raw.tensor)?;
    let floats = floats(said, &raw.tensor)?;
    let mut parts = Vec::with_capacity(tensors.len());
    for (written, tensor) in raw.tensor.iter().zip(tensors) {
        parts.push(part(written, tensor, &floats, said.products, &merged)?);
    }
    Ok(Some(Trained {
        tensors: floats,
        named: said.named,
        padding: said.padding.clone().into_bytes(),
        parts,
    }))
}

/// Is all there that tensors are made of?
fn check_names(said: &RawTrained, tensors: &[RawTensor]) -> Result<(), LayoutError> {
    let known: Vec<String> = said.tensors.iter().map(|one| one.floats().name).collect();
    for tensor in tensors {
        let part = tensor.trained.iter();
        let mut names = part.flat_map(|part| [&part.from].into_iter().chain(&part.plus));
        if let Some(name) = names.find(|name| !known.contains(name)) {
            let text = format!("[trained] has no tensor {}", excerpt(name.as_bytes()));
            return Err(tensor_error(&tensor.name, text));
        }
    }
    Ok(())
}

/// Are all axes there that tensors are made along?
fn check_axes(tensors: &[RawTensor]) -> Result<(), LayoutError> {
    for tensor in tensors {
        let axes = tensor.trained.iter().flat_map(|part| &part.axes).flatten();
        let count = tensor.shape.len();
        if let Some(axis) = axes.copied().find(|&axis| axis >= count) {
            let text =
                format!("axes of `trained` has {axis}, axes count from 0 and there are {count}");
            return Err(tensor_error(&tensor.name, text));
        }
    }
    Ok(())
}

/// The shape that floats have of which this tensor is made.
fn shape_before(tensor: &RawTensor) -> Option<Vec<usize>> {
    let said = tensor.trained.as_ref()?;
    let mut made = tensor.shape.clone();
    if said.kings.is_some() {
        // Without inputs it is refused later.
        if let Some(rows) = made.get_mut(1) {
            *rows = MergedKings::ROWS;
        }
    }
    let mut shape = vec![0; made.len()];
    for (axis, places) in said.axes.iter().flatten().zip(&made) {
        *shape.get_mut(*axis)? = *places;
    }
    // Without axes, or with such as are refused later.
    Some(if shape.contains(&0) { made } else { shape })
}

fn floats(said: &RawTrained, tensors: &[RawTensor]) -> Result<Vec<Floats>, LayoutError> {
    let mut list: Vec<Floats> = Vec::with_capacity(said.tensors.len());
    let mut total = 0u64;
    for written in said.tensors.iter().map(NameOrMore::floats) {
        let name = &written.name;
        let is_made_of_it = |tensor: &&RawTensor| {
            let said = tensor.trained.as_ref();
            said.is_some_and(|said| said.from == *name)
        };
        let derived = || tensors.iter().find(is_made_of_it).and_then(shape_before);
        let shape = written.shape.clone().or_else(derived).unwrap_or_default();
        let len = shape.iter().try_fold(4u64, |a, &b| a.checked_mul(b as u64));
        total = match len.and_then(|len| total.checked_add(len)) {
            Some(total) if total <= MAX_BYTES => total,
            _ => return Err(wrong(format!("it describes more than {MAX_BYTES} bytes"))),
        };
        let problem = if shape.is_empty() {
            "wants a shape, since no tensor is made of it"
        } else if shape.contains(&0) {
            "has an axis without places"
        } else if shape.len() > 8 {
            "has more than 8 axes"
        } else if list.iter().any(|other| other.name == *name) {
            "is there twice"
        } else if written.only_named && !said.named {
            "is only_named, but the tensors have no names (named = true)"
        } else if name.is_empty() || name.len() > 100 || name.contains('\n') {
            "has no name of one line"
        } else {
            list.push(Floats {
                name: name.clone(),
                shape,
                only_named: written.only_named,
            });
            continue;
        };
        return Err(wrong(format!("{} {problem}", excerpt(name.as_bytes()))));
    }
    Ok(list)
}

fn part(
    written: &RawTensor,
    tensor: &Tensor,
    floats: &[Floats],
    products: Products,
    merged: &impl Fn() -> Result<MergedKings, LayoutError>,
) -> Result<Part, LayoutError> {
    let wrong = |text: String| tensor_error(&tensor.name, text);
    let Some(said) = &written.trained else {
        return match tensor.expect.first() {
            Some(&value) => Ok(Part::Constant(value)),
            None => Err(wrong(
                "[trained] wants `trained`, what it is made of, or `expect`".into(),
            )),
        };
    };
    let find = |name: &str| {
        let place = floats.iter().position(|floats| floats.name == name);
        place.ok_or_else(|| {
            wrong(format!(
                "[trained] has no tensor {}",
                excerpt(name.as_bytes())
            ))
        })
    };
    let from = find(&said.from)?;
    let axes = said.axes.clone();
    let axes = axes.unwrap_or_else(|| (0..tensor.shape.len()).collect());
    let kings = match said.kings {
        Some(Kings::Merged) if tensor.role != Role::FtWeights => {
            return Err(wrong("kings goes with the role ft_weights".into()));
        }
        Some(Kings::Merged) => Some(merged()?),
        None => None,
    };
    // The shape that the floats must have, along the axes of the tensor.
    let mut shape = tensor.shape.clone();
    if let Some(kings) = &kings {
        if shape.len() != 3 || shape[..2] != [kings.buckets(), kings.merged_rows()] {
            return Err(wrong(
                "with kings its axes are king buckets, inputs and columns".into(),
            ));
        }
        shape[1] = MergedKings::ROWS;
    }
    let source = &floats[from];
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    let described: Vec<usize> = axes
        .iter()
        .filter_map(|&axis| source.shape.get(axis).copied())
        .collect();
    if sorted != (0..shape.len()).collect::<Vec<_>>()
        || source.shape.len() != shape.len()
        || described != shape
    {
        return Err(wrong(format!(
            "{} of [trained] has the shape {:?}, which its axes in the order {axes:?} do not make {shape:?}",
            excerpt(source.name.as_bytes()),
            source.shape
        )));
    }
    let origins = |at: usize| {
        let strides = floats[at].strides();
        Origins {
            tensor: at,
            strides: axes.iter().map(|&axis| strides[axis]).collect(),
        }
    };
    let plus = said.plus.as_deref().map(find).transpose()?;
    if let Some(plus) = plus {
        let added = &floats[plus];
        let fits = |(&places, &of): (&usize, &usize)| places == of || places == 1;
        if added.shape.len() != source.shape.len()
            || !added.shape.iter().zip(&source.shape).all(fits)
        {
            return Err(wrong(format!(
                "{} cannot be added to {}: each of its axes has as many places, or 1",
                excerpt(added.name.as_bytes()),
                excerpt(source.name.as_bytes())
            )));
        }
    }
    Ok(Part::Made {
        from: origins(from),
        plus: plus.map(origins),
        merges_kings: kings.is_some(),
        how: how(said, tensor, products)?,
    })
}

fn how(said: &RawPart, tensor: &Tensor, products: Products) -> Result<How, LayoutError> {
    let wrong = |text: &str| Err(tensor_error(&tensor.name, text));
    let positive = |number: f64| number.is_finite() && number > 0.0;
    let numbers = [
        said.divisor.map(f64::from),
        said.limit.map(f64::from),
        said.scale,
    ];
    if !numbers.into_iter().flatten().all(positive) {
        return wrong("divisor, limit and scale are above 0");
    }
    let is_float = tensor.element == ElementType::F32;
    if is_float == said.scale.is_some() {
        return wrong("integers have a scale, and floats have none");
    }
    if is_float && (said.rounded == Rounded::Apart || said.saturates.is_some()) {
        return wrong("rounded and saturates are for integers");
    }
    if said.rounded == Rounded::Apart && said.plus.is_none() {
        return wrong("rounded = \"apart\" goes with plus");
    }
    if let Some(before) = said.saturates {
        let (of_tensor, of_type) = (tensor.element.range(), before.range());
        if of_type.0 >= of_tensor.0 && of_type.1 <= of_tensor.1 {
            return wrong("saturates is a type that holds more than the tensor's");
        }
    }
    if said.rounded == Rounded::Apart && (said.limit.is_some() || said.divisor.is_some()) {
        return wrong("limit and divisor do not go with rounded = \"apart\"");
    }
    Ok(How {
        divisor: said.divisor,
        limit: said.limit,
        scale: said.scale,
        rounded: said.rounded,
        products,
        saturates: said.saturates,
    })
}
