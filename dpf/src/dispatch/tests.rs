//! Tables and keys.
