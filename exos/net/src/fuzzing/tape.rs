//! A link whose frames the test writes and reads.

use crate::{Link, LinkError, Mac, Millis};
use core::cell::{Cell, RefCell};
use std::{collections::VecDeque, rc::Rc};

/// A link without a cable: copies of it are the same link.
#[derive(Clone, Debug)]
pub struct Tape {
    mac: Mac,
    clock: Rc<Cell<Millis>>,
    /// Frames that will be received.
    pub arriving: Rc<RefCell<VecDeque<Vec<u8>>>>,
    /// Frames that were sent.
    pub leaving: Rc<RefCell<VecDeque<Vec<u8>>>>,
    /// How many more frames it takes.
    pub room: Rc<Cell<usize>>,
}

impl Tape {
    /// A station whose time is that of `clock`.
    #[must_use]
    pub fn new(mac: Mac, clock: &Rc<Cell<Millis>>) -> Self {
        Self {
            mac,
            clock: Rc::clone(clock),
            arriving: Rc::default(),
            leaving: Rc::default(),
            room: Rc::new(Cell::new(usize::MAX)),
        }
    }

    /// Has `frame` arrive.
    pub fn arrive(&self, frame: impl Into<Vec<u8>>) {
        self.arriving.borrow_mut().push_back(frame.into());
    }

    /// What was sent since this was last asked.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.leaving.borrow_mut().drain(..).collect()
    }
}

impl Link for Tape {
    fn mac(&self) -> Mac {
        self.mac
    }

    fn now(&self) -> Millis {
        self.clock.get()
    }

    fn receive<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let frame = self.arriving.borrow_mut().pop_front()?;
        Some(take(&frame))
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let room = self.room.get().checked_sub(1).ok_or(LinkError::Full)?;
        self.room.set(room);
        self.leaving.borrow_mut().push_back(frame.to_vec());
        Ok(())
    }
}
