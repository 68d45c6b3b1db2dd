//! The filters of one program for packets that start with one header: merged, compiled to native
//! code, proved, and run.

use anyhow::{Context, Result, anyhow};
use dpf::{
    filter::{self, Lowered},
    runtime::{self, Demux, FilterId, Install, InstallError, Refused as Refusal},
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
        let installs: Vec<Install> = lowered
            .iter()
            .map(|lowered| install(lowered, mode))
            .collect();
        let installed = match demux.install_all(&installs) {
            Ok(installed) => installed,
            Err(refusal) => return Err(explain(&program, &lowered, refusal)),
        };
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

/// The command is the one owner of all filters, whatever owners a file names for a kernel.
fn install(lowered: &Lowered, mode: Mode) -> Install {
    let install = Install::from(lowered.filter.clone());
    match mode {
        Mode::One => Install {
            priority: lowered.priority,
            ..install
        },
        Mode::All | Mode::First => install,
    }
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
    let title = match how {
        runtime::OverlapKind::Equal => {
            format!("`{}` matches the same packets as `{}`", new.name, old.name)
        }
        _ => format!(
            "`{}` and `{}` overlap, and neither contains the other",
            new.name, old.name
        ),
    };
    let diagnostic = Diagnostic::error(ErrorKind::Filter, title, new.span, "this filter")
        .also(old.span, "and this one")
        .help("give one of them a higher priority, or use `--mode all` or `--mode first`");
    let packet = decode(program, &witness.bytes, witness.wirelen, "  ");
    Refused(format!(
        "{}\n\nboth match:\n{packet}",
        program.sources.render(&diagnostic)
    ))
    .into()
}
