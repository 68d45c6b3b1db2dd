//! provisional
use super::{CodeError, Packet, version::Version};
use crate::{dispatch::Shared, trie::Trie};
#[derive(Debug)]
pub(crate) struct Native;
impl Native {
    pub(crate) fn best(&self, _: Packet<'_>) -> u32 { 0 }
    pub(crate) fn each(&self, _: Packet<'_>) -> impl Iterator<Item = u32> { core::iter::empty() }
    pub(crate) fn longest_path(&self) -> u32 { 0 }
}
#[derive(Debug)]
pub(crate) struct Compiler;
impl Compiler {
    pub(crate) fn new() -> Result<Self, CodeError> { Ok(Self) }
    pub(crate) fn compile(&mut self, trie: &Shared<Trie>) -> Result<Version, CodeError> { Ok(Version::walked(trie.clone())) }
}
