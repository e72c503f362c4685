//! The safetensors container: a JSON header, then the tensors one after the other.

use std::io::{self, Write};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bytes::FileBytes;
use super::error::CheckpointError;
use super::provenance;
use super::state_dict::StateDict;
use super::tensor::{ElementType, Tensor};
use crate::files::quote::{excerpt, message};

/// Bytes in front of the header: its length.
const PREFIX: usize = 8;

/// Largest header that is read; those of networks have some hundred bytes.
const MAX_HEADER: u64 = 4 << 20;

/// Longest name of a tensor.
const MAX_NAME: usize = 256;

/// Does the file begin with a length below 2^32 and a JSON object?
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(4..=PREFIX) == Some(b"\0\0\0\0{")
}

/// An entry of the header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// All tensors, in the order of their data.
pub(super) fn read(bytes: &FileBytes) -> Result<Vec<Tensor>, CheckpointError> {
    let damaged = |problem: String| CheckpointError::Safetensors(problem);
    let header_len = bytes
        .head(PREFIX)?
        .first_chunk::<PREFIX>()
        .map_or(u64::MAX, |len| u64::from_le_bytes(*len));
    if header_len > MAX_HEADER {
        return Err(damaged(format!(
            "it says {header_len} bytes, at most {MAX_HEADER} are read"
        )));
    }
    let start = PREFIX + header_len as usize;
    if start > bytes.len() {
        return Err(damaged(format!(
            "it should end at byte {start}, the file has {}",
            bytes.len()
        )));
    }
    let header = bytes.read(PREFIX..start)?;
    let mut entries: Map<String, Value> =
        serde_json::from_slice(&header).map_err(|error| damaged(message(&error)))?;
    entries.remove("__metadata__");
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let problem = |problem: String| CheckpointError::Tensor {
            tensor: excerpt(name.as_bytes()),
            problem,
        };
        if name.len() > MAX_NAME {
            return Err(problem(format!("its name is longer than {MAX_NAME} bytes")));
        }
        let entry: Entry =
            serde_json::from_value(entry).map_err(|error| problem(message(&error)))?;
        let element = element(&entry.dtype);
        let [begin, end] = entry.data_offsets;
        let room = bytes.len() - start;
        if begin > end || end > room {
            return Err(problem(format!(
                "its data should be bytes {begin} to {end} of {room}"
            )));
        }
        let tensor = Tensor {
            strides: contiguous_strides(&entry.shape),
            shape: entry.shape,
            element,
            offset: 0,
            data: start + begin..start + end,
            big_endian: false,
            name: name.clone(),
        };
        tensor.check().map_err(problem)?;
        tensors.push(tensor);
    }
    tensors.sort_by(|a, b| (a.data.start, &a.name).cmp(&(b.data.start, &b.name)));
    check_apart(&tensors)?;
    Ok(tensors)
}

/// Tensors have bytes of their own, each: where two share some, an offset is wrong, and one of them is not what was
/// saved.
fn check_apart(tensors: &[Tensor]) -> Result<(), CheckpointError> {
    let mut last: Option<&Tensor> = None;
    for tensor in tensors.iter().filter(|tensor| !tensor.data.is_empty()) {
        if let Some(last) = last.filter(|last| tensor.data.start < last.data.end) {
            return Err(CheckpointError::Tensor {
                tensor: excerpt(tensor.name.as_bytes()),
                problem: format!(
                    "its data begin at byte {} of the file, within those of `{}`, which end at {}",
                    tensor.data.start,
                    excerpt(last.name.as_bytes()),
                    last.data.end
                ),
            });
        }
        last = Some(tensor);
    }
    Ok(())
}

/// A text of the header's metadata.
pub(super) fn metadata(bytes: &FileBytes, key: &str) -> Result<Option<String>, CheckpointError> {
    let Some(len) = bytes.head(PREFIX)?.first_chunk::<PREFIX>().copied() else {
        return Ok(None);
    };
    let len = u64::from_le_bytes(len).min(MAX_HEADER) as usize;
    let header = bytes.head(PREFIX + len)?;
    let text = || {
        let header: Map<String, Value> = serde_json::from_slice(header.get(PREFIX..)?).ok()?;
        let text = header.get("__metadata__")?.get(key)?.as_str()?;
        Some(text.to_string())
    };
    Ok(text())
}

fn element(dtype: &str) -> ElementType {
    match dtype {
        "F64" => ElementType::F64,
        "F32" => ElementType::F32,
        "F16" => ElementType::F16,
        "BF16" => ElementType::Bf16,
        "I64" | "U64" => ElementType::Other("int64", 8),
        "I32" | "U32" => ElementType::Other("int32", 4),
        "I16" | "U16" => ElementType::Other("int16", 2),
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
    let mut metadata = json!({"format": "pt"});
    if let Some(provenance) = &state.provenance {
        metadata[provenance::KEY] = provenance.json().into();
    }
    header.insert("__metadata__".to_string(), metadata);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem =
            |header: &str, data| read(&file(header, data).into()).unwrap_err().to_string();
        let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let tensors = read(&file(one, 8).into()).unwrap();
        assert_eq!((tensors[0].name.as_str(), tensors[0].len()), ("a", 2));
        assert_eq!(
            problem(one, 7),
            "tensor `a`: its data should be bytes 0 to 8 of 7"
        );
        let large = one.replace("[2]", "[3]");
        assert!(problem(&large, 8).contains("needs elements up to 2"));
        let endless = one.replace("[2]", "[4294967296,4294967296]");
        assert!(problem(&endless, 8).contains("beyond all bounds"));
        let both = format!(
            "{},{}",
            &one[..one.len() - 1],
            &one.replace("\"a\"", "\"b\"")[1..]
        );
        assert_eq!(
            problem(&both, 8),
            format!(
                "tensor `b`: its data begin at byte {} of the file, within those of `a`, which end at {}",
                8 + both.len(),
                16 + both.len()
            )
        );
        let long = one.replace("\"a\"", &format!("\"{}\"", "n".repeat(257)));
        assert!(problem(&long, 8).contains("longer than 256 bytes"));
        assert!(problem("{", 0).starts_with("damaged safetensors header"));
        assert!(read(&(1u64 << 40).to_le_bytes().to_vec().into()).is_err());
        // The same name twice: the later one counts, as in every JSON reader.
        let other = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#;
        let twice = format!("{},{other}", &one[..one.len() - 1]);
        assert_eq!(read(&file(&twice, 12).into()).unwrap().len(), 1);
    }

    #[test]
    fn a_network_is_not_taken_for_one() {
        // A description of 123 bytes puts a brace where the JSON would begin.
        let network = [
            0x20, 0x2F, 0xF3, 0x7A, 0xF2, 0x2E, 0x10, 0x1C, b'{', 0, 0, 0,
        ];
        assert!(!is_safetensors(&network));
        assert!(is_safetensors(&file("{}", 0)));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(at in 0usize..62, byte in any::<u8>(), data in 0usize..20) {
            let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
            let mut bytes = file(one, data);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let _ = read(&bytes.into());
        }
    }
}
