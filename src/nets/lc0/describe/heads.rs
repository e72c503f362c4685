//! The heads that lc0 finds in a network, under its names for them.

use serde::Serialize;

use super::super::Lc0Net;
use super::super::shape::{VALUE_WDL, count, policy};
use super::super::tree::Node;

/// A head of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// lc0's name of it.
    pub name: &'static str,
    /// Where it is in the file, below `weights`; empty for a network that has one head of the kind.
    pub path: String,
    /// `attention`, `convolution` or `dense`; `wdl` or `classical`.
    pub kind: &'static str,
    /// Of an attention policy.
    pub activation: Option<String>,
    /// Outputs of the first convolution or embedding.
    pub channels: Option<usize>,
    /// Of an attention policy.
    pub d_model: Option<usize>,
    /// Encoders within the head.
    pub encoders: usize,
    /// Does it also tell how sure it is?
    pub error: bool,
}

/// Names of policy heads in the file and in lc0.
const POLICY: [(&str, &str); 4] = [
    ("vanilla", "vanilla"),
    ("optimistic_st", "optimistic"),
    ("soft", "soft"),
    ("opponent", "opponent"),
];

impl Lc0Net<'_> {
    pub(super) fn policy_heads(&self) -> Vec<Head> {
        let Some(weights) = self.weights() else {
            return Vec::new();
        };
        let several = weights.child("policy_heads");
        match several.filter(|_| self.format.is_multi_head()) {
            Some(heads) => {
                let shared = if heads.child("ip_pol_w").is_some() {
                    heads
                } else {
                    weights
                };
                POLICY
                    .into_iter()
                    .filter_map(|(field, name)| {
                        let path = format!("policy_heads.{field}");
                        Some(self.policy_head(name, path, heads.child(field)?, Some(shared)))
                    })
                    .collect()
            }
            None => vec![self.policy_head("vanilla", String::new(), weights, None)],
        }
    }

    fn policy_head(
        &self,
        name: &'static str,
        path: String,
        head: &Node<'_>,
        shared: Option<&Node<'_>>,
    ) -> Head {
        let format = self.format.number("policy");
        let channels = match format {
            policy::ATTENTION => {
                let own = count(head, "ip_pol_b");
                let outside = shared.map_or(0, |shared| count(shared, "ip_pol_b"));
                if own > 0 { own } else { outside }
            }
            _ => outputs(head, "policy"),
        };
        let attention = format == policy::ATTENTION;
        Head {
            name,
            path,
            kind: match format {
                policy::ATTENTION => "attention",
                policy::CONVOLUTION => "convolution",
                policy::CLASSICAL => "dense",
                _ => "unknown",
            },
            activation: attention.then(|| {
                if self.format.is_attention() {
                    self.format
                        .name("default_activation")
                        .unwrap_or_else(|| "DEFAULT_ACTIVATION_RELU".into())
                } else {
                    "ACTIVATION_SELU".into()
                }
            }),
            channels: (channels > 0).then_some(channels),
            d_model: attention.then(|| count(head, "ip2_pol_b")),
            encoders: head.children("pol_encoder").len(),
            error: false,
        }
    }

    pub(super) fn value_heads(&self) -> Vec<Head> {
        let Some(weights) = self.weights() else {
            return Vec::new();
        };
        let several = weights.child("value_heads");
        match several.filter(|_| self.format.is_multi_head()) {
            Some(heads) => ["winner", "q", "st"]
                .into_iter()
                .filter_map(|name| {
                    let path = format!("value_heads.{name}");
                    let head = heads.child(name)?;
                    let error = count(head, "ip_val_err_w") > 0;
                    Some(self.value_head(name, path, head, error))
                })
                .collect(),
            None => vec![self.value_head("winner", String::new(), weights, false)],
        }
    }

    fn value_head(&self, name: &'static str, path: String, head: &Node<'_>, error: bool) -> Head {
        let channels = if self.format.is_attention() {
            count(head, "ip_val_b")
        } else {
            outputs(head, "value")
        };
        Head {
            name,
            path,
            kind: if self.format.number("value") == VALUE_WDL {
                "wdl"
            } else {
                "classical"
            },
            activation: None,
            channels: (channels > 0).then_some(channels),
            d_model: None,
            encoders: 0,
            error,
        }
    }
}

/// Outputs of a convolution block, by its biases or batch norm.
fn outputs(head: &Node<'_>, block: &str) -> usize {
    head.child(block).map_or(0, |block| {
        count(block, "biases").max(count(block, "bn_means"))
    })
}
