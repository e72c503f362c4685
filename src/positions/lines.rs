//! Lines of text with their offsets.

/// The lines of a block with their offsets, without line ends and surrounding spaces.
pub(super) fn lines(block: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    block
        .split_inclusive(|&byte| byte == b'\n')
        .map(move |line| {
            let start = offset;
            offset += line.len();
            (start, line.trim_ascii())
        })
}

/// Length of the whole lines at the start of a block.
pub(super) fn whole_lines(block: &[u8]) -> usize {
    block
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |end| end + 1)
}

/// Start of a text: some editors mark UTF-8 with it.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A piece of text for an error message.
pub(super) fn excerpt(line: &[u8]) -> String {
    const LONGEST: usize = 100;
    let mut text = String::from_utf8_lossy(&line[..line.len().min(LONGEST)]).into_owned();
    if line.len() > LONGEST {
        text.push_str("...");
    }
    format!("{text:?}")
}
