//! Networks whose kings share a plane, made of networks in which each has its own.

use super::error::LayoutError;
use super::input::Input;

/// Places of both kings, as `2 * kind + (0 own, 1 opponent)`.
const KINGS: [usize; 2] = [10, 11];

/// Which row of twelve planes, `PNBRQKpnbrqk`, becomes which row of eleven. The own king stands on the squares of its
/// bucket, so the shared plane has its rows there, and the opponent's everywhere else.
#[derive(Clone, Debug)]
pub(super) struct MergedKings {
    /// By bucket and row.
    rows: Vec<Vec<usize>>,
}

impl MergedKings {
    /// Rows of twelve planes.
    pub const ROWS: usize = 12 * 64;

    /// # Errors
    /// The inputs have no shared plane.
    pub fn new(input: &Input) -> Result<MergedKings, LayoutError> {
        if input.planes[KINGS[0]] != input.planes[KINGS[1]] {
            let text = "kings = \"merged\" is for planes without k";
            return Err(LayoutError::Input(text.into()));
        }
        let bucket_rows = |bucket: usize| {
            let plane_rows = |plane: usize| {
                (0..64u8).map(move |square| {
                    64 * source_plane(input, plane, bucket, square) + usize::from(square)
                })
            };
            (0..input.plane_count).flat_map(plane_rows).collect()
        };
        Ok(MergedKings {
            rows: (0..input.bucket_count).map(bucket_rows).collect(),
        })
    }

    pub fn buckets(&self) -> usize {
        self.rows.len()
    }

    /// Rows of a bucket in the file.
    pub fn merged_rows(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The row of twelve planes that this row of a bucket is.
    pub fn row(&self, bucket: usize, row: usize) -> usize {
        self.rows[bucket][row]
    }
}

/// The plane, of twelve, that a plane of the file has on a square.
fn source_plane(input: &Input, plane: usize, bucket: usize, square: u8) -> usize {
    let of = |piece: usize| piece % 2 * 6 + piece / 2;
    let is_it = |piece: &usize| usize::from(input.planes[*piece]) == plane;
    let piece = (0..12).find(is_it).unwrap_or_default();
    if piece != KINGS[0] {
        return of(piece);
    }
    let square = square ^ if input.from_a8 { 56 } else { 0 };
    if input.holds_king(bucket, square) {
        of(KINGS[0])
    } else {
        of(KINGS[1])
    }
}
