//! The parameters of a query: drawn while it is made, and numbered when it is done, since not all that is made is used.

/// A text with `$n` for parameters, numbered anew by where they stand, and the values of those that do.
pub(crate) fn number(text: &str, drawn: &[String]) -> (String, Vec<String>) {
    let mut pieces = text.split('$');
    let mut numbered = pieces.next().expect("there is a first piece").to_owned();
    let mut used: Vec<usize> = Vec::new();
    for piece in pieces {
        let end = piece.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(piece.len());
        let drawn: usize = piece[..end].parse().expect("a number stands behind the sign");
        let at = used.iter().position(|known| *known == drawn).unwrap_or_else(|| {
            used.push(drawn);
            used.len() - 1
        });
        numbered += &format!("${}{}", at + 1, &piece[end..]);
    }
    (numbered, used.iter().map(|at| drawn[at - 1].clone()).collect())
}

#[test]
fn parameters_are_numbered_by_where_they_stand() {
    let drawn = ["7", "8", "9"].map(str::to_owned);
    let (text, values) = number("a = $3 AND b = $1::i64 OR c = $3", &drawn);
    assert_eq!(text, "a = $1 AND b = $2::i64 OR c = $1");
    assert_eq!(values, ["9", "7"]);
}
