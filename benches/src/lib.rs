//! The baselines of the paper and today's peers.
