//! The bytes of a connection, and how they are cut into reads, out of arbitrary bytes.

/// Octets of the input that say where it is cut.
const CUTS: usize = 4;

/// The bytes of a connection and the reads in which they arrive.
pub struct Reads<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// The same, cut.
    pub pieces: Vec<&'a [u8]>,
}

impl<'a> Reads<'a> {
    /// The first octets of `input` say how long the reads are, the others are what is read.
    pub fn split(input: &'a [u8]) -> Option<Reads<'a>> {
        let (cuts, whole) = input.split_at_checked(CUTS)?;
        let mut pieces = Vec::new();
        let mut rest = whole;
        // Short reads first, since heads are short; an octet of zero reads one by one from there.
        for &cut in cuts {
            if cut == 0 {
                pieces.extend(rest.chunks(1));
                rest = &[];
            }
            let (piece, behind) = rest.split_at(usize::from(cut).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        Some(Reads { whole, pieces })
    }
}
