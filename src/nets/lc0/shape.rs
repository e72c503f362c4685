//! The shapes of a network's tensors, which the file does not tell: from their sizes, by what the network is. What does
//! not fit is a problem.

use std::collections::BTreeMap;

use super::Lc0Net;
use super::layer::Layer;
use super::tree::Node;

/// Planes of Lc0's input.
const PLANES: usize = 112;
const SQUARES: usize = 64;
/// Moves of a policy.
const MOVES: usize = 1858;
/// Channels of a convolutional policy.
const POLICY_CHANNELS: usize = 80;
/// Values that a position map adds to the planes of a square.
const POSITION_MAP: usize = 64;
/// Inputs of the dense position encoding: twelve planes.
const POSITION_INPUTS: usize = 12 * SQUARES;

/// Problems that are told; a damaged file may have any number.
const MAX_PROBLEMS: usize = 200;

/// What is wrong with a network that a version of lc0 may well load.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The tensor or part, as a path below `weights`; `None` for the whole file.
    pub tensor: Option<String>,
    pub text: String,
}

/// Kinds of a policy, as `format.network_format.policy` has them.
pub(super) mod policy {
    pub const CLASSICAL: u32 = 1;
    pub const CONVOLUTION: u32 = 2;
    pub const ATTENTION: u32 = 3;
}

/// `value`: win, draw and loss.
pub(super) const VALUE_WDL: u32 = 2;
/// `input_embedding`.
pub(super) const PE_MAP: u32 = 1;
pub(super) const PE_DENSE: u32 = 2;

/// Shapes by path, and what does not fit.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub shapes: BTreeMap<String, Vec<usize>>,
    pub problems: Vec<Problem>,
}

/// A message and its path.
#[derive(Clone, Copy)]
struct At<'n> {
    node: &'n Node<'n>,
    path: &'n str,
}

impl At<'_> {
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// Values in a tensor of a message; 0 if it is missing.
pub(super) fn count(node: &Node<'_>, name: &str) -> usize {
    node.child(name).map_or(0, |layer| Layer::of(layer).count())
}

impl Lc0Net<'_> {
    /// Works out the shapes. Without weights there are none.
    pub(super) fn survey(&self) -> Survey {
        let mut survey = Survey::default();
        if let Some(weights) = self.weights() {
            survey.network(self, weights);
        }
        survey
    }
}

impl Survey {
    pub fn problem(&mut self, tensor: impl Into<String>, text: impl Into<String>) {
        self.add_problem(Some(tensor.into()), text.into());
    }

    /// A problem of the whole file.
    pub fn file_problem(&mut self, text: impl Into<String>) {
        self.add_problem(None, text.into());
    }

    fn add_problem(&mut self, tensor: Option<String>, text: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { tensor, text });
        } else if self.problems.len() == MAX_PROBLEMS {
            self.problems.push(Problem {
                tensor: None,
                text: "and more".into(),
            });
        }
    }

    fn network(&mut self, net: &Lc0Net<'_>, weights: &Node<'_>) {
        let root = At {
            node: weights,
            path: "",
        };
        let attention = net.format.is_attention();
        let filters = self.tower(weights, attention);
        let width = if attention {
            self.embedding(net, root, filters);
            let embedding = count(weights, "ip_emb_b");
            self.encoders(root, "encoder", "headcount", embedding);
            embedding
        } else {
            filters
        };
        self.smolgen_weights(root);
        if net.format.is_multi_head() {
            self.multi_head(net, root, width);
        } else {
            self.policy(net, root, None, width);
            self.value(net, root, width);
        }
        self.moves_left(net, root, width);
    }

    /// Input and residual blocks; how many filters they have.
    fn tower(&mut self, weights: &Node<'_>, attention: bool) -> usize {
        let residual = weights.children("residual");
        if attention && residual.is_empty() && weights.child("input").is_none() {
            return 0;
        }
        let root = At {
            node: weights,
            path: "",
        };
        let filters = self.conv(root, "input", PLANES, 3, None);
        for (index, block) in residual.iter().enumerate() {
            let path = format!("residual.{index}");
            let block = At {
                node: block,
                path: &path,
            };
            self.conv(block, "conv1", filters, 3, Some(filters));
            self.conv(block, "conv2", filters, 3, Some(filters));
            if let Some(node) = block.node.child("se") {
                let path = block.path_of("se");
                let unit = At { node, path: &path };
                let units = count(node, "b1");
                self.dense(unit, "w1", Some("b1"), Some(filters), None);
                self.dense(unit, "w2", Some("b2"), Some(units), Some(2 * filters));
            }
        }
        filters
    }

    fn embedding(&mut self, net: &Lc0Net<'_>, root: At<'_>, filters: usize) {
        let embedding = net.format.number("input_embedding");
        let tower = root.node.child("residual").is_some();
        let mut inputs = if tower { Some(filters) } else { None };
        if embedding == PE_DENSE {
            let (b, w) = ("ip_emb_preproc_b", "ip_emb_preproc_w");
            self.dense(root, w, Some(b), Some(POSITION_INPUTS), None);
            let values = count(root.node, b);
            if !values.is_multiple_of(SQUARES) {
                self.problem(b, format!("{values} values are no multiple of {SQUARES}"));
            }
            inputs = inputs.or(Some(PLANES + values / SQUARES));
        } else if embedding == PE_MAP {
            inputs = inputs.or(Some(PLANES + POSITION_MAP));
        } else if !tower {
            self.file_problem("an attention body without an input embedding, which lc0 needs");
        }
        self.dense(root, "ip_emb_w", Some("ip_emb_b"), inputs, None);
        let width = count(root.node, "ip_emb_b");
        if embedding == PE_DENSE {
            self.layer_norm(root, "ip_emb_ln", width);
            self.ffn(root, "ip_emb_ffn", width);
            self.layer_norm(root, "ip_emb_ffn_ln", width);
        }
        for gate in ["ip_mult_gate", "ip_add_gate"] {
            if root.node.child(gate).is_some() {
                self.sized(root, gate, &[width, SQUARES]);
            }
        }
    }

    fn encoders(&mut self, at: At<'_>, list: &str, headcount: &str, width: usize) {
        let encoders = at.node.children(list);
        let heads = at.node.uint(headcount).unwrap_or(0) as usize;
        if heads == 0 && !encoders.is_empty() {
            let path = at.path_of(headcount);
            self.problem(path, "there are encoders, but no number of heads");
        }
        for (index, node) in encoders.iter().enumerate() {
            let path = format!("{}.{index}", at.path_of(list));
            let encoder = At { node, path: &path };
            self.attention(encoder, heads, width);
            self.layer_norm(encoder, "ln1", width);
            self.ffn(encoder, "ffn", width);
            self.layer_norm(encoder, "ln2", width);
        }
    }

    fn attention(&mut self, encoder: At<'_>, heads: usize, width: usize) {
        let path = encoder.path_of("mha");
        let Some(node) = encoder.node.child("mha") else {
            self.problem(path, "missing");
            return;
        };
        let mha = At { node, path: &path };
        let model = count(node, "q_b");
        for (w, b) in [("q_w", "q_b"), ("k_w", "k_b"), ("v_w", "v_b")] {
            self.dense(mha, w, Some(b), Some(width), Some(model));
        }
        self.dense(mha, "dense_w", Some("dense_b"), Some(model), Some(width));
        if heads > 0 && !model.is_multiple_of(heads) {
            let text = format!("{model} values cannot be shared among {heads} heads");
            self.problem(path.clone(), text);
        }
        for name in ["rpe_q", "rpe_k", "rpe_v"] {
            if node.child(name).is_some() {
                let text = "relative position encoding, which lc0 does not support";
                self.problem(mha.path_of(name), text);
            }
        }
        if let Some(node) = node.child("smolgen") {
            let path = mha.path_of("smolgen");
            self.smolgen(At { node, path: &path }, heads, width);
        }
    }

    fn smolgen(&mut self, at: At<'_>, heads: usize, width: usize) {
        self.dense(at, "compress", None, Some(width), None);
        let channels = count(at.node, "compress").checked_div(width).unwrap_or(0);
        let inputs = Some(SQUARES * channels);
        self.dense(at, "dense1_w", Some("dense1_b"), inputs, None);
        let hidden = count(at.node, "dense1_b");
        self.layer_norm(at, "ln1", hidden);
        self.dense(at, "dense2_w", Some("dense2_b"), Some(hidden), None);
        let outputs = count(at.node, "dense2_b");
        self.layer_norm(at, "ln2", outputs);
        if heads > 0 && !outputs.is_multiple_of(heads) {
            let text = format!("{outputs} values cannot be shared among {heads} heads");
            self.problem(at.path_of("dense2_b"), text);
        }
    }

    /// What all smolgens share.
    fn smolgen_weights(&mut self, root: At<'_>) {
        let encoders = root.node.children("encoder");
        let mut smolgens = encoders
            .iter()
            .filter_map(|encoder| encoder.child("mha")?.child("smolgen"));
        let Some(first) = smolgens.next() else {
            return;
        };
        let heads = root.node.uint("headcount").unwrap_or(0) as usize;
        let outputs = count(first, "dense2_b");
        let per_head = outputs.checked_div(heads).unwrap_or(0);
        self.dense(
            root,
            "smolgen_w",
            None,
            Some(per_head),
            Some(SQUARES * SQUARES),
        );
    }

    fn ffn(&mut self, at: At<'_>, name: &str, width: usize) {
        let path = at.path_of(name);
        let Some(node) = at.node.child(name) else {
            self.problem(path, "missing");
            return;
        };
        let ffn = At { node, path: &path };
        let hidden = count(node, "dense1_b");
        self.dense(ffn, "dense1_w", Some("dense1_b"), Some(width), None);
        self.dense(ffn, "dense2_w", Some("dense2_b"), Some(hidden), Some(width));
    }

    fn layer_norm(&mut self, at: At<'_>, name: &str, width: usize) {
        self.sized(at, &format!("{name}_gammas"), &[width]);
        self.sized(at, &format!("{name}_betas"), &[width]);
    }

    fn multi_head(&mut self, net: &Lc0Net<'_>, root: At<'_>, width: usize) {
        if let Some(node) = root.node.child("policy_heads") {
            let heads = At {
                node,
                path: "policy_heads",
            };
            let own = node.child("ip_pol_w").is_some();
            let shared = if own { heads } else { root };
            if shared.node.child("ip_pol_w").is_some() {
                self.dense(shared, "ip_pol_w", Some("ip_pol_b"), Some(width), None);
            }
            let inputs = count(shared.node, "ip_pol_b");
            for name in ["vanilla", "optimistic_st", "soft", "opponent"] {
                let path = heads.path_of(name);
                match node.child(name) {
                    Some(node) => self.policy(net, At { node, path: &path }, Some(inputs), width),
                    None if name == "vanilla" => self.problem(path, "missing"),
                    None => {}
                }
            }
        } else if ["policy", "policy1", "ip_pol_w"]
            .iter()
            .any(|name| root.node.child(name).is_some())
        {
            self.policy(net, root, None, width);
        } else {
            self.problem("policy_heads", "there is no policy head");
        }
        if let Some(node) = root.node.child("value_heads") {
            for name in ["winner", "q", "st"] {
                let path = format!("value_heads.{name}");
                match node.child(name) {
                    Some(node) => self.value(net, At { node, path: &path }, width),
                    None if name == "winner" => self.problem(path, "missing"),
                    None => {}
                }
            }
        } else if ["value", "ip_val_w"]
            .iter()
            .any(|name| root.node.child(name).is_some())
        {
            self.value(net, root, width);
        } else {
            self.problem("value_heads", "there is no value head");
        }
    }

    /// A policy head; `shared` are the outputs of an embedding outside of it.
    fn policy(&mut self, net: &Lc0Net<'_>, head: At<'_>, shared: Option<usize>, width: usize) {
        match net.format.number("policy") {
            policy::ATTENTION => {
                let own = head.node.child("ip_pol_w").is_some();
                let inputs = match shared {
                    Some(shared) if !own && shared > 0 => shared,
                    _ => {
                        self.dense(head, "ip_pol_w", Some("ip_pol_b"), Some(width), None);
                        count(head.node, "ip_pol_b")
                    }
                };
                self.encoders(head, "pol_encoder", "pol_headcount", inputs);
                let model = count(head.node, "ip2_pol_b");
                self.dense(head, "ip2_pol_w", Some("ip2_pol_b"), Some(inputs), None);
                let outputs = Some(model);
                self.dense(head, "ip3_pol_w", Some("ip3_pol_b"), Some(inputs), outputs);
                self.dense(head, "ip4_pol_w", None, Some(model), Some(4));
            }
            policy::CONVOLUTION => {
                let filters = self.conv(head, "policy1", width, 3, None);
                self.conv(head, "policy", filters, 3, Some(POLICY_CHANNELS));
            }
            policy::CLASSICAL if !net.format.is_attention() => {
                let channels = self.conv(head, "policy", width, 1, None);
                let inputs = Some(SQUARES * channels);
                self.dense(head, "ip_pol_w", Some("ip_pol_b"), inputs, Some(MOVES));
            }
            _ => {}
        }
    }

    fn value(&mut self, net: &Lc0Net<'_>, head: At<'_>, width: usize) {
        let channels = if net.format.is_attention() {
            self.dense(head, "ip_val_w", Some("ip_val_b"), Some(width), None);
            count(head.node, "ip_val_b")
        } else {
            self.conv(head, "value", width, 1, None)
        };
        let wdl = net.format.number("value") == VALUE_WDL;
        let outputs = Some(if wdl { 3 } else { 1 });
        self.dense(
            head,
            "ip1_val_w",
            Some("ip1_val_b"),
            Some(SQUARES * channels),
            None,
        );
        let hidden = Some(count(head.node, "ip1_val_b"));
        self.dense(head, "ip2_val_w", Some("ip2_val_b"), hidden, outputs);
    }

    fn moves_left(&mut self, net: &Lc0Net<'_>, root: At<'_>, width: usize) {
        if net.format.number("moves_left") == 0 {
            return;
        }
        let channels = if net.format.is_attention() {
            self.dense(root, "ip_mov_w", Some("ip_mov_b"), Some(width), None);
            count(root.node, "ip_mov_b")
        } else {
            self.conv(root, "moves_left", width, 1, None)
        };
        self.dense(
            root,
            "ip1_mov_w",
            Some("ip1_mov_b"),
            Some(SQUARES * channels),
            None,
        );
        let hidden = Some(count(root.node, "ip1_mov_b"));
        self.dense(root, "ip2_mov_w", Some("ip2_mov_b"), hidden, Some(1));
    }

    /// A tensor of a known size.
    fn sized(&mut self, at: At<'_>, name: &str, shape: &[usize]) {
        let path = at.path_of(name);
        let found = count(at.node, name);
        let expected: usize = shape.iter().product();
        if at.node.child(name).is_none() {
            self.problem(path, "missing");
        } else if found != expected {
            let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>();
            let text = format!("{found} values do not fit the shape {}", shape.join(" x "));
            self.problem(path, text);
        } else {
            self.shapes.insert(path, shape.to_vec());
        }
    }

    /// A matrix, outputs by inputs, and its biases. Sizes that are not given follow from those of the tensors.
    fn dense(
        &mut self,
        at: At<'_>,
        weights: &str,
        biases: Option<&str>,
        inputs: Option<usize>,
        outputs: Option<usize>,
    ) {
        let values = count(at.node, weights);
        let outputs = outputs
            .or(biases.map(|biases| count(at.node, biases)))
            .or(inputs.and_then(|inputs| values.checked_div(inputs)))
            .unwrap_or(0);
        let inputs = inputs.unwrap_or_else(|| values.checked_div(outputs).unwrap_or(0));
        self.sized(at, weights, &[outputs, inputs]);
        if let Some(biases) = biases {
            self.sized(at, biases, &[outputs]);
        }
    }

    /// A convolution block; how many outputs it has.
    fn conv(
        &mut self,
        at: At<'_>,
        name: &str,
        inputs: usize,
        kernel: usize,
        outputs: Option<usize>,
    ) -> usize {
        let path = at.path_of(name);
        let Some(node) = at.node.child(name) else {
            self.problem(path, "missing");
            return outputs.unwrap_or(0);
        };
        let block = At { node, path: &path };
        let values = count(node, "weights");
        let per_output = inputs * kernel * kernel;
        let outputs = outputs.unwrap_or_else(|| values.checked_div(per_output).unwrap_or(0));
        self.sized(block, "weights", &[outputs, inputs, kernel, kernel]);
        let normed = count(node, "bn_means") > 0;
        if !normed && node.child("biases").is_none() {
            self.problem(path.clone(), "neither biases nor batch norm");
        }
        for tensor in ["biases", "bn_means", "bn_stddivs", "bn_gammas", "bn_betas"] {
            if node.child(tensor).is_some() {
                self.sized(block, tensor, &[outputs]);
            }
        }
        if normed && node.child("bn_stddivs").is_none() {
            self.problem(block.path_of("bn_stddivs"), "missing");
        }
        if normed && (count(node, "bn_gammas") > 0) != (count(node, "bn_betas") > 0) {
            self.problem(
                path.clone(),
                "one of bn_gammas and bn_betas without the other",
            );
        }
        outputs
    }
}
