//! Which filters match a packet: the program, compiled once for each header that packets of the
//! capture start with.
//!
//! What a packet starts with is its link type's business, unless a filter file says `root NAME;`.
//! Link types that no header of the program describes are reported once, and their packets match
//! nothing.

use std::collections::BTreeMap;

use anyhow::Result;
use dpf::syntax::{HeaderId, Program};

use crate::{
    args::{FilterArgs, Mode},
    capture::{LinkType, Packet},
    engine::Engine,
    filters,
    fragments::Fragments,
};

/// The filters, ready to run.
pub struct Classifier {
    program: Program,
    mode: Mode,
    /// The root of each engine, in the order they were needed.
    engines: Vec<(HeaderId, Engine)>,
    /// The engine for the packets of a link type.
    links: BTreeMap<LinkType, Option<usize>>,
    /// Packets of link types that are not supported.
    unsupported: BTreeMap<LinkType, u64>,
    fragments: Fragments,
    matched: Vec<u32>,
}

impl Classifier {
    /// Reads, checks and compiles the filters, for Ethernet or what they say themselves.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the compiler refuses the filters.
    pub fn load(args: &FilterArgs, mode: Mode) -> Result<Self> {
        let program = filters::load(args)?;
        // So that filters that are refused are refused before any packet is read.
        let engine = Engine::new(&program, program.root, mode)?;
        Ok(Self {
            fragments: Fragments::new(&program),
            engines: vec![(program.root, engine)],
            program,
            mode,
            links: BTreeMap::new(),
            unsupported: BTreeMap::new(),
            matched: Vec::new(),
        })
    }

    /// The names of the filters, in the order of the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.program
            .filters
            .iter()
            .map(|filter| filter.name.as_str())
    }

    /// The indices of the filters that get this packet, ascending.
    ///
    /// # Errors
    ///
    /// When the compiler refuses the filters for packets that start so.
    pub fn classify(&mut self, packet: &Packet<'_>) -> Result<&[u32]> {
        let link = packet.interface().link;
        let index = match self.links.get(&link) {
            Some(&index) => index,
            None => {
                let index = self.engine_for(link)?;
                self.links.insert(link, index);
                index
            }
        };
        self.matched.clear();
        match index {
            Some(index) => {
                let (root, engine) = &mut self.engines[index];
                engine.classify(packet, &mut self.matched);
                let root = &self.program[*root].name;
                self.fragments.correct(
                    packet,
                    root,
                    engine.ids(),
                    self.mode == Mode::All,
                    &mut self.matched,
                );
            }
            None => *self.unsupported.entry(link).or_insert(0) += 1,
        }
        Ok(&self.matched)
    }

    /// Says on the standard error which packets could not be classified, if any.
    pub fn report(&self) {
        for (link, packets) in &self.unsupported {
            let count = match packets {
                1 => "1 packet counts".to_owned(),
                _ => format!("{packets} packets count"),
            };
            eprintln!("dpf: link type {link} is not supported: {count} as unmatched");
        }
        if self.fragments.undecided() > 0 {
            let count = self.fragments.undecided();
            eprintln!(
                "dpf: {count} later fragments came without their first, so no filter could claim them"
            );
        }
    }

    fn engine_for(&mut self, link: LinkType) -> Result<Option<usize>> {
        let root = match link.root() {
            _ if self.program.root_declared => Some(self.program.root),
            Some(name) => self.program.header(name),
            None => None,
        };
        let Some(root) = root else { return Ok(None) };
        if let Some(index) = self.engines.iter().position(|(of, _)| *of == root) {
            return Ok(Some(index));
        }
        self.engines
            .push((root, Engine::new(&self.program, root, self.mode)?));
        Ok(Some(self.engines.len() - 1))
    }
}
