//! What the kernels of all instruction sets have in common: which variant serves, and sums of rows, in registers of any
//! length.

/// For the module that it is expanded in: `masks`, by the module's own `masks_of`, and sums of rows in registers of
/// `HALF` to a half of a slice. The caller's names of intrinsics are for lanes of 16 bits.
macro_rules! row_sums {
    (
        features: $features:tt,
        register: $register:ty,
        add: $add:ident,
        subtract: $subtract:ident,
        broadcast: $broadcast:ident,
        shift_left: $shift_left:ident,
        shift_right: $shift_right:ident,
        load: $load:ident,
        store: $store:ident,
    ) => {
        /// The zero bits of 1 to 64 samples. `sums` are those of the sample before, and then of the last one, where the
        /// lists are chained.
        ///
        /// # Safety
        /// Ends in `lists` are ascending and within their rows; rows are below the rows of the slice. The machine has
        /// these instructions.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn masks(
            slice: Slice<'_>,
            lists: WordLists<'_>,
            test: ZeroTest,
            sums: &mut WideRow,
            masks: &mut Masks,
        ) {
            let narrow = !lists.narrow.ends.is_empty();
            let masks_of = match (lists.chained, narrow) {
                (false, false) => masks_of::<false, false>,
                (false, true) => masks_of::<false, true>,
                (true, false) => masks_of::<true, false>,
                (true, true) => masks_of::<true, true>,
            };
            // SAFETY: by the contract of this function.
            unsafe { masks_of(slice, lists, test, sums, masks) }
        }

        /// Adds up the 8-bit rows of a sample: half A, then half B. `sums` are 0.
        ///
        /// # Safety
        /// As for [`masks`]; `places` are within the lists.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn add_narrow<const CHAINED: bool>(
            sums: &mut [$register; 2 * HALF],
            all: &[NarrowRow],
            lists: Lists<'_>,
            places: Range<usize>,
            fresh: bool,
        ) {
            // SAFETY: by the contract of this function.
            let rows = unsafe { lists.rows.get_unchecked(places.clone()) };
            let ahead = lists.ahead(places).unwrap_or(rows);
            if fresh {
                for (&row, &ahead) in rows.iter().zip(ahead) {
                    prefetch(all, ahead);
                    // SAFETY: by the contract of this function.
                    let row = unsafe { all.get_unchecked(row as usize) };
                    for i in 0..HALF {
                        let lanes = load_narrow(row, i);
                        sums[i] = $add(sums[i], lanes);
                        let b = $shift_right::<8>(lanes);
                        sums[HALF + i] = $add(sums[HALF + i], b);
                    }
                }
                let excess = $broadcast(narrow_excess(rows.len()));
                for sums in &mut sums[..HALF] {
                    *sums = $subtract(*sums, excess);
                }
            } else {
                let ahead = ahead.as_chunks::<2>().0;
                for (rows, ahead) in rows.as_chunks::<2>().0.iter().zip(ahead) {
                    prefetch(all, ahead[0]);
                    // SAFETY: by the contract of this function.
                    let [added, gone] = rows.map(|row| unsafe { all.get_unchecked(row as usize) });
                    for i in 0..HALF {
                        let [added, gone] = [added, gone].map(|row| load_narrow(row, i));
                        sums[i] = $add(sums[i], $subtract(added, gone));
                        let [added, gone] = [added, gone].map(|lanes| $shift_right::<8>(lanes));
                        sums[HALF + i] = $add(sums[HALF + i], $subtract(added, gone));
                    }
                }
            }
            for i in 0..HALF {
                let b = $shift_left::<8>(sums[HALF + i]);
                sums[i] = $subtract(sums[i], b);
            }
        }

        /// Adds the 16-bit rows of a sample.
        ///
        /// # Safety
        /// As for [`masks`]; `places` are within the lists.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn add_wide<const CHAINED: bool, const NARROW: bool>(
            sums: &mut [$register; 2 * HALF],
            all: &[WideRow],
            lists: Lists<'_>,
            places: Range<usize>,
            fresh: bool,
        ) {
            // SAFETY: by the contract of this function.
            let rows = unsafe { lists.rows.get_unchecked(places.clone()) };
            // What 8-bit rows and chains need displaces 16-bit rows, which else stay near.
            let ahead = match CHAINED || NARROW {
                true => lists.ahead(places),
                false => None,
            };
            if fresh {
                let mut add = |row: u32| {
                    // SAFETY: by the contract of this function.
                    let row = unsafe { all.get_unchecked(row as usize) };
                    for (i, sums) in sums.iter_mut().enumerate() {
                        *sums = $add(*sums, load_wide(row, i));
                    }
                };
                match ahead {
                    Some(ahead) => {
                        for (&row, &ahead) in rows.iter().zip(ahead) {
                            prefetch(all, ahead);
                            add(row);
                        }
                    }
                    None => rows.iter().for_each(|&row| add(row)),
                }
            } else {
                let ahead = ahead.unwrap_or(rows).as_chunks::<2>().0;
                for (rows, ahead) in rows.as_chunks::<2>().0.iter().zip(ahead) {
                    prefetch(all, ahead[0]);
                    // SAFETY: by the contract of this function.
                    let [added, gone] = rows.map(|row| unsafe { all.get_unchecked(row as usize) });
                    for (i, sums) in sums.iter_mut().enumerate() {
                        *sums = $add(*sums, load_wide(added, i));
                        *sums = $subtract(*sums, load_wide(gone, i));
                    }
                }
            }
        }

        /// A register of half A (i below `HALF`) or B.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_wide(row: &WideRow, i: usize) -> $register {
            let lanes = bytemuck::cast_ref::<WideRow, [[i16; LANES / HALF]; 2 * HALF]>(row);
            // SAFETY: so many lanes are a register.
            unsafe { $load(lanes[i].as_ptr().cast()) }
        }

        /// Stores a register of half A (i below `HALF`) or B.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_wide(row: &mut WideRow, i: usize, sums: $register) {
            let lanes = bytemuck::cast_mut::<WideRow, [[i16; LANES / HALF]; 2 * HALF]>(row);
            // SAFETY: so many lanes are a register.
            unsafe { $store(lanes[i].as_mut_ptr().cast(), sums) }
        }

        /// A register.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_narrow(row: &NarrowRow, i: usize) -> $register {
            let lanes = bytemuck::cast_ref::<NarrowRow, [[i16; LANES / HALF]; HALF]>(row);
            // SAFETY: so many lanes are a register.
            unsafe { $load(lanes[i].as_ptr().cast()) }
        }
    };
}

pub(super) use row_sums;
