//! The progress bar: on a terminal only, on the standard error, gone when the work is done.

use core::time::Duration;
use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far the reading of one capture is.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Starts at 0 of `total` bytes; of unknown many without.
    pub fn new(name: &str, total: Option<u64>) -> Self {
        let target = if stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{prefix} {wide_bar} {bytes}/{total_bytes} {eta}",
            None => "{prefix} {spinner} {bytes} {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        if total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar }
    }

    /// So many bytes are read.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line that says what is being done, on a terminal only.
pub fn spinner() -> ProgressBar {
    if stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    }
}
