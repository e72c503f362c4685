//! What lc0 changes in the format of older files while it loads them.

use super::schema::{Kind, NETWORK_FORMAT};
use super::tree::Node;

/// `network` numbers that the rules name.
pub(super) mod network {
    pub const CLASSICAL: u32 = 1;
    pub const SE: u32 = 2;
    pub const CLASSICAL_WITH_HEADFORMAT: u32 = 3;
    pub const SE_WITH_HEADFORMAT: u32 = 4;
    pub const ONNX: u32 = 5;
    pub const ATTENTION_BODY: u32 = 6;
    pub const MULTI_HEAD: u32 = 7;
    pub const LEGACY_MULTI_HEAD: u32 = 134;
}

/// A network format: the fields of the schema's `NetworkFormat`, in its order; `None` if not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkFormat([Option<u32>; 10]);

/// A field that lc0 sets while loading.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The field of `format.network_format`.
    pub field: &'static str,
    /// The name it had; `None` if it was not set.
    pub from: Option<String>,
    /// The name it gets.
    pub to: String,
    /// Why.
    pub why: &'static str,
}

impl NetworkFormat {
    /// The format in a file, as it is.
    pub fn of(net: &Node<'_>) -> NetworkFormat {
        let format = net.child("format");
        let node = format.and_then(|format| format.child("network_format"));
        let mut values = [None; 10];
        for (value, field) in values.iter_mut().zip(NETWORK_FORMAT.fields) {
            *value = node.and_then(|node| node.uint(field.name));
        }
        NetworkFormat(values)
    }

    fn place(name: &str) -> usize {
        NETWORK_FORMAT.named(name)
    }

    /// The number of a field, if it is set.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.0[NetworkFormat::place(name)]
    }

    /// The number of a field; one that is not set counts as 0.
    pub fn number(&self, name: &str) -> u32 {
        self.get(name).unwrap_or(0)
    }

    /// Names of the fields that are set.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let fields = NETWORK_FORMAT.fields.iter().zip(self.0);
        fields.filter_map(|(field, value)| Some((field.name, name_of(field.kind, value?))))
    }

    /// The name of a field, if it is set.
    pub fn name(&self, name: &str) -> Option<String> {
        let field = &NETWORK_FORMAT.fields[NetworkFormat::place(name)];
        self.get(name).map(|value| name_of(field.kind, value))
    }

    /// Numbers of the fields that are set.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let fields = NETWORK_FORMAT.fields.iter().zip(self.0);
        fields.filter_map(|(field, value)| Some((field.name, value?)))
    }

    /// Is it a body of encoders?
    pub fn is_attention(&self) -> bool {
        let network = self.number("network");
        [network::ATTENTION_BODY, network::MULTI_HEAD].contains(&network)
    }

    /// Are the heads those of several-headed networks?
    pub fn is_multi_head(&self) -> bool {
        self.number("network") == network::MULTI_HEAD
    }
}

fn name_of(kind: Kind, value: u32) -> String {
    match kind {
        Kind::Enum(values) => values.name(value),
        _ => value.to_string(),
    }
}

/// The format after loading, and what was changed for it.
pub(super) fn migrate(net: &Node<'_>) -> (NetworkFormat, Vec<Change>) {
    let mut migration = Migration {
        format: NetworkFormat::of(net),
        changes: Vec::new(),
    };
    migration.old_formats(net);
    migration.attention_bodies(net);
    (migration.format, migration.changes)
}

struct Migration {
    format: NetworkFormat,
    changes: Vec<Change>,
}

impl Migration {
    fn set(&mut self, field: &'static str, value: u32, why: &'static str) {
        let from = self.format.name(field);
        self.format.0[NetworkFormat::place(field)] = Some(value);
        let to = self.format.name(field).expect("it was just set");
        if from.as_ref() != Some(&to) {
            self.changes.push(Change {
                field,
                from,
                to,
                why,
            });
        }
    }

    fn old_formats(&mut self, net: &Node<'_>) {
        let stated = net
            .child("format")
            .and_then(|format| format.child("network_format"));
        let weights = net.child("weights");
        let encoders = weights.is_some_and(|weights| weights.child("encoder").is_some());
        let classical_heads = |migration: &mut Migration, why| {
            migration.set("value", 1, why);
            migration.set("policy", 1, why);
        };
        if stated.is_none() {
            let why = "the file states no network format";
            self.set("input", 1, why);
            self.set("output", 1, why);
            self.set("network", network::CLASSICAL_WITH_HEADFORMAT, why);
            classical_heads(self, why);
            return;
        }
        match self.format.number("network") {
            network::CLASSICAL => {
                let why = "an old format that states no heads";
                self.set("network", network::CLASSICAL_WITH_HEADFORMAT, why);
                classical_heads(self, why);
            }
            network::SE => {
                let why = "an old format that states no heads";
                self.set("network", network::SE_WITH_HEADFORMAT, why);
                classical_heads(self, why);
            }
            network::SE_WITH_HEADFORMAT if encoders => {
                let why = "it has encoders";
                self.set("network", network::ATTENTION_BODY, why);
                if weights.is_some_and(|weights| weights.child("smolgen_w").is_some()) {
                    let why = "it has smolgen";
                    self.set("ffn_activation", 8, why);
                    self.set("smolgen_activation", 7, why);
                }
            }
            network::LEGACY_MULTI_HEAD => {
                self.set(
                    "network",
                    network::MULTI_HEAD,
                    "an early number of the format",
                );
            }
            _ => {}
        }
    }

    fn attention_bodies(&mut self, net: &Node<'_>) {
        if self.format.number("network") != network::ATTENTION_BODY {
            return;
        }
        let has = |name| {
            net.child("weights")
                .is_some_and(|weights| weights.child(name).is_some())
        };
        if has("policy_heads") && has("value_heads") {
            let why = "it has several heads";
            self.set("network", network::MULTI_HEAD, why);
            self.set("input_embedding", 2, why);
        }
        if self.format.get("input_embedding").is_none() {
            self.set("input_embedding", 1, "an attention body that states none");
        }
    }
}
