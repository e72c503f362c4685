//! The linear assignment problem: Jonker and Volgenant's shortest augmenting paths, in exact integers.
//!
//! R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
//! Computing 38 (1987).

use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Finds the assignment of rows to columns of the largest total value.
///
/// `values` is square, row-major, with one column a price. `prices` are where the search begins, and afterwards the
/// prices of the solution: every row has a column of least `price - value`. Prices of a similar problem save most of
/// the work; any prices lead to an optimum. Returns the column of every row.
///
/// # Panics
/// If the matrix is empty or not square.
pub(crate) fn best_assignment(values: &[i32], prices: &mut [i32]) -> Vec<u32> {
    let size = prices.len();
    assert!(size > 0 && values.len() == size * size);
    let lowest = values.iter().copied().fold(i32::MAX, i32::min);
    let highest = values.iter().copied().fold(i32::MIN, i32::max);
    let range = i64::from(highest) - i64::from(lowest);
    // Only differences of prices count, and differences beyond the range of the values say no more than the range.
    let dearest = prices.iter().copied().fold(i32::MIN, i32::max);
    let price = |&price: &i32| (i64::from(price) - i64::from(dearest)).max(-range);
    // Prices fall from there. A column that is assigned is no worse for its row than any column that is not yet, whose
    // price is still at least -range; so no price falls below -4 * range, and no distance exceeds 8 * range.
    if range < i64::from(i32::MAX / 16) {
        let costs: Vec<i32> = values.iter().map(|&value| highest - value).collect();
        let start = prices.iter().map(|p| price(p) as i32).collect();
        let (columns, end) = solve(&costs, start);
        prices.copy_from_slice(&end);
        columns
    } else {
        let cost = |&value: &i32| i64::from(highest) - i64::from(value);
        let costs: Vec<i64> = values.iter().map(cost).collect();
        let (columns, end) = solve(&costs, prices.iter().map(price).collect());
        let clamped = end
            .iter()
            .map(|&price| price.max(i64::from(i32::MIN)) as i32);
        prices
            .iter_mut()
            .zip(clamped)
            .for_each(|(old, new)| *old = new);
        columns
    }
}

/// The integers that a problem is solved in: 32 bits where they suffice, because vectors hold twice as many.
trait Number:
    Copy
    + Ord
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
    const MIN: Self;
    const MAX: Self;
}

impl Number for i32 {
    const MIN: i32 = i32::MIN;
    const MAX: i32 = i32::MAX;
}

impl Number for i64 {
    const MIN: i64 = i64::MIN;
    const MAX: i64 = i64::MAX;
}

const NONE: u32 = u32::MAX;

/// A partial assignment with prices: every assigned row has a column of least `cost - price`.
struct Assignment<'a, N> {
    costs: &'a [N],
    size: usize,
    price: Vec<N>,
    row_of: Vec<u32>,
    column_of: Vec<u32>,
}

fn solve<N: Number>(costs: &[N], price: Vec<N>) -> (Vec<u32>, Vec<N>) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has AVX2.
        return unsafe { solve_avx2(costs, price) };
    }
    solve_plain(costs, price)
}

/// As [`solve_plain`], compiled for AVX2: plain x86-64 has no least of two 32-bit integers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn solve_avx2<N: Number>(costs: &[N], price: Vec<N>) -> (Vec<u32>, Vec<N>) {
    solve_plain(costs, price)
}

#[inline(always)]
fn solve_plain<N: Number>(costs: &[N], price: Vec<N>) -> (Vec<u32>, Vec<N>) {
    let size = price.len();
    let mut assignment = Assignment {
        costs,
        size,
        price,
        row_of: vec![NONE; size],
        column_of: vec![NONE; size],
    };
    for _ in 0..2 {
        assignment.reduce_rows();
    }
    let mut paths = Paths {
        distance: vec![N::default(); size],
        previous: vec![0; size],
        closed: vec![N::MIN; size],
        scanned: Vec::with_capacity(size),
    };
    for row in assignment.free_rows() {
        assignment.augment(row, &mut paths);
    }
    (assignment.column_of, assignment.price)
}

/// Scratch of the search for shortest paths.
struct Paths<N> {
    distance: Vec<N>,
    /// The row from which a column is reached.
    previous: Vec<u32>,
    /// The greatest number for columns that are done, the least for the others.
    closed: Vec<N>,
    /// Columns that are done.
    scanned: Vec<u32>,
}

/// Numbers that are looked at together.
const LANES: usize = 16;

/// The least and the second least number of a row's costs less the prices; equal if the least is there twice.
#[inline(always)]
fn two_least<N: Number>(costs: &[N], price: &[N]) -> (N, N) {
    let (mut first, mut second) = ([N::MAX; LANES], [N::MAX; LANES]);
    let (cost_chunks, costs) = costs.as_chunks::<LANES>();
    let (price_chunks, price) = price.as_chunks::<LANES>();
    for (costs, price) in cost_chunks.iter().zip(price_chunks) {
        for lane in 0..LANES {
            let reduced = costs[lane] - price[lane];
            second[lane] = second[lane].min(first[lane].max(reduced));
            first[lane] = first[lane].min(reduced);
        }
    }
    // The least of all lanes comes to the first one.
    let mut half = LANES;
    while half > 1 {
        half /= 2;
        for lane in 0..half {
            let other = (first[lane + half], second[lane + half]);
            second[lane] = second[lane].min(other.1).min(first[lane].max(other.0));
            first[lane] = first[lane].min(other.0);
        }
    }
    let rest = costs.iter().zip(price).map(|(&cost, &price)| cost - price);
    rest.fold((first[0], second[0]), |(first, second), here| {
        (first.min(here), second.min(first.max(here)))
    })
}

/// Where the first `number(a, b)` of two lists of the same length is that equals `wanted`; 0 if none does.
#[inline(always)]
fn place_of<N: Number>(a: &[N], b: &[N], number: impl Fn(N, N) -> N, wanted: N) -> usize {
    let (a_chunks, _) = a.as_chunks::<LANES>();
    let (b_chunks, _) = b.as_chunks::<LANES>();
    let mut start = LANES * a_chunks.len();
    for (chunk, (a, b)) in a_chunks.iter().zip(b_chunks).enumerate() {
        let mut found = false;
        for lane in 0..LANES {
            found |= number(a[lane], b[lane]) == wanted;
        }
        if found {
            start = LANES * chunk;
            break;
        }
    }
    for (at, (&a, &b)) in a.iter().zip(b).enumerate().skip(start) {
        if number(a, b) == wanted {
            return at;
        }
    }
    0
}

impl<'a, N: Number> Assignment<'a, N> {
    fn row(&self, row: usize) -> &'a [N] {
        &self.costs[row * self.size..][..self.size]
    }

    fn free_rows(&self) -> Vec<u32> {
        let rows = 0..self.size as u32;
        rows.filter(|&row| self.column_of[row as usize] == NONE)
            .collect()
    }

    /// A free row takes its cheapest column and lowers the price of it until its second choice is as good.
    #[inline(always)]
    fn reduce_rows(&mut self) {
        let mut queue = self.free_rows();
        queue.reverse();
        // Rows can displace one another for long when the prices fall in small steps; the rest is left to paths.
        let mut steps = 16 * self.size;
        while let Some(row) = queue.pop() {
            let costs = self.row(row as usize);
            let price = &self.price[..costs.len()];
            let (first, second) = two_least(costs, price);
            let column = place_of(costs, price, |cost, price| cost - price, first);
            let owner = self.row_of[column];
            if owner != NONE && (first == second || steps == 0) {
                continue;
            }
            steps = steps.saturating_sub(1);
            if self.size > 1 {
                self.price[column] -= second - first;
            }
            self.row_of[column] = row;
            self.column_of[row as usize] = column as u32;
            if owner != NONE {
                self.column_of[owner as usize] = NONE;
                queue.push(owner);
            }
        }
    }

    /// Assigns a free row along the shortest path to a free column.
    #[inline(always)]
    fn augment(&mut self, start: u32, paths: &mut Paths<N>) {
        let size = self.size;
        let Paths {
            distance,
            previous,
            closed,
            scanned,
        } = paths;
        let (distance, previous) = (&mut distance[..size], &mut previous[..size]);
        let closed = &mut closed[..size];
        scanned.clear();
        // Columns that are done are nearer than any way to them, so that nothing is entered for them any more.
        let mut least = N::MAX;
        for ((distance, &cost), &price) in distance
            .iter_mut()
            .zip(self.row(start as usize))
            .zip(&self.price)
        {
            *distance = cost - price;
            least = least.min(*distance);
        }
        previous.fill(start);
        let end = loop {
            let column = place_of(distance, closed, N::max, least);
            let row = self.row_of[column];
            if row == NONE {
                break column;
            }
            closed[column] = N::MAX;
            scanned.push(column as u32);
            let costs = self.row(row as usize);
            let offset = costs[column] - self.price[column] - least;
            let mut next = N::MAX;
            let columns = distance
                .iter_mut()
                .zip(previous.iter_mut())
                .zip(closed.iter());
            for (((distance, previous), &closed), (&cost, &price)) in
                columns.zip(costs.iter().zip(&self.price))
            {
                let through = cost - price - offset;
                *previous = if through < *distance { row } else { *previous };
                *distance = through.min(*distance);
                next = next.min((*distance).max(closed));
            }
            least = next;
        };
        for &column in scanned.iter() {
            let column = column as usize;
            closed[column] = N::MIN;
            self.price[column] += distance[column] - least;
        }
        let mut column = end as u32;
        loop {
            let row = previous[column as usize];
            self.row_of[column as usize] = row;
            column = std::mem::replace(&mut self.column_of[row as usize], column);
            if row == start {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn total(values: &[i32], size: usize, columns: &[u32]) -> i64 {
        (0..size)
            .map(|row| i64::from(values[row * size + columns[row] as usize]))
            .sum()
    }

    fn best_by_trying(values: &[i32], size: usize, row: usize, taken: u32) -> i64 {
        if row == size {
            return 0;
        }
        (0..size)
            .filter(|column| taken >> column & 1 == 0)
            .map(|column| {
                i64::from(values[row * size + column])
                    + best_by_trying(values, size, row + 1, taken | 1 << column)
            })
            .max()
            .unwrap()
    }

    #[test]
    fn by_hand() {
        // Row 0 would like column 0 most, but row 1 loses more without it.
        assert_eq!(best_assignment(&[7, 6, 9, 1], &mut [0; 2]), [1, 0]);
        assert_eq!(best_assignment(&[5], &mut [0]), [0]);
        assert_eq!(best_assignment(&[0; 9], &mut [0; 3]).len(), 3);
    }

    #[test]
    fn the_best_of_all_assignments() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut prices = [i32::MIN, 0, i32::MAX, 5, -5, 0, 0];
        for size in 1..=7 {
            for range in [2u32, 10, 100_000, 1 << 29] {
                for _ in 0..40 {
                    let values: Vec<i32> = (0..size * size)
                        .map(|_| (random.next_u32() % range) as i32 - (range / 2) as i32)
                        .collect();
                    // Prices go on from the problem before, extreme ones too.
                    let columns = best_assignment(&values, &mut prices[..size]);
                    let mut seen = columns.clone();
                    seen.sort_unstable();
                    assert!(
                        seen.iter()
                            .enumerate()
                            .all(|(i, &column)| i as u32 == column)
                    );
                    assert_eq!(
                        total(&values, size, &columns),
                        best_by_trying(&values, size, 0, 0)
                    );
                }
            }
        }
    }
}
