//! A portable one-pass code emitter, after VCODE (PLDI'96).
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;
