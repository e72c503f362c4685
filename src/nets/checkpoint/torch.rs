//! Pickled PyTorch values to named tensors.
//!
//! Three shapes of file lead to the same list: a state dictionary, a checkpoint that holds one, and a pickled module,
//! whose parameters are collected as `Module.state_dict` would.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::archive::Member;
use super::bytes::{FileBytes, MAX_UNPACKED};
use super::error::CheckpointError;
use super::pickle::{Node, NodeId, Pickle};
use super::tensor::{ElementType, MAX_DIMENSIONS, Tensor};
use super::{Container, Progress};
use crate::files::quote::excerpt;

/// Largest pickle that is read; those of real checkpoints have some ten thousand bytes.
const MAX_PICKLE: usize = 16 << 20;

/// Longest name of a byte order that is read.
const MAX_BYTE_ORDER: u64 = 1 << 16;

/// Modules within modules; real models have three.
const MAX_DEPTH: usize = 16;

/// More tensors than any model of this kind has, and more modules.
const MAX_TENSORS: usize = 4096;

/// Entries of the dictionaries of all modules. A short pickle could name a long dictionary thousands of times.
const MAX_ENTRIES: usize = 1 << 22;

/// Longer names are no names; a short pickle could repeat one of megabytes thousands of times.
const MAX_NAME: usize = 256;

/// What a `torch.save` file holds.
pub(super) struct Contents {
    pub container: Container,
    pub tensors: Vec<Tensor>,
    pub progress: Progress,
}

/// Reads the pickle of an archive, and checks and unpacks the members that hold its tensors.
pub(super) fn read(bytes: &mut FileBytes, members: &[Member]) -> Result<Contents, CheckpointError> {
    let pickled = members
        .iter()
        .find(|member| member.name.ends_with("/data.pkl"))
        .ok_or(CheckpointError::NoPickle)?;
    if pickled.data.len() > MAX_PICKLE {
        return Err(CheckpointError::PickleTooLarge {
            name: excerpt(pickled.name.as_bytes()),
            len: pickled.data.len(),
            limit: MAX_PICKLE,
        });
    }
    pickled.prepare(bytes, MAX_PICKLE as u64)?;
    let root = pickled.name.trim_end_matches("data.pkl");
    let inner: HashMap<&str, &Member> = members
        .iter()
        .filter_map(|member| Some((member.name.strip_prefix(root)?, member)))
        .collect();
    let big_endian = is_big_endian(bytes, inner.get("byteorder").copied())?;
    let pickle = Pickle::parse(&bytes.read(pickled.data.clone())?);
    let pickle = pickle.map_err(|source| CheckpointError::Pickle {
        name: excerpt(pickled.name.as_bytes()),
        source,
    })?;
    let contents = Reader {
        pickle: &pickle,
        members: &inner,
        big_endian,
        tensors: Vec::new(),
        modules: 0,
        entries: 0,
    }
    .read()?;
    let used: HashSet<&Range<usize>> = contents.tensors.iter().map(|tensor| &tensor.data).collect();
    for member in members.iter().filter(|member| used.contains(&member.data)) {
        member.prepare(bytes, MAX_UNPACKED)?;
    }
    Ok(contents)
}

fn is_big_endian(bytes: &mut FileBytes, said: Option<&Member>) -> Result<bool, CheckpointError> {
    let Some(member) = said else {
        return Ok(false);
    };
    member.prepare(bytes, MAX_BYTE_ORDER)?;
    match &*bytes.read(member.data.clone())? {
        b"little" => Ok(false),
        b"big" => Ok(true),
        other => Err(CheckpointError::ByteOrder(excerpt(other))),
    }
}

struct Reader<'a> {
    pickle: &'a Pickle,
    /// By name within the archive's folder.
    members: &'a HashMap<&'a str, &'a Member>,
    big_endian: bool,
    tensors: Vec<Tensor>,
    /// Modules visited: one named twice counts twice.
    modules: usize,
    /// Entries of their dictionaries, counted likewise.
    entries: usize,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Contents, CheckpointError> {
        let (pickle, root) = (self.pickle, self.pickle.root());
        let number = |key: &str| pickle.get(root, key).and_then(|id| pickle.int(id));
        let progress = Progress {
            epoch: number("epoch"),
            global_step: number("global_step"),
        };
        let container = if let Some(state) = pickle.get(root, "state_dict") {
            self.dictionary(state)?;
            match pickle.get(root, "pytorch-lightning_version") {
                Some(version) => Container::Lightning {
                    version: excerpt(pickle.str(version).unwrap_or_default().as_bytes()),
                },
                None => Container::Checkpoint,
            }
        } else if pickle.entries(root).is_some() {
            self.dictionary(root)?;
            Container::StateDict
        } else {
            self.module(root, "", 0)?;
            Container::Module
        };
        if self.tensors.is_empty() {
            return Err(CheckpointError::NoState(pickle.describe(root)));
        }
        Ok(Contents {
            container,
            tensors: self.tensors,
            progress,
        })
    }

    /// Tensors of a dictionary. Trainers put other things beside them, which are passed over.
    fn dictionary(&mut self, id: NodeId) -> Result<(), CheckpointError> {
        for &(key, value) in self.pickle.entries(id).unwrap_or_default() {
            if let Some(name) = self.name(key) {
                self.add(name.to_string(), value)?;
            }
        }
        Ok(())
    }

    /// Parameters and persistent buffers of a module, then those of the modules in it.
    fn module(&mut self, id: NodeId, prefix: &str, depth: usize) -> Result<(), CheckpointError> {
        self.modules += 1;
        if depth > MAX_DEPTH || self.modules > MAX_TENSORS {
            return Err(CheckpointError::ModuleDepth(MAX_DEPTH));
        }
        let pickle = self.pickle;
        let Node::Call {
            state: Some(state), ..
        } = pickle.node(id)
        else {
            return Ok(());
        };
        self.count_entries(*state)?;
        let passing: HashSet<&str> = match pickle
            .get(*state, "_non_persistent_buffers_set")
            .map(|id| pickle.node(id))
        {
            // Protocol 2 makes a set by calling `set` with a list.
            Some(Node::Call { arguments, .. }) => pickle
                .tuple(*arguments)
                .and_then(|arguments| arguments.first())
                .map_or_else(HashSet::new, |&list| self.texts(list)),
            Some(Node::Set(elements)) => elements.iter().filter_map(|&id| pickle.str(id)).collect(),
            _ => HashSet::new(),
        };
        self.entries += passing.len();
        for (kind, left_out) in [("_parameters", &HashSet::new()), ("_buffers", &passing)] {
            let Some(found) = pickle.get(*state, kind) else {
                continue;
            };
            self.count_entries(found)?;
            let entries = pickle.entries(found).unwrap_or_default();
            for &(key, value) in entries {
                match self.name(key) {
                    Some(name) if !left_out.contains(name) => {
                        self.add(format!("{prefix}{name}"), value)?;
                    }
                    _ => {}
                }
            }
        }
        let Some(inner) = pickle.get(*state, "_modules") else {
            return Ok(());
        };
        self.count_entries(inner)?;
        for &(key, value) in pickle.entries(inner).unwrap_or_default() {
            if let Some(name) = self.name(key) {
                self.module(value, &format!("{prefix}{name}."), depth + 1)?;
            }
        }
        Ok(())
    }

    /// Counts the entries that are about to be looked through.
    fn count_entries(&mut self, id: NodeId) -> Result<(), CheckpointError> {
        self.entries += self.pickle.entries(id).map_or(0, <[_]>::len);
        if self.entries > MAX_ENTRIES {
            return Err(CheckpointError::TooManyEntries(MAX_ENTRIES));
        }
        Ok(())
    }

    fn name(&self, key: NodeId) -> Option<&'a str> {
        self.pickle.str(key).filter(|name| name.len() <= MAX_NAME)
    }

    fn texts(&self, list: NodeId) -> HashSet<&'a str> {
        match self.pickle.node(list) {
            Node::List(elements) => elements
                .iter()
                .filter_map(|&id| self.pickle.str(id))
                .collect(),
            _ => HashSet::new(),
        }
    }

    /// Adds a value if it is a tensor.
    fn add(&mut self, name: String, value: NodeId) -> Result<(), CheckpointError> {
        let Some(found) = self.tensor(value) else {
            return Ok(());
        };
        let tensor = found.and_then(|mut tensor: Tensor| {
            tensor.check()?;
            tensor.name.clone_from(&name);
            Ok(tensor)
        });
        match tensor {
            Ok(tensor) => {
                if self.tensors.len() >= MAX_TENSORS {
                    return Err(CheckpointError::TooManyTensors(MAX_TENSORS));
                }
                self.tensors.push(tensor);
                Ok(())
            }
            Err(problem) => Err(CheckpointError::Tensor {
                tensor: excerpt(name.as_bytes()),
                problem,
            }),
        }
    }

    /// What PyTorch's own functions would make of a recorded call. Only these functions mean anything here.
    fn tensor(&self, id: NodeId) -> Option<Result<Tensor, String>> {
        let (function, arguments) = self.call(id)?;
        match function {
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                let inner = *arguments.first()?;
                // A parameter is made of a tensor, never of a parameter.
                let (function, arguments) = self.call(inner)?;
                (function == ("torch._utils", "_rebuild_tensor_v2"))
                    .then(|| self.rebuild_tensor(arguments))
            }
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => {
                Some(self.rebuild_tensor(arguments))
            }
            _ => None,
        }
    }

    fn call(&self, id: NodeId) -> Option<((&str, &str), &[NodeId])> {
        match self.pickle.node(id) {
            Node::Call {
                function,
                arguments,
                ..
            } => Some((
                self.pickle.global(*function)?,
                self.pickle.tuple(*arguments)?,
            )),
            _ => None,
        }
    }

    /// `(storage, offset, size, stride, ...)`.
    fn rebuild_tensor(&self, arguments: &[NodeId]) -> Result<Tensor, String> {
        let &[storage, offset, size, stride, ..] = arguments else {
            return Err("it is made with too few arguments".to_string());
        };
        let (element, data) = self.storage(storage)?;
        let number = |id: NodeId| {
            self.pickle
                .int(id)
                .and_then(|value| usize::try_from(value).ok())
                .ok_or_else(|| "its shape holds something that is no size".to_string())
        };
        let numbers = |id: NodeId| {
            let ids = self
                .pickle
                .tuple(id)
                .ok_or("its shape is no tuple".to_string())?;
            // One shape may be shared by thousands of tensors.
            if ids.len() > MAX_DIMENSIONS {
                return Err(format!(
                    "it has {} dimensions, at most {MAX_DIMENSIONS} are read",
                    ids.len()
                ));
            }
            ids.iter()
                .map(|&id| number(id))
                .collect::<Result<Vec<_>, _>>()
        };
        let (shape, strides) = (numbers(size)?, numbers(stride)?);
        if shape.len() != strides.len() {
            return Err(format!(
                "it has {} sizes and {} strides",
                shape.len(),
                strides.len()
            ));
        }
        Ok(Tensor {
            name: String::new(),
            element,
            shape,
            strides,
            offset: number(offset)?,
            data,
            big_endian: self.big_endian,
        })
    }

    /// `("storage", class, key, device, elements)`: the device does not matter, nothing is loaded onto it.
    fn storage(&self, id: NodeId) -> Result<(ElementType, Range<usize>), String> {
        let parts = match self.pickle.node(id) {
            Node::Persistent(id) => self.pickle.tuple(*id),
            _ => None,
        };
        let Some(&[_, class, key, _, elements, ..]) = parts else {
            return Err("its storage is not named as torch.save does".to_string());
        };
        let class = self.pickle.global(class).map_or("", |(_, name)| name);
        let element = match class {
            "DoubleStorage" => ElementType::F64,
            "FloatStorage" => ElementType::F32,
            "HalfStorage" => ElementType::F16,
            "BFloat16Storage" => ElementType::Bf16,
            "LongStorage" => ElementType::Other("int64", 8),
            "IntStorage" => ElementType::Other("int32", 4),
            "ShortStorage" => ElementType::Other("int16", 2),
            "CharStorage" => ElementType::Other("int8", 1),
            "ByteStorage" => ElementType::Other("uint8", 1),
            "BoolStorage" => ElementType::Other("bool", 1),
            "ComplexFloatStorage" => ElementType::Other("complex64", 8),
            "ComplexDoubleStorage" => ElementType::Other("complex128", 16),
            other => {
                let other = excerpt(other.as_bytes());
                return Err(format!("its storage class `{other}` is not known"));
            }
        };
        let key = self
            .pickle
            .str(key)
            .filter(|key| key.len() <= MAX_NAME)
            .map(ToString::to_string)
            .or_else(|| self.pickle.int(key).map(|key| key.to_string()))
            .ok_or("its storage has no name, or one that is too long")?;
        let member = self
            .members
            .get(format!("data/{key}").as_str())
            .ok_or_else(|| {
                format!(
                    "the archive has no member `data/{}`",
                    excerpt(key.as_bytes())
                )
            })?;
        let held = member.data.len() / element.bytes();
        let said = self.pickle.int(elements).unwrap_or(-1);
        if u64::try_from(said).map_or(true, |said| said > held as u64) {
            return Err(format!(
                "its storage `{}` has {} bytes, {said} elements of {} were said",
                excerpt(member.name.as_bytes()),
                member.data.len(),
                element.name()
            ));
        }
        Ok((element, member.data.clone()))
    }
}
