  ;; A module that wants to know of connections (tests/sim/visits.rs): whenever one of its two reducers has run, that leaves
  ;; an *occasion*. Rows have columns of eight bytes alone; a connection's number is the first half of its id.
  ;;
  ;;     occasion │ id │ connection │ what │ tx │      1: connected, 2: disconnected
  ;;     here     │ connection │
  ;;
  ;; Of eight connections one is refused when it comes (3), and at the end of one the reducer breaks (5); both when all is
  ;; written. Memory: texts from 0, a key at 4096, rows at 8192, an error's text at 12288, descriptions from 32768, the
  ;; input at 65536.

  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))

  (memory (export "memory") 2)

  (data (i32.const 0) "occasion")
  (data (i32.const 16) "here")
  (data (i32.const 32) "not this one")

  ;; Handles are the same for the life of an instance; -1 until they are looked up.
  (global $occasion (mut i32) (i32.const -1))
  (global $here (mut i32) (i32.const -1))

  (func (export "cosm_abi_1"))

  (func (export "cosm_buffer") (param $length i32) (result i32)
    (i32.const 65536))

  (func $look_up
    (if (i32.eq (global.get $occasion) (i32.const -1))
      (then
        (global.set $occasion (call $table (i32.const 0) (i32.const 8)))
        (global.set $here (call $table (i32.const 16) (i32.const 4))))))

  ;; Fails the call with the text of the last error code.
  (func $fail_with_error (result i32)
    (call $fail
      (i32.const 12288)
      (call $error (i32.const 12288) (i32.const 4096)))
    (i32.const 1))

  (func $connection (param $input i32) (result i64)
    (i64.load offset=48 (local.get $input)))

  ;; Whether it is this one of eight.
  (func $is (param $input i32) (param $one i64) (result i32)
    (i64.eq
      (i64.and (call $connection (local.get $input)) (i64.const 7))
      (local.get $one)))

  ;; Inserts an occasion; not 0 when it is refused.
  (func $note (param $input i32) (param $what i64) (result i32)
    (i32.store (i32.const 8192) (i32.const 32))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $connection (local.get $input)))
    (i64.store (i32.const 8212) (local.get $what))
    (i64.store (i32.const 8220) (i64.load (local.get $input)))
    (call $insert (global.get $occasion) (i32.const 8192) (i32.const 36)))

  (func (export "cosm_reducer_connected") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $note (local.get $input) (i64.const 1))
      (then (return (call $fail_with_error))))
    (i32.store (i32.const 8192) (i32.const 8))
    (i64.store (i32.const 8196) (call $connection (local.get $input)))
    (if (call $insert (global.get $here) (i32.const 8192) (i32.const 12))
      (then (return (call $fail_with_error))))
    (if (call $is (local.get $input) (i64.const 3))
      (then
        (call $fail (i32.const 32) (i32.const 12))
        (return (i32.const 1))))
    (i32.const 0))

  (func (export "cosm_reducer_disconnected") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $note (local.get $input) (i64.const 2))
      (then (return (call $fail_with_error))))
    (i32.store8 (i32.const 4096) (i32.const 1))
    (i64.store (i32.const 4097) (call $connection (local.get $input)))
    (drop (call $delete (global.get $here) (i32.const 0) (i32.const 4096) (i32.const 9)))
    (if (call $is (local.get $input) (i64.const 5)) (then (unreachable)))
    (i32.const 0))
