//! The processor: portable code, AVX2 and AVX-512, chosen at run time.
