//! The terminal's lines that bars are drawn on. When a terminal gets narrower, what stands there takes more lines, and
//! indicatif takes away only as many as it has drawn; when it gets wider, fewer, and lines above would go too.

use std::io;
use std::sync::{Mutex, PoisonError};

use ::console::{Term, measure_text_width, truncate_str};
use indicatif::TermLike;

/// Draws whole frames in the place of the last one, however wide the terminal was then.
#[derive(Debug)]
pub struct Screen {
    term: Term,
    frames: Mutex<Frames>,
}

#[derive(Debug, Default)]
struct Frames {
    /// Columns of each line on the terminal.
    shown: Vec<usize>,
    next: Vec<String>,
}

impl Screen {
    pub fn stderr() -> Screen {
        Screen {
            term: Term::buffered_stderr(),
            frames: Mutex::default(),
        }
    }

    fn columns(&self) -> usize {
        usize::from(self.term.size().1).max(1)
    }
}

/// Lines of the terminal that lines of text of so many columns take now. Where the terminal became narrower than the
/// text, most terminals break it.
fn rows(shown: &[usize], columns: usize) -> usize {
    shown.iter().map(|len| len.div_ceil(columns).max(1)).sum()
}

/// What indicatif does to take the old frame away is passed over, as that is done when a new one is whole.
impl TermLike for Screen {
    /// A line that ends in the last column would be one with the next line for the terminal.
    fn width(&self) -> u16 {
        u16::try_from(self.columns().saturating_sub(1).max(1)).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)
    }

    /// A line of a bar, or the blanks that fill it up.
    fn write_str(&self, line: &str) -> io::Result<()> {
        let line = line.trim_end();
        if !line.is_empty() {
            let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
            frames.next.push(line.to_string());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let next = std::mem::take(&mut frames.next);
        if next.is_empty() && frames.shown.is_empty() {
            return Ok(());
        }
        let columns = self.columns();
        let above = rows(&frames.shown, columns).saturating_sub(1);
        // Line by line: some terminals keep what is cleared as a whole screen, to be scrolled back to.
        self.term.clear_line()?;
        for _ in 0..above {
            self.term.move_cursor_up(1)?;
            self.term.clear_line()?;
        }
        let width = usize::from(self.width());
        let next: Vec<_> = next
            .iter()
            .map(|line| truncate_str(line, width, ""))
            .collect();
        self.term.write_str(&next.join("\n"))?;
        frames.shown = next.iter().map(|line| measure_text_width(line)).collect();
        self.term.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_the_terminal_breaks() {
        assert_eq!(rows(&[], 80), 0);
        assert_eq!(rows(&[79, 20], 80), 2);
        assert_eq!(rows(&[79, 20], 79), 2);
        assert_eq!(rows(&[79, 20], 40), 3);
        assert_eq!(rows(&[79, 20, 0], 10), 8 + 2 + 1);
        assert_eq!(rows(&[79, 20], 200), 2);
    }
}
