//! The packet filters that the paper measures DPF against, rebuilt from their descriptions.
//!
//! [`bpf`] is the machine of McCanne and Jacobson, which runs every filter in turn; [`mpf`] is
//! Mach's extension of it, which demultiplexes filters that are equal but for their keys through a
//! hash table; [`pathfinder`] merges declarative patterns into one graph that it interprets.
//! [`translate`] turns a [`Conjunction`](crate::filter::Conjunction) into programs for the first
//! two. All of it is interpreters, needs an allocator and nothing else, and has no `unsafe`.

pub mod bpf;
pub mod mpf;
pub mod pathfinder;
pub mod translate;

#[cfg(test)]
mod tests;
