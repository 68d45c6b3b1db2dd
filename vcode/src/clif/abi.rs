//! Signatures: every parameter, argument and result is a word of the host's C convention.

use cranelift_codegen::ir::{AbiParam, Signature, types::I64};
use cranelift_codegen::isa::CallConv;

/// A function of `params` words that returns a word or nothing.
pub(super) fn signature(convention: CallConv, params: usize, returns_value: bool) -> Signature {
    let mut signature = Signature::new(convention);
    signature
        .params
        .extend(core::iter::repeat_n(AbiParam::new(I64), params));
    signature
        .returns
        .extend(returns_value.then(|| AbiParam::new(I64)));
    signature
}
