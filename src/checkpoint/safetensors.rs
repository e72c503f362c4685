//! The safetensors container: a JSON header, then the tensors one after the other.

use std::io::{self, Write};

use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use super::error::CheckpointError;
use super::state_dict::StateDict;
use super::tensor::{ElementType, Tensor};

/// Bytes in front of the header: its length.
const PREFIX: usize = 8;

/// Does the file begin with a length and a JSON object?
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(PREFIX) == Some(&b'{')
}

/// All tensors, in the order of their data.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Tensor>, CheckpointError> {
    let (header_len, metadata) = SafeTensors::read_metadata(bytes)?;
    let start = PREFIX + header_len;
    let mut tensors = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else {
            continue;
        };
        let shape = info.shape.clone();
        let strides = contiguous_strides(&shape);
        let (begin, end) = info.data_offsets;
        let tensor = Tensor {
            name,
            element: element(info.dtype),
            shape,
            strides,
            offset: 0,
            data: start + begin..start + end,
            big_endian: false,
        };
        if tensor.data.end > bytes.len() {
            return Err(safetensors::SafeTensorError::MetadataIncompleteBuffer.into());
        }
        tensor.check().map_err(|problem| CheckpointError::Tensor {
            tensor: tensor.name.clone(),
            problem,
        })?;
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn element(dtype: Dtype) -> ElementType {
    match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        Dtype::I64 | Dtype::U64 => ElementType::Other("int64", 8),
        Dtype::I32 | Dtype::U32 => ElementType::Other("int32", 4),
        Dtype::I16 | Dtype::U16 => ElementType::Other("int16", 2),
        // Whatever smaller types there are or will be, they are only listed.
        _ => ElementType::Other("int8", 1),
    }
}

/// Strides of a tensor whose last index moves fastest.
pub(super) fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(shape[i]);
    }
    strides
}

/// Writes a state dictionary. The data begin at a multiple of eight bytes, and tensors stand in their given order.
///
/// # Errors
/// Those of the writer.
pub fn write(state: &StateDict<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut header = Map::new();
    let mut offset = 0;
    for tensor in &state.tensors {
        let end = offset + 4 * tensor.len();
        let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end]});
        header.insert(tensor.name.clone(), entry);
        offset = end;
    }
    header.insert("__metadata__".to_string(), json!({"format": "pt"}));
    let mut header = Value::Object(header).to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for tensor in &state.tensors {
        tensor.write(out)?;
    }
    Ok(())
}
