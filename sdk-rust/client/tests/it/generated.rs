//! What `cosmictron generate --lang rust` writes is compiled, and reads and writes what the server has.

#[path = "../../../../codegen/tests/rust/everything.rs"]
mod everything;
#[path = "../../../../codegen/tests/rust/my_agent.rs"]
mod my_agent;

use cosmictron_client::{Bytes, Options, Timestamp};
use everything::{Marker, Metres, Point, SendArgs, Shape};
use my_agent::{AgentStateRow, RecordAgentMessageArgs, Reducers};
use serde_json::json;

use super::agent;

#[test]
fn values_are_the_json_of_the_server() {
    let centre = Point { x: f64::INFINITY, y: 0.5 };
    let shapes = [
        (Shape::Nothing, json!("Nothing")),
        (
            Shape::Circle { centre: centre.clone(), radius: Metres(1.5) },
            json!({"Circle": {"centre": {"x": "Infinity", "y": 0.5}, "radius": 1.5}}),
        ),
        (Shape::Line(centre, None), json!({"Line": [{"x": "Infinity", "y": 0.5}, null]})),
        (Shape::Self2(Bytes(vec![0, 255])), json!({"Self": "\\x00ff"})),
    ];
    for (shape, expected) in shapes {
        let json = serde_json::to_value(&shape).unwrap();
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Shape>(json).unwrap(), shape);
    }
    assert_eq!(serde_json::to_value(Marker {}).unwrap(), json!({}));
    let args = SendArgs {
        room: 1,
        at: Timestamp(-5),
        raw: Bytes::default(),
        reply_to: None,
        weight: f64::NAN,
        r#where: Some(Metres(2.0)),
        all: vec![u64::MAX],
    };
    let expected = json!({
        "room": 1, "at": -5, "raw": "\\x", "reply_to": null, "weight": "NaN", "where": 2.0,
        "all": [u64::MAX],
    });
    assert_eq!(serde_json::to_value(args).unwrap(), expected);
}

#[tokio::test]
async fn generated_calls_and_rows_are_those_of_the_module() {
    let (_server, client) = agent(Options::default()).await;
    let args = RecordAgentMessageArgs {
        session_id: "s".to_owned(),
        role: "user".to_owned(),
        content: "hello".to_owned(),
    };
    let called = Reducers::of(&client).record_agent_message(&args).await.unwrap();
    let sql = format!("{} WHERE session_id = $1", AgentStateRow::SELECT);
    let rows = client.query::<AgentStateRow>(&sql, &["s"]).await.unwrap().rows;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.id, row.content.as_str()), (called.result, "hello"));
    assert!(row.created_at > Timestamp(1_700_000_000_000_000));
}
