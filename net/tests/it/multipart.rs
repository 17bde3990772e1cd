//! Form bodies: what is encoded is decoded, what is malformed is refused.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use cosmictron_net::multipart::{write_end, write_part};
use cosmictron_net::{Multipart, MultipartError, MultipartLimits, Part};

/// What is in `body`, one line a part: name, filename, content type, bytes.
fn transcript(content_type: &str, body: &[u8]) -> String {
    let limits = MultipartLimits { parts_max: 3, part_head_bytes_max: 200 };
    let parts = match Multipart::new(content_type.as_bytes(), body, limits) {
        Ok(parts) => parts,
        Err(error) => return format!("refused: {error}"),
    };
    let lines = parts.map(|part| match part {
        Ok(part) => format!(
            "{} {} {} \"{}\"",
            part.name,
            part.filename.as_deref().unwrap_or("-"),
            part.content_type.map_or("-".into(), |ty| String::from_utf8_lossy(ty)),
            part.body.escape_ascii(),
        ),
        Err(error) => format!("refused: {error}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(body: &[u8], expected: &str) {
    assert_eq!(transcript("multipart/form-data; boundary=b", body), expected);
}

#[track_caller]
fn check_type(content_type: &str, expected: &str) {
    let body = b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(transcript(content_type, body), expected);
}

#[test]
fn parts_are_taken_apart() {
    check(
        b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nmy-agent\r\n\
          --b\r\ncontent-type:application/wasm\r\n\
          content-disposition:FORM-DATA;filename=\"a b.wasm\";name=module\r\n\r\n\
          \0asm\r\n\r\n--b--\r\n",
        "name - - \"my-agent\"\nmodule a b.wasm application/wasm \"\\x00asm\\r\\n\"",
    );
}

#[test]
fn a_part_may_be_empty() {
    let named = "n - - \"\"";
    check(b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\n\r\n--b--", named);
    check(b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\n--b--", named);
    check(b"--b--\r\n", "");
}

#[test]
fn what_stands_around_a_form_is_ignored() {
    check(
        b"ignored --b \r\n--b \t\r\nContent-Disposition: form-data; name=n\r\n\r\nx\r\n\
          --b-- \r\nignored\r\n--b",
        "n - - \"x\"",
    );
}

#[test]
fn only_a_line_that_begins_with_the_boundary_is_a_delimiter() {
    check(
        b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\na--b\r\n-b\n--b\r--b\r\n--b--",
        "n - - \"a--b\\r\\n-b\\n--b\\r--b\"",
    );
}

#[test]
fn names_may_be_quoted() {
    check(
        b"--b\r\nContent-Disposition: form-data; name=\"a\\\"b\\\\;c=\"; \
          filename=\"\xc3\xa4\"\r\n\r\n\r\n--b--",
        "a\"b\\;c= \u{e4} - \"\"",
    );
}

#[test]
fn malformed_forms_are_refused() {
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--");
    let refused =
        |head: &str, error: &str| check(part(head).as_bytes(), &format!("refused: {error}"));
    let good = "Content-Disposition: form-data; name=n";
    refused("Content-Type: a/b", "part without a name");
    refused("Content-Disposition: form-data", "part without a name");
    refused("Content-Disposition: attachment; name=n", "part without a name");
    refused("Content-Disposition: form-data; name=n; name=m", "part without a name");
    refused("Content-Disposition: form-data; name=\"n", "part without a name");
    refused("Content-Disposition: form-data; name", "part without a name");
    refused("Content-Disposition: form-data; name=a b", "part without a name");
    refused(&format!("{good}\r\n{good}"), "part without a name");
    refused(&format!("{good}\r\nA b: c"), "malformed header of a part");
    refused(&format!("{good}\r\n folded"), "malformed header of a part");
    refused(&format!("{good}\r\nno colon"), "malformed header of a part");
    refused(&format!("{good}\r\nA: b\nC: d"), "malformed header of a part");
    refused(&format!("{good}\r\nA: \0"), "malformed header of a part");
    refused(
        &format!("{good}\r\nContent-Type: a/b\r\nContent-Type: a/b"),
        "malformed header of a part",
    );
    refused(
        &format!("{good}\r\nContent-Transfer-Encoding: base64"),
        "content-transfer-encoding is not supported",
    );
    refused(
        &format!("{good}\r\nA: {}", "b".repeat(200)),
        "header of a part exceeds the limit of 200 bytes",
    );
    let latin = b"--b\r\nContent-Disposition: form-data; name=\"\xe4\"\r\n\r\n\r\n--b--";
    check(latin, "refused: part without a name");
}

#[test]
fn malformed_delimiters_are_refused() {
    check(b"--bx\r\n", "refused: malformed delimiter");
    check(
        b"--b\nContent-Disposition: form-data; name=n\n\nx\n--b--",
        "refused: malformed delimiter",
    );
    check(b"--b--x", "refused: malformed delimiter");
    check(b"--b-\r\n", "refused: malformed delimiter");
    let longer = b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\nx\r\n--bc\r\n--b--";
    check(longer, "n - - \"x\"\nrefused: malformed delimiter");
}

#[test]
fn a_form_that_ends_early_is_refused() {
    let truncated = "refused: form ends before its closing delimiter";
    check(b"", truncated);
    check(b"--b", truncated);
    check(b"--b\r\nContent-Disposition: form-data; name=n\r\n", truncated);
    check(b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\nx", truncated);
    check(b"--b\r\nContent-Disposition: form-data; name=n\r\n\r\nx\r\n--c--", truncated);
}

#[test]
fn a_form_has_a_limit_of_parts() {
    let part = "--b\r\nContent-Disposition: form-data; name=n\r\n\r\n\r\n";
    let named = "n - - \"\"\n".repeat(3);
    check(format!("{}--b--", part.repeat(3)).as_bytes(), named.trim());
    check(
        format!("{}--b--", part.repeat(4)).as_bytes(),
        &format!("{named}refused: more than 3 parts"),
    );
}

#[test]
fn the_content_type_must_name_a_boundary() {
    check_type("multipart/form-data; boundary=b", "n - - \"x\"");
    check_type("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"b\"", "n - - \"x\"");
    check_type("multipart/mixed; boundary=b", "refused: content type is not multipart/form-data");
    check_type("application/json", "refused: content type is not multipart/form-data");
    check_type("", "refused: content type is not multipart/form-data");
    let bad = "refused: malformed or missing boundary";
    check_type("multipart/form-data", bad);
    check_type("multipart/form-data; boundary=", bad);
    check_type("multipart/form-data; boundary=\"\"", bad);
    check_type("multipart/form-data; boundary=\"b \"", bad);
    check_type("multipart/form-data; boundary=\"b\u{e4}\"", bad);
    check_type("multipart/form-data; boundary=b; boundary=b", bad);
    check_type("multipart/form-data; boundary=b c", bad);
    check_type(&format!("multipart/form-data; boundary={}", "b".repeat(71)), bad);
}

const TYPE: &[u8] = b"multipart/form-data; boundary=----b0undary";

fn parts_of(body: &[u8]) -> Result<Vec<Part<'_>>, MultipartError> {
    Multipart::new(TYPE, body, MultipartLimits::default())?.collect()
}

fn encode(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    parts.iter().for_each(|part| write_part(&mut body, "----b0undary", part));
    write_end(&mut body, "----b0undary");
    body
}

type Sent = (String, Option<String>, bool, Vec<u8>);

fn sent() -> impl Strategy<Value = Sent> {
    let text = "[ -~\u{e4}]{0,12}";
    (text, option::of(text), any::<bool>(), vec(any::<u8>(), 0..100))
}

proptest! {
    #[test]
    fn forms_arrive_as_they_were_sent(
        sent in vec(sent(), 0..6),
        cut in any::<Index>(),
    ) {
        let parts: Vec<Part<'_>> = sent.iter().map(|(name, filename, has_type, body)| Part {
            name: name.into(),
            filename: filename.as_ref().map(Into::into),
            content_type: has_type.then_some(&b"application/wasm"[..]),
            body,
        }).collect();
        let encoded = encode(&parts);
        prop_assert_eq!(parts_of(&encoded), Ok(parts));
        // Only the line end behind the closing delimiter may be missing.
        let cut = cut.index(encoded.len());
        prop_assert_eq!(parts_of(&encoded[..cut]).is_ok(), encoded.len() - 2 == cut);
    }

    #[test]
    fn no_body_makes_it_panic(body in vec(select(&b"--b0undary\r\n:;=\"a"[..]), 0..200)) {
        let head = b"------b0undary\r\nContent-Disposition: form-data; name=a\r\n";
        let body = [head, &body[..]].concat();
        let _ = parts_of(&body);
    }
}
