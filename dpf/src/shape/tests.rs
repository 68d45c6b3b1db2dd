//! Shapes of filters that differ in keys.
