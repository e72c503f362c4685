//! The linear assignment problem: Jonker and Volgenant's shortest augmenting paths, in exact integers.
//!
//! R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
//! Computing 38 (1987). The diagonal is the assignment as it is, so most rows are settled without a search.

/// Finds the assignment of rows to columns of the largest total value.
///
/// `values` is square, `size` x `size`, row-major, with |value| < 2^40. Returns the column of every row.
pub(crate) fn best_assignment(values: &[i64], size: usize) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    assert_eq!(values.len(), size * size);
    let cost = |row: usize, column: usize| -values[row * size + column];

    // Column reduction: a column goes to the row that is cheapest for it, if that row is free.
    let mut price = vec![0i64; size];
    let mut row_of = vec![NONE; size];
    let mut column_of = vec![NONE; size];
    for column in (0..size).rev() {
        let (lowest, row) = (0..size)
            .map(|row| (cost(row, column), row))
            .min()
            .expect("the matrix is not empty");
        price[column] = lowest;
        if column_of[row] == NONE {
            column_of[row] = column as u32;
            row_of[column] = row as u32;
        }
    }

    // Augmenting row reduction, two passes: a free row takes its cheapest column and lowers the column's price until
    // the row would just as well take its second choice.
    let mut free: Vec<u32> = (0..size as u32)
        .filter(|&row| column_of[row as usize] == NONE)
        .collect();
    for _ in 0..2 {
        let mut queue = std::mem::take(&mut free);
        queue.reverse();
        let mut steps = 0;
        while let Some(row) = queue.pop() {
            steps += 1;
            let values = &values[row as usize * size..][..size];
            let (mut first, mut second) = ((i64::MAX, 0), (i64::MAX, 0));
            for (column, (&value, &price)) in values.iter().zip(&price).enumerate() {
                let reduced = -value - price;
                if reduced < second.0 {
                    if reduced < first.0 {
                        second = first;
                        first = (reduced, column);
                    } else {
                        second = (reduced, column);
                    }
                }
            }
            let mut column = first.1;
            let mut owner = row_of[column];
            let strict = first.0 < second.0 && size > 1;
            if strict {
                price[column] -= second.0 - first.0;
            } else if owner != NONE && size > 1 {
                column = second.1;
                owner = row_of[column];
            }
            column_of[row as usize] = column as u32;
            row_of[column] = row;
            if owner != NONE {
                column_of[owner as usize] = NONE;
                // A displaced row tries again at once where the price fell; else, or when this goes on for long,
                // it waits for the next phase.
                if strict && steps < 4 * size {
                    queue.push(owner);
                } else {
                    free.push(owner);
                }
            }
        }
    }

    // A shortest augmenting path for every row that is still free.
    let mut distance = vec![0i64; size];
    let mut previous = vec![0u32; size];
    let mut columns: Vec<u32> = (0..size as u32).collect();
    for start in free {
        let start = start as usize;
        for column in 0..size {
            distance[column] = cost(start, column) - price[column];
            previous[column] = start as u32;
        }
        // columns[..scanned] are done, columns[scanned..reached] stand at the least distance.
        let (mut scanned, mut reached) = (0, 0);
        let mut least = 0;
        let mut done = 0;
        let end = 'search: loop {
            if scanned == reached {
                done = scanned;
                least = i64::MAX;
                for at in scanned..size {
                    let column = columns[at];
                    let here = distance[column as usize];
                    if here <= least {
                        if here < least {
                            reached = scanned;
                            least = here;
                        }
                        columns.swap(at, reached);
                        reached += 1;
                    }
                }
                for &column in &columns[scanned..reached] {
                    if row_of[column as usize] == NONE {
                        break 'search column;
                    }
                }
            }
            let column = columns[scanned] as usize;
            scanned += 1;
            let row = row_of[column] as usize;
            let offset = cost(row, column) - price[column] - least;
            for at in reached..size {
                let other = columns[at] as usize;
                let through = cost(row, other) - price[other] - offset;
                if through < distance[other] {
                    distance[other] = through;
                    previous[other] = row as u32;
                    if through == least {
                        if row_of[other] == NONE {
                            break 'search other as u32;
                        }
                        columns.swap(at, reached);
                        reached += 1;
                    }
                }
            }
        };
        for &column in &columns[..done] {
            price[column as usize] += distance[column as usize] - least;
        }
        let mut column = end;
        loop {
            let row = previous[column as usize];
            row_of[column as usize] = row;
            column = std::mem::replace(&mut column_of[row as usize], column);
            if row as usize == start {
                break;
            }
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn total(values: &[i64], size: usize, columns: &[u32]) -> i64 {
        (0..size)
            .map(|row| values[row * size + columns[row] as usize])
            .sum()
    }

    fn best_by_trying(values: &[i64], size: usize, row: usize, taken: u32) -> i64 {
        if row == size {
            return 0;
        }
        (0..size)
            .filter(|column| taken >> column & 1 == 0)
            .map(|column| {
                values[row * size + column]
                    + best_by_trying(values, size, row + 1, taken | 1 << column)
            })
            .max()
            .unwrap()
    }

    #[test]
    fn by_hand() {
        // Row 0 would like column 0 most, but row 1 loses more without it.
        assert_eq!(best_assignment(&[7, 6, 9, 1], 2), [1, 0]);
        assert_eq!(best_assignment(&[5], 1), [0]);
        assert_eq!(best_assignment(&[0; 9], 3).len(), 3);
    }

    #[test]
    fn the_best_of_all_assignments() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for size in 1..=7 {
            for range in [2u32, 10, 100_000] {
                for _ in 0..40 {
                    let values: Vec<i64> = (0..size * size)
                        .map(|_| i64::from(random.next_u32() % range) - i64::from(range / 2))
                        .collect();
                    let columns = best_assignment(&values, size);
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
