//! What a stack does, judged by strangers and by simulation.
//!
//! `strangers`: packets that pnet_packet builds, and what is emitted judged by it. `pair`: two hosts on a
//! cable that loses, repeats and reorders. `captures`: what others have recorded, as hostile traffic.
//! `properties`: round trips of everything on the wire. `claims`: filters against deliveries.
//! `fragments`: reassembly against a slow one.

mod cable;
mod captures;
mod claims;
mod fragments;
mod pair;
mod properties;
mod seeds;
mod strangers;
