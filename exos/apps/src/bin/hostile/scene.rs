//! Where an attack takes place: whom it is against, and an environment that is nothing but a page of code.

use crate::attack::Arg;
use crate::code::{CODE, Code, DATA};
use exos::abi::layout::{ANY, ENTRY_DIRTY, ENTRY_SLICE_START, ENTRY_VALID, PAGE_BYTES, SLICES};
use exos::abi::{Capability, EnvId, Error, PageNo, Position, Rights};
use exos::process::{PublicTable, own};
use exos::vm::{Window, allocate};
use exos::{abi, sys};

/// Whom an attack is against, and what it is made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene {
    /// A bystander.
    pub victim: u32,
    /// A page of its own.
    pub victim_page: u32,
    /// Whoever made the attacker.
    pub parent: u32,
    /// A page of the parent's that the attacker has a capability to read.
    pub shared: u32,
    /// Its proof.
    pub high: u32,
    /// Its proof's lower word.
    pub low: u32,
    /// The attacker.
    pub own: u32,
    /// The page that the kernel keeps it in.
    pub home: u32,
    /// The page of its code.
    pub code: u32,
    /// The page that it may write to.
    pub data: u32,
}

/// An environment that is nothing but a page of code and a page of data.
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    /// Itself.
    pub env: EnvId,
    /// How often one of its number had ended when it was made.
    epoch: u32,
    /// Where and against whom it is.
    pub scene: Scene,
}

impl Bare {
    /// Makes one, with code that knows where it is.
    ///
    /// # Errors
    ///
    /// Those of the kernel; then what was made is destroyed.
    pub fn start(scene: &Scene, write: impl Fn(&Scene, &mut Code)) -> Result<Bare, Error> {
        let mut bare = Bare::new(scene)?;
        let built = bare.load(write).and_then(|()| bare.run());
        if let Err(error) = built {
            bare.end();
            return Err(error);
        }
        Ok(bare)
    }

    /// An environment without anything.
    fn new(scene: &Scene) -> Result<Bare, Error> {
        let home = allocate()?;
        let env = match sys::env_create(home) {
            Ok(words) => EnvId(words.0 as u8),
            Err(error) => {
                sys::page_free(home)?;
                return Err(error);
            }
        };
        let scene = Scene {
            own: u32::from(env.0),
            home: u32::from(home.0),
            parent: u32::from(own().0),
            ..*scene
        };
        let epoch = PublicTable::open()?.epoch(env);
        Ok(Bare { env, epoch, scene })
    }

    /// Its two pages, and what is in them.
    fn load(&mut self, write: impl Fn(&Scene, &mut Code)) -> Result<(), Error> {
        let (code, data) = (allocate()?, allocate()?);
        self.scene.code = u32::from(code.0);
        self.scene.data = u32::from(data.0);
        let mut words = Code::new(self.scene.own);
        write(&self.scene, &mut words);
        let window = Window::open(code)?;
        for (place, word) in words.words().iter().enumerate() {
            if *word != 0 {
                window.set(place, *word);
            }
        }
        drop(window);
        sys::page_give(code, self.env)?;
        sys::page_give(data, self.env)?;
        let entry = |page: PageNo, bits| page.physical() | ENTRY_VALID | bits;
        sys::env_guarantee(self.env, CODE, entry(code, 0))?;
        sys::env_guarantee(self.env, DATA, entry(data, ENTRY_DIRTY))?;
        sys::env_entry(self.env, ENTRY_SLICE_START, CODE).map(|_| ())
    }

    fn run(self) -> Result<(), Error> {
        let position = Position(sys::slice_alloc(ANY)?.0 as u8);
        let given = sys::slice_give(position, self.env);
        if given.is_err() {
            sys::slice_free(position)?;
        }
        given.map(|_| ())
    }

    /// Whether it lives.
    pub fn lives(&self, table: &PublicTable) -> bool {
        table.epoch(self.env) == self.epoch
    }

    /// Ends it.
    pub fn end(self) {
        // It may have ended itself.
        let _ = sys::env_destroy(self.env, 0);
    }
}

impl Scene {
    /// What an argument is here.
    pub fn word(&self, arg: Arg) -> u32 {
        match arg {
            Arg::Is(word) => word,
            Arg::Own => self.own,
            Arg::Victim => self.victim,
            Arg::Parent => self.parent,
            Arg::VictimPage => self.victim_page,
            Arg::CodePage => self.code,
            Arg::DataPage => self.data,
            Arg::HomePage => self.home,
            Arg::FreePage => PublicTable::open().map_or(0, |table| table.first_free()),
            Arg::VictimSlice => slice_of(self.victim),
            Arg::OwnSlice => slice_of(abi::bookkeeping::NOBODY.into()),
            Arg::Table(table) => sys::bookkeeping(table).map_or(0, |words| words.0),
            Arg::ReadName => Capability::page_name(PageNo(self.shared as u16), Rights::READ),
            Arg::ReadHigh => self.high,
            Arg::ReadLow => self.low,
            Arg::At(page, more) => self.word(*page) * PAGE_BYTES + more,
            Arg::Changed(first, bits) => self.word(*first) ^ bits,
        }
    }
}

/// The first slice of an environment's; of nobody's, the next that is allocated.
fn slice_of(env: u32) -> u32 {
    let Ok(table) = PublicTable::open() else {
        return ANY;
    };
    let mut positions = 0..SLICES as u8;
    let found = positions.find(|position| u32::from(table.slice(Position(*position)).owner) == env);
    found.map_or(ANY, u32::from)
}
