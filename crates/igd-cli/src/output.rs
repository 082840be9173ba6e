//! Where results and notes go: whoever reads along may be gone, or the disk full that they are kept on.

use std::io::{self, Write};

use igd::files::advised;

/// Standard output, whose errors name it.
pub struct Output(io::Stdout);

pub fn stdout() -> Output {
    Output(io::stdout())
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        // Is tried again, or ends the program without a word.
        io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe => error,
        kind => io::Error::new(kind, format!("standard output: {}", advised(error))),
    }
}

/// A line on standard error, if anybody can have it there: work does not end for want of a reader.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
