//! From the trie to code, through the portable emitter.
