//! What the adapter is to do for a block of counts, planned before anything is recorded.

use bytemuck::NoUninit;

use super::Tile;
use crate::compute::NeuronGroup;
use crate::compute::gpu::and_groups;
use crate::compute::gpu::planes::{PlaneChunk, UNIT_WORDS};
use crate::compute::gpu::stage::ParamsTable;

/// Rows and columns of the larger tiles, and rows of the smaller ones.
pub(super) const TILE: usize = 64;
pub(super) const NARROW_TILE: usize = 16;
/// Workgroups of a dispatch, so that the largest adapters are kept busy to the end.
const WORKGROUPS: usize = 4096;
/// Fewest steps of a workgroup: adding a tile to the counts costs about as much.
const LEAST_STEPS: usize = 8;
const UNIT_VECTORS: usize = UNIT_WORDS / 4;

/// As `Params` in `co_zero_counts.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
pub(super) struct Params {
    left_count: u32,
    right_count: u32,
    left_pitch: u32,
    right_pitch: u32,
    left_from: u32,
    steps: u32,
    steps_per_workgroup: u32,
    left_stride: u32,
    left_first: u32,
    right_stride: u32,
    right_first: u32,
}

/// The groups of one side of a block of counts.
#[derive(Clone, Copy)]
pub(super) struct Side<'g> {
    pub groups: &'g [NeuronGroup],
    /// Single neurons are counted where their planes are; others need AND planes first.
    pub single: bool,
    /// Counts from one group to the next.
    pub pitch: usize,
}

impl<'g> Side<'g> {
    pub fn new(groups: &'g [NeuronGroup], pitch: usize) -> Side<'g> {
        Side {
            groups,
            single: groups.iter().all(|group| group.neurons().len() == 1),
            pitch,
        }
    }

    fn tiles(&self) -> usize {
        self.groups.len().div_ceil(TILE)
    }

    /// Which plane each group counts, padded to whole tiles.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = if self.single {
            self.groups.iter().map(|group| group.neurons()[0]).collect()
        } else {
            (0..self.groups.len() as u32).collect()
        };
        rows.resize(self.tiles() * TILE, rows[0]);
        rows
    }

    /// The neurons of each group, if planes must be combined.
    pub fn padded(&self) -> Vec<[u32; 4]> {
        let groups = self.groups.iter().filter(|_| !self.single);
        groups.map(NeuronGroup::padded).collect()
    }

    /// Most units of AND planes that fit in a buffer, an odd number.
    pub fn most_units(&self, scratch_bytes: u64) -> usize {
        if self.single {
            return usize::MAX;
        }
        let row_bytes = (UNIT_WORDS * 4 * self.groups.len()) as u64;
        let fitting = (scratch_bytes / row_bytes) as usize;
        (fitting.max(1) - 1) | 1
    }

    /// From one plane to the next, and where a step's words begin, in vectors.
    fn stride_and_first(&self, chunk: &PlaneChunk, window: &Window, first_step: usize) -> [u32; 2] {
        let (stride, first) = if self.single {
            (chunk.stride_units, window.first_unit + first_step)
        } else {
            (window.stride_units, first_step)
        };
        [stride, first].map(|units| (units * UNIT_VECTORS) as u32)
    }
}

/// Rows that are cut into tiles of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub first_row: usize,
    pub tile: Tile,
    pub tiles: usize,
}

/// Cuts rows into tiles: large ones, and small ones for a rest that would leave a large one half empty.
pub(super) fn bands(rows: usize) -> Vec<Band> {
    let (mut whole, mut rest) = (rows / TILE, rows % TILE);
    if rest > TILE - NARROW_TILE {
        (whole, rest) = (whole + 1, 0);
    }
    let large = Band {
        first_row: 0,
        tile: Tile::Wide,
        tiles: whole,
    };
    let small = Band {
        first_row: whole * TILE,
        tile: Tile::Narrow,
        tiles: rest.div_ceil(NARROW_TILE),
    };
    let mut bands = vec![large, small];
    bands.retain(|band| band.tiles > 0);
    bands
}

/// Something to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// AND planes of a side.
    And(usize),
    Count(Tile),
}

/// A dispatch, with the chunk that it works on and where its parameters are.
pub(super) struct Planned {
    pub command: Command,
    pub chunk: usize,
    pub params: u32,
    pub workgroups: [u32; 3],
}

/// Samples whose AND planes are in the buffers together.
struct Window {
    first_unit: usize,
    units: usize,
    /// From one AND plane to the next.
    stride_units: usize,
}

/// All dispatches of a block.
pub(super) struct Plan {
    pub params: ParamsTable,
    pub dispatches: Vec<Planned>,
    /// Pairs of words that are counted for every unit of planes, padding included.
    words_per_unit: u64,
}

/// How large things may be.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Units of a window, and from one of its AND planes to the next.
    pub window: usize,
    pub stride_units: usize,
    /// Pairs of words of a dispatch.
    pub budget: u64,
}

impl Plan {
    pub fn new(sides: [Side; 2], chunks: &[PlaneChunk], sizes: Sizes) -> Plan {
        let bands = bands(sides[0].groups.len());
        let columns = sides[1].tiles();
        let rows: usize = bands.iter().map(|band| band.tiles * band.tile.rows()).sum();
        let words_per_unit = (rows * columns * TILE * UNIT_WORDS) as u64;
        let mut plan = Plan {
            params: ParamsTable::default(),
            dispatches: Vec::new(),
            words_per_unit,
        };
        for (number, chunk) in chunks.iter().enumerate() {
            for first_unit in (0..chunk.units).step_by(sizes.window) {
                let window = Window {
                    first_unit,
                    units: sizes.window.min(chunk.units - first_unit),
                    stride_units: sizes.stride_units,
                };
                plan.and_planes(sides, number, chunk, &window);
                let most_steps = (sizes.budget / words_per_unit).max(1) as usize;
                for first_step in (0..window.units).step_by(most_steps) {
                    let steps = first_step..window.units.min(first_step + most_steps);
                    for band in &bands {
                        plan.count(sides, (number, chunk), &window, steps.clone(), band);
                    }
                }
            }
        }
        plan
    }

    fn and_planes(&mut self, sides: [Side; 2], number: usize, chunk: &PlaneChunk, of: &Window) {
        for (place, side) in sides.iter().enumerate().filter(|(_, side)| !side.single) {
            let groups = side.groups.len();
            let params =
                and_groups::Params::new(groups, chunk, of.first_unit, of.units, of.stride_units);
            self.dispatches.push(Planned {
                command: Command::And(place),
                chunk: number,
                workgroups: params.workgroups(),
                params: self.params.push(&params),
            });
        }
    }

    fn count(
        &mut self,
        [left, right]: [Side; 2],
        (number, chunk): (usize, &PlaneChunk),
        window: &Window,
        steps: std::ops::Range<usize>,
        band: &Band,
    ) {
        let tiles = band.tiles * right.tiles();
        let per_workgroup = (steps.len() * tiles).div_ceil(WORKGROUPS).max(LEAST_STEPS);
        let [left_stride, left_first] = left.stride_and_first(chunk, window, steps.start);
        let [right_stride, right_first] = right.stride_and_first(chunk, window, steps.start);
        let params = self.params.push(&Params {
            left_count: left.groups.len() as u32,
            right_count: right.groups.len() as u32,
            left_pitch: left.pitch as u32,
            right_pitch: right.pitch as u32,
            left_from: band.first_row as u32,
            steps: steps.len() as u32,
            steps_per_workgroup: per_workgroup as u32,
            left_stride,
            left_first,
            right_stride,
            right_first,
        });
        let slices = steps.len().div_ceil(per_workgroup);
        self.dispatches.push(Planned {
            command: Command::Count(band.tile),
            chunk: number,
            params,
            workgroups: [right.tiles(), band.tiles, slices].map(|count| count as u32),
        });
    }

    /// Pairs of words that are counted on so many units, padding included.
    pub fn work(&self, units: usize) -> u64 {
        self.words_per_unit * units as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_rows_and_little_more() {
        for rows in 1..300 {
            let mut next = 0;
            for band in bands(rows) {
                assert_eq!(band.first_row, next);
                next += band.tiles * band.tile.rows();
            }
            assert!(next >= rows && next < rows + NARROW_TILE, "{rows}: {next}");
            assert!(next <= rows.next_multiple_of(TILE));
        }
        let small = |first_row, tiles| Band {
            first_row,
            tile: Tile::Narrow,
            tiles,
        };
        assert_eq!(bands(8), [small(0, 1)]);
        assert_eq!(bands(33), [small(0, 3)]);
        assert_eq!(bands(70)[1..], [small(64, 1)]);
        assert_eq!(bands(49).len(), 1);
        assert_eq!(bands(49)[0].tile, Tile::Wide);
        assert_eq!(bands(384).len(), 1);
    }
}
