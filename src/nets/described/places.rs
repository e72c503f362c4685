//! Where the tensors of a layout are in the file, and whether they fit together.

use super::error::LayoutError;
use super::storage::Encoding;
use super::syntax::{Padding, RawFile, RawLayout, RawTensor};
use super::tensor::{ElementType, Role, Tensor};
use crate::files::quote::excerpt;
use crate::nets::MAX_BYTES;

/// More accumulator columns than any network has.
const MAX_COLUMNS: usize = 1 << 16;

/// More axes than any tensor has, and more tensors than any network.
const MAX_AXES: usize = 8;
const MAX_TENSORS: usize = 4096;

/// Tensors at their places.
pub(super) struct Places {
    pub tensors: Vec<Tensor>,
    /// Bytes of the unpacked file.
    pub len: usize,
    /// How many bytes at its end need not be there.
    pub optional: usize,
}

pub(super) fn tensor_error(tensor: &str, problem: impl Into<String>) -> LayoutError {
    LayoutError::Tensor {
        tensor: excerpt(tensor.as_bytes()),
        problem: problem.into(),
    }
}

fn check_file(file: &RawFile) -> Result<(), LayoutError> {
    let wrong = |text: String| Err(LayoutError::File(text));
    if file.footer > 0 && file.pad_to.is_some() {
        return wrong(
            "footer and pad_to are two ways to say what follows the tensors: give one".into(),
        );
    }
    if let Some(magic) = &file.magic
        && magic.len() > file.header
    {
        return wrong(format!(
            "a magic of {} bytes does not fit into a header of {}",
            magic.len(),
            file.header
        ));
    }
    if file.encoding == Encoding::Leb128 && file.pad_to.is_some() {
        return wrong("pad_to is for encoding = \"fixed\"".into());
    }
    if file.encoding == Encoding::Leb128 && file.plain > file.header {
        return wrong(
            "with encoding = \"leb128\" the plain bytes are no more than the header".into(),
        );
    }
    if file.padding == Padding::Optional && file.pad_to.is_none() {
        return wrong("padding goes with pad_to".into());
    }
    if file.pad_to == Some(0) {
        return wrong("pad_to is a number of bytes above 0".into());
    }
    Ok(())
}

/// The tensors at their places, and the length of the file.
pub(super) fn places(raw: &RawLayout) -> Result<Places, LayoutError> {
    let file = &raw.file;
    check_file(file)?;
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
    for written in &raw.tensor {
        if tensors.iter().any(|other| other.name == written.name) {
            return Err(tensor_error(&written.name, "two tensors have this name"));
        }
        let tensor = tensor(written, end)?;
        let bytes = tensor
            .shape
            .iter()
            .try_fold(tensor.element.bytes(), |a, &b| a.checked_mul(b))
            .and_then(|bytes| end.checked_add(bytes));
        end = within(bytes.ok_or_else(too_long)?)?;
        tensors.push(tensor);
    }
    let described = end;
    end = within(end.saturating_add(file.footer))?;
    if let Some(unit) = file.pad_to {
        end = within(end.checked_next_multiple_of(unit).ok_or_else(too_long)?)?;
    }
    if file.plain > end {
        return Err(LayoutError::File(format!(
            "it has {end} bytes, so {} cannot be plain",
            file.plain
        )));
    }
    let optional = match file.padding {
        Padding::Optional => end - described,
        Padding::Required => 0,
    };
    Ok(Places {
        tensors,
        len: end,
        optional,
    })
}

fn tensor(written: &RawTensor, start: usize) -> Result<Tensor, LayoutError> {
    let wrong = |text: String| Err(tensor_error(&written.name, text));
    let role = written.role.unwrap_or(Role::Other);
    if written.shape.is_empty() || written.shape.contains(&0) {
        return wrong("every axis of its shape has at least 1 place".into());
    }
    if written.shape.len() > MAX_AXES {
        return wrong(format!(
            "its shape has {} axes, more than {MAX_AXES}",
            written.shape.len()
        ));
    }
    let inputs = written
        .inputs
        .as_ref()
        .map_or(Vec::new(), |list| list.list());
    if !inputs.is_empty() && role != Role::FtWeights {
        return wrong("inputs goes with the role ft_weights".into());
    }
    if written.becomes.is_some() && role != Role::L1Weights {
        return wrong("becomes goes with the role l1_weights".into());
    }
    if (1..inputs.len()).any(|at| inputs[..at].contains(&inputs[at])) {
        return wrong("`inputs` names a kind of them twice".into());
    }
    let expect = written
        .expect
        .as_ref()
        .map_or(Vec::new(), |list| list.list());
    if (role == Role::Flag) != written.set.is_some() {
        return wrong("the role flag and `set`, its value in a permuted file, go together".into());
    }
    if !expect.is_empty() && !matches!(role, Role::Other | Role::Flag) {
        return wrong("expect is for tensors without weights of the first two layers".into());
    }
    let fits = |value: &i64| match written.element {
        ElementType::U8 => u8::try_from(*value).is_ok(),
        ElementType::I8 => i8::try_from(*value).is_ok(),
        ElementType::I16 => i16::try_from(*value).is_ok(),
        ElementType::I32 => i32::try_from(*value).is_ok(),
        ElementType::F32 => false,
    };
    let mut values = expect.iter().chain(&written.set);
    if let Some(value) = values.find(|value| !fits(value)) {
        return wrong(format!("its type does not hold the value {value}"));
    }
    if let Some(set) = written.set
        && !expect.is_empty()
        && !expect.contains(&set)
    {
        return wrong(format!("{set}, which is set, is not among those expected"));
    }
    Ok(Tensor {
        name: written.name.clone(),
        role,
        element: written.element,
        shape: written.shape.clone(),
        start,
        neuron_axes: neuron_axes(written, role)?,
        becomes: written.becomes.unwrap_or(written.element),
        inputs,
        expect: expect.into_iter().map(|value| value as i32).collect(),
        set: written.set.map(|value| value as i32),
    })
}

fn neuron_axes(tensor: &RawTensor, role: Role) -> Result<Vec<usize>, LayoutError> {
    let axes = tensor
        .neuron
        .as_ref()
        .map_or(Vec::new(), |list| list.list());
    let untouched = matches!(role, Role::Other | Role::Flag);
    let problem = if axes.is_empty() != untouched {
        if axes.is_empty() {
            "its role wants `neuron`, the axis along which the neurons lie"
        } else {
            "a tensor without a role is never touched: give it a role, or no `neuron`"
        }
    } else if axes.iter().any(|&axis| axis >= tensor.shape.len()) {
        "`neuron` names an axis that its shape does not have (the first one is 0)"
    } else if (1..axes.len()).any(|at| axes[..at].contains(&axes[at])) {
        "`neuron` names an axis twice"
    } else if !untouched && tensor.element == ElementType::U8 {
        "weights are signed: its type is i8, i16, i32 or f32"
    } else {
        return Ok(axes);
    };
    Err(tensor_error(&tensor.name, problem))
}

/// Accumulator columns, on which all tensors of the feature transformer must agree.
pub(super) fn columns(tensors: &[Tensor]) -> Result<usize, LayoutError> {
    let of = |role: Role| tensors.iter().filter(move |tensor| tensor.role == role);
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
