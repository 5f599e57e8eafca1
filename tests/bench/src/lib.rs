//! Benchmarks that print a ratio.
