//! All that is to be told about a network.

mod heads;
mod parts;
mod ranges;

use std::collections::BTreeMap;

use serde::Serialize;

pub use heads::Head;
pub use parts::Part;
pub use ranges::Ranges;

use super::Lc0Net;
use super::container::Container;
use super::layer::{Arithmetic, Encoding, Layer};
use super::migrate::{Change, NetworkFormat, network};
use super::rewrite::needed_version;
use super::schema::NETWORK_FORMAT;
use super::shape::{Problem, Survey, count};
use super::tree::Node;
use super::version::Version;

/// All that is told about a weight file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    pub container: Container,
    pub license: Option<String>,
    /// The oldest lc0 that the file says it is for.
    pub min_version: Version,
    /// The oldest lc0 that knows its format and encodings.
    pub format_version: Version,
    pub training: Option<Training>,
    /// `format.weights_encoding`.
    pub weights_encoding: Option<String>,
    /// `format.network_format`: fields that are set in the file or after loading.
    pub format: Vec<FormatField>,
    /// What lc0 changes in the format while loading.
    pub changes: Vec<Change>,
    #[serde(flatten)]
    pub loads: Loads,
    pub body: Option<Body>,
    pub policy: Vec<Head>,
    pub value: Vec<Head>,
    /// Does it tell how many moves are left?
    pub moves_left: bool,
    pub onnx_model: Option<OnnxModel>,
    /// Values in the file.
    pub values: usize,
    /// Values once batch norm is folded.
    pub parameters: usize,
    pub parts: Vec<Part>,
    /// How many tensors are stored in which encoding.
    pub encodings: BTreeMap<String, usize>,
    pub tensors: Vec<TensorFacts>,
    /// What is wrong, whether lc0 notices while loading or not.
    pub problems: Vec<Problem>,
    /// Fields that this program does not know, by message and number.
    pub unknown: Vec<Unknown>,
}

/// A field of the network format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormatField {
    pub field: &'static str,
    /// Its name in the file.
    pub file: Option<String>,
    /// Its name after loading.
    pub loaded: Option<String>,
}

/// Does a version of lc0 load the file?
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loads {
    /// The version that was asked about.
    pub lc0_version: Version,
    pub loads: bool,
    /// Why not.
    pub why: Option<String>,
    /// The message of lc0.
    pub lc0_says: Option<String>,
}

/// How the network was trained, as the file says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    pub training_steps: Option<u32>,
    pub learning_rate: Option<f32>,
    pub mse_loss: Option<f32>,
    pub policy_loss: Option<f32>,
    /// In percent.
    pub accuracy: Option<f32>,
    pub lc0_params: Option<String>,
}

/// What lies between input and heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Body {
    /// `convolution` or `attention`.
    pub kind: &'static str,
    pub blocks: usize,
    pub se_blocks: usize,
    /// Units between the two layers of an SE block.
    pub se_units: Option<usize>,
    pub filters: Option<usize>,
    pub encoders: usize,
    pub heads: Option<usize>,
    pub embedding: Option<usize>,
    pub d_model: Option<usize>,
    pub dff: Option<usize>,
    /// Width of the dense layers behind the embedding.
    pub embedding_dff: Option<usize>,
    pub smolgen: Option<Smolgen>,
}

/// Sizes of the smolgen of the first encoder that has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Smolgen {
    pub encoders: usize,
    pub channels: usize,
    pub hidden: usize,
    /// Values for each head.
    pub per_head: usize,
}

/// A network as an ONNX graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnnxModel {
    pub bytes: usize,
    pub data_type: Option<String>,
    pub input_planes: Option<String>,
    pub output_value: Option<String>,
    pub output_wdl: Option<String>,
    pub output_policy: Option<String>,
    pub output_mlh: Option<String>,
}

/// A tensor as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorFacts {
    pub tensor: String,
    pub shape: Vec<usize>,
    pub encoding: String,
    pub values: usize,
    /// Smallest finite value.
    pub min: Option<f32>,
    /// Largest finite value.
    pub max: Option<f32>,
}

/// Bytes of a field that is kept, but not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The message, empty for the file itself.
    pub message: String,
    pub field: u64,
    pub bytes: usize,
}

/// Unknown fields that are told.
const MAX_UNKNOWN: usize = 100;

impl Lc0Net<'_> {
    /// Tells everything, and whether lc0 `asked` loads it.
    pub fn describe(&self, asked: Version) -> Description {
        let mut survey = self.survey();
        let tensors = self.tensor_facts(Arithmetic::of(asked), &mut survey);
        self.file_problems(&mut survey);
        let parts = self.parts();
        let mut encodings = BTreeMap::new();
        for tensor in &tensors {
            *encodings.entry(tensor.encoding.clone()).or_insert(0) += 1;
        }
        let Survey { problems, .. } = survey;
        Description {
            container: self.container.clone(),
            license: self.root.text("license"),
            min_version: self.min_version(),
            format_version: needed_version(&self.format, &self.stored_encodings()),
            training: self.root.child("training_params").map(training),
            weights_encoding: self
                .root
                .child("format")
                .and_then(|format| format.choice("weights_encoding")),
            format: self.format_fields(),
            changes: self.changes.clone(),
            loads: self.loads_report(asked),
            body: self.weights().map(|weights| body(&self.format, weights)),
            policy: self.policy_heads(),
            value: self.value_heads(),
            moves_left: self.format.number("moves_left") != 0,
            onnx_model: self.root.child("onnx_model").map(onnx_model),
            values: parts.iter().map(|part| part.values).sum(),
            parameters: parts.iter().map(|part| part.parameters).sum(),
            parts,
            encodings,
            tensors,
            problems,
            unknown: self.unknown(),
        }
    }

    fn loads_report(&self, asked: Version) -> Loads {
        let refusal = self.loads(asked).err();
        Loads {
            lc0_version: asked,
            loads: refusal.is_none(),
            why: refusal.as_ref().map(ToString::to_string),
            lc0_says: refusal.map(|refusal| refusal.lc0_says()),
        }
    }

    fn format_fields(&self) -> Vec<FormatField> {
        let stated = NetworkFormat::of(&self.root);
        let fields = NETWORK_FORMAT.fields.iter().map(|field| FormatField {
            field: field.name,
            file: stated.name(field.name),
            loaded: self.format.name(field.name),
        });
        fields
            .filter(|field| field.file.is_some() || field.loaded.is_some())
            .collect()
    }

    /// Encodings that occur, in their order.
    pub(super) fn stored_encodings(&self) -> Vec<Encoding> {
        let mut found = std::collections::BTreeSet::new();
        if let Some(weights) = self.weights() {
            weights.visit("", &mut |_, node| {
                if node.is_layer()
                    && let Ok(encoding) = Layer::of(node).encoding
                {
                    found.insert(encoding);
                }
            });
        }
        found.into_iter().collect()
    }

    fn tensor_facts(&self, arithmetic: Arithmetic, survey: &mut Survey) -> Vec<TensorFacts> {
        let mut tensors = Vec::new();
        let Some(weights) = self.weights() else {
            return tensors;
        };
        weights.visit("", &mut |path, node| {
            if !node.is_layer() {
                return;
            }
            let layer = Layer::of(node);
            let extremes = ranges::extremes(&layer, arithmetic);
            let min_version = self.min_version();
            for text in ranges::problems(path, &layer, &extremes, min_version) {
                survey.problem(path, text);
            }
            let dims: u64 = node
                .uints("dims")
                .iter()
                .fold(1, |product: u64, &dim| product.saturating_mul(dim.into()));
            if !node.uints("dims").is_empty() && dims != layer.count() as u64 {
                let text = format!("its dims say {dims} values, but it has {}", layer.count());
                survey.problem(path, text);
            }
            let encoding = match layer.encoding {
                Ok(encoding) => encoding.name().to_string(),
                Err(number) => format!("unknown ({number})"),
            };
            tensors.push(TensorFacts {
                tensor: path.to_string(),
                shape: survey
                    .shapes
                    .get(path)
                    .cloned()
                    .unwrap_or_else(|| vec![layer.count()]),
                encoding,
                values: layer.count(),
                min: extremes.min,
                max: extremes.max,
            });
        });
        tensors
    }

    fn file_problems(&self, survey: &mut Survey) {
        let onnx = self.root.child("onnx_model").is_some();
        match (self.weights().is_some(), onnx) {
            (false, false) => {
                survey.file_problem("it holds no weights: nothing can compute with it")
            }
            (true, true) => survey.file_problem("it holds both weights and an ONNX model"),
            (true, false) if self.format.number("network") == network::ONNX => {
                survey.file_problem("its format is ONNX, but it holds no ONNX model");
            }
            _ => {}
        }
        if self.container.cut_short {
            survey.file_problem("the gzip stream is cut short, though the network is whole");
        }
        if self.container.ignored_bytes > 0 {
            let bytes = self.container.ignored_bytes;
            survey.file_problem(format!("{bytes} bytes after the gzip stream are not read"));
        }
    }

    fn unknown(&self) -> Vec<Unknown> {
        let mut found: Vec<Unknown> = Vec::new();
        let mut add = |path: &str, node: &Node<'_>| {
            for (field, bytes) in node.unknown() {
                let same = |known: &Unknown| known.message == path && known.field == field;
                if let Some(known) = found.iter_mut().find(|known| same(known)) {
                    known.bytes += bytes;
                } else if found.len() < MAX_UNKNOWN {
                    found.push(Unknown {
                        message: path.to_string(),
                        field,
                        bytes,
                    });
                }
            }
        };
        add("", &self.root);
        self.root.visit("", &mut |path, node| add(path, node));
        found
    }
}

fn training(node: &Node<'_>) -> Training {
    Training {
        training_steps: node.uint("training_steps"),
        learning_rate: node.float("learning_rate"),
        mse_loss: node.float("mse_loss"),
        policy_loss: node.float("policy_loss"),
        accuracy: node.float("accuracy"),
        lc0_params: node.text("lc0_params"),
    }
}

fn onnx_model(node: &Node<'_>) -> OnnxModel {
    OnnxModel {
        bytes: node.bytes("model").map_or(0, <[u8]>::len),
        data_type: node.choice("data_type"),
        input_planes: node.text("input_planes"),
        output_value: node.text("output_value"),
        output_wdl: node.text("output_wdl"),
        output_policy: node.text("output_policy"),
        output_mlh: node.text("output_mlh"),
    }
}

fn body(format: &NetworkFormat, weights: &Node<'_>) -> Body {
    let residual = weights.children("residual");
    let units = residual.iter().filter_map(|block| block.child("se"));
    let encoders = weights.children("encoder");
    let known = |count: usize| (count > 0).then_some(count);
    let mha = encoders.first().and_then(|first| first.child("mha"));
    let ffn = encoders.first().and_then(|first| first.child("ffn"));
    let input = weights.child("input");
    Body {
        kind: if format.is_attention() {
            "attention"
        } else {
            "convolution"
        },
        blocks: residual.len(),
        se_blocks: units.clone().count(),
        se_units: units.clone().next().map(|unit| count(unit, "b1")),
        filters: input.and_then(|input| known(count(input, "weights") / (112 * 9))),
        encoders: encoders.len(),
        heads: weights.uint("headcount").map(|heads| heads as usize),
        embedding: known(count(weights, "ip_emb_b")),
        d_model: mha.and_then(|mha| known(count(mha, "q_b"))),
        dff: ffn.and_then(|ffn| known(count(ffn, "dense1_b"))),
        embedding_dff: weights
            .child("ip_emb_ffn")
            .and_then(|ffn| known(count(ffn, "dense1_b"))),
        smolgen: smolgen(weights, &encoders),
    }
}

fn smolgen(weights: &Node<'_>, encoders: &[&Node<'_>]) -> Option<Smolgen> {
    let all = encoders
        .iter()
        .filter_map(|encoder| encoder.child("mha")?.child("smolgen"));
    let first = all.clone().next()?;
    let heads = weights.uint("headcount").unwrap_or(0) as usize;
    let share = |values: usize, among: usize| values.checked_div(among).unwrap_or(0);
    Some(Smolgen {
        encoders: all.count(),
        channels: share(count(first, "compress"), count(weights, "ip_emb_b")),
        hidden: count(first, "dense1_b"),
        per_head: share(count(first, "dense2_b"), heads),
    })
}
