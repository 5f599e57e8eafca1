//! Transforms of text: white space, URLs, header lines.

/// White space as C's `isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d)
}

/// Without white space.
pub(super) fn strip(data: &[u8]) -> Vec<u8> {
    data.iter().copied().filter(|byte| !is_space(*byte)).collect()
}

/// One white-space byte for each run of them.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    let mut result: Vec<u8> = Vec::with_capacity(data.len());
    let mut in_space = false;
    for byte in data {
        let space = is_space(*byte);
        // The first white-space byte of a run stays as it is.
        if !(space && in_space) {
            result.push(*byte);
        }
        in_space = space;
    }
    result
}

/// `%41` as the byte it stands for, plus signs as spaces.
pub(super) fn url_decode(data: &[u8]) -> Vec<u8> {
    let digit = |at: usize| {
        let digit = char::from(*data.get(at)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut result = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        match (*byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                result.push(high << 4 | low);
                at += 3;
                continue;
            }
            (b'+', ..) => result.push(b' '),
            (other, ..) => result.push(other),
        }
        at += 1;
    }
    result
}

/// Lower-cases header names, up to the colon of each line.
pub(super) fn header_lowercase(data: &[u8]) -> Vec<u8> {
    let mut in_name = true;
    data.iter()
        .map(|byte| {
            match byte {
                b':' => in_name = false,
                b'\n' => in_name = true,
                _ => {}
            }
            if in_name { byte.to_ascii_lowercase() } else { *byte }
        })
        .collect()
}

/// Drops the lines of HTTP/2's pseudo headers, which start with a colon.
pub(super) fn strip_pseudo_headers(data: &[u8]) -> Vec<u8> {
    data.split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.first() != Some(&b':'))
        .flatten()
        .copied()
        .collect()
}
