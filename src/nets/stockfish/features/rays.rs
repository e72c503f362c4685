//! What sliding pieces attack, where only the occupied squares are asked for: at most one in each direction.

/// Files and ranks to the next square: first the directions in which squares ascend, then their opposites.
const DIRECTIONS: [[i8; 2]; 8] = [
    [1, 0],
    [0, 1],
    [1, 1],
    [-1, 1],
    [-1, 0],
    [0, -1],
    [-1, -1],
    [1, -1],
];

/// All squares in a direction.
static RAYS: [[u64; 8]; 64] = {
    let mut rays = [[0; 8]; 64];
    let mut square = 0;
    while square < 64 {
        let mut direction = 0;
        while direction < 8 {
            let [file_step, rank_step] = DIRECTIONS[direction];
            let mut file = square as i8 % 8 + file_step;
            let mut rank = square as i8 / 8 + rank_step;
            while 0 <= file && file < 8 && 0 <= rank && rank < 8 {
                rays[square][direction] |= 1u64 << (8 * rank + file);
                file += file_step;
                rank += rank_step;
            }
            direction += 1;
        }
        square += 1;
    }
    rays
};

/// The occupied squares that a bishop attacks.
#[inline]
pub(super) fn diagonal(from: u8, occupied: u64) -> u64 {
    let rays = &RAYS[usize::from(from)];
    lowest(rays[2] & occupied)
        | lowest(rays[3] & occupied)
        | highest(rays[6] & occupied)
        | highest(rays[7] & occupied)
}

/// The occupied squares that a rook attacks.
#[inline]
pub(super) fn straight(from: u8, occupied: u64) -> u64 {
    let rays = &RAYS[usize::from(from)];
    lowest(rays[0] & occupied)
        | lowest(rays[1] & occupied)
        | highest(rays[4] & occupied)
        | highest(rays[5] & occupied)
}

/// The lowest square of a set, if there is one.
fn lowest(set: u64) -> u64 {
    set & set.wrapping_neg()
}

/// The highest square of a set, if there is one.
fn highest(set: u64) -> u64 {
    set & 1 << 63 >> (set | 1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use shakmaty::{Bitboard, Square, attacks};

    use super::*;

    #[test]
    fn as_the_chess_library_finds_them() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for from in 0..64 {
            let square = Square::new(u32::from(from));
            for _ in 0..200 {
                let occupied = random.random::<u64>() & random.random::<u64>();
                let expected = attacks::bishop_attacks(square, Bitboard(occupied)).0 & occupied;
                assert_eq!(diagonal(from, occupied), expected);
                let expected = attacks::rook_attacks(square, Bitboard(occupied)).0 & occupied;
                assert_eq!(straight(from, occupied), expected);
            }
        }
    }
}
