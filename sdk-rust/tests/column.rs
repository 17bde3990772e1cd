//! A user's own types are stored, sent and described.

use cosmictron_sdk::Column;
use cosmictron_sdk::prelude::*;

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub r#y: f64,
}

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Metres(pub f64);

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Marker;

#[derive(Column, Clone, Debug, PartialEq)]
pub enum Shape {
    Nothing,
    Circle { centre: Point, radius: Metres },
    Line(Point, Point),
    Path(Vec<Point>),
}

#[table(name = "drawings")]
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    #[primary_key]
    pub id: u64,
    pub shape: Shape,
    pub marker: Option<Marker>,
    pub shapes: Vec<Shape>,
}

#[track_caller]
fn check<T: Column + PartialEq + core::fmt::Debug>(value: T, encoded: &[u8]) {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    assert_eq!(bytes, encoded);
    assert_eq!(T::decode_tail(&bytes), Ok(value));
    for cut in 0..bytes.len() {
        assert!(T::decode_tail(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn fields_follow_each_other_and_a_variant_is_its_position() {
    let one = 1f64.to_le_bytes();
    let point = [one, one].concat();
    check(Point { x: 1.0, y: 1.0 }, &point);
    check(Metres(1.0), &one);
    check(Marker, &[]);
    check(Shape::Nothing, &[0]);
    let circle = Shape::Circle { centre: Point { x: 1.0, y: 1.0 }, radius: Metres(1.0) };
    check(circle, &[&[1], point.as_slice(), &one].concat());
    let path = Shape::Path(vec![Point { x: 1.0, y: 1.0 }]);
    check(path, &[&[3, 1, 0, 0, 0], point.as_slice()].concat());
    assert!(Shape::decode_tail(&[4]).is_err());
}

#[test]
fn types_describe_themselves() {
    let mut shape = String::new();
    Shape::describe(&mut shape);
    let point = r#"{"struct":{"name":"Point","fields":[{"name":"x","type":"f64"},{"name":"y","type":"f64"}]}}"#;
    let metres = r#"{"struct":{"name":"Metres","fields":[{"name":"0","type":"f64"}]}}"#;
    let expected = [
        r#"{"enum":{"name":"Shape","variants":[{"name":"Nothing","fields":[]},"#,
        r#"{"name":"Circle","fields":[{"name":"centre","type":"#,
        point,
        r#"},{"name":"radius","type":"#,
        metres,
        r#"}]},{"name":"Line","fields":[{"name":"0","type":"#,
        point,
        r#"},{"name":"1","type":"#,
        point,
        r#"}]},{"name":"Path","fields":[{"name":"0","type":{"list":"#,
        point,
        r#"}}]}]}}"#,
    ];
    assert_eq!(shape, expected.concat());
}

#[test]
fn own_types_are_stored() {
    let drawing = Drawing {
        id: 1,
        shape: Shape::Line(Point { x: 0.0, y: 1.5 }, Point { x: -1.0, y: 0.0 }),
        marker: Some(Marker),
        shapes: vec![Shape::Nothing, Shape::Path(Vec::new())],
    };
    Drawing::insert(drawing.clone()).unwrap();
    assert_eq!(Drawing::filter_by_id(&1), Some(drawing));
}

#[derive(Column)]
pub struct Even {
    pub odd: Vec<Odd>,
}

#[derive(Column)]
pub struct Odd {
    pub even: Vec<Even>,
}

#[test]
#[should_panic(expected = "lies deeper than 16 levels; does it contain itself?")]
fn two_types_that_contain_each_other_end_in_words() {
    Even::describe(&mut String::new());
}
