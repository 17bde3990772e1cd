//! The functions and operators of values: what each gives, and what it takes.
//!
//! Most of them never fail, whatever the values are: what could leave its range is first made small.

use super::value::Family::{self, Bool, Duration, Float, Int, Numeric, Text, Timestamp};
use super::value::Family::{Bytes, ConnectionId, Identity, Uuid};

/// `{}` stands for an argument.
pub(crate) struct Function {
    pub(crate) result: Family,
    pub(crate) text: &'static str,
    pub(crate) arguments: &'static [Family],
}

const fn function(result: Family, text: &'static str, arguments: &'static [Family]) -> Function {
    Function { result, text, arguments }
}

pub(crate) const FUNCTIONS: &[Function] = &[
    function(Int, "({} % 7 + {} % 5)", &[Int, Int]),
    function(Int, "({} % 3 - {} % 3)", &[Int, Int]),
    function(Int, "({} % 7 * 2)", &[Int]),
    function(Int, "({} / 2)", &[Int]),
    function(Int, "(- ({} % 5))", &[Int]),
    function(Int, "abs({} % 7)", &[Int]),
    function(Int, "mod({}, 3)", &[Int]),
    function(Int, "length({})", &[Text]),
    function(Int, "octet_length({})", &[Text]),
    function(Int, "strpos({}, {})", &[Text, Text]),
    function(Int, "position({} IN {})", &[Text, Text]),
    function(Int, "({})::i32", &[Bool]),
    function(Int, "({})::i64", &[Timestamp]),
    function(Int, "({})::i64", &[Duration]),
    function(Int, "CASE WHEN {} THEN {} ELSE {} END", &[Bool, Int, Int]),
    function(Text, "lower({})", &[Text]),
    function(Text, "upper({})", &[Text]),
    function(Text, "initcap({})", &[Text]),
    function(Text, "reverse({})", &[Text]),
    function(Text, "({} || {})", &[Text, Text]),
    function(Text, "concat({}, {})", &[Text, Int]),
    function(Text, "concat_ws('-', {}, {})", &[Text, Bool]),
    function(Text, "left({}, 1)", &[Text]),
    function(Text, "right({}, 1)", &[Text]),
    function(Text, "substr({}, 2)", &[Text]),
    function(Text, "substring({} FROM 1 FOR 1)", &[Text]),
    function(Text, "lpad({}, 3, 'b')", &[Text]),
    function(Text, "rpad({}, 2)", &[Text]),
    function(Text, "trim(BOTH 'a' FROM {})", &[Text]),
    function(Text, "replace({}, 'a', {})", &[Text, Text]),
    function(Text, "translate({}, 'ab', 'ba')", &[Text]),
    function(Text, "split_part({}, 'b', 1)", &[Text]),
    function(Text, "repeat({}, 2)", &[Text]),
    function(Text, "({})::string", &[Int]),
    function(Text, "({})::string", &[Bool]),
    function(Text, "({})::string", &[Timestamp]),
    function(Text, "({})::string", &[Duration]),
    function(Text, "({})::string", &[Uuid]),
    function(Text, "({})::string", &[Identity]),
    function(Text, "CASE WHEN {} THEN {} END", &[Bool, Text]),
    function(Numeric, "({} % 7 * 1.50)", &[Int]),
    function(Numeric, "({} % 7 / 4.0)", &[Int]),
    function(Numeric, "round({} % 7 / 3.0, 1)", &[Int]),
    function(Numeric, "({} % 7 + {} % 5)", &[Numeric, Int]),
    function(Numeric, "trunc(({} % 7)::numeric)", &[Numeric]),
    function(Numeric, "({} % 100)::numeric", &[Int]),
    function(Numeric, "extract(epoch FROM {})", &[Duration]),
    function(Float, "({} + 1)", &[Float]),
    function(Float, "(- {})", &[Float]),
    function(Float, "abs({})", &[Float]),
    function(Float, "floor({})", &[Float]),
    function(Float, "sqrt(abs({} % 7))", &[Int]),
    function(Float, "({} % 7)::f64", &[Int]),
    function(Float, "(CASE WHEN {} THEN {} ELSE 0 END)", &[Bool, Float]),
    function(Bool, "starts_with({}, {})", &[Text, Text]),
    function(Bool, "({} % 2 = 0)", &[Int]),
    function(Bool, "({} LIKE 'a%')", &[Text]),
    function(Bool, "({} AND {})", &[Bool, Bool]),
    function(Bool, "({} OR {})", &[Bool, Bool]),
    function(Bool, "({} IS NULL)", &[Int]),
    function(Timestamp, "date_trunc('minute', {})", &[Timestamp]),
    function(Timestamp, "date_bin(INTERVAL '2 us', {}, TIMESTAMP '1970-01-01')", &[Timestamp]),
    function(Timestamp, "to_timestamp({} % 3)", &[Int]),
    function(Timestamp, "({} + INTERVAL '1 us')", &[Timestamp]),
    function(Timestamp, "(({} % 5)::i64::timestamp + {})", &[Int, Duration]),
    function(Duration, "({} * 2)", &[Duration]),
    function(Duration, "({} / 2)", &[Duration]),
    function(Duration, "(- {})", &[Duration]),
    function(Duration, "({} + {})", &[Duration, Duration]),
    function(Duration, "({} - {})", &[Timestamp, Timestamp]),
    function(Bytes, "coalesce({}, {})", &[Bytes, Bytes]),
    function(Uuid, "greatest({}, {})", &[Uuid, Uuid]),
    function(Identity, "least({}, {})", &[Identity, Identity]),
    function(ConnectionId, "nullif({}, {})", &[ConnectionId, ConnectionId]),
];

/// What has no value for some arguments.
pub(crate) const FALLIBLE: &[Function] = &[
    function(Int, "(10 / {})", &[Int]),
    function(Int, "({} + 2147483647)", &[Int]),
    function(Int, "({})::i8", &[Int]),
    function(Int, "({})::i32", &[Text]),
    function(Text, "repeat({}, {})", &[Text, Int]),
    function(Float, "(1 / {})", &[Float]),
    function(Numeric, "(1.0 / ({} % 3))", &[Int]),
    function(Bool, "({})::bool", &[Text]),
    function(Timestamp, "({} + {})", &[Timestamp, Duration]),
];
