//! The instructions of the pickle machine. Names in comments are those of Python's `pickletools`.

use super::{Memo, Node, NodeId, Pickle, PickleError};

/// Values of one pickle. A checkpoint has some thousands; this many take less than a hundred megabytes.
const MAX_NODES: usize = 1 << 20;

/// References to values that the machine holds at a time: on its stack, at its marks, stored to be recalled. An
/// instruction of one byte may add one.
const MAX_HELD: usize = 1 << 20;

pub(super) fn run(bytes: &[u8]) -> Result<Pickle, PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        start: 0,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Memo::new(),
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Pickle {
                nodes: machine.nodes,
                root,
            });
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    /// Next byte to be read.
    at: usize,
    /// First byte of the instruction.
    start: usize,
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: Memo,
}

type Done = Result<(), PickleError>;

impl<'a> Machine<'a> {
    /// One instruction; the root at the end.
    fn step(&mut self) -> Result<Option<NodeId>, PickleError> {
        self.start = self.at;
        if self.stack.len() + self.marks.len() + self.memo.len() > MAX_HELD {
            return Err(PickleError::TooManyHeld(MAX_HELD));
        }
        let code = self.byte()?;
        match code {
            b'.' => return self.pop().map(Some),
            0x80 => {
                let protocol = self.byte()?;
                if protocol > 5 {
                    return Err(PickleError::Protocol(protocol));
                }
            }
            // FRAME says how long the next part is, for readers of streams.
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop_any()?,
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Node::None)?,
            0x88 => self.push(Node::Bool(true))?,
            0x89 => self.push(Node::Bool(false))?,
            b'I' | b'J' | b'K' | b'M' | b'L' | 0x8A | 0x8B | b'F' | b'G' => self.number(code)?,
            b'S' | b'T' | b'U' | b'B' | b'C' | 0x8E | 0x96 | b'V' | b'X' | 0x8C | 0x8D => {
                self.text(code)?;
            }
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8F | 0x91 => {
                self.collection(code)?;
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code)?,
            b'c' | 0x93 | b'R' | b'o' | b'i' | 0x81 | 0x92 | b'b' | b'P' | b'Q' => {
                self.object(code)?;
            }
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.memory(code)?,
            // What is left are extension codes and buffers outside of the file, which no checkpoint has.
            code => {
                return Err(PickleError::Opcode {
                    code,
                    offset: self.start,
                });
            }
        }
        Ok(None)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], PickleError> {
        let end = self
            .at
            .checked_add(len)
            .filter(|&end| end <= self.bytes.len())
            .ok_or(PickleError::Truncated(self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.take(1)?[0])
    }

    fn little(&mut self, len: usize) -> Result<u64, PickleError> {
        let bytes = self.take(len)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// Length of what follows, in so many bytes.
    fn len(&mut self, bytes: usize) -> Result<usize, PickleError> {
        usize::try_from(self.little(bytes)?).map_err(|_| PickleError::Truncated(self.bytes.len()))
    }

    fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = &self.bytes[self.at..];
        let len = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(PickleError::Truncated(self.bytes.len()))?;
        self.at += len + 1;
        std::str::from_utf8(&rest[..len]).map_err(|_| PickleError::Argument(self.start))
    }

    fn add(&mut self, node: Node) -> Result<NodeId, PickleError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(PickleError::TooManyNodes(MAX_NODES));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as NodeId - 1)
    }

    fn push(&mut self, node: Node) -> Done {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    /// Lowest height that instructions may pop to.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<NodeId, PickleError> {
        if self.stack.len() <= self.floor() {
            return Err(PickleError::Stack(self.start));
        }
        self.stack.pop().ok_or(PickleError::Stack(self.start))
    }

    fn top(&self) -> Result<NodeId, PickleError> {
        if self.stack.len() <= self.floor() {
            return Err(PickleError::Stack(self.start));
        }
        self.stack
            .last()
            .copied()
            .ok_or(PickleError::Stack(self.start))
    }

    /// POP removes a mark if one is on top.
    fn pop_any(&mut self) -> Done {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            Ok(())
        } else {
            self.pop().map(drop)
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
        let height = self.marks.pop().ok_or(PickleError::Stack(self.start))?;
        Ok(self.stack.split_off(height))
    }

    fn number(&mut self, code: u8) -> Done {
        let node = match code {
            b'I' => match self.line()? {
                "00" => Node::Bool(false),
                "01" => Node::Bool(true),
                text => self.parse_int(text)?,
            },
            b'L' => {
                let text = self.line()?;
                self.parse_int(text.strip_suffix('L').unwrap_or(text))?
            }
            b'J' => Node::Int(i64::from(self.little(4)? as i32)),
            b'K' => Node::Int(self.little(1)? as i64),
            b'M' => Node::Int(self.little(2)? as i64),
            0x8A => {
                let len = self.len(1)?;
                self.long(len)?
            }
            0x8B => {
                let len = self.len(4)?;
                self.long(len)?
            }
            b'F' => Node::Float(
                self.line()?
                    .trim()
                    .parse()
                    .map_err(|_| PickleError::Argument(self.start))?,
            ),
            // BINFLOAT is the one big-endian number.
            _ => Node::Float(f64::from_bits(self.little(8)?.swap_bytes())),
        };
        self.push(node)
    }

    fn parse_int(&self, text: &str) -> Result<Node, PickleError> {
        let text = text.trim();
        if let Ok(value) = text.parse() {
            return Ok(Node::Int(value));
        }
        let digits = text.trim_start_matches('-');
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PickleError::Argument(self.start));
        }
        Ok(Node::LargeInt(digits.len()))
    }

    /// A two's complement number of any length.
    fn long(&mut self, len: usize) -> Result<Node, PickleError> {
        if len > 8 {
            self.take(len)?;
            return Ok(Node::LargeInt(len));
        }
        let value = self.little(len)?;
        let unused = 64 - 8 * len as u32;
        Ok(Node::Int(
            (value.checked_shl(unused).unwrap_or(0) as i64)
                .checked_shr(unused)
                .unwrap_or(0),
        ))
    }

    fn text(&mut self, code: u8) -> Done {
        let node = match code {
            b'S' => {
                let line = self.line()?.trim();
                let inner = ['\'', '"'].iter().find_map(|&quote| {
                    line.strip_prefix(quote)
                        .and_then(|line| line.strip_suffix(quote))
                });
                Node::Str(inner.ok_or(PickleError::Argument(self.start))?.into())
            }
            b'V' => Node::Str(self.line()?.into()),
            _ => {
                let len_bytes = match code {
                    b'U' | b'C' | 0x8C => 1,
                    b'T' | b'B' | b'X' => 4,
                    _ => 8,
                };
                let len = self.len(len_bytes)?;
                let bytes = self.take(len)?;
                match (code, std::str::from_utf8(bytes)) {
                    (b'B' | b'C' | 0x8E | 0x96, _) | (_, Err(_)) => Node::Bytes(len),
                    (_, Ok(text)) => Node::Str(text.into()),
                }
            }
        };
        self.push(node)
    }

    fn collection(&mut self, code: u8) -> Done {
        let node = match code {
            b')' => Node::Tuple(Vec::new()),
            b't' => Node::Tuple(self.pop_mark()?),
            0x85..=0x87 => {
                let mut elements = Vec::new();
                for _ in 0x84..code {
                    elements.push(self.pop()?);
                }
                elements.reverse();
                Node::Tuple(elements)
            }
            b']' => Node::List(Vec::new()),
            b'l' => Node::List(self.pop_mark()?),
            b'}' => Node::Dict(Vec::new()),
            b'd' => {
                let values = self.pop_mark()?;
                Node::Dict(self.pairs(&values)?)
            }
            0x8F => Node::Set(Vec::new()),
            _ => Node::Set(self.pop_mark()?),
        };
        self.push(node)
    }

    fn pairs(&self, values: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>, PickleError> {
        let (pairs, rest) = values.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(PickleError::Stack(self.start));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    /// Puts something into what is then on top of the stack.
    fn fill(&mut self, code: u8) -> Done {
        match code {
            b'a' | b'e' | 0x90 => {
                let new = if code == b'a' {
                    vec![self.pop()?]
                } else {
                    self.pop_mark()?
                };
                let top = self.top()?;
                match &mut self.nodes[top as usize] {
                    Node::List(elements) | Node::Set(elements) | Node::Call { elements, .. } => {
                        elements.extend(new);
                        Ok(())
                    }
                    other => Err(PickleError::Kind {
                        offset: self.start,
                        expected: "a list or a set",
                        found: other.kind(),
                    }),
                }
            }
            _ => {
                let new = if code == b's' {
                    let value = self.pop()?;
                    vec![self.pop()?, value]
                } else {
                    self.pop_mark()?
                };
                let new = self.pairs(&new)?;
                let top = self.top()?;
                match &mut self.nodes[top as usize] {
                    Node::Dict(items) | Node::Call { items, .. } => {
                        items.extend(new);
                        Ok(())
                    }
                    other => Err(PickleError::Kind {
                        offset: self.start,
                        expected: "a dictionary",
                        found: other.kind(),
                    }),
                }
            }
        }
    }

    fn object(&mut self, code: u8) -> Done {
        match code {
            b'c' => {
                let global = self.named_global()?;
                self.push(global)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                for part in [module, name] {
                    if !matches!(self.nodes[part as usize], Node::Str(_)) {
                        return Err(PickleError::Argument(self.start));
                    }
                }
                self.push(Node::Global { module, name })
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)
            }
            // NEWOBJ_EX has keyword arguments on top, which no class that is known takes.
            0x92 => {
                self.pop()?;
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)
            }
            b'o' => {
                let mut values = self.pop_mark()?.into_iter();
                let function = values.next().ok_or(PickleError::Stack(self.start))?;
                let arguments = self.add(Node::Tuple(values.collect()))?;
                self.call(function, arguments)
            }
            b'i' => {
                let global = self.named_global()?;
                let values = self.pop_mark()?;
                let function = self.add(global)?;
                let arguments = self.add(Node::Tuple(values))?;
                self.call(function, arguments)
            }
            b'b' => {
                let new = self.pop()?;
                let top = self.top()?;
                match &mut self.nodes[top as usize] {
                    Node::Call { state, .. } => *state = Some(new),
                    // PyTorch hangs `_metadata` onto the ordered dictionary of a model's state.
                    Node::Dict(_) => {}
                    other => {
                        return Err(PickleError::Kind {
                            offset: self.start,
                            expected: "an object",
                            found: other.kind(),
                        });
                    }
                }
                Ok(())
            }
            b'P' => {
                let id = self.line()?.into();
                let id = self.add(Node::Str(id))?;
                self.push(Node::Persistent(id))
            }
            _ => {
                let id = self.pop()?;
                self.push(Node::Persistent(id))
            }
        }
    }

    /// A global whose module and name stand in two lines.
    fn named_global(&mut self) -> Result<Node, PickleError> {
        let (module, name) = (self.line()?.into(), self.line()?.into());
        Ok(Node::Global {
            module: self.add(Node::Str(module))?,
            name: self.add(Node::Str(name))?,
        })
    }

    fn call(&mut self, function: NodeId, arguments: NodeId) -> Done {
        let is_text = |id: NodeId, expected: &str| {
            let node = &self.nodes[id as usize];
            matches!(node, Node::Str(text) if &**text == expected)
        };
        let ordered_dict = matches!(&self.nodes[function as usize], Node::Global { module, name }
            if is_text(*module, "collections") && is_text(*name, "OrderedDict"));
        let Node::Tuple(list) = &self.nodes[arguments as usize] else {
            return Err(PickleError::Kind {
                offset: self.start,
                expected: "a tuple of arguments",
                found: self.nodes[arguments as usize].kind(),
            });
        };
        if ordered_dict && list.is_empty() {
            return self.push(Node::Dict(Vec::new()));
        }
        self.push(Node::Call {
            function,
            arguments,
            state: None,
            items: Vec::new(),
            elements: Vec::new(),
        })
    }

    fn memory(&mut self, code: u8) -> Done {
        let key = match code {
            b'p' | b'g' => {
                let line = self.line()?;
                line.trim()
                    .parse()
                    .map_err(|_| PickleError::Argument(self.start))?
            }
            b'q' | b'h' => u32::from(self.byte()?),
            b'r' | b'j' => self.little(4)? as u32,
            _ => self.memo.len() as u32,
        };
        if matches!(code, b'g' | b'h' | b'j') {
            let id = *self.memo.get(&key).ok_or(PickleError::Memo {
                offset: self.start,
                key,
            })?;
            self.stack.push(id);
        } else {
            let top = self.top()?;
            self.memo.insert(key, top);
        }
        Ok(())
    }
}
