//! Rows become values of the types that they are asked for.

use std::collections::BTreeMap;

use cosmictron_client::{Bytes, Duration, Error, Identity, Options, Timestamp, Uuid};
use serde::Deserialize;

use super::agent;

#[derive(Debug, PartialEq, Deserialize)]
struct Values {
    #[serde(rename = "no")]
    number: u8,
    name: Option<String>,
    absent: Option<u32>,
    half: f64,
    at: Timestamp,
    span: Duration,
    raw: Bytes,
    who: Identity,
    tag: Uuid,
}

const VALUES: &str = "SELECT 7 AS no, 'ä😀' AS name, NULL::u32 AS absent, 0.5::f64 AS half,
    '1970-01-01T00:00:01Z'::timestamp AS at, '2 seconds'::duration AS span, '\\x00ff'::bytes AS raw,
    '00000000000000000000000000000000000000000000000000000000000000aa'::identity AS who,
    '550e8400-e29b-41d4-a716-446655440000'::uuid AS tag";

#[tokio::test]
async fn a_row_becomes_a_structure_a_tuple_or_a_value() {
    let (_server, client) = agent(Options::default()).await;
    let values = client.query::<Values>(VALUES, &()).await.unwrap().rows.remove(0);
    assert_eq!(
        values,
        Values {
            number: 7,
            name: Some("ä😀".to_owned()),
            absent: None,
            half: 0.5,
            at: Timestamp(1_000_000),
            span: Duration(2_000_000),
            raw: Bytes(vec![0, 255]),
            who: format!("{:0>64}", "aa").parse().unwrap(),
            tag: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        }
    );
    let pairs = client.query::<(i64, String)>("SELECT -1 AS a, 'b' AS b", &()).await.unwrap().rows;
    assert_eq!(pairs, [(-1, "b".to_owned())]);
    let maps = client.query::<BTreeMap<String, i32>>("SELECT 1 AS a, 2 AS b", &()).await;
    assert_eq!(maps.unwrap().rows[0].values().sum::<i32>(), 3);
    let sql = "SELECT 18446744073709551615::u64, $1::i64";
    let big = client.query::<(u128, i64)>(sql, &[i64::MIN]).await.unwrap().rows;
    assert_eq!(big, [(u64::MAX.into(), i64::MIN)]);
    let wrong = client.query::<(u8, u8)>("SELECT 300, 'b'", &()).await.unwrap_err();
    assert!(matches!(&wrong, Error::Decode(text) if text.contains("column ")), "{wrong}");
    let wrong = client.query::<u8>("SELECT 1, 2", &()).await.unwrap_err();
    assert!(matches!(&wrong, Error::Decode(text) if text.contains("2 columns")), "{wrong}");
}
