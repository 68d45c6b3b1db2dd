//! What is always true of the kernel, written down so that it can be checked.
