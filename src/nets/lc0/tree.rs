//! A weight file as a tree of messages that borrow the file. What is not changed is written with the bytes it had,
//! unknown fields included.

use std::borrow::Cow;

use super::schema::{Kind, LAYER, Message};
use super::wire::{self, RawField, Reader, Wire, WireFault};

/// Most fields of a file. The largest networks have some thousands; each takes memory beside the file.
const MAX_FIELDS: usize = 250_000;

/// Where and how a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseFault {
    /// Offset in the unpacked file.
    pub offset: usize,
    /// The message it is in, from the outside, as `weights.residual.3`; empty for the file itself.
    pub path: String,
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Wire(WireFault),
    TooManyFields,
}

/// A message: its fields in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub message: &'static Message,
    entries: Vec<Entry<'a>>,
    /// Where the last field of every place in the schema is, plus one.
    last: Vec<u32>,
    /// The bytes it was read from, as long as they are what it says.
    raw: Option<&'a [u8]>,
}

#[derive(Clone, Debug)]
struct Entry<'a> {
    number: u64,
    content: Content<'a>,
}

#[derive(Clone, Debug)]
enum Content<'a> {
    /// Key and value; the value begins at `body`.
    Scalar {
        raw: Cow<'a, [u8]>,
        wire: Wire,
        body: usize,
    },
    Child(Node<'a>),
}

impl<'a> Node<'a> {
    pub fn new(message: &'static Message) -> Node<'a> {
        Node {
            message,
            entries: Vec::new(),
            last: vec![0; message.fields.len()],
            raw: None,
        }
    }

    /// Reads a whole file as this message.
    pub fn parse(message: &'static Message, bytes: &'a [u8]) -> Result<Node<'a>, ParseFault> {
        let mut node = Node::new(message);
        let mut budget = MAX_FIELDS;
        node.read(bytes, 0, &mut budget)?;
        node.raw = Some(bytes);
        Ok(node)
    }

    /// Adds the fields of `bytes`, which lie at `start`. As deep as the schema, which has no message within itself.
    fn read(
        &mut self,
        bytes: &'a [u8],
        start: usize,
        budget: &mut usize,
    ) -> Result<(), ParseFault> {
        let fault = |offset, fault| ParseFault {
            offset,
            path: String::new(),
            fault,
        };
        let mut reader = Reader::new(bytes);
        loop {
            let at = start + reader.position();
            let Some(field) = reader
                .next()
                .map_err(|source| fault(at, Fault::Wire(source)))?
            else {
                return Ok(());
            };
            if *budget == 0 {
                return Err(fault(at, Fault::TooManyFields));
            }
            *budget -= 1;
            self.add(field, at, budget)?;
        }
    }

    fn add(
        &mut self,
        field: RawField<'a>,
        at: usize,
        budget: &mut usize,
    ) -> Result<(), ParseFault> {
        let place = self.message.place(field.number);
        let known = place.map(|place| (place, &self.message.fields[place]));
        let body = &field.raw[field.body..];
        let content = match known.map(|(place, known)| (place, known, known.kind)) {
            Some((place, known, Kind::Message(message) | Kind::Messages(message)))
                if field.wire == Wire::Bytes =>
            {
                let single = matches!(known.kind, Kind::Message(_));
                let within = |mut fault: ParseFault, index: Option<usize>| {
                    let index = index.map_or(String::new(), |index| format!(".{index}"));
                    let rest = if fault.path.is_empty() { "" } else { "." };
                    fault.path = format!("{}{index}{rest}{}", known.name, fault.path);
                    fault
                };
                // A single message that occurs again adds its fields to the first.
                if single && let Some(child) = self.child_at_mut(place) {
                    child.raw = None;
                    child
                        .read(body, at + field.body, budget)
                        .map_err(|fault| within(fault, None))?;
                    self.raw = None;
                    return Ok(());
                }
                let mut child = Node::new(message);
                child.read(body, at + field.body, budget).map_err(|fault| {
                    let index = (!single).then(|| self.count(place));
                    within(fault, index)
                })?;
                child.raw = Some(body);
                Content::Child(child)
            }
            _ => Content::Scalar {
                raw: Cow::Borrowed(field.raw),
                wire: field.wire,
                body: field.body,
            },
        };
        self.entries.push(Entry {
            number: field.number,
            content,
        });
        // A field of another wire type than the schema's is as good as unknown, as for Lc0.
        if let Some((place, known)) = known
            && wire_of(known.kind) == field.wire
        {
            self.last[place] = self.entries.len() as u32;
        }
        Ok(())
    }

    fn count(&self, place: usize) -> usize {
        let number = u64::from(self.message.fields[place].number);
        let same = |entry: &&Entry<'_>| {
            entry.number == number && matches!(entry.content, Content::Child(_))
        };
        self.entries.iter().filter(same).count()
    }

    fn last_entry(&self, place: usize) -> Option<&Entry<'a>> {
        let after = self.last[place] as usize;
        after.checked_sub(1).map(|index| &self.entries[index])
    }

    fn child_at_mut(&mut self, place: usize) -> Option<&mut Node<'a>> {
        let index = (self.last[place] as usize).checked_sub(1)?;
        match &mut self.entries[index].content {
            Content::Child(child) => Some(child),
            Content::Scalar { .. } => None,
        }
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        match &self.last_entry(self.message.named(name))?.content {
            Content::Scalar { raw, body, .. } => Some(&raw[*body..]),
            Content::Child(_) => None,
        }
    }

    /// A number or the number of a name; Lc0 keeps the lower 32 bits.
    pub fn uint(&self, name: &str) -> Option<u32> {
        self.value(name)
            .and_then(|value| wire::varint(value).ok())
            .map(|(value, _)| value as u32)
    }

    /// The name of the number that a field holds.
    pub fn choice(&self, name: &str) -> Option<String> {
        let Kind::Enum(values) = self.message.fields[self.message.named(name)].kind else {
            return None;
        };
        self.uint(name).map(|value| values.name(value))
    }

    pub fn fixed32(&self, name: &str) -> Option<u32> {
        self.value(name)
            .and_then(|value| value.first_chunk())
            .map(|value| u32::from_le_bytes(*value))
    }

    pub fn float(&self, name: &str) -> Option<f32> {
        self.fixed32(name).map(f32::from_bits)
    }

    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.value(name)
    }

    /// Text, with what is no UTF-8 replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All values of a repeated number. A packed list counts as an unknown field, as for Lc0.
    pub fn uints(&self, name: &str) -> Vec<u32> {
        let number = u64::from(self.message.fields[self.message.named(name)].number);
        let all = self.entries.iter().filter(|entry| entry.number == number);
        all.filter_map(|entry| match &entry.content {
            Content::Scalar {
                raw,
                wire: Wire::Varint,
                body,
            } => wire::varint(&raw[*body..]).ok(),
            _ => None,
        })
        .map(|(value, _)| value as u32)
        .collect()
    }

    pub fn child(&self, name: &str) -> Option<&Node<'a>> {
        match &self.last_entry(self.message.named(name))?.content {
            Content::Child(child) => Some(child),
            Content::Scalar { .. } => None,
        }
    }

    /// All messages of a repeated field.
    pub fn children(&self, name: &str) -> Vec<&Node<'a>> {
        let number = u64::from(self.message.fields[self.message.named(name)].number);
        let same = self.entries.iter().filter(|entry| entry.number == number);
        same.filter_map(|entry| match &entry.content {
            Content::Child(child) => Some(child),
            Content::Scalar { .. } => None,
        })
        .collect()
    }

    /// Fields that the schema does not have, with their whole length.
    pub fn unknown(&self) -> impl Iterator<Item = (u64, usize)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.content {
                Content::Scalar { raw, wire, .. } => {
                    let known = self.message.place(entry.number);
                    let fits = known
                        .is_some_and(|place| wire_of(self.message.fields[place].kind) == *wire);
                    (!fits).then_some((entry.number, raw.len()))
                }
                Content::Child(_) => None,
            })
    }

    /// Visits the messages below in the order of the file, each with its path from here.
    pub fn visit<'n>(&'n self, path: &str, visitor: &mut dyn FnMut(&str, &'n Node<'a>)) {
        let mut counts = vec![0; self.message.fields.len()];
        for entry in &self.entries {
            let Content::Child(child) = &entry.content else {
                continue;
            };
            let Some(path) = self.path_of(path, entry.number, &mut counts) else {
                continue;
            };
            visitor(&path, child);
            child.visit(&path, visitor);
        }
    }

    /// Like [`Node::visit`]; `visitor` says whether it changed the message or what is below.
    pub fn visit_mut(
        &mut self,
        path: &str,
        visitor: &mut dyn FnMut(&str, &mut Node<'a>) -> bool,
    ) -> bool {
        let mut counts = vec![0; self.message.fields.len()];
        let mut changed = false;
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            let Content::Child(_) = entry.content else {
                continue;
            };
            let Some(path) = self.path_of(path, entry.number, &mut counts) else {
                continue;
            };
            if let Content::Child(child) = &mut self.entries[index].content {
                let here = visitor(&path, child);
                let below = child.visit_mut(&path, visitor);
                if here || below {
                    child.raw = None;
                    changed = true;
                }
            }
        }
        if changed {
            self.raw = None;
        }
        changed
    }

    fn path_of(&self, path: &str, number: u64, counts: &mut [usize]) -> Option<String> {
        let place = self.message.place(number)?;
        let field = &self.message.fields[place];
        let dot = if path.is_empty() { "" } else { "." };
        match field.kind {
            Kind::Message(_) => Some(format!("{path}{dot}{}", field.name)),
            Kind::Messages(_) => {
                let index = counts[place];
                counts[place] += 1;
                Some(format!("{path}{dot}{}.{index}", field.name))
            }
            _ => None,
        }
    }

    pub fn is_layer(&self) -> bool {
        std::ptr::eq(self.message, &LAYER)
    }

    /// The message in a field, which is made if it is missing. Counts as a change.
    pub fn child_mut(&mut self, name: &str) -> &mut Node<'a> {
        self.raw = None;
        let place = self.message.named(name);
        let (Kind::Message(message) | Kind::Messages(message)) = self.message.fields[place].kind
        else {
            panic!("{name} is a message");
        };
        if self.last[place] == 0 {
            self.insert(place, Content::Child(Node::new(message)));
        }
        let child = self.child_at_mut(place).expect("it is there now");
        child.raw = None;
        child
    }

    pub fn set_uint(&mut self, name: &str, value: u32) {
        let mut body = Vec::new();
        wire::put_varint(&mut body, u64::from(value));
        self.set(name, Wire::Varint, &body);
    }

    pub fn set_float(&mut self, name: &str, value: f32) {
        self.set(name, Wire::Fixed32, &value.to_le_bytes());
    }

    pub fn set_bytes(&mut self, name: &str, value: &[u8]) {
        self.set(name, Wire::Bytes, value);
    }

    fn set(&mut self, name: &str, wire: Wire, value: &[u8]) {
        self.remove(name);
        let place = self.message.named(name);
        let mut raw = Vec::with_capacity(value.len() + 12);
        wire::put_varint(&mut raw, wire::key(self.message.fields[place].number, wire));
        if wire == Wire::Bytes {
            wire::put_varint(&mut raw, value.len() as u64);
        }
        let body = raw.len();
        raw.extend_from_slice(value);
        let raw = Cow::Owned(raw);
        self.insert(place, Content::Scalar { raw, wire, body });
    }

    /// Takes all occurrences of a field out.
    pub fn remove(&mut self, name: &str) {
        let number = u64::from(self.message.fields[self.message.named(name)].number);
        self.entries.retain(|entry| entry.number != number);
        self.changed();
    }

    /// Puts a field before the first one of a higher number.
    fn insert(&mut self, place: usize, content: Content<'a>) {
        let number = u64::from(self.message.fields[place].number);
        let at = self
            .entries
            .iter()
            .position(|entry| entry.number > number)
            .unwrap_or(self.entries.len());
        self.entries.insert(at, Entry { number, content });
        self.changed();
    }

    fn changed(&mut self) {
        self.raw = None;
        self.last.fill(0);
        for (index, entry) in self.entries.iter().enumerate() {
            let wire = match &entry.content {
                Content::Scalar { wire, .. } => *wire,
                Content::Child(_) => Wire::Bytes,
            };
            if let Some(place) = self.message.place(entry.number)
                && wire_of(self.message.fields[place].kind) == wire
            {
                self.last[place] = index as u32 + 1;
            }
        }
    }

    /// Bytes that [`Node::write`] appends.
    pub fn encoded_len(&self) -> usize {
        if let Some(raw) = self.raw {
            return raw.len();
        }
        let len = |entry: &Entry<'_>| match &entry.content {
            Content::Scalar { raw, .. } => raw.len(),
            Content::Child(child) => {
                let len = child.encoded_len();
                let key = wire::key(entry.number as u32, Wire::Bytes);
                wire::varint_len(key) + wire::varint_len(len as u64) + len
            }
        };
        self.entries.iter().map(len).sum()
    }

    /// Appends the message without key and length.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(raw) = self.raw {
            out.extend_from_slice(raw);
            return;
        }
        for entry in &self.entries {
            match &entry.content {
                Content::Scalar { raw, .. } => out.extend_from_slice(raw),
                Content::Child(child) => {
                    wire::put_varint(out, wire::key(entry.number as u32, Wire::Bytes));
                    wire::put_varint(out, child.encoded_len() as u64);
                    child.write(out);
                }
            }
        }
    }
}

const fn wire_of(kind: Kind) -> Wire {
    match kind {
        Kind::Uint | Kind::Uints | Kind::Enum(_) => Wire::Varint,
        Kind::Float | Kind::Fixed32 => Wire::Fixed32,
        Kind::Text | Kind::Bytes | Kind::Message(_) | Kind::Messages(_) => Wire::Bytes,
    }
}
