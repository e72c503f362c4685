//! The same network written anew: in another encoding, with batch norm folded, in the present format.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::layer::{Arithmetic, Encoded, Encoding, Layer, encode};
use super::migrate::{Change, NetworkFormat, network};
use super::tensors::{folded, is_normed_block};
use super::tree::Node;
use super::version::Version;
use super::{Lc0Error, Lc0File, Lc0Net};

/// What is to be changed. The default changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// Store all tensors so; `None` leaves each as it is.
    pub encoding: Option<Encoding>,
    /// Write what lc0 changes while loading.
    pub update_format: bool,
    pub fold_batch_norm: bool,
    /// Say this minimal version, even if it is lower.
    pub min_version: Option<Version>,
    pub license: Option<String>,
    /// Text about the training: `training_params.lc0_params`.
    pub description: Option<String>,
}

/// A tensor that is stored in another way than before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorChange {
    pub tensor: String,
    pub from: Encoding,
    pub to: Encoding,
    /// Of a value as lc0 reads it now from what it should be.
    pub largest_difference: f32,
}

/// A network to be written.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// Not compressed.
    pub bytes: Vec<u8>,
    /// Tensors that were encoded anew; all others have the bytes they had.
    pub tensors: Vec<TensorChange>,
    /// Convolution blocks whose batch norm was folded.
    pub folded: usize,
    /// Fields of the format that were brought up to date.
    pub format: Vec<Change>,
    /// The minimal version before and after.
    pub min_version: (Version, Version),
}

/// Something between tensors and their new layers.
struct Encoder {
    encoding: Option<Encoding>,
    arithmetic: Arithmetic,
    changes: Vec<TensorChange>,
    folded: usize,
}

impl Lc0Net<'_> {
    /// Makes the changes; `arithmetic` is how the tensors of the file are read.
    ///
    /// # Errors
    /// A tensor cannot be read or does not fit the encoding, or the minimal version would let an lc0 load the file that
    /// misreads it.
    pub fn rewrite(
        &self,
        options: &Rewrite,
        arithmetic: Arithmetic,
    ) -> Result<Rewritten, Lc0Error> {
        let mut root = self.root.clone();
        let mut encoder = Encoder {
            encoding: options.encoding,
            arithmetic,
            changes: Vec::new(),
            folded: 0,
        };
        if options.encoding.is_some() || options.fold_batch_norm {
            self.some_weights()?;
            encoder.encode_all(&mut root, options.fold_batch_norm)?;
        }
        let format = if options.update_format {
            self.update_format(&mut root)
        } else {
            Vec::new()
        };
        if let Some(license) = &options.license {
            root.set_bytes("license", license.as_bytes());
        }
        if let Some(text) = &options.description {
            let training = root.child_mut("training_params");
            training.set_bytes("lc0_params", text.as_bytes());
        }
        let before = self.min_version();
        let after = self.new_min_version(options, &encoder, !format.is_empty())?;
        if after != before || options.min_version.is_some() {
            let version = root.child_mut("min_version");
            version.set_uint("major", after.major);
            version.set_uint("minor", after.minor);
            version.set_uint("patch", after.patch);
        }
        let mut bytes = Vec::with_capacity(root.encoded_len());
        root.write(&mut bytes);
        Ok(Rewritten {
            bytes,
            tensors: encoder.changes,
            folded: encoder.folded,
            format,
            min_version: (before, after),
        })
    }

    fn update_format(&self, root: &mut Node<'_>) -> Vec<Change> {
        let mut changes = self.changes.clone();
        let linear16 = Encoding::Linear16.number();
        let stated = self.weights_encoding().unwrap_or(0);
        if !changes.is_empty() {
            let format = root.child_mut("format").child_mut("network_format");
            for (name, value) in self.format.values() {
                format.set_uint(name, value);
            }
        }
        if stated == 0 && self.weights().is_some() {
            let format = root.child_mut("format");
            changes.push(Change {
                field: "weights_encoding",
                from: format.choice("weights_encoding"),
                to: "LINEAR16".into(),
                why: "lc0 up to 0.32.1 loads no file without it",
            });
            format.set_uint("weights_encoding", linear16);
        }
        changes
    }

    /// The minimal version to write.
    fn new_min_version(
        &self,
        options: &Rewrite,
        encoder: &Encoder,
        updated: bool,
    ) -> Result<Version, Lc0Error> {
        let before = self.min_version();
        let encodings = match options.encoding {
            Some(encoding) => vec![encoding],
            None => self.stored_encodings(),
        };
        let newer = encodings
            .iter()
            .any(|&encoding| encoding != Encoding::Linear16);
        let wildcard = before.number() == Version::ANY.number();
        if let Some(told) = options.min_version {
            let lets_pass =
                told.number() < Version::V0_33.number() || told.number() == Version::ANY.number();
            if newer && lets_pass {
                return Err(Lc0Error::Options(format!(
                    "with minimal version {told}, lc0 0.32.1 would load the file and take its tensors for \
                     linear16, which they are not: 0.33.0 is the lowest that keeps it from that"
                )));
            }
            return Ok(told);
        }
        let mut needed = before;
        if updated && !wildcard {
            needed = newest(needed, needed_version(&self.format, &[]));
        }
        // The version that always passes would not keep an older lc0 from such tensors.
        if newer && !encoder.changes.is_empty() {
            needed = if wildcard {
                Version::V0_33
            } else {
                newest(needed, Version::V0_33)
            };
        }
        Ok(needed)
    }
}

fn newest(a: Version, b: Version) -> Version {
    if a.number() < b.number() { b } else { a }
}

/// The oldest lc0 that knows a format and encodings.
pub(super) fn needed_version(format: &NetworkFormat, encodings: &[Encoding]) -> Version {
    let set = |name| format.number(name) != 0;
    let minor = if encodings
        .iter()
        .any(|&encoding| encoding != Encoding::Linear16)
    {
        33
    } else if format.is_attention()
        || format.number("network") == network::LEGACY_MULTI_HEAD
        || set("smolgen_activation")
        || set("ffn_activation")
    {
        30
    } else if set("default_activation") {
        29
    } else if format.number("network") == network::ONNX {
        28
    } else {
        match format.number("input") {
            5 | 133 => 27,
            4 | 132 => 26,
            2 | 3 => 25,
            _ => 21,
        }
    };
    Version::new(0, minor, 0)
}

impl Encoder {
    fn encode_all(&mut self, root: &mut Node<'_>, fold: bool) -> Result<(), Lc0Error> {
        let mut failed = None;
        root.visit_mut("", &mut |path, node| {
            if failed.is_some() {
                return false;
            }
            let path = path.strip_prefix("weights.").unwrap_or(path);
            let changed = if fold && is_normed_block(node) {
                self.fold_block(path, node).map(|()| true)
            } else if node.is_layer() {
                self.layer(path, node)
            } else {
                Ok(false)
            };
            changed.unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        failed.map_or(Ok(()), Err)
    }

    /// Encodes a layer anew, if that changes it.
    fn layer(&mut self, path: &str, node: &mut Node<'_>) -> Result<bool, Lc0Error> {
        let Some(to) = self.encoding else {
            return Ok(false);
        };
        let layer = Layer::of(node);
        if layer.encoding == Ok(to) || layer.params.is_empty() {
            return Ok(false);
        }
        let from = layer.encoding;
        let values = layer.decode(path, self.arithmetic)?;
        self.store(path, node, &values, from.unwrap_or(to), to)?;
        Ok(true)
    }

    fn fold_block(&mut self, path: &str, node: &mut Node<'_>) -> Result<(), Lc0Error> {
        let encoding = node.child("weights").map(|layer| Layer::of(layer).encoding);
        let from = encoding.and_then(Result::ok).unwrap_or(Encoding::Linear16);
        let to = self.encoding.unwrap_or(from);
        let block = folded(node, path, self.arithmetic)?;
        for (name, values) in [("weights", &block.weights), ("biases", &block.biases)] {
            let path = format!("{path}.{name}");
            self.store(&path, node.child_mut(name), values, from, to)?;
        }
        for name in ["bn_means", "bn_stddivs", "bn_gammas", "bn_betas"] {
            node.remove(name);
        }
        self.folded += 1;
        Ok(())
    }

    fn store(
        &mut self,
        path: &str,
        node: &mut Node<'_>,
        values: &[f32],
        from: Encoding,
        to: Encoding,
    ) -> Result<(), Lc0Error> {
        let encoded = encode(values, to, path)?;
        encoded.store(node);
        self.changes.push(TensorChange {
            tensor: path.to_string(),
            from,
            to,
            largest_difference: self.difference(path, &encoded, values)?,
        });
        Ok(())
    }

    fn difference(&self, path: &str, encoded: &Encoded, values: &[f32]) -> Result<f32, Lc0Error> {
        let layer = Layer {
            min: encoded.min,
            max: encoded.max,
            params: &encoded.params,
            encoding: Ok(encoded.encoding),
        };
        let back = layer.decode(path, self.arithmetic)?;
        Ok(largest_difference(values, &back).0)
    }
}

/// The largest difference of two values at the same place, the place, and how many differ. Values of the same bits, and
/// two NaN, do not; a NaN beside a number differs infinitely.
pub(super) fn largest_difference(a: &[f32], b: &[f32]) -> (f32, usize, usize) {
    let (mut largest, mut place, mut count) = (0.0_f32, 0, 0);
    for (index, (&a, &b)) in a.iter().zip(b).enumerate() {
        if a == b || (a.is_nan() && b.is_nan()) {
            continue;
        }
        count += 1;
        let difference = (a - b).abs();
        let difference = if difference.is_nan() {
            f32::INFINITY
        } else {
            difference
        };
        if difference > largest {
            (largest, place) = (difference, index);
        }
    }
    (largest, place, count)
}

impl Rewritten {
    /// Writes it with gzip. The same network gives the same bytes.
    ///
    /// # Errors
    /// `out` fails.
    pub fn write_gzip(&self, out: impl Write) -> std::io::Result<()> {
        let mut encoder = GzEncoder::new(out, Compression::default());
        encoder.write_all(&self.bytes)?;
        encoder.finish()?.flush()
    }

    /// Compares with what was read back from where it was written.
    ///
    /// # Errors
    /// It is not the same, or no network.
    pub fn check(&self, back: &Lc0File) -> Result<(), Lc0Error> {
        back.net()?;
        if back.bytes() == self.bytes {
            Ok(())
        } else {
            Err(Lc0Error::Options(
                "what was read back is not what was written; the file is not kept".into(),
            ))
        }
    }
}
