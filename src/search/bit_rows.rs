//! A square table of bits, in rows of whole words.

/// As many rows as columns.
#[derive(Clone, Debug)]
pub(crate) struct BitRows {
    size: usize,
    words: Vec<u64>,
}

impl BitRows {
    /// All clear.
    pub fn new(size: usize) -> BitRows {
        let words = vec![0; BitRows::words_of(size)];
        BitRows { size, words }
    }

    /// How many words a table of so many rows takes.
    pub fn words_of(size: usize) -> usize {
        size * size.div_ceil(64)
    }

    /// All rows, one after the other.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn row(&self, row: u32) -> &[u64] {
        let words = self.size.div_ceil(64);
        &self.words[row as usize * words..][..words]
    }

    pub fn row_mut(&mut self, row: u32) -> &mut [u64] {
        let words = self.size.div_ceil(64);
        &mut self.words[row as usize * words..][..words]
    }

    pub fn has(&self, row: u32, column: u32) -> bool {
        has(self.row(row), column)
    }

    pub fn set(&mut self, row: u32, column: u32) {
        set(self.row_mut(row), column);
    }

    /// Of every row the columns that are set in `words`, which are those of a table of so many rows.
    pub fn listed(words: &[u64], size: usize) -> Vec<(u32, Vec<u32>)> {
        let rows = words.chunks(size.div_ceil(64).max(1)).zip(0..);
        let columns = |row: &[u64]| {
            (0..size as u32)
                .filter(|&column| has(row, column))
                .collect()
        };
        rows.map(|(row, number)| (number, columns(row))).collect()
    }
}

fn has(row: &[u64], column: u32) -> bool {
    row[column as usize / 64] >> (column % 64) & 1 == 1
}

/// Sets a bit of a row.
pub(crate) fn set(row: &mut [u64], column: u32) {
    row[column as usize / 64] |= 1 << (column % 64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_are_set_are_listed() {
        let mut rows = BitRows::new(70);
        for (row, column) in [(0, 0), (0, 63), (0, 64), (69, 69)] {
            assert!(!rows.has(row, column));
            rows.set(row, column);
            assert!(rows.has(row, column));
        }
        assert_eq!(rows.words().len(), BitRows::words_of(70));
        let listed = BitRows::listed(rows.words(), 70);
        assert_eq!(listed.len(), 70);
        assert_eq!(listed[0], (0, vec![0, 63, 64]));
        assert_eq!(listed[69], (69, vec![69]));
        assert!(listed[1..69].iter().all(|(_, columns)| columns.is_empty()));
    }
}
