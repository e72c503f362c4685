//! Plain tensors for other programs: single precision in a safetensors file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::tensors::{Source, TensorOptions};
use super::{Lc0Error, Lc0Net};

/// Writing failed, or making what is to be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Net(#[from] Lc0Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Lc0Net<'_> {
    /// Writes the tensors under their paths, with the format and what is known of the training as metadata. One tensor
    /// is in memory at a time.
    ///
    /// # Errors
    /// As [`Lc0Net::tensors`], or `out` fails.
    pub fn write_safetensors(
        &self,
        options: &TensorOptions,
        out: &mut impl Write,
    ) -> Result<usize, Lc0Error> {
        let header = self.header(options)?;
        let count = header.len() - 1;
        let mut text = Value::Object(header).to_string().into_bytes();
        // The data begins at a multiple of eight bytes.
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut write = || {
            out.write_all(&(text.len() as u64).to_le_bytes())?;
            out.write_all(&text)?;
            self.tensors(options, |tensor| {
                let bytes: Vec<u8> = tensor
                    .values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                out.write_all(&bytes)?;
                Ok::<_, WriteError>(())
            })
        };
        match write() {
            Ok(()) => Ok(count),
            Err(WriteError::Net(error)) => Err(error),
            Err(WriteError::Io(error)) => Err(Lc0Error::Write(error)),
        }
    }

    fn header(&self, options: &TensorOptions) -> Result<Map<String, Value>, Lc0Error> {
        let mut header = Map::new();
        header.insert("__metadata__".into(), json!(self.metadata(options)));
        let mut at = 0_u64;
        for (path, shape) in self.planned(options)? {
            let end = at + 4 * shape.iter().product::<usize>() as u64;
            let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [at, end] });
            header.insert(path, entry);
            at = end;
        }
        Ok(header)
    }

    /// Paths and shapes in the order of [`Lc0Net::tensors`].
    fn planned(&self, options: &TensorOptions) -> Result<Vec<(String, Vec<usize>)>, Lc0Error> {
        let shapes = self.survey().shapes;
        let known = |path: &str, count: usize| {
            let shape = shapes.get(path).cloned();
            let fits = |shape: &Vec<usize>| shape.iter().product::<usize>() == count;
            shape.filter(fits).unwrap_or_else(|| vec![count])
        };
        let mut planned = Vec::new();
        for (path, source) in self.sources(options)? {
            match source {
                Source::Layer(node) => {
                    let shape = known(&path, super::layer::Layer::of(node).count());
                    planned.push((path, shape));
                }
                Source::Block(node) => {
                    let count = |name| super::shape::count(node, name);
                    let weights = format!("{path}.weights");
                    let shape = known(&weights, count("weights"));
                    planned.push((weights, shape));
                    planned.push((format!("{path}.biases"), vec![count("bn_means")]));
                }
            }
        }
        Ok(planned)
    }

    fn metadata(&self, options: &TensorOptions) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([
            ("source".to_string(), "lc0".to_string()),
            ("min_version".to_string(), self.min_version().to_string()),
            (
                "batch_norm_folded".to_string(),
                options.fold_batch_norm.to_string(),
            ),
        ]);
        for (field, name) in self.format.names() {
            metadata.insert(format!("format.{field}"), name);
        }
        if let Some(weights) = self.weights() {
            for name in ["headcount", "pol_headcount"] {
                if let Some(heads) = weights.uint(name) {
                    metadata.insert(name.to_string(), heads.to_string());
                }
            }
        }
        if let Some(license) = self.root.text("license") {
            metadata.insert("license".to_string(), license);
        }
        if let Some(training) = self.root.child("training_params") {
            let steps = training
                .uint("training_steps")
                .map(|steps| steps.to_string());
            let texts = [
                ("training_steps", steps),
                ("lc0_params", training.text("lc0_params")),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    metadata.insert(format!("training.{name}"), text);
                }
            }
        }
        metadata
    }
}
