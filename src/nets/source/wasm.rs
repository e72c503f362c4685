//! The memory of a WebAssembly module as its data segments set it up.
//!
//! Linkers leave runs of zeros out of the data, so a network lies in many segments and has to be put together as the
//! engine does it when it starts: active segments say in a constant expression where they go; passive ones (in modules
//! for several threads) are copied by `memory.init` instructions, whose operands are constants in the start function
//! that the linker writes. Memory starts as zeros.

use std::collections::BTreeMap;
use std::ops::Range;

use wasmparser::{ConstExpr, DataKind, FunctionBody, Operator, Parser, Payload, TypeRef};

/// Is this a module (rather than, say, a component)?
pub(super) fn is_module(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

/// A stretch of memory that segments fill.
#[derive(Debug)]
pub(super) struct Region {
    /// Address of the first byte.
    pub address: u64,
    /// Length, zeros at the end included.
    pub len: usize,
    /// In the order in which they are copied.
    pieces: Vec<Piece>,
}

/// Some bytes of the module and where in memory they go.
#[derive(Clone, Debug)]
struct Piece {
    memory: u32,
    address: u64,
    data: Range<usize>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.address + self.data.len() as u64
    }
}

/// Zeros that are put between and after segments, all regions together: these per module, and one for each byte of
/// it. Distances between addresses are the module's claim alone, its bytes are not.
const ZEROS: u64 = 64 << 20;

/// Zeros after the last segment of a region: a network may end in some.
const TAIL: u64 = 64 << 10;

/// Shorter regions hold no network.
const SHORTEST: usize = 1 << 10;

impl Region {
    /// The memory's bytes.
    pub(super) fn bytes(&self, module: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        for piece in &self.pieces {
            let at = (piece.address - self.address) as usize;
            bytes[at..at + piece.data.len()].copy_from_slice(&module[piece.data.clone()]);
        }
        bytes
    }

    /// Offset in the module of the byte at this place of the region; `None` where a zero was filled in.
    pub(super) fn file_offset(&self, place: usize) -> Option<usize> {
        let address = self.address + place as u64;
        // What is copied last stays.
        let mut pieces = self.pieces.iter().rev();
        let piece = pieces.find(|piece| (piece.address..piece.end()).contains(&address))?;
        Some(piece.data.start + (address - piece.address) as usize)
    }
}

/// Where `memory.init` puts which part of a segment.
#[derive(Clone, Copy, Debug)]
struct Init {
    in_start_function: bool,
    memory: u32,
    address: u64,
    from: u64,
    len: u64,
}

/// Finds out which bytes of the module go where.
///
/// # Errors
/// The module is damaged.
pub(super) fn regions(module: &[u8]) -> Result<Vec<Region>, wasmparser::BinaryReaderError> {
    let mut imported_functions = 0;
    let mut start = None;
    let mut functions = 0;
    let mut inits = BTreeMap::new();
    let mut pieces = Vec::new();
    let mut unplaced = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                        imported_functions += 1;
                    }
                }
            }
            Payload::StartSection { func, .. } => start = Some(func),
            Payload::CodeSectionEntry(body) => {
                let in_start_function = start == Some(imported_functions + functions);
                functions += 1;
                // A function that cannot be decoded is of no use here, and does no harm.
                let _ = collect_inits(&body, in_start_function, &mut inits);
            }
            Payload::DataSection(segments) => {
                for (number, segment) in segments.into_iter().enumerate() {
                    let segment = segment?;
                    let end = segment.range.end as usize;
                    let data = end - segment.data.len()..end;
                    let piece = match segment.kind {
                        DataKind::Active {
                            memory_index,
                            offset_expr,
                        } => constant(&offset_expr)
                            .map(|address| (memory_index, address, data.clone())),
                        DataKind::Passive => inits.get(&(number as u32)).and_then(|init: &Init| {
                            let end = init.from.checked_add(init.len)?;
                            (end <= data.len() as u64).then(|| {
                                let from = data.start + init.from as usize;
                                (init.memory, init.address, from..from + init.len as usize)
                            })
                        }),
                    };
                    match piece {
                        Some((memory, address, data))
                            if address.checked_add(data.len() as u64).is_some() =>
                        {
                            pieces.push(Piece {
                                memory,
                                address,
                                data,
                            });
                        }
                        _ => unplaced.push(data),
                    }
                }
            }
            _ => {}
        }
    }
    let mut regions = join(pieces, module.len());
    // A segment whose place is not known may still hold a network of its own.
    unplaced.retain(|data| data.len() >= SHORTEST);
    regions.extend(unplaced.into_iter().map(|data| Region {
        address: 0,
        len: data.len(),
        pieces: vec![Piece {
            memory: 0,
            address: 0,
            data,
        }],
    }));
    Ok(regions)
}

/// Notes the `memory.init` instructions of a function that follow three constants. A segment counts once, so that
/// no more is copied than the module holds; the start function goes before all others.
fn collect_inits(
    body: &FunctionBody<'_>,
    in_start_function: bool,
    inits: &mut BTreeMap<u32, Init>,
) -> Result<(), wasmparser::BinaryReaderError> {
    let mut operators = body.get_operators_reader()?;
    let mut constants = [None; 3];
    while !operators.eof() {
        let constant = match operators.read()? {
            Operator::I32Const { value } => Some(u64::from(value as u32)),
            Operator::I64Const { value } => Some(value as u64),
            Operator::MemoryInit { data_index, mem } => {
                if let [Some(address), Some(from), Some(len)] = constants {
                    let init = Init {
                        in_start_function,
                        memory: mem,
                        address,
                        from,
                        len,
                    };
                    inits
                        .entry(data_index)
                        .and_modify(|known| {
                            if in_start_function && !known.in_start_function {
                                *known = init;
                            }
                        })
                        .or_insert(init);
                }
                None
            }
            _ => None,
        };
        constants = match constant {
            Some(_) => [constants[1], constants[2], constant],
            None => [None; 3],
        };
    }
    Ok(())
}

/// The value of an expression that is a single constant.
fn constant(expression: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    let value = match operators.read().ok()? {
        Operator::I32Const { value } => u64::from(value as u32),
        Operator::I64Const { value } => value as u64,
        _ => return None,
    };
    matches!(operators.read(), Ok(Operator::End)).then_some(value)
}

/// Regions of segments at addresses of one memory; ranges are within `len` bytes of data.
pub(super) fn join_active(segments: Vec<(u64, Range<usize>)>, len: usize) -> Vec<Region> {
    let fits =
        |(address, data): &(u64, Range<usize>)| address.checked_add(data.len() as u64).is_some();
    let pieces = segments.into_iter().filter(fits);
    let pieces = pieces.map(|(address, data)| Piece {
        memory: 0,
        address,
        data,
    });
    join(pieces.collect(), len)
}

/// Puts pieces together that are not further apart than the zeros reach.
fn join(pieces: Vec<Piece>, module_len: usize) -> Vec<Region> {
    let mut zeros = ZEROS + module_len as u64;
    let mut order: Vec<usize> = (0..pieces.len())
        .filter(|&number| !pieces[number].data.is_empty())
        .collect();
    order.sort_by_key(|&number| (pieces[number].memory, pieces[number].address));
    let mut regions: Vec<(Range<u64>, Vec<usize>)> = Vec::new();
    let mut memory = None;
    for number in order {
        let piece = &pieces[number];
        let same_memory = memory == Some(piece.memory);
        memory = Some(piece.memory);
        if let Some((addresses, members)) = regions.last_mut().filter(|_| same_memory) {
            let gap = piece.address.saturating_sub(addresses.end);
            if gap <= zeros {
                zeros -= gap;
                addresses.end = addresses.end.max(piece.end());
                members.push(number);
                continue;
            }
        }
        regions.push((piece.address..piece.end(), vec![number]));
    }
    regions.retain(|(addresses, _)| addresses.end - addresses.start >= SHORTEST as u64);
    let regions = regions.into_iter().map(|(addresses, mut members)| {
        let tail = TAIL.min(zeros);
        zeros -= tail;
        // Where segments overlap, the later one in the module counts.
        members.sort_unstable();
        Region {
            address: addresses.start,
            len: (addresses.end - addresses.start + tail) as usize,
            pieces: members
                .into_iter()
                .map(|number| pieces[number].clone())
                .collect(),
        }
    });
    regions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: u64, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn signed(mut value: i64, out: &mut Vec<u8>) {
        loop {
            let byte = (value & 0x7F) as u8;
            value >>= 7;
            if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
                out.push(byte);
                return;
            }
            out.push(byte | 0x80);
        }
    }

    fn section(id: u8, content: &[u8], out: &mut Vec<u8>) {
        out.push(id);
        number(content.len() as u64, out);
        out.extend(content);
    }

    fn i32_const(value: u32, out: &mut Vec<u8>) {
        out.push(0x41);
        signed(i64::from(value as i32), out);
    }

    const HEADER: &[u8] = b"\0asm\x01\0\0\0";

    /// A module with active segments at these addresses.
    fn active(segments: &[(u32, &[u8])]) -> Vec<u8> {
        let mut module = HEADER.to_vec();
        let mut content = Vec::new();
        number(segments.len() as u64, &mut content);
        for (address, data) in segments {
            content.push(0);
            i32_const(*address, &mut content);
            content.push(0x0B);
            number(data.len() as u64, &mut content);
            content.extend(*data);
        }
        section(11, &content, &mut module);
        module
    }

    /// A module with passive segments; each function is a list of `(address, from, len, segment)`.
    fn passive(functions: &[&[[u32; 4]]], start: Option<u32>, segments: &[&[u8]]) -> Vec<u8> {
        let mut module = HEADER.to_vec();
        section(1, &[1, 0x60, 0, 0], &mut module);
        // One imported function, so that function numbers do not begin at the first body.
        section(2, &[1, 1, b'a', 1, b'b', 0, 0], &mut module);
        let mut content = vec![functions.len() as u8];
        content.extend(functions.iter().map(|_| 0));
        section(3, &content, &mut module);
        if let Some(start) = start {
            section(8, &[start as u8], &mut module);
        }
        let mut content = vec![functions.len() as u8];
        for inits in functions {
            let mut body = vec![0];
            for &[address, from, len, segment] in *inits {
                for value in [address, from, len] {
                    i32_const(value, &mut body);
                }
                body.extend([0xFC, 0x08]);
                number(u64::from(segment), &mut body);
                body.push(0);
            }
            body.push(0x0B);
            number(body.len() as u64, &mut content);
            content.extend(body);
        }
        section(10, &content, &mut module);
        let mut content = Vec::new();
        number(segments.len() as u64, &mut content);
        for data in segments {
            content.push(1);
            number(data.len() as u64, &mut content);
            content.extend(*data);
        }
        section(11, &content, &mut module);
        module
    }

    #[test]
    fn active_segments_with_gaps_and_overlaps() {
        let long = vec![7; 2000];
        let module = active(&[(5000, b"late"), (100, &long), (1000, b"patch")]);
        let found = regions(&module).unwrap();
        assert_eq!(found.len(), 1);
        let bytes = found[0].bytes(&module);
        assert_eq!(found[0].address, 100);
        assert_eq!(&bytes[899..906], b"\x07patch\x07");
        assert_eq!(&bytes[1998..2002], [7, 7, 0, 0]);
        assert_eq!(&bytes[4899..4905], b"\0late\0");
        assert_eq!(bytes.len(), 4904 + TAIL as usize);
        let patch = memchr::memmem::find(&module, b"patch").unwrap();
        assert_eq!(found[0].file_offset(901), Some(patch + 1));
        assert_eq!(found[0].file_offset(3000), None);
    }

    #[test]
    fn the_start_function_places_passive_segments() {
        let long = vec![7; 2000];
        let functions: [&[[u32; 4]]; 2] = [
            &[[9_000_000, 0, 2000, 0]],
            &[[100, 0, 2000, 0], [2200, 1, 3, 1], [0, 0, 9, 2]],
        ];
        let segments: [&[u8]; 3] = [&long, b"later", b"shorter"];
        let module = passive(&functions, Some(2), &segments);
        let found = regions(&module).unwrap();
        // Segment 2 is shorter than what would be copied, which a machine refuses.
        assert_eq!(found.len(), 1);
        let bytes = found[0].bytes(&module);
        assert_eq!(found[0].address, 100);
        assert_eq!(
            &bytes[1999..2105],
            [&[7][..], &[0; 100], b"ate", &[0; 2]].concat()
        );
        // Without a start function, the first of all functions counts.
        let found = regions(&passive(&functions, None, &segments)).unwrap();
        assert_eq!(found[0].address, 2200);
        assert_eq!(found[0].len, (9_000_000 - 2200) + 2000 + TAIL as usize);
    }

    #[test]
    fn an_unplaced_segment_stands_alone() {
        let long = vec![7; 2000];
        let module = passive(&[&[]], None, &[&long]);
        let found = regions(&module).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bytes(&module), long);
    }

    #[test]
    fn memory_is_bounded_by_the_module() {
        let long = vec![7; 2000];
        // Segments a gigabyte apart, and up to the end of the address space.
        let far: Vec<(u32, &[u8])> = (0..4)
            .map(|number| (number << 30, long.as_slice()))
            .chain([(u32::MAX, b"x".as_slice())])
            .collect();
        let module = active(&far);
        let found = regions(&module).unwrap();
        assert_eq!(found.len(), 4);
        assert!(
            found
                .iter()
                .all(|region| region.len <= 2000 + TAIL as usize)
        );
        // Many segments, each as far from the next as one alone would be allowed.
        let many: Vec<(u32, &[u8])> = (0..64)
            .map(|number| (number * (50 << 20), long.as_slice()))
            .collect();
        let module = active(&many);
        let total: usize = regions(&module).unwrap().iter().map(|it| it.len).sum();
        assert!(total as u64 <= ZEROS + 2 * module.len() as u64, "{total}");
        // One segment copied to many places counts once.
        let copies: Vec<[u32; 4]> = (0..10_000).map(|it| [it * 3000, 0, 2000, 0]).collect();
        let module = passive(&[&copies], Some(1), &[&long]);
        let total: usize = regions(&module).unwrap().iter().map(|it| it.len).sum();
        assert_eq!(total, 2000 + TAIL as usize);
    }

    #[test]
    fn damaged_modules_are_errors_and_no_panic() {
        let long = vec![7; 2000];
        let module = passive(&[&[[100, 0, 2000, 0]]], Some(1), &[&long]);
        for len in 0..module.len() {
            let _ = regions(&module[..len]);
        }
        assert!(regions(&module[..module.len() - 1]).is_err());
        for at in 8..module.len().min(200) {
            for value in [0, 0x7F, 0x80, 0xFF] {
                let mut odd = module.clone();
                odd[at] = value;
                if let Ok(found) = regions(&odd) {
                    for region in found {
                        assert!(region.bytes(&odd).len() == region.len);
                    }
                }
            }
        }
        // A component with modules inside is not a module.
        assert!(!is_module(b"\0asm\x0d\0\x01\0"));
    }
}
