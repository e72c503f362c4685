//! A state dictionary to be written, and the `torch.save` archive that holds one.

use std::io::{self, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::bytes::FileBytes;
use super::provenance::{self, Provenance};
use super::safetensors::contiguous_strides;

/// Named tensors of single precision, in the order of the trainer's model.
pub struct StateDict<'a> {
    pub tensors: Vec<StateTensor<'a>>,
    /// Which network they make, to be noted beside them.
    pub provenance: Option<Provenance>,
}

/// Fills a row of a tensor.
pub(super) type FillRow<'a> = Box<dyn Fn(usize, &mut [f32]) + 'a>;

/// One tensor, made row by row so that it never lies in memory as a whole.
pub struct StateTensor<'a> {
    /// Key of the state dictionary.
    pub name: String,
    /// One or two dimensions.
    pub shape: Vec<usize>,
    pub(super) fill: FillRow<'a>,
    /// What the rows are read from, if it may fail.
    pub(super) source: Option<&'a FileBytes>,
}

impl StateTensor<'_> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Has it no elements?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rows_and_columns(&self) -> (usize, usize) {
        match *self.shape.as_slice() {
            [rows, columns] => (rows, columns),
            _ => (1, self.len()),
        }
    }

    /// Writes all elements as little-endian numbers.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (rows, columns) = self.rows_and_columns();
        let mut row = vec![0f32; columns];
        let mut bytes = Vec::with_capacity(4 * columns);
        for number in 0..rows {
            (self.fill)(number, &mut row);
            bytes.clear();
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            out.write_all(&bytes)?;
        }
        self.source.map_or(Ok(()), FileBytes::check)
    }
}

/// Folder of the members, the name that `torch.save` takes when it writes into a stream.
const FOLDER: &str = "archive";

/// Writes a state dictionary as `torch.save` does, to be read with `torch.load(..., weights_only=True)` and handed to
/// `load_state_dict`.
///
/// # Errors
/// Those of the writer.
pub fn write_torch(state: &StateDict<'_>, out: &mut impl Write) -> io::Result<()> {
    // Tensor data are aligned as PyTorch's own, for those who map the file.
    let plain = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .with_alignment(64);
    let mut archive = ZipWriter::new_stream(out);
    archive.start_file(format!("{FOLDER}/data.pkl"), plain)?;
    archive.write_all(&pickle(state))?;
    archive.start_file(format!("{FOLDER}/byteorder"), plain)?;
    archive.write_all(b"little")?;
    for (number, tensor) in state.tensors.iter().enumerate() {
        let large = 4 * tensor.len() as u64 > u64::from(u32::MAX);
        archive.start_file(format!("{FOLDER}/data/{number}"), plain.large_file(large))?;
        tensor.write(&mut archive)?;
    }
    archive.start_file(format!("{FOLDER}/version"), plain)?;
    archive.write_all(b"3\n")?;
    if let Some(provenance) = &state.provenance {
        archive.start_file(format!("{FOLDER}/{}", provenance::MEMBER), plain)?;
        archive.write_all(provenance.json().as_bytes())?;
    }
    archive.finish()?;
    Ok(())
}

/// `OrderedDict([(name, tensor), ...])` in protocol 2.
fn pickle(state: &StateDict<'_>) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (number, tensor) in state.tensors.iter().enumerate() {
        text(&mut out, &tensor.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &number.to_string());
        text(&mut out, "cpu");
        integer(&mut out, tensor.len());
        out.extend(b"tQ");
        integer(&mut out, 0);
        tuple(&mut out, &tensor.shape);
        tuple(&mut out, &contiguous_strides(&tensor.shape));
        // No gradient wanted, no hooks.
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, value: usize) {
    match i32::try_from(value) {
        Ok(value) => {
            out.push(b'J');
            out.extend(value.to_le_bytes());
        }
        // LONG1 of nine bytes, the last one for the sign.
        Err(_) => {
            out.extend([0x8A, 9]);
            out.extend((value as u64).to_le_bytes());
            out.push(0);
        }
    }
}

fn tuple(out: &mut Vec<u8>, values: &[usize]) {
    out.push(b'(');
    for &value in values {
        integer(out, value);
    }
    out.push(b't');
}
