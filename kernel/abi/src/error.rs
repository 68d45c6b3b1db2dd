//! What can be wrong with a system call.

macro_rules! errors {
    ($($name:ident $about:literal;)*) => {
        /// Why a call was refused. Nothing has changed then.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum Error {
            $(#[doc = $about] $name,)*
        }

        impl Error {
            /// Every error.
            pub const ALL: &[Error] = &[$(Error::$name),*];

            /// What is wrong, in words.
            pub const fn about(self) -> &'static str {
                match self { $(Error::$name => $about),* }
            }
        }
    };
}

errors! {
    NoSuchCall "There is no call of this number, or the environment called does not live.";
    InSlot "The call stands in a branch delay slot.";
    BadName "A page, slice, environment, cause or context of this number does not exist.";
    NotOwner "The resource is not the caller's, and no grant or control over it is.";
    Forged "The capability was not made by this kernel, or has been revoked.";
    Rights "The capability or grant does not give the right asked for.";
    Taken "The resource named is somebody's already.";
    Exhausted "None is left: of pages, slices, environments, or of places in a table of the environment's.";
    Pinned "The page is a save area, a guaranteed mapping, or something else that must stay.";
    BadAddress "An address that is not aligned, is not the application's, or is not in a guaranteed mapping.";
    BadValue "An argument is out of its range.";
}

impl Error {
    /// What `v0` is when a call is refused.
    pub const fn word(self) -> u32 {
        -(self as i32 + 1) as u32
    }

    /// The error that a negative `v0` stands for.
    pub fn from_word(word: u32) -> Option<Error> {
        let index = (word as i32).checked_neg()?.checked_sub(1)?;
        Error::ALL.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_negative_and_come_back() {
        for &error in Error::ALL {
            assert!((error.word() as i32) < 0);
            assert_eq!(Error::from_word(error.word()), Some(error));
        }
        for word in [0, 1, u32::MAX - 100, 0x8000_0000] {
            assert_eq!(Error::from_word(word), None);
        }
    }
}
