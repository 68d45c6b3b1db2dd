//! The table of attacks, by what they are against.

mod addresses;
mod calls;
mod capabilities;
mod exhaustion;
mod handlers;
mod instructions;
mod lives;
mod pages;
mod storms;
mod transfers;
mod translation;

use crate::attack::Attack;

/// Every attack, in the order of their numbers.
pub fn all() -> impl Iterator<Item = Attack> {
    [
        instructions::ATTACKS,
        addresses::ATTACKS,
        pages::ATTACKS,
        calls::ATTACKS,
        capabilities::ATTACKS,
        translation::ATTACKS,
        handlers::ATTACKS,
        exhaustion::ATTACKS,
        transfers::ATTACKS,
        storms::ATTACKS,
        lives::ATTACKS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
