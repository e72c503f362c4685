//! Finds whole networks among other bytes.

use std::ops::Range;

use memchr::memmem;

use crate::nets::stockfish::{Network, VERSIONS};

/// What a scan found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Whole networks, in order; they do not overlap.
    pub nets: Vec<Range<usize>>,
    /// The first header whose hashes belong together, but which no whole network follows.
    pub broken: Option<usize>,
}

/// Looks for networks at every offset.
///
/// A header is met by its version constant, then its hashes must belong together, and the tensors and layer stacks
/// must follow one another to the end ([`Network::extent`]). The cost of each header is constant, so the whole is
/// linear in the number of bytes, whatever they claim.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let versions = VERSIONS.map(u32::to_le_bytes);
    let finders = versions.each_ref().map(memmem::Finder::new);
    let mut found = finders
        .each_ref()
        .map(|finder| finder.find_iter(bytes).peekable());
    let mut free = 0;
    loop {
        let next = found
            .iter_mut()
            .filter_map(|places| places.peek().copied().map(|at| (at, places)))
            .min_by_key(|(at, _)| *at);
        let Some((at, places)) = next else {
            return scan;
        };
        places.next();
        if at < free {
            continue;
        }
        let here = &bytes[at..];
        match Network::extent(here) {
            Some(len) => {
                free = at + len;
                scan.nets.push(at..free);
            }
            None if scan.broken.is_none() && Network::has_header(here) => scan.broken = Some(at),
            None => {}
        }
    }
}
