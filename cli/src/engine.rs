//! The filters of one program for packets that start with one header: merged, compiled to native
//! code, proved, and run.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use dpf::{
    filter::{self, Filter, Lowered, Pool},
    runtime::{self, ClaimId, Demux, FilterId, Install, InstallError, Owner, Refused as Refusal},
    syntax::{Diagnostic, ErrorKind, HeaderId, Program},
};

use crate::{args::Mode, capture::Packet, decode::decode, filters::Refused};

/// Filters that can be asked about packets.
pub struct Engine {
    demux: Demux,
    mode: Mode,
    ids: Vec<FilterId>,
    all: Vec<FilterId>,
}

impl Engine {
    /// Compiles the filters of `program` for packets that start with `root`.
    ///
    /// # Errors
    ///
    /// When the compiler refuses them; with [`Mode::One`], when they overlap ([`Refused`]).
    pub fn new(program: &Program, root: HeaderId, mode: Mode) -> Result<Self> {
        let mut program = program.clone();
        program.root = root;
        let lowered =
            filter::lower(&program).map_err(|error| Refused(program.sources.render(&error)))?;
        let demux = if mode == Mode::One {
            Demux::exclusive()
        } else {
            Demux::monitoring()
        };
        let mut demux = demux.context("cannot prepare for native code")?;
        let installs = match mode {
            Mode::One => owned(&mut demux, &lowered)?,
            Mode::All | Mode::First => lowered
                .iter()
                .map(|lowered| Install::from(lowered.filter.clone()))
                .collect(),
        };
        let installed = match demux.install_all(&installs) {
            Ok(installed) => installed,
            Err(refusal) => return Err(explain(&program, &lowered, refusal)),
        };
        if let Some(why) = demux.walked() {
            eprintln!("dpf: warning: no native code, which makes this slower: {why}");
        }
        let ids = installed.iter().map(|installed| installed.id).collect();
        Ok(Self {
            demux,
            mode,
            ids,
            all: Vec::new(),
        })
    }

    /// Appends the indices of the filters that get `packet`, ascending.
    pub fn classify(&mut self, packet: &Packet<'_>, matched: &mut Vec<u32>) {
        let packet = runtime::Packet::new(packet.data, packet.wire_len);
        match self.mode {
            Mode::All => {
                self.all.clear();
                self.demux.classify_all(packet, &mut self.all);
                matched.extend(self.all.iter().filter_map(|id| self.index(*id)));
                matched.sort_unstable();
            }
            Mode::One | Mode::First => {
                matched.extend(self.demux.classify(packet).and_then(|id| self.index(id)))
            }
        }
    }

    /// The filters' names in this engine, in the order of the files.
    pub fn ids(&self) -> &[FilterId] {
        &self.ids
    }

    /// Names ascend in the order of installation.
    fn index(&self, id: FilterId) -> Option<u32> {
        self.ids.binary_search(&id).ok().map(|index| index as u32)
    }
}

/// The filters as their owners install them. A file grants nothing, so every owner has a claim of
/// its own, to all packets, beside those of the others: what one installs must not overlap what
/// another did. Filters that name no owner have one together, owner 0.
fn owned(demux: &mut Demux, lowered: &[Lowered]) -> Result<Vec<Install>> {
    let mut claims = BTreeMap::<u32, (Owner, ClaimId)>::new();
    let everything = all_packets()?;
    let mut installs = Vec::with_capacity(lowered.len());
    for lowered in lowered {
        let named = owner(lowered);
        let (owner, claim) = match claims.get(&named) {
            Some(known) => *known,
            None => {
                // The root claim is the command's own, on which nothing rests.
                let owner = Owner(claims.len() as u32 + 1);
                let claim = demux.grant(Owner::default(), ClaimId::ROOT, owner, everything.clone());
                let claim = claim.with_context(|| format!("owner {named}"))?;
                claims.insert(named, (owner, claim));
                (owner, claim)
            }
        };
        installs.push(Install {
            owner,
            claim,
            priority: lowered.priority,
            ..Install::from(lowered.filter.clone())
        });
    }
    Ok(installs)
}

/// Whose a filter is.
pub fn owner(lowered: &Lowered) -> u32 {
    lowered.owner.unwrap_or_default()
}

fn all_packets() -> Result<Filter> {
    let everything = Pool::new().finish(Pool::TRUE);
    everything.context("the filter of all packets")
}

/// Says which filter was refused, with a diagram, and the packet that two filters share.
fn explain(program: &Program, lowered: &[Lowered], refusal: Refusal) -> anyhow::Error {
    let Some(new) = refusal.index.and_then(|index| lowered.get(index)) else {
        return anyhow!("{refusal}");
    };
    let InstallError::Overlap {
        with, how, witness, ..
    } = &refusal.error
    else {
        return anyhow!("filter `{}`: {refusal}", new.name);
    };
    let old = &lowered[with.entry() as usize];
    let (title, help) = if owner(new) != owner(old) {
        (
            format!(
                "`{}` of owner {} and `{}` of owner {} overlap",
                new.name,
                owner(new),
                old.name,
                owner(old)
            ),
            "filters of different owners must not share packets, whatever their priorities: \
             give both the same owner, or use `--mode all` or `--mode first`",
        )
    } else {
        let title = match how {
            runtime::OverlapKind::Equal => {
                format!("`{}` matches the same packets as `{}`", new.name, old.name)
            }
            _ => format!(
                "`{}` and `{}` overlap, and neither contains the other",
                new.name, old.name
            ),
        };
        (
            title,
            "give one of them a higher priority, or use `--mode all` or `--mode first`",
        )
    };
    let diagnostic = Diagnostic::error(ErrorKind::Filter, title, new.span, "this filter")
        .also(old.span, "and this one")
        .help(help);
    let packet = decode(program, &witness.bytes, witness.wirelen, "  ");
    Refused(format!(
        "{}\n\nboth match:\n{packet}",
        program.sources.render(&diagnostic)
    ))
    .into()
}
