//! A pickle as plain data: the stack machine of Python's `pickle` module (protocols 0 to 5), which here calls nothing.
//!
//! `collections.OrderedDict()` becomes a dictionary; every other call is recorded as a [`Node::Call`] that names what
//! should have been called and with what. Whoever reads the result gives meaning to those few names that it knows.
//! Nodes lie in one list and name each other by number, so that shared and circular structures need no care.

use std::collections::HashMap;

use thiserror::Error;

use crate::files::quote::excerpt;

mod machine;

/// Number of a node.
pub(super) type NodeId = u32;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: its length in bytes.
    LargeInt(usize),
    Float(f64),
    Str(Box<str>),
    /// Bytes, or text that is not UTF-8: its length.
    Bytes(usize),
    Tuple(Vec<NodeId>),
    List(Vec<NodeId>),
    Set(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    /// A class or function by name; both are nodes of text, which many may share.
    Global {
        module: NodeId,
        name: NodeId,
    },
    /// What the file's owner keeps outside of the pickle: tensor storages.
    Persistent(NodeId),
    /// A call that was not made, and what was then to be put into its result.
    Call {
        function: NodeId,
        arguments: NodeId,
        state: Option<NodeId>,
        items: Vec<(NodeId, NodeId)>,
        elements: Vec<NodeId>,
    },
}

/// A whole pickle.
#[derive(Clone, Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Why bytes are not a pickle that is understood. Offsets count from the pickle's first byte.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PickleError {
    #[error("the pickle ends at byte {0} in the middle of an instruction, or without STOP")]
    Truncated(usize),
    #[error("unknown instruction {code:#04X} at byte {offset}")]
    Opcode { code: u8, offset: usize },
    #[error("pickle protocol {0}; known are 0 to 5")]
    Protocol(u8),
    #[error("the instruction at byte {0} finds too little on the stack, or no mark")]
    Stack(usize),
    #[error("the instruction at byte {offset} changes {found}, not {expected}")]
    Kind {
        offset: usize,
        expected: &'static str,
        found: &'static str,
    },
    #[error("the instruction at byte {offset} recalls number {key}, which was never stored")]
    Memo { offset: usize, key: u32 },
    #[error("the instruction at byte {0} has an argument that is no text or number")]
    Argument(usize),
    #[error("more than {0} values")]
    TooManyNodes(usize),
    #[error("more than {0} values on the stack, or stored to be recalled")]
    TooManyHeld(usize),
}

impl Pickle {
    /// Runs the stack machine over the bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Pickle, PickleError> {
        machine::run(bytes)
    }

    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn str(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: NodeId) -> Option<i64> {
        match *self.node(id) {
            Node::Int(value) => Some(value),
            Node::Bool(value) => Some(i64::from(value)),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// Entries of a dictionary, or of an object that is one.
    pub(super) fn entries(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match self.node(id) {
            Node::Dict(entries) => Some(entries),
            Node::Call { items, .. } if !items.is_empty() => Some(items),
            _ => None,
        }
    }

    /// The last entry of a dictionary under this key, as in Python.
    pub(super) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entries(id)?
            .iter()
            .rev()
            .find(|&&(found, _)| self.str(found) == Some(key))
            .map(|&(_, value)| value)
    }

    /// `module.name` of a global.
    pub(super) fn global(&self, id: NodeId) -> Option<(&str, &str)> {
        match self.node(id) {
            Node::Global { module, name } => Some((self.str(*module)?, self.str(*name)?)),
            _ => None,
        }
    }

    /// For messages: what kind of value this is.
    pub(super) fn describe(&self, id: NodeId) -> String {
        match self.node(id) {
            Node::Call { function, .. } => match self.global(*function) {
                Some((module, name)) => {
                    let (module, name) = (excerpt(module.as_bytes()), excerpt(name.as_bytes()));
                    format!("an object of {module}.{name}")
                }
                None => "an object".to_string(),
            },
            Node::Dict(entries) => format!("a dictionary of {} entries", entries.len()),
            node => node.kind().to_string(),
        }
    }
}

impl Node {
    fn kind(&self) -> &'static str {
        match self {
            Node::None => "None",
            Node::Bool(_) => "a truth value",
            Node::Int(_) | Node::LargeInt(_) => "an integer",
            Node::Float(_) => "a number",
            Node::Str(_) => "text",
            Node::Bytes(_) => "bytes",
            Node::Tuple(_) => "a tuple",
            Node::List(_) => "a list",
            Node::Set(_) => "a set",
            Node::Dict(_) => "a dictionary",
            Node::Global { .. } => "a class or function",
            Node::Persistent(_) => "a reference",
            Node::Call { .. } => "an object",
        }
    }
}

/// What was stored under numbers to be recalled.
type Memo = HashMap<u32, NodeId>;

#[cfg(test)]
mod tests;
