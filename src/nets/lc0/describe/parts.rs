//! What each part of a network takes.

use serde::Serialize;

use super::super::Lc0Net;
use super::super::layer::Layer;
use super::super::tensors::is_normed_block;

/// A part of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub part: String,
    pub tensors: usize,
    /// Values in the file.
    pub values: usize,
    /// Values once batch norm is folded: weights, and a bias for each output.
    pub parameters: usize,
    /// Bytes of the values.
    pub bytes: usize,
}

impl Lc0Net<'_> {
    /// The parts, in the order of the file.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let Some(weights) = self.weights() else {
            return parts;
        };
        // The normed block that the layers to come are in, and whether its biases were counted.
        let mut normed = String::new();
        let multi_head = self.format.is_multi_head();
        weights.visit("", &mut |path, node| {
            if is_normed_block(node) {
                normed = format!("{path}.");
            }
            if !node.is_layer() {
                return;
            }
            let name = part_of(path, multi_head);
            if !parts.iter().any(|part| part.part == name) {
                parts.push(Part {
                    part: name.to_string(),
                    tensors: 0,
                    values: 0,
                    parameters: 0,
                    bytes: 0,
                });
            }
            let part = parts
                .iter_mut()
                .find(|part| part.part == name)
                .expect("it was just added");
            let layer = Layer::of(node);
            let inside = (!normed.is_empty()).then(|| path.strip_prefix(normed.as_str()));
            part.tensors += 1;
            part.values += layer.count();
            part.bytes += layer.params.len();
            // After folding there are as many biases as there were means.
            part.parameters += match inside.flatten() {
                None | Some("weights" | "bn_means") => layer.count(),
                Some(_) => 0,
            };
        });
        parts
    }
}

/// The part that a tensor belongs to.
fn part_of(path: &str, multi_head: bool) -> &str {
    let mut names = path.split('.');
    let first = names.next().unwrap_or_default();
    match first {
        "input" => "input",
        "residual" => "residual tower",
        "encoder" => "encoders",
        "smolgen_w" | "smolgen_b" => "smolgen",
        "moves_left" | "ip_mov_w" | "ip_mov_b" | "ip1_mov_w" | "ip1_mov_b" | "ip2_mov_w"
        | "ip2_mov_b" => "moves left",
        "value" | "ip_val_w" | "ip_val_b" | "ip1_val_w" | "ip1_val_b" | "ip2_val_w"
        | "ip2_val_b" => "value",
        "policy_heads" | "value_heads" if multi_head => head(path),
        "policy_heads" | "value_heads" => first,
        _ if first.contains("pol") => "policy",
        _ => "embedding",
    }
}

/// The first two names of a path.
fn head(path: &str) -> &str {
    let dots = path.match_indices('.').map(|(at, _)| at);
    let head = dots.clone().nth(1).map_or(path, |end| &path[..end]);
    // What is shared by the heads lies directly below.
    if dots.count() > 1 {
        head
    } else {
        path.split('.').next().unwrap_or(path)
    }
}
