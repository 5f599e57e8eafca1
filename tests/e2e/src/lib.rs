//! Whole-platform tests: real servers, real traffic, truth compared.
